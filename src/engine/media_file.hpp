// A file or bytes that are to be uploaded: judged, hashed, and read again when it is time.
#pragma once

#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/media.hpp"
#include "bulkmsg/records/media.hpp"

namespace bulkmsg {

struct media_source {
  std::string path;        // absolute; empty: `given` holds the bytes
  std::string_view given;  // the caller's
  std::string name;        // for people and its extension
  std::string sha256;      // of the bytes
  std::string mime;
  std::size_t bytes = 0;

  // Errors: file_unreadable (missing, no permission, not a regular file), media_not_supported, too_large,
  // invalid_argument (no such kind). Reads the whole file.
  static result<media_source> from_file(const std::string& path, const media_options& options);
  static result<media_source> from_bytes(std::string_view bytes, const media_options& options);

  // Appends the bytes. Errors: file_unreadable, conflict (they are not those that were hashed).
  result<void> append_to(std::string& out) const;
};

}  // namespace bulkmsg
