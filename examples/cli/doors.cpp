#include "doors.hpp"

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "exit.hpp"
#include "interrupt.hpp"

namespace cli {

using bulkmsg::engine;
using bulkmsg::engine_options;
using bulkmsg::errc;
using bulkmsg::open_mode;

void expect_store(const std::string& store) {
  std::error_code ignored;
  if (!std::filesystem::exists(store, ignored)) {
    give_up(errc::file_unreadable,
            "there is no store at " + store + "; `bulkmsg send`, `contacts import` and `credits plan` make one");
  }
}

engine open_to_run(const std::string& store, sending send, missing_store missing) {
  if (missing == missing_store::refuse) expect_store(store);
  engine_options how;
  how.mode = open_mode::run;
  how.send = send == sending::yes;
  how.create = missing == missing_store::create;
  how.progress_max = 0;  // this program reads the counters instead
  constexpr int tries_max = 15;
  for (int tries = 1;; ++tries) {
    auto opened = engine::open(store, how);
    if (opened && opened->is_copy()) {
      give_up(errc::read_only,
              store +
                  " is a copy of another store, or was moved to another disk: nothing is sent from it, "
                  "lest two stores send the same; if the original is not used any more: bulkmsg adopt");
    }
    if (opened || opened.error().code != errc::store_in_use || tries == tries_max) return need(std::move(opened));
    interrupt::sleep_for(std::chrono::milliseconds(100));
  }
}

engine open_to_read(const std::string& store) {
  expect_store(store);
  engine_options how;
  how.mode = open_mode::read;
  how.progress_max = 0;
  return need(engine::open(store, how));
}

engine open_to_command(const std::string& store, missing_store missing) {
  if (missing == missing_store::refuse) expect_store(store);
  engine_options how;
  how.mode = open_mode::run;
  how.send = false;
  how.create = missing == missing_store::create;
  how.progress_max = 0;
  auto opened = engine::open(store, how);
  if (!opened && opened.error().code == errc::store_in_use) {
    how.mode = open_mode::post;
    opened = engine::open(store, how);
  }
  return need(std::move(opened));
}

}  // namespace cli
