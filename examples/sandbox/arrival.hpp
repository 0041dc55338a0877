// When did the bytes arrive? The kernel knows better than a busy program: on loopback its time stamp is that of the
// sender's write, however late the reader is scheduled. So a client is never accused of a burst that was only ours.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "clocks.hpp"

namespace sandbox {

inline void ask_for_arrival_times(int socket) {
  const int on = 1;
  // Without it the time of reading is used, which is good enough to go on.
  (void)::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

struct arrived_bytes {
  ssize_t size;     // as recvmsg: 0 at the end, -1 with errno
  std::int64_t at;  // on the steady clock
};

inline arrived_bytes receive(int socket, std::span<char> into) {
  iovec part{into.data(), into.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do size = ::recvmsg(socket, &message, MSG_DONTWAIT);
  while (size < 0 && errno == EINTR);
  arrived_bytes out{size, steady_nanos()};
  if (size <= 0) return out;
  for (auto* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
    const auto age = unix_nanos() - (std::int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec);
    // A clock that was set in between must not make nonsense.
    out.at -= std::clamp<std::int64_t>(age, 0, 10'000'000'000);
  }
  return out;
}

}  // namespace sandbox
