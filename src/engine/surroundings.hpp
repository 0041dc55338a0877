// What the engine stands on: time, chance, threads and the network.
//
// The machine's own are in surroundings.cpp. The simulation (tests/sim/) links another make_surroundings() in its
// place, in which everything runs on one thread, on virtual time, and may end at any moment.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "bulkmsg/base/executor.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/net/transport.hpp"
#include "store/writer.hpp"

namespace bulkmsg {

// Thread: any, but for what make_io() gives.
class surroundings {
 public:
  virtual ~surroundings() = default;
  [[nodiscard]] virtual const clock& time() const noexcept = 0;
  virtual std::int64_t random_id() = 0;  // positive
  // `name`: of its thread, 15 characters at most.
  virtual std::unique_ptr<io_executor> make_io(const std::string& name) = 0;
  // For work that takes long and waits; its destruction waits for what was posted.
  virtual std::unique_ptr<io_executor> make_helper(const std::string& name) = 0;
  virtual std::unique_ptr<store::writer> make_writer(store::database db) = 0;
  // `on` comes from make_io(). Errors: those of net::make_http_client().
  virtual result<std::unique_ptr<net::transport>> connect(io_executor& on, net::transport_options options) = 0;

  // From now on, as long as what it returns lives, `told` runs on `on` after another process has called
  // store::tell_runner(). Null: nobody can tell. On the thread of `on`.
  virtual std::shared_ptr<void> watch_posts(io_executor& on, const std::string& store_path,
                                            std::function<void()> told) = 0;

  // A host's thread waits. Both return false when what it waits for cannot come any more, because the process is gone;
  // that is so in simulation only.
  virtual bool sleep(std::chrono::milliseconds time) = 0;
  // To be asked before blocking until `ready`; where other threads bring it about, there is nothing to do here.
  virtual bool bring_about(const std::function<bool()>& ready) = 0;
};

std::unique_ptr<surroundings> make_surroundings();

// Blocks until it is told. Errors: what it is told, or closed.
result<void> wait_for(surroundings& around, std::future<result<void>> told);

}  // namespace bulkmsg
