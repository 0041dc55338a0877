// Any bytes as a channel description: an error with one line of text, or a channel whose requests have one head and
// whose reading of any answer keeps the rules of proof. What follows a NUL byte is the answer that it reads.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

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
  const bulkmsg::content::compiled_message nothing;
  std::string out;
  for (std::uint32_t route = 0; route <= read->types.size(); ++route) {
    (*made)->encode(out, {nothing, route, "chat:a b\r\n\r\n", "b1.1.1.1.1.1", {}});
    // One head, of lines that end as they must.
    const auto end = out.find("\r\n\r\n");
    expect(end != std::string::npos);
    for (std::size_t i = 0; i < end; ++i) {
      expect(out[i] >= ' ' || (out[i] == '\r' && out[i + 1] == '\n') || (out[i] == '\n' && out[i - 1] == '\r'));
    }
    expect(out.find("\r\nContent-Length: ") < end);
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
