#include "bulkmsg/channels/media.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace bulkmsg::channels {
namespace {

using namespace std::string_literals;

std::string png(char depth = 8, char colours = 2) {
  return "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0"s + depth + colours + std::string(100, '\0');
}
std::string webp(int width, int height, bool animated) {
  std::string s = "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"s;
  s += animated ? '\x02' : '\0';
  s += "\0\0\0"s;
  for (int side : {width - 1, height - 1}) {
    for (int i = 0; i < 3; ++i, side >>= 8) s += static_cast<char>(side & 255);
  }
  return s;
}
std::string iso(const std::string& brand) { return "\0\0\0\x20"s + "ftyp" + brand + std::string(20, '\0'); }
std::string ogg(const std::string& head = "OpusHead\1\1"s) {
  return "OggS" + std::string(24, '\0') + head + "\0\0\0\0"s;
}

struct sample {
  std::string name, bytes, mime;
  std::optional<media_kind> kind;  // none: not taken
};
const std::vector<sample> samples = {
    {"a.jpg", "\xff\xd8\xff\xe0....JFIF", "image/jpeg", media_kind::image},
    {"a.png", png(), "image/png", media_kind::image},
    {"a.png", png(8, 6), "image/png", media_kind::image},
    {"a.webp", webp(512, 512, false), "image/webp", media_kind::sticker},
    {"a.mp4", iso("isom"), "video/mp4", media_kind::video},
    {"a.mp4", iso("mp42"), "video/mp4", media_kind::video},
    {"a.3gp", iso("3gp4"), "video/3gpp", media_kind::video},
    {"a.m4a", iso("M4A "), "audio/mp4", media_kind::audio},
    {"a.aac", "\xff\xf1\x50\x80", "audio/aac", media_kind::audio},
    {"a.mp3", "ID3\3\0\0\0", "audio/mpeg", media_kind::audio},
    {"a.mp3", "\xff\xfb\x90\x64", "audio/mpeg", media_kind::audio},
    {"a.amr", "#!AMR\n\x3c", "audio/amr", media_kind::audio},
    {"a.ogg", ogg(), "audio/ogg", media_kind::audio},
    {"a.pdf", "%PDF-1.7\n", "application/pdf", media_kind::document},
    {"a.txt", "Gr\xc3\xbc\xc3\x9f Gott,\r\n\tAna\n", "text/plain", media_kind::document},
    {"a", "hello", "text/plain", media_kind::document},
    {"a.DOC", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword", media_kind::document},
    {"a.xls", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-excel", media_kind::document},
    {"a.ppt", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-powerpoint", media_kind::document},
    {"a.docx", "PK\3\4", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
     media_kind::document},
    {"a.xlsx", "PK\3\4", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", media_kind::document},
    {"a.pptx", "PK\3\4", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
     media_kind::document},
    {"a.gif", "GIF89a", "image/gif", {}},
    {"a.heic", iso("heic"), "image/heic", {}},
    {"a.mov", iso("qt  "), "video/quicktime", {}},
    {"a.webm", "\x1a\x45\xdf\xa3", "video/webm", {}},
    {"a.avi", "RIFF\0\0\0\0AVI "s, "video/x-msvideo", {}},
    {"a.wav", "RIFF\0\0\0\0WAVE"s, "audio/wav", {}},
    {"a.flac", "fLaC", "audio/flac", {}},
    {"a.svg", "<svg/>", "image/svg+xml", {}},
    {"a.bmp", "BM\0\0"s, "image/bmp", {}},
    {"a.zip", "PK\3\4", "application/zip", {}},
    {"a.bin", "\0\1\2"s, "application/octet-stream", {}},
    {"a.doc", "MZ\x90\0\3"s, "application/octet-stream", {}},
};

media_file file(const sample& s) { return {.head = s.bytes, .bytes = s.bytes.size(), .name = s.name}; }
errc code(const media_file& f) {
  const auto got = check_media(f);
  return got ? errc::ok : got.error().code;
}

TEST(media, is_known_by_its_bytes_and_taken_when_the_provider_takes_it) {
  for (const auto& s : samples) {
    EXPECT_EQ(sniff_media(s.bytes, s.name), s.mime) << s.name;
    const auto got = check_media(file(s));
    ASSERT_EQ(got.has_value(), s.kind.has_value()) << s.name << ' ' << s.mime;
    if (got) {
      EXPECT_EQ(got->kind, *s.kind) << s.name;
      EXPECT_EQ(got->mime, s.mime);
    } else {
      EXPECT_EQ(got.error().code, errc::media_not_supported);
      EXPECT_NE(got.error().message.find(s.name), std::string::npos);
    }
  }
}

TEST(media, a_name_does_not_make_a_file_what_it_is_not) {
  EXPECT_EQ(sniff_media("\xff\xd8\xff\xe0", "a.png"), "image/jpeg");
  EXPECT_EQ(sniff_media("<html>", "a.jpg"), "text/plain");
  const auto kind = media_kind::image;
  EXPECT_EQ(code({.head = "<html>", .bytes = 6, .name = "a.jpg", .wanted = &kind}), errc::media_not_supported);
}

TEST(media, only_the_kinds_asked_for_will_do_and_the_message_lists_them) {
  for (const auto& s : samples) {
    for (const auto wanted :
         {media_kind::image, media_kind::video, media_kind::audio, media_kind::document, media_kind::sticker}) {
      auto f = file(s);
      f.wanted = &wanted;
      EXPECT_EQ(code(f) == errc::ok, s.kind == wanted) << s.name << " as " << name(wanted);
    }
  }
  const auto video = media_kind::video;
  const auto why = check_media({.head = "GIF89a", .bytes = 6, .name = "x/a.gif", .wanted = &video}).error().message;
  EXPECT_EQ(why, "a.gif: is image/gif, which the provider does not take as video (it takes video/mp4, video/3gpp)");
}

TEST(media, each_type_has_its_bound) {
  const std::pair<const char*, std::size_t> bounds[] = {
      {"a.jpg", 5 << 20}, {"a.mp4", 16 << 20}, {"a.mp3", 16 << 20}, {"a.pdf", 100 << 20}, {"a.webp", 100 << 10}};
  for (const auto& [name, most] : bounds) {
    const auto s = *std::find_if(samples.begin(), samples.end(), [&](const auto& each) { return each.name == name; });
    auto f = file(s);
    f.bytes = most;
    EXPECT_EQ(code(f), errc::ok) << name;
    f.bytes = most + 1;
    EXPECT_EQ(code(f), errc::too_large) << name;
    f.bytes = 0;
    EXPECT_EQ(code(f), errc::media_not_supported) << name;
  }
}

TEST(media, a_sticker_is_512_by_512_and_may_be_larger_when_it_moves) {
  for (const auto& [width, height] : {std::pair(511, 512), std::pair(512, 513), std::pair(1, 1)}) {
    const auto bytes = webp(width, height, false);
    EXPECT_EQ(code({.head = bytes, .bytes = 1000, .name = "a.webp"}), errc::media_not_supported);
  }
  const auto moving = webp(512, 512, true);
  EXPECT_EQ(code({.head = moving, .bytes = 500 << 10, .name = "a.webp"}), errc::ok);
  EXPECT_EQ(code({.head = moving, .bytes = (500 << 10) + 1, .name = "a.webp"}), errc::too_large);
  const auto lossy = "RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x00\x02\x00\x02"s;
  EXPECT_EQ(code({.head = lossy, .bytes = 1000, .name = "a.webp"}), errc::ok);
  const auto lossless = "RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\xff\xc1\x7f\x00"s;
  EXPECT_EQ(code({.head = lossless, .bytes = 1000, .name = "a.webp"}), errc::ok);
}

TEST(media, pictures_and_sound_that_the_provider_cannot_show_are_told_with_what_to_do) {
  for (const auto& [depth, colours] : {std::pair('\x10', '\2'), std::pair('\x08', '\3'), std::pair('\x08', '\0')}) {
    const auto bytes = png(depth, colours);
    const auto got = check_media({.head = bytes, .bytes = bytes.size(), .name = "a.png"});
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().message.find("JPEG"), std::string::npos);
  }
  for (const auto& head : {"\1vorbis\0\0\0"s, "OpusHead\1\2"s}) {
    const auto bytes = ogg(head);
    EXPECT_EQ(code({.head = bytes, .bytes = bytes.size(), .name = "a.ogg"}), errc::media_not_supported);
  }
}

TEST(media, a_document_of_another_type_goes_by_the_callers_word) {
  EXPECT_EQ(code({.head = "PK\3\4", .bytes = 4, .name = "a.zip", .mime = "application/zip"}), errc::ok);
  for (const std::string mime : {"zip", "a/", "/b", "a/b\r\nX: y", "a/b;c", "a b/c"}) {
    EXPECT_EQ(code({.head = "PK\3\4", .bytes = 4, .name = "a.zip", .mime = mime}), errc::media_not_supported) << mime;
  }
  const auto image = media_kind::image;
  EXPECT_EQ(code({.head = "GIF8", .bytes = 4, .name = "a.gif", .wanted = &image, .mime = "image/gif"}),
            errc::media_not_supported);
}

TEST(media, any_beginning_of_any_sample_is_judged_without_reading_beyond_it) {
  for (const auto& s : samples) {
    for (std::size_t n = 0; n <= s.bytes.size(); ++n) {
      const std::vector<char> exactly(s.bytes.begin(), s.bytes.begin() + static_cast<std::ptrdiff_t>(n));
      static_cast<void>(check_media({.head = {exactly.data(), n}, .bytes = 1000, .name = s.name}));
    }
  }
}

TEST(upload_form, holds_the_three_fields_and_no_name_breaks_out_of_it) {
  const auto form = make_upload_form("image/png", "/home/ana/my \"photo\"\r\n\xc3\xa9.png", "b0undary");
  EXPECT_EQ(form.content_type, "multipart/form-data; boundary=b0undary");
  EXPECT_EQ(form.before,
            "--b0undary\r\nContent-Disposition: form-data; name=\"messaging_product\"\r\n\r\nwhatsapp\r\n"
            "--b0undary\r\nContent-Disposition: form-data; name=\"type\"\r\n\r\nimage/png\r\n"
            "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"my__photo_____.png\"\r\n"
            "Content-Type: image/png\r\n\r\n");
  EXPECT_EQ(form.after, "\r\n--b0undary--\r\n");
  EXPECT_NE(make_upload_form("a/b", "", "x").before.find("filename=\"file\""), std::string::npos);
  EXPECT_NE(make_upload_form("a/b", "x/", "x").before.find("filename=\"file\""), std::string::npos);
}

}  // namespace
}  // namespace bulkmsg::channels
