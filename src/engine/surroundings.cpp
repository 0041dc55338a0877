#include "engine/surroundings.hpp"

#include <random>
#include <thread>
#include <utility>

#include "net/file_watch.hpp"
#include "net/http_client.hpp"
#include "net/io_thread.hpp"
#include "store/run_lock.hpp"

namespace bulkmsg {

namespace {

class machine final : public surroundings {
 public:
  [[nodiscard]] const clock& time() const noexcept override { return clock_; }
  std::int64_t random_id() override {
    std::random_device source;
    return static_cast<std::int64_t>((static_cast<std::uint64_t>(source()) << 32 | source()) >> 1);
  }
  std::unique_ptr<io_executor> make_io(const std::string& name) override {
    return std::make_unique<net::io_thread>(name);
  }
  std::unique_ptr<io_executor> make_helper(const std::string& name) override {
    return std::make_unique<net::io_thread>(name);
  }
  std::unique_ptr<store::writer> make_writer(store::database db) override {
    return std::make_unique<store::writer>(std::move(db));
  }
  result<std::unique_ptr<net::transport>> connect(io_executor& on, net::transport_options options) override {
    return net::make_http_client(static_cast<net::io_thread&>(on), std::move(options));
  }
  std::shared_ptr<void> watch_posts(io_executor& on, const std::string& store_path,
                                    std::function<void()> told) override {
    return net::watch_file(static_cast<net::io_thread&>(on), store::run_lock_file(store_path), std::move(told));
  }
  bool sleep(std::chrono::milliseconds time) override {
    std::this_thread::sleep_for(time);
    return true;
  }
  bool bring_about(const std::function<bool()>&) override { return true; }

 private:
  system_clock clock_;
};

}  // namespace

std::unique_ptr<surroundings> make_surroundings() { return std::make_unique<machine>(); }

}  // namespace bulkmsg
