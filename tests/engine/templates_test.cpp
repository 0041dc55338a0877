// The provider's templates: fetched over sockets from a provider that pages, changes its mind, and lies.
#include <condition_variable>
#include <future>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::milliseconds;

std::string entry(const std::string& name, const std::string& status = "APPROVED", const std::string& body = "Hi {{1}}",
                  const std::string& language = "en_US") {
  return R"({"id":"7","name":")" + name + R"(","language":")" + language + R"(","status":")" + status +
         R"(","category":"UTILITY","quality_score":{"score":"GREEN"},"components":[{"type":"BODY","text":")" + body +
         R"("}]})";
}

// Pages of two. What comes first in `instead` answers in place of a page.
class catalogue {
 public:
  explicit catalogue(std::vector<std::string> entries = {}) : entries_(std::move(entries)) {}

  [[nodiscard]] std::string origin() const { return server_.origin(); }
  void set(std::vector<std::string> entries) {
    const std::lock_guard lock(mutex_);
    entries_ = std::move(entries);
  }
  // Answers the nth request from now on (1: the next).
  void answer(int nth, const std::string& with) {
    const std::lock_guard lock(mutex_);
    instead_.emplace_back(static_cast<int>(asked_.size()) + nth - 1, with);
  }
  void answer_all(std::function<std::string(const std::string&)> with) {
    const std::lock_guard lock(mutex_);
    always_ = std::move(with);
  }
  // A file that is uploaded is answered only when it may be.
  void hold_uploads() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void await_upload() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return uploading_; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::string page(const std::string& target) {
    std::size_t from = 0;
    if (const auto after = field(target + ' ', "&after=", ' '); !after.empty()) from = std::stoul(after);
    std::string data;
    for (std::size_t i = from; i < std::min(from + 2, entries_.size()); ++i)
      data += (data.empty() ? "" : ",") + entries_[i];
    std::string paging;
    if (from + 2 < entries_.size()) {
      paging = R"(,"paging":{"cursors":{"after":")" + std::to_string(from + 2) +
               R"("},"next":"http://127.0.0.1:9/elsewhere"})";
    }
    return provider::http(200, R"({"data":[)" + data + ']' + paging + '}');
  }
  void serve(peer& p) {
    for (;;) {
      const std::string text = p.request();
      if (text.empty()) return;
      if (text.starts_with("POST ")) {
        std::unique_lock lock(mutex_);
        uploading_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
        lock.unlock();
        if (!p.write(provider::http(200, R"({"id":"1001"})"))) return;
        continue;
      }
      const auto target = field(text, "GET ", ' ');
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        const auto nth = static_cast<int>(asked_.size());
        asked_.push_back(target);
        const auto other =
            std::find_if(instead_.begin(), instead_.end(), [&](const auto& a) { return a.first == nth; });
        answer = other != instead_.end() ? other->second : always_ ? always_(target) : page(target);
      }
      if (answer.empty()) return p.reset();
      if (!p.write(answer)) return;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false, uploading_ = false;
  std::vector<std::string> entries_;
  std::vector<std::pair<int, std::string>> instead_;
  std::function<std::string(const std::string&)> always_;
  std::vector<std::string> asked_;
  test_server server_{[this](peer& p) { serve(p); }};
};

sender_settings with_account(const std::string& origin) {
  auto s = sender_at(origin);
  s.business_account_id = "102290129340398";
  return s;
}

struct shop {
  explicit shop(std::vector<std::string> entries = {}, const engine_options& options = {.send = false})
      : there(std::move(entries)), h(options) {
    sender = must(h->put_sender(with_account(there.origin())));
    h.sender = sender;
  }
  template_report fetch() { return must(h->fetch_templates(sender)); }
  std::vector<std::string> names(const template_filter& filter = {}) {
    std::vector<std::string> list;
    for (const auto& t : must(h->templates(filter))) list.push_back(t.name + ':' + t.language + ' ' + t.status);
    return list;
  }
  campaign_id campaign_of(const std::string& name) {
    const auto made =
        must(h->create_campaign({.name = "spring", .sender = sender, .content = must(h->find_template(name)).id}));
    must(h->import_csv_text(made, csv(3)));
    return made;
  }

  catalogue there;
  host h;
  sender_id sender;
};

std::string told(const template_report& r) {
  return std::to_string(r.added) + " added, " + std::to_string(r.changed) + " changed, " + std::to_string(r.unchanged) +
         " unchanged, " + std::to_string(r.gone) + " gone";
}
std::string expired() { return provider::refused(131059, 400, "Invalid paging cursor"); }

TEST(fetch_templates, reads_every_page_and_keeps_all_whatever_their_state) {
  shop s({entry("a"), entry("b", "PAUSED"), entry("c", "REJECTED"), entry("d", "PENDING"),
          entry("a", "APPROVED", "Hallo {{1}}", "de")});
  EXPECT_EQ(told(s.fetch()), "5 added, 0 changed, 0 unchanged, 0 gone");
  EXPECT_EQ(s.there.asked().size(), 3u);
  for (const auto& target : s.there.asked()) {
    EXPECT_TRUE(target.starts_with("/v23.0/102290129340398/message_templates?")) << target;
  }
  EXPECT_EQ(s.names(), (std::vector<std::string>{"a:de APPROVED", "a:en_US APPROVED", "b:en_US PAUSED",
                                                 "c:en_US REJECTED", "d:en_US PENDING"}));
  const auto a = must(s.h->find_template("a", "en_US"));
  EXPECT_EQ(a.quality + ' ' + a.category + ' ' + a.provider_id, "GREEN UTILITY 7");
  EXPECT_EQ(a.business_account_id, "102290129340398");
}

TEST(fetch_templates, a_second_time_nothing_is_new) {
  shop s({entry("a"), entry("b"), entry("c")});
  s.fetch();
  const auto before = must(s.h->find_template("b")).id;
  EXPECT_EQ(told(s.fetch()), "0 added, 0 changed, 3 unchanged, 0 gone");
  EXPECT_EQ(must(s.h->find_template("b")).id, before);
}

TEST(fetch_templates, what_changed_and_what_is_gone_is_told_and_kept) {
  shop s({entry("a"), entry("b"), entry("c"), entry("d")});
  s.fetch();
  const auto b = must(s.h->find_template("b"));
  s.there.set({entry("a", "PAUSED"), entry("b", "APPROVED", "Hello {{1}}"), entry("d"), entry("e")});
  EXPECT_EQ(told(s.fetch()), "1 added, 2 changed, 1 unchanged, 1 gone");
  EXPECT_EQ(s.names(),
            (std::vector<std::string>{"a:en_US PAUSED", "b:en_US APPROVED", "d:en_US APPROVED", "e:en_US APPROVED"}));
  EXPECT_EQ(s.names({.gone = true}).size(), 5u);
  EXPECT_TRUE(must(s.h->find_template("c")).gone);
  const auto now = must(s.h->find_template("b"));
  EXPECT_NE(now.id, b.id) << "other words are another id";
  EXPECT_EQ(now.number, b.number);

  s.there.set({entry("a"), entry("b"), entry("c"), entry("d"), entry("e")});
  EXPECT_EQ(told(s.fetch()), "0 added, 3 changed, 2 unchanged, 0 gone");
  EXPECT_EQ(must(s.h->find_template("b")).id, b.id) << "the words of before have their id again";
}

TEST(fetch_templates, a_cursor_that_expires_midway_starts_again_from_the_first_page) {
  shop s({entry("a"), entry("b"), entry("c"), entry("d"), entry("e")});
  s.there.answer(3, expired());
  EXPECT_EQ(told(s.fetch()), "5 added, 0 changed, 0 unchanged, 0 gone");
  EXPECT_EQ(s.there.asked().size(), 6u);
  EXPECT_EQ(s.there.asked()[3].find("after="), std::string::npos);
}

TEST(fetch_templates, cursors_that_always_expire_are_given_up) {
  shop s({entry("a"), entry("b"), entry("c")});
  for (const int nth : {2, 4, 6, 8}) s.there.answer(nth, expired());
  const auto why = refused(s.h->fetch_templates(s.sender));
  EXPECT_EQ(why.provider_code, 131059);
  EXPECT_NE(why.message.find("try again later"), std::string::npos) << why.message;
  EXPECT_EQ(s.there.asked().size(), 6u);
  EXPECT_TRUE(s.names().empty()) << "half a list would make the rest look gone";
}

TEST(fetch_templates, a_list_that_breaks_off_changes_nothing) {
  shop s({entry("a"), entry("b"), entry("c")});
  s.fetch();
  s.there.set({entry("a", "PAUSED"), entry("x"), entry("y")});
  s.there.answer(2, "");
  EXPECT_EQ(code_of(s.h->fetch_templates(s.sender)), errc::connection_lost);
  EXPECT_EQ(s.names(), (std::vector<std::string>{"a:en_US APPROVED", "b:en_US APPROVED", "c:en_US APPROVED"}));
}

TEST(fetch_templates, pages_that_go_round_in_a_circle_are_an_error) {
  shop s;
  const auto circle = [](const std::string& next) {
    return provider::http(
        200, R"({"data":[)" + entry("a") + R"(],"paging":{"next":"x","cursors":{"after":")" + next + "\"}}}");
  };
  s.there.answer_all(
      [&](const std::string& target) { return circle(target.find("after=P") != target.npos ? "Q" : "P"); });
  const auto why = refused(s.h->fetch_templates(s.sender));
  EXPECT_EQ(why.code, errc::provider_unreadable);
  EXPECT_NE(why.message.find("circle"), std::string::npos);
  EXPECT_LE(s.there.asked().size(), 3u);
}

TEST(fetch_templates, pages_without_an_end_are_bounded) {
  shop s;
  int n = 0;
  s.there.answer_all([&](const std::string&) {
    return provider::http(200,
                          R"({"data":[],"paging":{"next":"x","cursors":{"after":")" + std::to_string(++n) + "\"}}}");
  });
  EXPECT_EQ(code_of(s.h->fetch_templates(s.sender)), errc::provider_unreadable);
  EXPECT_EQ(n, 500);
}

TEST(fetch_templates, a_page_of_megabytes_is_read_and_one_without_end_is_not) {
  shop s({entry("a", "APPROVED", std::string(900'000, 'x')), entry("b", "APPROVED", std::string(900'000, 'y'))});
  EXPECT_EQ(s.fetch().added, 2);
  s.there.answer(1, "HTTP/1.1 200 X\r\nContent-Length: 17000000\r\n\r\n" + std::string(17'000'000, ' '));
  EXPECT_EQ(code_of(s.h->fetch_templates(s.sender)), errc::too_large);
}

TEST(fetch_templates, answers_that_are_no_list_are_told) {
  shop s({entry("a")});
  s.there.answer(1, provider::http(200, "<html>hello</html>"));
  EXPECT_EQ(code_of(s.h->fetch_templates(s.sender)), errc::provider_unreadable);
  s.there.answer(1, provider::http(502, "<html>bad gateway</html>"));
  EXPECT_EQ(code_of(s.h->fetch_templates(s.sender)), errc::provider_unreadable);
  s.there.answer(1, provider::refused(100, 400, "Unsupported get request"));
  const auto why = refused(s.h->fetch_templates(s.sender));
  EXPECT_EQ(why.code, errc::provider_refused);
  EXPECT_NE(why.message.find("102290129340398"), std::string::npos) << why.message;
  EXPECT_EQ(told(s.fetch()), "1 added, 0 changed, 0 unchanged, 0 gone") << "the next time it works";
}

TEST(fetch_templates, a_wrong_token_is_told_without_the_token) {
  shop s;
  s.there.answer(1, provider::refused(190, 401, "Malformed access token " + token_value));
  const auto why = refused(s.h->fetch_templates(s.sender));
  EXPECT_EQ(why.code, errc::token_rejected);
  EXPECT_EQ(why.message.find(token_value), std::string::npos) << why.message;
}

TEST(fetch_templates, nobody_there_is_a_failed_connection_and_no_account_is_told) {
  host h;
  auto settings = with_account(nowhere);
  EXPECT_EQ(code_of(h->fetch_templates(must(h->put_sender(settings)))), errc::connect_failed);
  for (const std::string account : {"", "1/2?x=", "1 2"}) {
    settings.business_account_id = account;
    const auto why = refused(h->fetch_templates(must(h->put_sender(settings))));
    EXPECT_EQ(why.code, errc::bad_option_value);
    EXPECT_NE(why.message.find("business_account_id"), std::string::npos) << why.message;
  }
  EXPECT_EQ(code_of(h->fetch_templates(sender_id{99})), errc::not_found);
}

TEST(fetch_templates, what_is_young_enough_is_not_asked_for_again) {
  shop s({entry("a"), entry("b"), entry("c")});
  s.fetch();
  const auto asked = s.there.asked().size();
  const auto again = must(s.h->fetch_templates(s.sender, std::chrono::hours(1)));
  EXPECT_FALSE(again.asked);
  EXPECT_EQ(again.unchanged, 3);
  EXPECT_EQ(s.there.asked().size(), asked);
  EXPECT_TRUE(must(s.h->fetch_templates(s.sender, milliseconds(0))).asked);
}

TEST(fetch_templates, closing_the_engine_does_not_wait_for_a_slow_provider) {
  std::mutex silent;
  std::unique_lock hush(silent);
  std::atomic<bool> asked = false;
  test_server mute([&](peer& p) {
    p.request();
    asked = true;
    const std::lock_guard until_told(silent);
  });
  host h;
  const auto sender = must(h->put_sender(with_account(mute.origin())));
  errc got = errc::ok;
  std::thread asking([&] { got = code_of(h->fetch_templates(sender)); });
  while (!asked) std::this_thread::sleep_for(milliseconds(1));
  const auto before = std::chrono::steady_clock::now();
  must(h->close());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(20)) << "its timeout is 30 s";
  asking.join();
  EXPECT_EQ(got, errc::closed);
  hush.unlock();
}

TEST(find_template, by_name_when_it_is_the_only_one) {
  shop s({entry("a"), entry("b"), entry("b", "APPROVED", "Hallo {{1}}", "de")});
  EXPECT_EQ(code_of(s.h->find_template("a")), errc::not_found);
  s.fetch();
  EXPECT_EQ(must(s.h->find_template("a")).language, "en_US");
  EXPECT_EQ(must(s.h->find_template("b", "de")).language, "de");
  const auto why = refused(s.h->find_template("b"));
  EXPECT_EQ(why.code, errc::conflict);
  EXPECT_NE(why.message.find("de"), std::string::npos) << why.message;
  EXPECT_EQ(code_of(s.h->find_template("b", "fr")), errc::not_found);
  EXPECT_EQ(code_of(s.h->find_template("a", "en_US", "999")), errc::not_found);
  EXPECT_EQ(s.names({.name = "b"}).size(), 2u);
  EXPECT_EQ(s.names({.language = "de"}).size(), 1u);
  EXPECT_EQ(s.names({.status = "PAUSED"}).size(), 0u);
  const auto first = must(s.h->templates({.limit = 1}));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(must(s.h->templates({.after = first[0].number})).size(), 2u);
}

TEST(start, with_a_fetched_template_sends_its_words) {
  shop s({entry("a")});
  s.fetch();
  const auto campaign = s.campaign_of("a");
  EXPECT_EQ(must(s.h->start(campaign)).messages, 3);
}

TEST(start, with_a_template_that_is_not_approved_says_how_it_stands) {
  shop s({entry("a", "PAUSED")});
  s.fetch();
  const auto campaign = s.campaign_of("a");
  for (const auto& why : {refused(s.h->start(campaign)), refused(s.h->dry_run(campaign))}) {
    EXPECT_EQ(why.code, errc::template_not_approved);
    EXPECT_NE(why.message.find("PAUSED"), std::string::npos) << why.message;
    EXPECT_NE(why.message.find("templates fetch"), std::string::npos) << why.message;
  }
  EXPECT_EQ(s.h.state(campaign), campaign_state::draft);
  s.there.set({entry("a")});
  s.fetch();
  EXPECT_EQ(code_of(s.h->start(campaign)), errc::ok) << "approved again";
}

TEST(start, is_told_of_a_template_that_is_gone_or_says_something_else_by_now) {
  shop s({entry("a"), entry("b")});
  s.fetch();
  const auto of_a = s.campaign_of("a");
  const auto of_b = s.campaign_of("b");
  s.there.set({entry("b", "APPROVED", "Goodbye {{1}}")});
  s.fetch();
  EXPECT_EQ(code_of(s.h->start(of_a)), errc::template_not_approved);
  EXPECT_EQ(code_of(s.h->start(of_b)), errc::conflict);
}

TEST(start, is_told_of_a_template_that_was_changed_while_a_file_was_uploaded) {
  const auto picture = [](const std::string& body) {
    return R"({"id":"7","name":"picture","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
           R"({"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":")" +
           body + R"("}]})";
  };
  shop s({picture("Look!")});
  s.fetch();
  const auto file = s.h.folder.file("a.jpg");
  write_file(file, "\xff\xd8\xff\xe0 a small picture");
  const auto campaign = must(s.h->create_campaign({.name = "spring",
                                                   .sender = s.sender,
                                                   .content = must(s.h->find_template("picture")).id,
                                                   .mapping = {{"header.media", "\"file:" + file + '"'}}}));
  must(s.h->import_csv_text(campaign, csv(3)));
  s.there.hold_uploads();
  auto start = std::async(std::launch::async, [&] { return s.h->start(campaign); });
  s.there.await_upload();
  s.there.set({picture("Look away!")});
  EXPECT_EQ(s.fetch().changed, 1);
  s.there.let_go();
  EXPECT_EQ(code_of(start.get()), errc::conflict);
  EXPECT_EQ(s.h.state(campaign), campaign_state::draft);
}

TEST(start, with_a_template_from_a_file_looks_at_the_kept_state_too) {
  shop s({entry("t", "DISABLED")});
  const auto campaign = s.h.draft(2);
  EXPECT_EQ(code_of(s.h->dry_run(campaign)), errc::ok) << "nothing is known of it";
  s.fetch();
  EXPECT_EQ(code_of(s.h->start(campaign)), errc::template_not_approved);
}

TEST(fetch_templates, pauses_the_campaigns_that_send_what_is_changed_or_not_approved_any_more) {
  shop s({entry("same"), entry("other"), entry("paused"), entry("gone")});
  s.fetch();
  std::vector<campaign_id> campaigns;
  for (const std::string name : {"same", "other", "paused", "gone"}) {
    campaigns.push_back(s.campaign_of(name));
    must(s.h->start(campaigns.back()));
  }
  s.there.set({entry("same"), entry("other", "APPROVED", "Bye {{1}}"), entry("paused", "PAUSED")});
  EXPECT_EQ(s.fetch().paused, 3);
  EXPECT_EQ(s.h.state(campaigns[0]), campaign_state::sending);
  const char* reasons[] = {"", "something else", "PAUSED", "no longer"};
  for (int i = 1; i < 4; ++i) {
    EXPECT_EQ(s.h.state(campaigns[i]), campaign_state::paused);
    EXPECT_NE(must(s.h->status(campaigns[i])).reason.find(reasons[i]), std::string::npos);
  }
  EXPECT_EQ(s.fetch().paused, 0);
  EXPECT_EQ(must(s.h->status(campaigns[2])).reason.find("PAUSED"),
            must(s.h->status(campaigns[2])).reason.rfind("PAUSED"))
      << "told once";
  must(s.h->resume(campaigns[1]));
  EXPECT_EQ(s.h.state(campaigns[1]), campaign_state::sending) << "a person who has looked may go on";
}

TEST(fetch_templates, pauses_a_campaign_that_was_resumed_only_for_another_change) {
  shop s({entry("other"), entry("paused")});
  s.fetch();
  const auto other = s.campaign_of("other"), paused = s.campaign_of("paused");
  must(s.h->start(other));
  must(s.h->start(paused));
  s.there.set({entry("other", "APPROVED", "Bye {{1}}"), entry("paused", "PAUSED")});
  EXPECT_EQ(s.fetch().paused, 2);
  must(s.h->resume(other));
  must(s.h->resume(paused));
  EXPECT_EQ(s.fetch().paused, 0);
  s.h.open({.send = false});  // what a person accepted outlives the process
  EXPECT_EQ(s.fetch().paused, 0);
  s.there.set({entry("other", "APPROVED", "Hm {{1}}"), entry("paused")});
  EXPECT_EQ(s.fetch().paused, 1);
  EXPECT_EQ(s.h.state(other), campaign_state::paused);
  s.there.set({entry("other", "APPROVED", "Hm {{1}}"), entry("paused", "PAUSED")});
  EXPECT_EQ(s.fetch().paused, 1);
  EXPECT_EQ(s.h.state(paused), campaign_state::paused) << "it was well again in between";
}

// The list is on its way when a webhook tells `change`, and says what was before.
void tell_while_listed(shop& s, const std::string& field, const std::string& change = {}) {
  s.there.answer_all([&, field, change](const std::string&) {
    must(ingest(*s.h, R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","time":1800000000,)"
                      R"("changes":[{"field":")" +
                          field + R"(","value":{)" + change +
                          R"("message_template_name":"other","message_template_language":"en_US"}}]}]})"));
    EXPECT_TRUE(s.h.until([&] { return !s.h.seen_of(event_kind::notice).empty(); }));
    return provider::http(200, R"({"data":[)" + entry("other") + "]}");
  });
  s.fetch();
  s.there.answer_all({});
}

TEST(fetch_templates, know_that_words_changed_while_the_list_was_on_its_way) {
  shop s({entry("other")});
  s.fetch();
  const auto campaign = s.campaign_of("other");
  tell_while_listed(s, "message_template_components_update");
  EXPECT_EQ(code_of(s.h->start(campaign)), errc::conflict);
  s.fetch();
  must(s.h->start(campaign));
}

TEST(fetch_templates, know_that_people_block_what_is_listed_as_good) {
  shop s({entry("other")});
  s.fetch();
  const auto campaign = s.campaign_of("other");
  tell_while_listed(s, "message_template_quality_update",
                    R"("previous_quality_score":"GREEN","new_quality_score":"RED",)");
  EXPECT_EQ(must(s.h->find_template("other")).quality, "RED");
  must(s.h->start(campaign));
  EXPECT_TRUE(s.h.until([&] { return s.h.state(campaign) == campaign_state::paused; }));
  s.fetch();
  EXPECT_EQ(must(s.h->find_template("other")).quality, "GREEN");
}

TEST(fetch_templates, tell_a_campaign_that_is_paused_already_what_changed) {
  shop s({entry("other")});
  s.fetch();
  const auto campaign = s.campaign_of("other");
  must(s.h->start(campaign));
  must(s.h->pause(campaign, "a break"));
  s.there.set({entry("other", "APPROVED", "Bye {{1}}")});
  EXPECT_EQ(s.fetch().paused, 0);
  const auto reason = must(s.h->status(campaign)).reason;
  EXPECT_TRUE(reason.starts_with("a break; ")) << reason;
  EXPECT_NE(reason.find("says something else at the provider"), std::string::npos) << reason;
}

TEST(put_template, the_same_json_is_the_same_id_fetched_or_not) {
  shop s({entry("a")});
  s.fetch();
  const auto fetched = must(s.h->find_template("a"));
  EXPECT_EQ(must(s.h->put_template(fetched.json)), fetched.id);
  EXPECT_EQ(must(s.h->put_template(template_json())), must(s.h->put_template(template_json())));
}

}  // namespace
}  // namespace bulkmsg::testing
