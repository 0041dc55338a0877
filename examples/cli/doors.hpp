// The ways this program opens a store.
#pragma once

#include <string>

#include "bulkmsg/engine.hpp"

namespace cli {

enum class sending : bool {
  no,
  yes
};
enum class missing_store : bool {
  refuse,
  create
};

// As the one process that runs the store. Waits a moment for another to leave: `bulkmsg receive` and `bulkmsg ingest`
// hold the store only as long as it takes to merge what they got.
bulkmsg::engine open_to_run(const std::string& store, sending send, missing_store missing);

// Only to look; works beside a runner.
bulkmsg::engine open_to_read(const std::string& store);

// To change something: as the runner (which then sends nothing) when there is none, else as a guest that hands its
// commands and webhooks to the runner.
bulkmsg::engine open_to_command(const std::string& store, missing_store missing = missing_store::refuse);

// Refuses a path where no store is, with advice; the engine would say the same less helpfully.
void expect_store(const std::string& store);

}  // namespace cli
