// What a message costs in memory: nothing. The request is rendered into the connection's buffer, the answer is read
// into its reader, and both keep what they have.
#include <gtest/gtest.h>

#include <future>

#include "base/own_new.hpp"
#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/channels/whatsapp_channel.hpp"
#include "bulkmsg/content/template_json.hpp"
#include "net/http_client.hpp"
#include "net/test_server.hpp"
#include "short_memory.hpp"

namespace {
thread_local bool counting = false;
thread_local int allocations = 0;
}  // namespace
thread_local long bulkmsg::testing::allocations_left = -1;

void bulkmsg::testing::before_new(std::size_t) {
  if (counting) ++allocations;
  if (allocations_left >= 0 && allocations_left-- == 0) throw std::bad_alloc();
}

namespace bulkmsg::testing {
namespace {

// Sends one message after another over each of its connections, as the batch sender does.
class pump final : public net::listener {
 public:
  pump(net::transport& over, channels::channel& by, const content::compiled_message& content, int warm_up, int measured)
      : over_(over), by_(by), content_(content), warm_up_(warm_up), all_(warm_up + measured) {}

  void send_more() {
    const std::vector<std::string_view>& cells = cells_;
    while (sent_ < all_) {
      const int slot = over_.acquire();
      if (slot == net::transport::none) return;
      if (sent_ == warm_up_) counting = true;
      by_.encode(over_.buffer(slot), {content_, 0, "+15551000001", "b1.1z141z3.1.1.rs.1", cells});
      over_.send(slot, static_cast<std::uint64_t>(sent_++));
    }
  }
  void on_end(const net::exchange_end& end) override {
    const auto answer = by_.classify(end.status, end.body);
    accepted += answer.what == channels::answer::kind::accepted;
    if (++ended_ == all_) {
      counting = false;
      counted = allocations;
      done.set_value();
    }
    send_more();
  }
  void on_ready() override { send_more(); }
  void on_unreachable(const error& why) override { FAIL() << why.message; }

  int accepted = 0;
  int counted = -1;
  std::promise<void> done;

 private:
  net::transport& over_;
  channels::channel& by_;
  const content::compiled_message& content_;
  const std::vector<std::string_view> cells_{"Ana Maria"};
  const int warm_up_, all_;
  int sent_ = 0, ended_ = 0;
};

TEST(allocation, none_for_a_message_once_connections_are_warm) {
  if (!new_is_ours) GTEST_SKIP() << "under a sanitizer";
  counting = true;
  ::operator delete(::operator new(1));
  counting = false;
  ASSERT_EQ(allocations, 1) << "they are counted";
  test_server server([](peer& p) {
    const std::string body =
        R"({"messaging_product":"whatsapp","messages":[{"id":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBI"}]})";
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    while (!p.request().empty() && p.write(answer)) continue;
  });
  auto encoder = channels::request_encoder::make(
      {.host = "provider", .api_version = "v23.0", .phone_number_id = "1", .access_token = "t"});
  ASSERT_TRUE(encoder);
  channels::whatsapp_channel channel(std::move(*encoder));
  const auto message = content::parse_template_json(
      R"({"name":"t","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
      R"({"type":"BODY","text":"Hi {{1}}","example":{"body_text":[["Ana"]]}}]})");
  ASSERT_TRUE(message);
  const std::vector<std::string> columns{"param1"};
  const auto content = channels::compile_whatsapp(*message, columns);
  ASSERT_TRUE(content);

  net::io_thread io;
  auto over = net::make_http_client(
      io, {.origin = server.origin(), .connections_max = 1});  // a second one might come when counting began
  ASSERT_TRUE(over);
  pump messages(**over, channel, *content, 500, 2000);
  io.call([&] {
    (*over)->set_listener(&messages);
    messages.send_more();
  });
  ASSERT_EQ(messages.done.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  io.call([&] { (*over)->set_listener(nullptr); });
  EXPECT_EQ(messages.accepted, 2500);
  EXPECT_EQ(messages.counted, 0);
}

}  // namespace
}  // namespace bulkmsg::testing
