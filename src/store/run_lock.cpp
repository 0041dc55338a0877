#include "store/run_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bulkmsg::store {

result<run_lock> run_lock::take(const std::string& store_path) {
  const std::string path = run_lock_file(store_path);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    return fail(errc::store_failed,
                path + ": " + std::strerror(errno) + "; may this user write the folder of the store?");
  }
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_OFD_SETLK, &lock) != 0) {
    const int why = errno;
    ::close(fd);
    if (why == EAGAIN || why == EACCES) {
      return fail(errc::store_in_use, store_path +
                                          ": another process runs this store; wait for it or stop it, or open the "
                                          "store for reading or posting");
    }
    return fail(errc::store_failed, path + ": " + std::strerror(why));
  }
  // Whoever may post to the store must be able to touch this file, or the runner is not told.
  struct stat store {};
  if (::stat(store_path.c_str(), &store) == 0) static_cast<void>(::fchmod(fd, store.st_mode & 0666));
  return run_lock(fd);
}

run_lock::~run_lock() {
  if (fd_ < 0) return;
  // A child of fork() shares the open file: closing ours alone would leave the store locked while such a child lives.
  struct flock unlock {};
  unlock.l_type = F_UNLCK;
  unlock.l_whence = SEEK_SET;
  static_cast<void>(::fcntl(fd_, F_OFD_SETLK, &unlock));
  ::close(fd_);
}

std::string run_lock_file(const std::string& store_path) { return store_path + ".lock"; }

void tell_runner(const std::string& store_path) noexcept {
  // There is none as long as nobody ever ran it; a runner that opens looks by itself.
  static_cast<void>(::utimensat(AT_FDCWD, run_lock_file(store_path).c_str(), nullptr, 0));
}

}  // namespace bulkmsg::store
