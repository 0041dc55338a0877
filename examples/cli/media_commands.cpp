// media put, list: files that the provider keeps.
#include <cstdio>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "files.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

std::string info_json(const bulkmsg::media_info& m) {
  return json_object()
      .text("id", m.provider_id)
      .text("phone_number_id", m.phone_number_id)
      .text("mime", m.mime)
      .number("bytes", m.bytes)
      .text("sha256", m.sha256)
      .text("path", m.path)
      .number("uploaded_at_ms", m.uploaded_at_ms)
      .str();
}

}  // namespace

int media_put(const options& given) {
  const bulkmsg::sender_settings settings = read_sender_file(given.sender_file);
  bulkmsg::engine door = open_to_run(given.store, sending::no, missing_store::create);
  need_of(given.sender_file, door.check_sender(settings));
  const auto sender = need_of(given.sender_file, door.put_sender(settings));
  const auto kept = need(door.put_media(sender, given.media_file, {.kind = given.media_kind, .mime = given.mime}));
  if (given.json) {
    print_line(info_json(kept));
  } else {
    print_line(kept.provider_id);
    if (!given.quiet) {
      std::fprintf(stderr, "%s: %s, %s bytes, %s\n", one_line(given.media_file).c_str(), kept.mime.c_str(),
                   grouped(kept.bytes).c_str(),
                   kept.uploaded ? "uploaded" : ("there since " + time_text(kept.uploaded_at_ms)).c_str());
    }
  }
  return exit_code::ok;
}

int media_list(const options& given) {
  bulkmsg::engine reader = open_to_read(given.store);
  std::vector<std::string> all;
  if (!given.json) print_line(padded("ID", 20) + padded("TYPE", 18) + padded("UPLOADED", 22) + "PATH");
  constexpr std::size_t page_rows = 1000;
  for (std::int64_t after = 0;;) {
    const auto page = need(reader.media(after, page_rows));
    for (const auto& m : page) {
      after = m.number;
      if (given.json) {
        all.push_back(info_json(m));
      } else {
        print_line(padded(m.provider_id, 20) + padded(m.mime, 18) + padded(time_text(m.uploaded_at_ms), 22) +
                   one_line(m.path));
      }
    }
    if (page.size() < page_rows) break;
  }
  if (given.json) print_line(json_array(all));
  return exit_code::ok;
}

}  // namespace cli
