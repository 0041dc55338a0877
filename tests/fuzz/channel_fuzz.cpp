// Any bytes as a channel description: an error with one line of text, or a channel whose requests have one head and a
// JSON body, and whose reading of any answer keeps the rules of proof. What follows a NUL byte is the answer that it
// reads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/channels/chat_body.hpp"
#include "bulkmsg/channels/chat_channel.hpp"
#include "bulkmsg/channels/chat_json.hpp"

namespace {

void expect(bool so) {
  if (!so) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::channels;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto read = parse_chat_description(all.substr(0, all.find('\0')));
  if (!read) {
    expect(!read.error().message.empty() && read.error().message.find('\n') == std::string::npos);
    return 0;
  }
  auto made = chat_channel::make(*read, "host", "110:AA-b_c");
  if (!made) std::abort();
  std::string out;
  simdjson::dom::parser parser;
  using bulkmsg::content::message_kind;
  for (const auto kind : {message_kind::text, message_kind::image, message_kind::document, message_kind::location}) {
    bulkmsg::content::message words;
    words.kind = kind;
    words.text = "a \"{{b}}\"";
    words.media = {"https://x.test/\n", "f"};
    words.where = {"1", "2", "n", ""};
    const auto laid = compile_chat(*read, words, std::vector<std::string>{"b"}, {}, {"\"agent\"", ""});
    if (!laid) {
      expect(!laid.error().message.empty());
      continue;
    }
    const std::string_view cell = "\x01\\\"";
    (*made)->encode(out, {laid->content, laid->route, "chat:a b\r\n\r\n\"", "b1.1.1.1.1.1", {&cell, 1}});
    // One head, of lines that end as they must.
    const auto end = out.find("\r\n\r\n");
    expect(end != std::string::npos);
    for (std::size_t i = 0; i < end; ++i) {
      expect(out[i] >= ' ' || (out[i] == '\r' && out[i + 1] == '\n') || (out[i] == '\n' && out[i - 1] == '\r'));
    }
    expect(out.find("\r\nContent-Length: " + std::to_string(out.size() - end - 4) + "\r\n") < end);
    expect(parser.parse(out.data() + end + 4, out.size() - end - 4).error() == simdjson::SUCCESS);
  }
  static_cast<void>((*made)->encode_health(out));
  const auto nul = all.find('\0');
  const std::string_view answered = nul == std::string_view::npos ? std::string_view() : all.substr(nul + 1);
  for (const int status : {200, 400, 429, 503}) {
    const auto word = (*made)->classify(status, answered);
    if (word.what == answer::kind::accepted) expect(status == 200 && !word.message_id.empty());
    if (word.what == answer::kind::refused) expect(word.retry_after >= 0);
    static_cast<void>((*made)->read_health(status, answered));
  }
  return 0;
}
