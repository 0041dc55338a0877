#include "engine/provider_calls.hpp"

#include <chrono>
#include <utility>

#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

constexpr int tries_max = 3;  // for a request that never left
constexpr nanoseconds_t per_mebibyte = 4 * second;
constexpr nanoseconds_t timeout_max = 3600 * second;  // the transport's own bound

}  // namespace

void call_desk::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto* each : open_) each->stop();
}

result<std::unique_ptr<provider_call>> provider_call::begin(call_desk& desk, const sender_settings& settings,
                                                            const call_limits& limits) {
  auto options = wire_options(settings);
  options.connections_max = 1;
  options.body_bytes_max = limits.answer_bytes_max;
  options.response_timeout =
      std::min(timeout_max, options.response_timeout +
                                static_cast<nanoseconds_t>(limits.upload_bytes / (1024 * 1024)) * per_mebibyte);
  const auto patience = options.connect_timeout + options.response_timeout + 5 * second;
  std::unique_ptr<provider_call> made(new provider_call(desk, settings.origin, patience));
  auto wire = desk.around_.connect(*made->io_, std::move(options));
  if (!wire) return fail(wire.error());
  made->wire_ = std::move(*wire);
  made->io_->call([&] { made->wire_->set_listener(made.get()); });
  const std::lock_guard lock(desk.mutex_);
  if (desk.closed_) return fail(errc::closed, "the engine is closed; open the store again");
  desk.open_.insert(made.get());
  return made;
}

provider_call::~provider_call() {
  const std::lock_guard lock(desk_.mutex_);
  desk_.open_.erase(this);
}

result<provider_call::reply> provider_call::ask(const request_maker& make) {
  for (int attempt = 1;; ++attempt) {
    std::string request;
    if (auto made = make(request); !made) return fail(made.error());
    {
      const std::lock_guard lock(mutex_);
      ended_.reset();
    }
    io_->call([&] {
      request_ = std::move(request);
      asked_ = true;
      try_send();
    });
    const auto told = [this] { return ended_ || stopped_; };
    const bool lives = desk_.around_.bring_about([&] {
      const std::lock_guard lock(mutex_);
      return told();
    });
    if (!lives) return fail(errc::closed, "the process is gone");
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::nanoseconds(patience_), told)) {
      return fail(errc::timed_out, "the provider at " + origin_ + " did not answer in time; try again");
    }
    if (stopped_) return fail(errc::closed, "the engine was closed while it waited for the provider");
    if (!ended_->unsent || attempt == tries_max) return std::move(ended_->got);
  }
}

void provider_call::try_send() {
  if (!asked_) return;
  const int slot = wire_->acquire();
  if (slot == net::transport::none) return;  // on_ready() follows
  asked_ = false;
  wire_->buffer(slot) = std::move(request_);
  wire_->send(slot, 0);
}

void provider_call::on_end(const net::exchange_end& end) {
  if (end.fate == net::fate::answered) return finish({reply{end.status, std::string(end.body)}});
  const std::string what = end.reason == errc::too_large
                               ? " gave a longer answer than any that is read; check the address of the API"
                               : " did not answer (" + std::string(name(end.reason)) + "); try again";
  finish({fail(end.reason, "the provider at " + origin_ + what), end.fate == net::fate::unsent});
}

void provider_call::on_unreachable(const error& why) {
  if (!asked_) return;
  asked_ = false;
  finish({fail(why)});
}

void provider_call::finish(ending e) {
  const std::lock_guard lock(mutex_);
  ended_ = std::move(e);
  changed_.notify_all();
}

void provider_call::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

result<void> get(const channels::request_encoder& encoder, const std::string& path, std::string& into) {
  if (encoder.encode_get(into, path)) return {};
  return fail(errc::invalid_argument, "the path of a request to the provider has characters it cannot have");
}

error without_token(const channels::request_encoder& encoder, error e) {
  e.message = encoder.without_token(e.message);
  return e;
}

}  // namespace bulkmsg
