#include "engine/media_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <system_error>
#include <vector>

#include "engine/sha256.hpp"

namespace bulkmsg {

namespace {

// Hands the file's bytes to `take`, in pieces; answers how many there were, never more than the largest medium and one.
result<std::size_t> read_file(const std::string& path, const std::function<void(std::string_view)>& take) {
  const auto unreadable = [&](const std::string& why) {
    return fail(errc::file_unreadable, path + ": " + why + "; give the path of a file to send");
  };
  // Not waiting: a pipe or device of this name must not hold us up.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return unreadable(std::generic_category().message(errno));
  struct closer {
    int fd;
    ~closer() { ::close(fd); }
  } const closes{file};
  struct stat about {};
  if (::fstat(file, &about) != 0) return unreadable(std::generic_category().message(errno));
  if (!S_ISREG(about.st_mode)) return unreadable("is not a regular file");
  std::vector<char> piece(256 * 1024);
  std::size_t total = 0;
  while (total <= channels::media_bytes_max) {
    const auto n = ::read(file, piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(std::generic_category().message(errno));
    if (n == 0) break;
    total += static_cast<std::size_t>(n);
    take({piece.data(), static_cast<std::size_t>(n)});
  }
  return total;
}

result<media_source> judged(media_source source, std::string_view head, const media_options& options) {
  std::optional<channels::media_kind> wanted;
  if (!options.kind.empty()) {
    wanted = channels::media_kind_named(options.kind);
    if (!wanted) {
      return fail(errc::invalid_argument, "'" + options.kind.substr(0, 50) +
                                              "' is no kind of media; give image, video, audio, document or sticker");
    }
  }
  auto type = channels::check_media({.head = head,
                                     .bytes = source.bytes,
                                     .name = source.name,
                                     .wanted = wanted ? &*wanted : nullptr,
                                     .mime = options.mime});
  if (!type) return fail(type.error());
  source.mime = type->mime;
  return source;
}

}  // namespace

result<media_source> media_source::from_file(const std::string& path, const media_options& options) {
  std::error_code problem;
  media_source made;
  made.path = std::filesystem::absolute(path, problem).lexically_normal().string();
  if (problem || path.empty()) made.path = path;
  made.name = options.name.empty() ? made.path : options.name;
  std::string head;
  class sha256 hash;
  auto bytes = read_file(made.path, [&](std::string_view piece) {
    if (head.size() < channels::media_head_bytes) head += piece.substr(0, channels::media_head_bytes - head.size());
    hash.add(piece);
  });
  if (!bytes) return fail(bytes.error());
  made.bytes = *bytes;
  made.sha256 = hash.hex();
  return judged(std::move(made), head, options);
}

result<media_source> media_source::from_bytes(std::string_view bytes, const media_options& options) {
  media_source made;
  made.given = bytes;
  made.name = options.name;
  made.bytes = bytes.size();
  class sha256 hash;
  hash.add(bytes);
  made.sha256 = hash.hex();
  return judged(std::move(made), bytes.substr(0, channels::media_head_bytes), options);
}

result<void> media_source::append_to(std::string& out) const {
  if (path.empty()) {
    out += given;
    return {};
  }
  class sha256 hash;
  auto read = read_file(path, [&](std::string_view piece) {
    hash.add(piece);
    out += piece;
  });
  if (!read) return fail(read.error());
  if (hash.hex() != sha256) return fail(errc::conflict, path + ": the file changed while it was read; try again");
  return {};
}

}  // namespace bulkmsg
