// What files the provider takes as media (facts: WhatsApp, media), judged by their bytes before they are uploaded.
//
//   auto type = check_media({.head = first_bytes, .bytes = size, .name = "photo.jpg"});
//   if (!type) return type.error();          // media_not_supported, too_large: what it is, what would do
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::channels {

enum class media_kind : std::uint8_t {
  image,
  video,
  audio,
  document,
  sticker
};

[[nodiscard]] constexpr std::string_view name(media_kind kind) noexcept {
  constexpr std::string_view names[] = {"image", "video", "audio", "document", "sticker"};
  return names[static_cast<std::size_t>(kind)];
}

struct media_type {
  media_kind kind = media_kind::document;
  std::string_view mime;
  std::size_t bytes_max = 0;
};

// Empty: no kind of this name.
[[nodiscard]] constexpr std::optional<media_kind> media_kind_named(std::string_view text) noexcept {
  for (const auto kind :
       {media_kind::image, media_kind::video, media_kind::audio, media_kind::document, media_kind::sticker}) {
    if (name(kind) == text) return kind;
  }
  return std::nullopt;
}

// How long the provider keeps an uploaded file, and from which age on it is uploaded again.
inline constexpr std::int64_t media_life_ms = std::int64_t{30} * 24 * 3600 * 1000;
inline constexpr std::int64_t media_renewal_ms = std::int64_t{25} * 24 * 3600 * 1000;
// From this age on no message is sent with it: it might expire before anybody looks again.
inline constexpr std::int64_t media_use_ms = media_life_ms - std::int64_t{10} * 60 * 1000;

// Whether a file should be uploaded again, by Unix times. An id that would expire before it has done its work is
// renewed early, but once a day at most: work of more than 30 days is renewed on the way.
[[nodiscard]] constexpr bool media_is_due(std::int64_t uploaded_at_ms, std::int64_t now_ms,
                                          std::int64_t needed_until_ms = 0) noexcept {
  constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;
  const auto age = now_ms - uploaded_at_ms;
  if (age >= media_renewal_ms || age < -a_day_ms) return true;  // or uploaded in the future: the clock is no help
  return age >= a_day_ms && needed_until_ms > uploaded_at_ms + media_life_ms;
}

// How much of a file's beginning is enough to judge it.
inline constexpr std::size_t media_head_bytes = 4096;
// The largest file of any kind.
inline constexpr std::size_t media_bytes_max = std::size_t{100} * 1024 * 1024;

namespace detail {

inline constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
inline constexpr std::size_t animated_sticker_max = std::size_t{500} * 1024;

// The first entry of a MIME type is its usual kind.
inline constexpr media_type media_table[] = {
    {media_kind::image, "image/jpeg", 5 * mebibyte},
    {media_kind::image, "image/png", 5 * mebibyte},
    {media_kind::video, "video/mp4", 16 * mebibyte},
    {media_kind::video, "video/3gpp", 16 * mebibyte},
    {media_kind::audio, "audio/aac", 16 * mebibyte},
    {media_kind::audio, "audio/amr", 16 * mebibyte},
    {media_kind::audio, "audio/mpeg", 16 * mebibyte},
    {media_kind::audio, "audio/mp4", 16 * mebibyte},
    {media_kind::audio, "audio/ogg", 16 * mebibyte},
    {media_kind::sticker, "image/webp", 100 * 1024},
    {media_kind::document, "text/plain", media_bytes_max},
    {media_kind::document, "application/pdf", media_bytes_max},
    {media_kind::document, "application/msword", media_bytes_max},
    {media_kind::document, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", media_bytes_max},
    {media_kind::document, "application/vnd.ms-excel", media_bytes_max},
    {media_kind::document, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", media_bytes_max},
    {media_kind::document, "application/vnd.ms-powerpoint", media_bytes_max},
    {media_kind::document, "application/vnd.openxmlformats-officedocument.presentationml.presentation",
     media_bytes_max},
};

[[nodiscard]] inline bool has_at(std::string_view head, std::size_t at, std::string_view bytes) noexcept {
  return head.size() >= at + bytes.size() && head.substr(at, bytes.size()) == bytes;
}
[[nodiscard]] inline unsigned byte_at(std::string_view head, std::size_t at) noexcept {
  return at < head.size() ? static_cast<unsigned char>(head[at]) : 0;
}

[[nodiscard]] inline std::string extension_of(std::string_view file_name) {
  const auto dot = file_name.rfind('.');
  if (dot == std::string_view::npos || file_name.size() - dot > 8) return {};
  std::string out(file_name.substr(dot + 1));
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Plain text holds no control characters but those of lines, and is UTF-8 or ASCII; Latin-1 is let pass.
[[nodiscard]] inline bool looks_like_text(std::string_view head) noexcept {
  return !head.empty() && std::all_of(head.begin(), head.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u >= 0x20 ? u != 0x7f : c == '\n' || c == '\r' || c == '\t' || c == '\f';
  });
}

[[nodiscard]] inline std::string_view sniff_iso_media(std::string_view head) noexcept {
  const auto brand = head.substr(8, 4);
  if (brand.starts_with("3g")) return "video/3gpp";
  if (brand.starts_with("M4A") || brand.starts_with("M4B")) return "audio/mp4";
  if (brand.starts_with("qt")) return "video/quicktime";
  if (brand.starts_with("hei") || brand.starts_with("hev") || brand == "mif1") return "image/heic";
  if (brand == "avif") return "image/avif";
  return "video/mp4";
}

}  // namespace detail

// The MIME type of a file by its first bytes; its name only tells kinds of office files from each other. Types that the
// provider does not take are named, too, as far as they are common; "application/octet-stream" when nothing is known.
[[nodiscard]] inline std::string_view sniff_media(std::string_view head, std::string_view file_name) {
  using detail::byte_at;
  using detail::has_at;
  if (has_at(head, 0, "\xff\xd8\xff")) return "image/jpeg";
  if (has_at(head, 0, "\x89PNG\r\n\x1a\n")) return "image/png";
  if (has_at(head, 0, "GIF8")) return "image/gif";
  if (has_at(head, 0, "RIFF") && has_at(head, 8, "WEBP")) return "image/webp";
  if (has_at(head, 0, "RIFF") && has_at(head, 8, "WAVE")) return "audio/wav";
  if (has_at(head, 0, "RIFF") && has_at(head, 8, "AVI ")) return "video/x-msvideo";
  if (head.size() >= 12 && has_at(head, 4, "ftyp")) return detail::sniff_iso_media(head);
  if (has_at(head, 0, "\x1a\x45\xdf\xa3")) return "video/webm";
  if (has_at(head, 0, "OggS")) return "audio/ogg";
  if (has_at(head, 0, "#!AMR\n")) return "audio/amr";
  if (has_at(head, 0, "fLaC")) return "audio/flac";
  if (has_at(head, 0, "ID3")) return "audio/mpeg";
  if (byte_at(head, 0) == 0xff && (byte_at(head, 1) & 0xf6U) == 0xf0) return "audio/aac";   // ADTS
  if (byte_at(head, 0) == 0xff && (byte_at(head, 1) & 0xe6U) == 0xe2) return "audio/mpeg";  // layer III
  if (has_at(head, 0, "%PDF-")) return "application/pdf";
  const auto extension = detail::extension_of(file_name);
  if (has_at(head, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) {
    if (extension == "doc" || extension == "dot") return "application/msword";
    if (extension == "xls") return "application/vnd.ms-excel";
    if (extension == "ppt" || extension == "pps") return "application/vnd.ms-powerpoint";
  }
  if (has_at(head, 0, "PK\x03\x04")) {
    if (extension == "docx") return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    if (extension == "xlsx") return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    if (extension == "pptx") return "application/vnd.openxmlformats-officedocument.presentationml.presentation";
    return "application/zip";
  }
  if (has_at(head, 0, "BM") && extension == "bmp") return "image/bmp";
  if (detail::looks_like_text(head)) return extension == "svg" ? "image/svg+xml" : "text/plain";
  return "application/octet-stream";
}

// What is known of a file that is to be uploaded.
struct media_file {
  std::string_view head;               // its first media_head_bytes, or all of it
  std::size_t bytes = 0;               // of the whole file
  std::string_view name;               // of the file, for messages and its extension; may be empty
  const media_kind* wanted = nullptr;  // what it is to be sent as; null: whatever it usually is
  std::string_view mime = {};          // the caller's word, for a document of another type; empty: by its bytes
};

namespace detail {

[[nodiscard]] inline tl::unexpected<error> no_media(const media_file& file, std::string_view what) {
  const auto slash = file.name.rfind('/');
  std::string message(slash == std::string_view::npos ? file.name : file.name.substr(slash + 1));
  if (message.empty()) message = "media";
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < 0x20) c = '?';
  }
  return fail(errc::media_not_supported, message.substr(0, 100) + ": " + std::string(what));
}

// What the provider wants beyond the type.
[[nodiscard]] inline result<media_type> check_details(const media_file& file, media_type type) {
  const auto head = file.head;
  if (type.mime == "image/png" && has_at(head, 12, "IHDR")) {
    if (byte_at(head, 24) != 8 || (byte_at(head, 25) != 2 && byte_at(head, 25) != 6)) {
      return no_media(file, "a PNG must have 8-bit RGB or RGBA colours; save it so, or as JPEG");
    }
  }
  if (type.mime == "audio/ogg") {
    if (!has_at(head, 28, "OpusHead")) return no_media(file, "an Ogg file must hold Opus sound; convert it");
    if (byte_at(head, 37) != 1) return no_media(file, "Opus sound must be mono; convert it");
  }
  if (type.mime == "image/webp") {
    std::size_t width = 0;
    std::size_t height = 0;
    if (has_at(head, 12, "VP8X")) {
      width = 1 + byte_at(head, 24) + (byte_at(head, 25) << 8U) + (byte_at(head, 26) << 16U);
      height = 1 + byte_at(head, 27) + (byte_at(head, 28) << 8U) + (byte_at(head, 29) << 16U);
      if ((byte_at(head, 20) & 2U) != 0) type.bytes_max = animated_sticker_max;
    } else if (has_at(head, 12, "VP8L")) {
      const auto bits =
          byte_at(head, 21) | byte_at(head, 22) << 8U | byte_at(head, 23) << 16U | byte_at(head, 24) << 24U;
      width = 1 + (bits & 0x3fffU);
      height = 1 + ((bits >> 14U) & 0x3fffU);
    } else {
      width = (byte_at(head, 26) | byte_at(head, 27) << 8U) & 0x3fffU;
      height = (byte_at(head, 28) | byte_at(head, 29) << 8U) & 0x3fffU;
    }
    if (width != 512 || height != 512) {
      return no_media(file, "a sticker must be 512 x 512, this is " + std::to_string(width) + " x " +
                                std::to_string(height) + "; scale it, or send it as JPEG or PNG");
    }
  }
  return type;
}

}  // namespace detail

// The type under which the provider takes the file. Errors: media_not_supported, too_large (over the provider's bound
// for the type).
[[nodiscard]] inline result<media_type> check_media(const media_file& file) {
  if (file.bytes == 0) return detail::no_media(file, "is empty");
  const bool document_by_word = !file.mime.empty();
  if (document_by_word) {
    constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-_/";
    const auto slash = file.mime.find('/');
    if (file.mime.size() > 127 || file.mime.find_first_not_of(token) != std::string_view::npos ||
        slash == std::string_view::npos || slash == 0 || slash + 1 == file.mime.size()) {
      return detail::no_media(file,
                              "'" + std::string(file.mime.substr(0, 50)) + "' is no MIME type, like application/pdf");
    }
  }
  const auto mime = document_by_word ? file.mime : sniff_media(file.head, file.name);
  const media_type* found = nullptr;
  std::string would_do;
  for (const auto& each : detail::media_table) {
    const bool fits = file.wanted == nullptr || each.kind == *file.wanted;
    if (fits && each.mime == mime) found = &each;
    if (fits && file.wanted != nullptr) would_do += (would_do.empty() ? "" : ", ") + std::string(each.mime);
  }
  media_type type;
  if (found != nullptr) {
    type = *found;
  } else if (document_by_word && (file.wanted == nullptr || *file.wanted == media_kind::document)) {
    type = {media_kind::document, mime, media_bytes_max};  // "others often pass", say the facts
  } else {
    const auto kind = file.wanted == nullptr ? std::string("media") : std::string(name(*file.wanted));
    return detail::no_media(file, "is " + std::string(mime) + ", which the provider does not take as " + kind +
                                      (would_do.empty() ? "; convert it" : " (it takes " + would_do + ")"));
  }
  auto checked = detail::check_details(file, type);
  if (!checked) return checked;
  if (file.bytes > checked->bytes_max) {
    auto why = detail::no_media(file, "has " + std::to_string(file.bytes) + " bytes, and the provider takes " +
                                          std::to_string(checked->bytes_max) + " of " + std::string(checked->mime) +
                                          "; make it smaller");
    why.value().code = errc::too_large;
    return why;
  }
  return checked;
}

// A multipart form with one file (facts: WhatsApp, media): what comes before the file's bytes, and what after.
struct upload_form {
  std::string content_type;
  std::string before, after;
};
// boundary: up to 70 letters and digits that the file does not hold.
[[nodiscard]] inline upload_form make_upload_form(std::string_view mime, std::string_view file_name,
                                                  std::string_view boundary) {
  std::string plain_name;
  for (const char c : file_name.substr(file_name.rfind('/') + 1)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    plain_name += plain ? c : '_';
    if (plain_name.size() == 100) break;
  }
  if (plain_name.empty()) plain_name = "file";
  const std::string line = "--" + std::string(boundary);
  upload_form form;
  form.content_type = "multipart/form-data; boundary=" + std::string(boundary);
  form.before = line + "\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n" + line +
                "\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\n" + std::string(mime) + "\r\n" + line +
                "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + plain_name +
                "\"\r\nContent-Type: " + std::string(mime) + "\r\n\r\n";
  form.after = "\r\n" + line + "--\r\n";
  return form;
}

}  // namespace bulkmsg::channels
