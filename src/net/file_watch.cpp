#include "net/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

namespace bulkmsg::net {

namespace {

namespace asio = boost::asio;

class watch {
 public:
  watch(asio::io_context& on, int fd, std::function<void()> told)
      : state_(std::make_shared<state>(on, fd, std::move(told))) {
    wait(state_);
  }
  ~watch() {
    state_->told = nullptr;
    boost::system::error_code ignored;
    state_->notes.close(ignored);
  }
  watch(const watch&) = delete;

 private:
  struct state {
    state(asio::io_context& on, int fd, std::function<void()> then) : notes(on, fd), told(std::move(then)) {}
    asio::posix::basic_stream_descriptor<asio::io_context::executor_type> notes;
    std::function<void()> told;
  };
  static void wait(const std::shared_ptr<state>& s) {
    s->notes.async_wait(asio::posix::descriptor_base::wait_read, [s](const boost::system::error_code& ended) {
      if (ended || !s->told) return;
      std::array<char, 4096> notes;  // what they say does not matter
      while (::read(s->notes.native_handle(), notes.data(), notes.size()) > 0) continue;
      wait(s);
      s->told();
    });
  }
  std::shared_ptr<state> state_;
};

}  // namespace

std::shared_ptr<void> watch_file(io_thread& on, const std::string& path, std::function<void()> told) {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) return nullptr;
  if (::inotify_add_watch(fd, path.c_str(), IN_ATTRIB) < 0) {
    ::close(fd);
    return nullptr;
  }
  return std::make_shared<watch>(on.context(), fd, std::move(told));
}

}  // namespace bulkmsg::net
