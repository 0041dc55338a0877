// Files that the provider keeps for a sender's number.
#pragma once

#include <cstdint>
#include <string>

namespace bulkmsg {

struct media_options {
  std::string kind = {};  // image, video, audio, document or sticker; empty: whatever the bytes usually are
  std::string mime = {};  // only for a document of a type that is not known by its bytes
  std::string name = {};  // of bytes that come from no file: for messages, its extension for office files
};

// A file that the provider keeps for a sender's number.
struct media_info {
  std::int64_t number = 0;  // the place to page on from
  std::string phone_number_id = {};
  std::string provider_id = {};  // what a message refers to; a new one after each upload
  std::string sha256 = {}, mime = {};
  std::int64_t bytes = 0;
  std::string path = {};            // where it is read again before it expires; empty: it was given as bytes
  std::int64_t uploaded_at_ms = 0;  // Unix; the provider keeps it for 30 days
  bool uploaded = false;            // by this call, not before
};

}  // namespace bulkmsg
