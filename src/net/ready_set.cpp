#include "net/ready_set.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cerrno>
#include <cstring>

#include "net/insist.hpp"

namespace bulkmsg::net {
namespace {

constexpr int events_max = 128;
// A few sockets take some 30 us: as exact as anything that is decided by this time needs to be.
constexpr int events_between_clock_reads = 8;

int control(int set, int what, int fd, watcher& who, bool for_writing) noexcept {
  epoll_event e{};
  e.events = for_writing ? EPOLLIN | EPOLLOUT : EPOLLIN;
  e.data.ptr = &who;
  return ::epoll_ctl(set, what, fd, &e);
}

}  // namespace

struct ready_set::descriptor : boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> {
  using basic_stream_descriptor::basic_stream_descriptor;
};

ready_set::ready_set(io_thread& io) : epoll_(std::make_unique<descriptor>(io.context())), clock_(io.time()) {}
ready_set::~ready_set() = default;

result<void> ready_set::watch(int fd, watcher& who, bool for_writing) {
  if (!epoll_->is_open()) {
    const int set = ::epoll_create1(EPOLL_CLOEXEC);
    if (set < 0) return fail(errc::connect_failed, std::string("no descriptor for epoll: ") + std::strerror(errno));
    boost::system::error_code ec;
    epoll_->assign(set, ec);
    if (ec) {
      ::close(set);
      return fail(errc::connect_failed, "epoll cannot be watched: " + ec.message());
    }
  }
  if (control(epoll_->native_handle(), EPOLL_CTL_ADD, fd, who, for_writing) != 0) {
    return fail(errc::connect_failed, std::string("the socket cannot be watched: ") + std::strerror(errno));
  }
  if (!waiting_ && turn_at_ == 0) wait();
  return {};
}

void ready_set::change(int fd, watcher& who, bool for_writing) noexcept {
  control(epoll_->native_handle(), EPOLL_CTL_MOD, fd, who, for_writing);
}

void ready_set::forget(int fd, watcher& who) noexcept {
  if (epoll_->is_open()) control(epoll_->native_handle(), EPOLL_CTL_DEL, fd, who, false);
  for (int i = 0; i < events_left_; ++i) {
    if (events_[i].data.ptr == &who) events_[i].data.ptr = nullptr;
  }
}

void ready_set::close() noexcept {
  boost::system::error_code ignored;
  epoll_->close(ignored);
  events_left_ = 0;
}

void ready_set::wait() {
  // Nobody else looks at the sockets: not to wait for them would be for good.
  insist([this] {
    epoll_->async_wait(boost::asio::posix::descriptor_base::wait_read,
                       [self = weak_from_this()](const boost::system::error_code& ec) {
                         const auto set = self.lock();
                         if (!set) return;
                         set->waiting_ = false;
                         if (!ec) set->turn();
                       });
  });
  waiting_ = true;
}

void ready_set::turn() {
  std::array<epoll_event, events_max> events;
  const int count = ::epoll_wait(epoll_->native_handle(), events.data(), events_max, 0);
  const auto end = [this] {
    turn_at_ = 0;
    events_left_ = 0;
    if (epoll_->is_open()) wait();
  };
  events_ = events.data();
  events_left_ = std::max(count, 0);
  try {
    for (int handled = 0; events_left_ > 0; ++handled) {
      if (handled % events_between_clock_reads == 0) turn_at_ = clock_.now();
      const epoll_event e = *events_++;
      --events_left_;
      if (e.data.ptr == nullptr) continue;
      static_cast<watcher*>(e.data.ptr)
          ->on_ready((e.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0, (e.events & EPOLLOUT) != 0);
    }
  } catch (...) {  // the ones not handled are still ready at the next turn
    end();
    throw;
  }
  end();
}

}  // namespace bulkmsg::net
