#include "net/http_client.hpp"

#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "net/pool.hpp"

namespace bulkmsg::net {
namespace {

class http_client final : public transport {
 public:
  http_client(io_thread& io, std::shared_ptr<pool> p) : io_(io), pool_(std::move(p)) {}
  ~http_client() override {
    if (!used_) return;
    // Without memory the pool cannot be reached, and left alone it would go on telling a listener that may be gone.
    for (;;) {
      try {
        io_.call([this] { pool_->abandon(); });
        // Destroyed inside one of its own callbacks: the handler that called still has to return through the pool.
        if (io_.on_thread()) io_.post([keep = pool_] {});
        return;
      } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }

  void set_listener(listener* to) override {
    used_ = true;
    pool_->set_listener(to);
  }
  int acquire() override {
    used_ = true;
    return pool_->acquire();
  }
  void release(int slot) override { pool_->release(slot); }
  std::string& buffer(int slot) override { return pool_->buffer(slot); }
  void send(int slot, std::uint64_t token) override { pool_->send(slot, token); }
  [[nodiscard]] int in_flight() const noexcept override { return pool_->in_flight(); }
  void close() override { pool_->close(); }

 private:
  io_thread& io_;
  std::shared_ptr<pool> pool_;
  bool used_ = false;  // before, nothing on the I/O thread knows of the pool
};

struct checked_options {
  origin target;
  std::unique_ptr<tls_server> tls;
};

result<checked_options> check(const transport_options& options) {
  auto target = parse_origin(options.origin);
  if (!target) return fail(target.error());
  if (options.connections_max < 1 || options.connections_max > 1024) {
    return fail(errc::invalid_argument,
                "connections_max is " + std::to_string(options.connections_max) + "; use 1 to 1024");
  }
  for (const nanoseconds_t t : {options.connect_timeout, options.response_timeout, options.idle_timeout}) {
    if (t <= 0 || t > 3600 * second) return fail(errc::invalid_argument, "a timeout is outside 1 ns to 1 h");
  }
  if (options.head_bytes_max < 256 || options.head_bytes_max > 1024 * 1024 ||
      options.body_bytes_max > 64 * 1024 * 1024) {
    return fail(errc::invalid_argument, "head_bytes_max is 256 to 1 Mi, body_bytes_max at most 64 Mi");
  }
  checked_options checked{std::move(*target), nullptr};
  if (checked.target.tls) {
    auto made = tls_server::make(options.tls, checked.target);
    if (!made) return fail(made.error());
    checked.tls = std::move(*made);
  }
  return checked;
}

}  // namespace

result<void> check_http_client(const transport_options& options) {
  if (auto checked = check(options); !checked) return fail(checked.error());
  return {};
}

result<std::unique_ptr<transport>> make_http_client(io_thread& io, transport_options options) {
  auto checked = check(options);
  if (!checked) return fail(checked.error());
  auto p = std::make_shared<pool>(io, std::move(options), std::move(checked->target), std::move(checked->tls));
  return std::make_unique<http_client>(io, std::move(p));
}

}  // namespace bulkmsg::net
