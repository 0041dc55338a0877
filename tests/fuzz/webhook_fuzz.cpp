// Any bytes as a webhook, as a provider's answer and as a callback key: no crash, and counts that add up.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/channels/whatsapp_cloud_json.hpp"
#include "bulkmsg/channels/whatsapp_webhook_json.hpp"

namespace {

using namespace bulkmsg::channels;

void require(bool truth) {
  if (!truth) std::abort();
}

struct counter {
  webhook_counts seen;
  void receipt(const bulkmsg::channels::receipt& r) {
    ++seen.receipts;
    require(!r.message_id.empty());
    if (const auto key = callback_key::parse(r.callback)) require(key->text() == r.callback);
  }
  void reply(const bulkmsg::channels::reply& r) {
    ++seen.replies;
    require(!r.id.empty());
  }
  void other(std::string_view, std::string_view json) {
    ++seen.others;
    require(!json.empty());
  }
  void preference(const bulkmsg::channels::preference&) { ++seen.others; }
  void template_changed(const template_change&) { ++seen.others; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  webhook_parser parser;
  counter sink;
  if (const auto done = parser.parse(text, sink)) {
    require(done->receipts == sink.seen.receipts && done->replies == sink.seen.replies);
    require(done->others == sink.seen.others);
  } else {
    require(sink.seen.receipts + sink.seen.replies + sink.seen.others == 0);
  }

  answer_reader reader;
  for (const int status : {200, 302, 400, 500}) {
    const answer read = reader.classify(status, text);
    require(read.what != answer::kind::accepted || (status == 200 && !read.message_id.empty()));
    require(read.what != answer::kind::refused || status >= 400);
  }
  (void)reader.parse_number_health(200, text);
  if (const auto key = callback_key::parse(text)) require(key->text() == text);
  return 0;
}
