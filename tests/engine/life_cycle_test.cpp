// The life of a campaign as a host sees it: every call in every state, and random walks, against a table written here a
// second time; and what the history says of it.
#include <map>
#include <random>

#include "engine/hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

using enum campaign_state;
const std::vector<campaign_state> all_states = {draft,  scheduled, starting, sending,
                                                paused, completed, stopped,  failed};

// A call: what it is named in refusals, what it does, and in which states it is allowed with the state it leads to.
struct call {
  std::string name;
  std::function<result<void>(engine&, campaign_id)> make;
  std::map<campaign_state, campaign_state> leads;
};

template <class T>
result<void> only_error(result<T> r) {
  return r ? result<void>() : fail(r.error());
}

const std::string far_ahead = [] {
  const auto now = std::chrono::system_clock::now() + std::chrono::hours(24 * 100);
  const auto day = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now));
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u 09:00 Z", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return std::string(text.data());
}();

std::vector<call> all_calls(sender_id sender, template_id words) {
  return {
      {"edit",
       [=](engine& e, campaign_id c) { return e.edit(c, {.name = "x", .sender = sender, .content = words}); },
       {{draft, draft}}},
      {"add recipients to",
       [n = 5000](engine& e, campaign_id c) mutable { return only_error(e.import_csv_text(c, csv(1, ++n))); },
       {{draft, draft}, {scheduled, scheduled}}},
      {"state the consent of the recipients of",
       [](engine& e, campaign_id c) { return e.state_consent(c, "web form"); },
       {{draft, draft}, {scheduled, scheduled}}},
      {"send a test of",
       [](engine& e, campaign_id c) {
         const std::vector<std::string> to{"+15551234567"};
         return only_error(e.test_send(c, to));
       },
       {{draft, draft}, {scheduled, scheduled}}},
      {"schedule",
       [](engine& e, campaign_id c) { return only_error(e.schedule(c, {.at = far_ahead})); },
       {{draft, scheduled}}},
      {"cancel the schedule of", [](engine& e, campaign_id c) { return e.cancel_schedule(c); }, {{scheduled, draft}}},
      {"start", [](engine& e, campaign_id c) { return only_error(e.start(c)); }, {{draft, sending}}},
      {"pause", [](engine& e, campaign_id c) { return e.pause(c); }, {{sending, paused}, {paused, paused}}},
      {"resume", [](engine& e, campaign_id c) { return e.resume(c); }, {{sending, sending}, {paused, sending}}},
      {"stop",
       [](engine& e, campaign_id c) { return e.stop(c); },
       {{sending, stopped}, {paused, stopped}, {stopped, stopped}}},
  };
}

struct world : host {
  world() : words(must(running->put_template(template_json()))) { static_cast<void>(draft(1)); }
  // Whatever it was, as if it had come there.
  void put(campaign_id campaign, campaign_state state) const {
    store::database db(path(), store::database::access::write);
    db.run("UPDATE campaigns SET state = ?2 WHERE id = ?1", campaign.value, state);
  }
  template_id words;
};

TEST(life_cycle, every_call_in_every_state_is_as_the_table_says) {
  world w;
  for (const auto from : all_states) {
    for (const auto& each : all_calls(w.sender, w.words)) {
      const auto campaign = w.draft(3);
      w.put(campaign, from);
      const auto done = each.make(*w, campaign);
      const auto allowed = each.leads.find(from);
      const std::string what = each.name + " in " + std::string(name(from));
      if (allowed != each.leads.end()) {
        EXPECT_EQ(code_of(done), errc::ok) << what << ": " << (done ? "" : done.error().message);
        EXPECT_EQ(w.state(campaign), allowed->second) << what;
        continue;
      }
      ASSERT_FALSE(done.has_value()) << what;
      EXPECT_EQ(done.error().code, errc::wrong_state) << what << ": " << done.error().message;
      EXPECT_TRUE(
          done.error().message.starts_with("cannot " + each.name + " a campaign that is " + std::string(name(from))))
          << done.error().message;
      EXPECT_EQ(w.state(campaign), from) << what;
    }
  }
}

TEST(life_cycle, discarding_is_for_drafts_only) {
  world w;
  for (const auto from : all_states) {
    const auto campaign = w.draft(1);
    w.put(campaign, from);
    EXPECT_EQ(code_of(w->discard(campaign)), from == draft ? errc::ok : errc::wrong_state) << name(from);
    EXPECT_EQ(code_of(w->status(campaign)), from == draft ? errc::not_found : errc::ok) << name(from);
  }
}

TEST(life_cycle, any_walk_stays_within_the_table_and_refused_calls_change_nothing) {
  world w;
  const auto calls = all_calls(w.sender, w.words);
  std::mt19937 random(7);
  for (int walk = 0; walk < 12; ++walk) {
    const auto campaign = w.draft(2);
    auto model = draft;
    std::string way;
    for (int step = 0; step < 25; ++step) {
      const auto& next = calls[random() % calls.size()];
      way += next.name + ", ";
      const auto done = next.make(*w, campaign);
      const auto allowed = next.leads.find(model);
      ASSERT_EQ(code_of(done), allowed != next.leads.end() ? errc::ok : errc::wrong_state)
          << way << (done ? "" : done.error().message);
      if (allowed != next.leads.end()) model = allowed->second;
      ASSERT_EQ(w.state(campaign), model) << way;
    }
  }
}

TEST(history, tells_who_did_what_when_and_why) {
  world w;
  const auto campaign =
      must(w->create_campaign({.name = "spring", .sender = w.sender, .content = w.words, .actor = "ana"}));
  must(w->import_csv_text(campaign, csv(2)));
  must(w->start(campaign, {.actor = "ben"}));
  must(w->pause(campaign, "too early", std::chrono::seconds(5), "cleo"));
  must(w->resume(campaign, std::chrono::seconds(5), "dan"));
  must(w->stop(campaign, "wrong words", std::chrono::seconds(5), "eve"));
  std::string told;
  std::int64_t last = 0;
  for (const auto& h : must(w->history({.campaign = campaign}))) {
    told += h.actor + " " + h.action + (h.reason.empty() ? "" : ": " + h.reason) + "\n";
    EXPECT_GE(h.at_ms, last);
    last = h.at_ms;
    EXPECT_EQ(h.campaign, campaign);
  }
  EXPECT_EQ(told,
            "ana create: spring\nben start\nben send\ncleo pause: too early\ndan resume\neve stop: wrong words\n");
}

TEST(history, is_paged_and_keeps_what_was_discarded) {
  world w;
  const auto campaign = must(w->create_campaign({.name = "never", .actor = "ana"}));
  must(w->discard(campaign, "ben"));
  const auto all = must(w->history());
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.back().actor, "ben");
  EXPECT_EQ(all.back().action, "discard");
  EXPECT_NE(all.back().reason.find("never"), std::string::npos);
  std::size_t pages = 0;
  for (std::int64_t after = 0;; ++pages) {
    const auto page = must(w->history({.after = after, .limit = 1}));
    if (page.empty()) break;
    ASSERT_EQ(page.size(), 1u);
    EXPECT_GT(page[0].id, after);
    after = page[0].id;
  }
  EXPECT_EQ(pages, all.size());
  EXPECT_EQ(code_of(w->history({.campaign = {999}})), errc::not_found);
}

TEST(steps, a_campaign_says_what_is_missing_in_the_order_of_the_steps) {
  host h;
  auto without_agent = sender_at(nowhere);
  without_agent.agent = "";
  const auto sender = must(h->put_sender(without_agent));
  const auto words = must(h->put_template(template_json()));
  const auto campaign = must(h->create_campaign({.name = "spring"}));
  const auto steps = [&] {
    std::string list;
    for (const auto& m : must(h->missing(campaign))) list += std::string(name(m.step)) + " ";
    return list;
  };
  EXPECT_EQ(steps(), "content content audience ");
  EXPECT_EQ(code_of(h->import_csv_text(campaign, csv(1))), errc::wrong_state) << "its columns are not known yet";
  EXPECT_EQ(code_of(h->start(campaign)), errc::wrong_state);
  EXPECT_EQ(must(h->status(campaign)).sender, "");
  must(h->edit(campaign, {.name = "spring", .sender = sender, .content = words}));
  EXPECT_EQ(steps(), "audience settings ");
  must(h->import_csv_text(campaign, csv(1)));
  EXPECT_EQ(steps(), "settings ");
  const auto why = refused(h->start(campaign));
  EXPECT_EQ(why.code, errc::wrong_state);
  EXPECT_NE(why.message.find("primary agent"), std::string::npos) << why.message;
  EXPECT_NE(why.message.find("`agent`"), std::string::npos) << why.message;
  must(h->edit(campaign, {.name = "spring", .sender = sender, .content = words, .agent = "ana", .reply_to = "desk"}));
  EXPECT_EQ(steps(), "");
  must(h->start(campaign));
  const auto status = must(h->status(campaign));
  EXPECT_EQ(status.agent + " " + status.reply_to, "ana desk");
}

TEST(steps, an_edit_that_does_not_fit_is_refused_and_changes_nothing) {
  world w;
  const auto campaign = w.draft(1);
  EXPECT_EQ(code_of(w->edit(campaign, {.name = ""})), errc::invalid_argument);
  EXPECT_EQ(code_of(w->edit(campaign, {.name = "x", .sender = {99}})), errc::not_found);
  EXPECT_EQ(code_of(w->edit(campaign, {.name = "x", .sender = w.sender, .content = {99}})), errc::not_found);
  EXPECT_EQ(code_of(w->edit({999}, {.name = "x"})), errc::not_found);
  EXPECT_EQ(must(w->status(campaign)).name, "spring");
  EXPECT_EQ(must(w->status(campaign)).sender, "shop");
}

TEST(campaigns, are_listed_by_state_agent_name_and_page) {
  world w;
  const auto make = [&](const std::string& name, const std::string& agent) {
    return must(w->create_campaign({.name = name, .sender = w.sender, .content = w.words, .agent = agent}));
  };
  const auto one = make("Spring sale", "ben");
  const auto two = make("Summer sale", "cleo");
  must(w->import_csv_text(two, csv(1)));
  must(w->start(two));
  const auto names = [&](const campaign_filter& f) {
    std::string all;
    for (const auto& c : must(w->list(f))) all += c.name + "|";
    return all;
  };
  EXPECT_EQ(names({.name = "SALE"}), "Spring sale|Summer sale|");
  EXPECT_EQ(names({.agent = "ben"}), "Spring sale|");
  EXPECT_EQ(names({.state = sending}), "Summer sale|");
  EXPECT_EQ(names({.name = "sale", .after = one}), "Summer sale|");
  EXPECT_EQ(names({.name = "sale", .limit = 1}), "Spring sale|");
  EXPECT_EQ(names({.created_from_ms = must(w->status(two)).created_at_ms + 1'000'000}), "");
  const std::vector<std::string> to{number(77)};
  must(w->test_send(w.draft(1), to));
  EXPECT_EQ(names({.name = "test of"}), "");
  EXPECT_EQ(names({.name = "test of", .tests = true}), "test of spring|");
}

}  // namespace
}  // namespace bulkmsg::testing
