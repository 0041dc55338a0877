// A chat platform that knows requests by their key: what is unconfirmed is settled by the same request once more.
#include <map>
#include <mutex>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

const std::string platform = R"({
  "name": "keyed",
  "request": {
    "path": "/messages",
    "headers": {"Idempotency-Key": "{{callback}}"},
    "same_for_s": 3600,
    "body": {"to": "{{address}}", "biz_opaque_callback_data": "{{callback}}", "text": "{{text}}"}
  },
  "answer": {"id": "/id", "error_code": "/code", "error_text": "/error"},
  "refusals": {"statuses": [400, 404, 429, 503],
               "actions": [{"status": 503, "action": "retry"}, {"status": 404, "action": "fail_recipient"}]}
})";

// Sends each key once; whether the answer is heard is another matter.
class keyed_platform {
 public:
  using script = std::function<std::string(const std::string& key, int time)>;
  explicit keyed_platform(script lose)
      : lose_(std::move(lose)), provider_([this](const request& r, int) { return take(r); }) {}

  std::string origin() const { return provider_.origin(); }
  provider& wire() { return provider_; }
  std::map<std::string, int> sent_by_address() {
    const std::lock_guard lock(guard_);
    return sent_;
  }
  std::map<std::string, int> times_by_key() {
    const std::lock_guard lock(guard_);
    return times_;
  }

 private:
  std::string take(const request& r) {
    const std::lock_guard lock(guard_);
    const int time = ++times_[r.key];
    const auto instead = lose_(r.to, time);
    if (instead.starts_with("HTTP")) return instead;  // refused before the key is looked at
    if (instead == "drop") return {};
    if (done_.insert(r.key).second) ++sent_[r.to];
    if (instead == "lose") return {};
    return provider::http(200, R"({"id":"m)" + r.key + R"("})");
  }

  script lose_;
  std::mutex guard_;
  std::map<std::string, int> times_, sent_;
  std::set<std::string> done_;
  provider provider_;
};

campaign_id start(host& h, const std::string& origin, int count) {
  const auto sender = must(h->put_sender({.name = "chat",
                                          .channel = "chat",
                                          .channel_description = platform,
                                          .origin = origin,
                                          .limits = "1000/s; in-flight=4",
                                          .connections_max = 4}));
  const auto made = must(
      h->create_campaign({.name = "c",
                          .sender = sender,
                          .content = must(h->put_message("hello", R"({"type":"text","text":{"body":"Hello"}})"))}));
  std::string list;
  for (int i = 0; i < count; ++i) list += "u" + std::to_string(i) + ",";
  list.pop_back();
  must(h->import_list(made, list));
  must(h->start(made));
  return made;
}

TEST(repeat, what_is_unconfirmed_is_settled_by_the_same_request_and_sent_once) {
  keyed_platform chat([](const std::string& to, int time) -> std::string {
    if (to == "u3" && time <= 2) return "lose";
    if (to == "u5" && time == 1) return "lose";
    // A refusal for now says nothing of the first request.
    if (to == "u5" && time == 2) return provider::http(503, R"({"code":"busy","error":"later"})");
    return {};
  });
  host h({.send = true}, chat.origin());
  const auto campaign = start(h, chat.origin(), 20);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 20);
  EXPECT_EQ(h.told(campaign).unconfirmed, 0);
  for (const auto& [to, times] : chat.sent_by_address()) EXPECT_EQ(times, 1) << to;
  EXPECT_EQ(chat.times_by_key().size(), 20u) << "always under the same key";
  for (const auto& m : must(h->messages(campaign))) EXPECT_EQ(m.attempt, 1) << m.address;
}

TEST(repeat, a_final_refusal_of_the_repeated_request_settles_it_too) {
  keyed_platform chat([](const std::string& to, int time) -> std::string {
    if (to != "u1") return {};
    // Never taken: the connection broke before the platform had it whole.
    return time == 1 ? "drop" : provider::http(404, R"({"code":"gone","error":"no such visitor"})");
  });
  host h({.send = true}, chat.origin());
  const auto campaign = start(h, chat.origin(), 5);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 4);
  EXPECT_EQ(h.told(campaign).failed, 1);
}

TEST(repeat, goes_on_after_a_restart) {
  keyed_platform chat([](const std::string&, int) -> std::string { return {}; });
  host h({.send = true}, chat.origin());
  chat.wire().hold();
  const auto campaign = start(h, chat.origin(), 20);
  ASSERT_TRUE(chat.wire().wait_for(4));
  must(h->close(std::chrono::milliseconds(0)));
  chat.wire().let_go();
  h.open({.send = true});
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(h.told(campaign).sent, 20);
  for (const auto& [to, times] : chat.sent_by_address()) EXPECT_EQ(times, 1) << to;
  EXPECT_EQ(chat.times_by_key().size(), 20u);
}

TEST(repeat, the_description_must_say_by_which_header) {
  host h;
  sender_settings settings{.name = "chat", .channel = "chat", .origin = nowhere, .limits = "1/s"};
  settings.channel_description =
      R"({"name":"x","request":{"path":"/m","same_for_s":60,"body":{"to":"{{address}}"}},"answer":{"id":"/id"}})";
  const auto why = refused(h->put_sender(settings));
  EXPECT_EQ(why.code, errc::channel_malformed);
  EXPECT_NE(why.message.find("same_for_s"), std::string::npos) << why.message;
}

}  // namespace
}  // namespace bulkmsg::testing
