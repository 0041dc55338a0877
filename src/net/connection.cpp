#include "net/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace bulkmsg::net {
namespace {

constexpr std::size_t input_start_bytes = 4096;  // a provider's answer is a few hundred bytes

}  // namespace

std::string connection::why_not_connected(const address& to, int system_error) {
  if (system_error == ECONNREFUSED) {
    return "connection refused by " + to.text() + "; is the provider or the proxy up?";
  }
  if (system_error == EMFILE || system_error == ENFILE) {
    return "no file descriptor left to connect to " + to.text() + "; raise the limit of open files (ulimit -n)";
  }
  return "cannot connect to " + to.text() + ": " + std::system_category().message(system_error) +
         "; check this machine's network";
}

int connection::connect(const address& to) {
  close();
  address_ = to;
  if (input_.empty()) input_.resize(input_start_bytes);
  reader.restart();
  fd_ = ::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd_ < 0) return errno;
  if (::connect(fd_, to.data(), to.size) != 0 && errno != EINPROGRESS) return errno;
  if (!sockets_.watch(fd_, *this, true)) return EMFILE;
  watches_writing_ = true;
  return 0;
}

void connection::close() noexcept {
  if (fd_ < 0) return;
  bytes_->end();
  sockets_.forget(fd_, *this);
  ::close(fd_);
  fd_ = -1;
  greeting_ = false;
  input_used_ = 0;
}

void connection::on_ready(bool readable, bool writable) {
  if (state == phase::connecting) {
    go_on_connecting();
    return;
  }
  if (writable && state == phase::busy && !write()) {
    user_.lost(*this, errc::connection_lost);
    return;
  }
  if (readable) receive();
}

void connection::go_on_connecting() {
  if (!greeting_) {
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &why, &size) != 0) why = errno;
    if (why != 0) {
      user_.not_connected(*this, {errc::connect_failed, why_not_connected(address_, why)});
      return;
    }
    const int on = 1;  // a request is one write: waiting for more only costs
    (void)::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (const auto begun = bytes_->begin(fd_); !begun) {
      user_.not_connected(*this, begun.error());
      return;
    }
    greeting_ = true;
  }
  step came = bytes_->greet();
  if (came == step::done && bytes_->holds_more() && !is_sound()) came = step::broken;
  watch_writing(came == step::waits_to_write);
  if (came == step::done) {
    user_.connected(*this);
  } else if (came != step::waits_to_read && came != step::waits_to_write) {
    user_.not_connected(*this, bytes_->why_not());
  }
}

bool connection::write() {
  // At once and without a queue: one system call in the usual case, and the layer says exactly whether a byte has left.
  while (written < output.size()) {
    const moved out = bytes_->write(output.data() + written, output.size() - written);
    written += out.bytes;
    handed = handed || out.may_have_left;
    if (out.what == step::done) continue;
    watch_writing(out.what == step::waits_to_write);
    // Once a byte has left, what is read tells the end: a server may answer (413) and hang up on the rest.
    return handed || out.what == step::waits_to_write;
  }
  watch_writing(false);
  return true;
}

bool connection::is_sound() {
  // TLS reads over a session ticket here, and sees a close_notify; in plain HTTP nobody speaks before being asked,
  // except to say goodbye (408).
  char unasked = 0;
  return is_open() && bytes_->read(&unasked, 1).what == step::waits_to_read;
}

void connection::receive() {
  do {
    const moved in = bytes_->read(input_.data() + input_used_, input_.size() - input_used_);
    if (in.what == step::waits_to_read) return;
    if (in.what != step::done) {  // nor does reading wait to write: renegotiation is off
      ended(in.what);
      return;
    }
    if (state != phase::busy) {
      user_.lost(*this, errc::connection_lost);  // an answer that nobody asked for
      return;
    }
    input_used_ += in.bytes;
    const std::size_t used = reader.put({input_.data(), input_used_}, clock_);
    input_used_ -= used;
    if (input_used_ > 0 && used > 0) std::copy_n(input_.data() + used, input_used_, input_.data());
    if (reader.state() != read_state::reading) {
      has_read();
      return;
    }
    // The reader bounds what it leaves unused, so this ends.
    if (input_used_ == input_.size()) input_.resize(input_.size() * 2);
  } while (bytes_->holds_more());
}

void connection::has_read() {
  if (reader.state() != read_state::done) {
    user_.lost(*this, reader.state() == read_state::oversized ? errc::too_large : errc::provider_unreadable);
    return;
  }
  const bool over = !reader.keep_alive() || input_used_ > 0 || written < output.size();
  user_.answered(*this, !over && (!bytes_->holds_more() || is_sound()));
}

void connection::ended(step how) {
  if (state == phase::busy && how == step::ended) {
    reader.put_eof();
    if (reader.state() == read_state::done) {
      user_.answered(*this, false);
      return;
    }
  }
  user_.lost(*this, errc::connection_lost);
}

void connection::watch_writing(bool on) noexcept {
  if (on == watches_writing_) return;
  sockets_.change(fd_, *this, on);
  watches_writing_ = on;
}

}  // namespace bulkmsg::net
