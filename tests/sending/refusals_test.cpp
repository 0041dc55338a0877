// What the sender does about a provider's refusals: for the message, its recipient, its campaign, everybody.
#include <algorithm>

#include "pacing/reference.hpp"
#include "pacing_world.hpp"
#include "store/pauses.hpp"

namespace bulkmsg::testing {
namespace {

namespace reference = pacing::reference;
constexpr nanoseconds_t minute = 60 * second;
constexpr nanoseconds_t hour = 60 * minute;

TEST(refusals, a_throttled_sender_finds_the_pace_that_is_taken) {
  // We believe in 80 a second, the provider in 40.
  pacing_world w({{"80/s"}}, {{.count = 6000}}, 32);
  std::size_t refused = 0;
  std::vector<nanoseconds_t> taken;
  w.books.script = [&](const arrival& a, std::size_t) {
    const auto last_second = std::count_if(taken.end() - std::min<std::ptrdiff_t>(41, std::ssize(taken)), taken.end(),
                                           [&](nanoseconds_t t) { return t + second > a.at; });
    if (last_second >= 40) {
      ++refused;
      return refuse(130429);
    }
    taken.push_back(a.at);
    return accept();
  };
  w.open();
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent, 6000);
  EXPECT_EQ(w.count(0).failed, 0);
  EXPECT_LT(refused, 600u) << "it hammers";
  EXPECT_LT(taken.back() - taken.front(), 300 * second) << "it crawls";
  w.expect_nobody_twice();
}

TEST(refusals, retry_after_is_obeyed_by_all) {
  pacing_world w({{"50/s"}}, {{.count = 500}, {.count = 500, .first_person = 500}});
  w.books.script = [](const arrival&, std::size_t nth) {
    auto v = nth == 200 ? refuse(130429, 429) : accept();
    if (nth == 200) v.retry_after = 30 * second;
    return v;
  };
  w.open();
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent + w.count(1).sent, 1000);
  const auto told = w.books.arrivals[200].at + 20 * millisecond;
  for (const auto at : w.times()) EXPECT_FALSE(at > told && at < told + 30 * second) << at;
}

TEST(refusals, a_recipient_who_gets_too_much_waits_four_times_longer_each_time_and_nobody_else_waits) {
  pacing_world w({{"100/s"}}, {{.count = 300}});
  std::vector<nanoseconds_t> tries;
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.to != world::number(7)) return accept();
    tries.push_back(a.at);
    return tries.size() < 5 ? refuse(131056) : accept();
  };
  w.open();
  w.run_for(5 * second);
  EXPECT_EQ(w.count(0).sent, 299);
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent, 300);
  ASSERT_EQ(tries.size(), 5u);
  for (int x = 0; x < 4; ++x) {
    const auto waited = tries[static_cast<std::size_t>(x) + 1] - tries[static_cast<std::size_t>(x)];
    EXPECT_GE(waited, second << (2 * x));
    EXPECT_LE(waited, (second << (2 * x)) + 500 * millisecond);
  }
}

TEST(refusals, a_number_in_maintenance_is_left_alone_for_a_minute_and_goes_on_by_itself) {
  pacing_world w({{"100/s"}}, {{.count = 500}, {.count = 500, .first_person = 500}});
  nanoseconds_t since = 0;
  w.books.script = [&](const arrival& a, std::size_t nth) {
    if (nth == 300) since = a.at;
    return since != 0 && a.at < since + second ? refuse(131057, 500) : accept();
  };
  w.open();
  w.run_for(30 * second);
  EXPECT_EQ(w.told().size(), 1u) << "told once, however many were in flight";
  EXPECT_TRUE(w.told()[0].starts_with("pause 0 until ")) << w.told()[0];
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent + w.count(1).sent, 1000);
  for (const auto at : w.times()) EXPECT_FALSE(at > since + 50 * millisecond && at < since + minute) << at - since;
}

TEST(refusals, a_template_that_is_being_synced_holds_its_campaign_only) {
  pacing_world w({{"100/s"}}, {{.count = 500}, {.count = 500, .first_person = 500}});
  nanoseconds_t since = 0;
  w.books.script = [&](const arrival& a, std::size_t) {
    if (a.key.campaign != 1) return accept();
    if (since == 0) since = a.at;
    return a.at < since + 5 * minute ? refuse(134101) : accept();
  };
  w.open();
  w.run_for(30 * second);
  EXPECT_EQ(w.count(0).sent, 0);
  EXPECT_EQ(w.count(1).sent, 500);
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent, 500);
}

TEST(refusals, a_pause_is_not_told_of_what_waits_for_people_already) {
  pacing_world w({{"100/s"}}, {{.count = 100}});
  w.books.script = [&](const arrival&, std::size_t nth) {
    auto v = refuse(134101);
    if (nth == 0) w.sender(0).pause({1}, store::until_resumed_ms);  // as when this sender is held for the campaign
    return v;
  };
  w.open();
  w.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 1u);
  EXPECT_TRUE(w.told().empty()) << w.told()[0];
}

TEST(refusals, a_pause_can_be_ended_by_people) {
  pacing_world w({{"100/s"}}, {{.count = 100}});
  w.books.script = [](const arrival&, std::size_t nth) { return nth == 10 ? refuse(131048) : accept(); };
  w.open();
  w.run_for(hour);
  EXPECT_LT(w.books.arrivals.size(), 40u);
  w.sender(0).lift_pauses({1});
  w.run_for(minute);
  EXPECT_EQ(w.count(0).sent, 100);
}

TEST(refusals, a_deferred_message_is_tried_again_after_a_day_and_at_most_twice) {
  pacing_world w({{"100/s"}}, {{.count = 50}});
  std::map<std::string, std::vector<nanoseconds_t>> tries;
  w.books.script = [&](const arrival& a, std::size_t) {
    auto& mine = tries[a.to];
    mine.push_back(a.at);
    if (a.to == world::number(3)) return refuse(131049);
    return a.to == world::number(4) && mine.size() < 3 ? refuse(131049) : accept();
  };
  w.open();
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent, 48);
  EXPECT_EQ(w.count(0).failed, 0);
  w.crash();
  w.open();
  w.run_for(80 * hour);
  EXPECT_EQ(w.count(0).sent, 49);
  EXPECT_EQ(w.count(0).failed, 1);
  for (const int who : {3, 4}) {
    const auto& mine = tries[world::number(who)];
    ASSERT_EQ(mine.size(), 3u);
    for (int i : {0, 1}) {
      const auto waited = mine[static_cast<std::size_t>(i) + 1] - mine[static_cast<std::size_t>(i)];
      EXPECT_GE(waited, 24 * hour);
      EXPECT_LE(waited, 24 * hour + minute);
    }
  }
}

TEST(refusals, when_most_messages_fail_the_campaign_stops_for_people_to_look) {
  pacing_world w({{"100/s"}}, {{.count = 5000}, {.count = 2000, .first_person = 5000}});
  w.books.script = [](const arrival& a, std::size_t nth) {
    return a.key.campaign == 1 && nth % 4 != 0 ? refuse(131008) : accept();
  };
  w.open();
  w.run_for(hour);
  EXPECT_LT(w.count(0).failed, 250);
  EXPECT_EQ(w.count(1).sent, 2000) << "the other one has nothing to do with it";
  const auto brake =
      std::find_if(w.told().begin(), w.told().end(), [](const auto& t) { return t.starts_with("brake"); });
  ASSERT_NE(brake, w.told().end());
  EXPECT_NE(brake->find("brake 1: 50 % or more"), std::string::npos) << *brake;
  EXPECT_NE(brake->find("131008"), std::string::npos) << *brake;
  // Somebody looked: it goes on, and would stop again.
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  w.sender(0).release({1});
  w.run_for(hour);
  EXPECT_EQ(w.count(0).queued(), 0);
}

// What all messages have in common is refused for all: nobody is burnt, and whoever was refused comes again.
void expect_refused_once_and_sent_after_all(pacing_world& w, int code, const std::string& what_to_do) {
  w.books.script = [=](const arrival&, std::size_t) { return refuse(code); };
  w.run_for(hour);
  EXPECT_LE(w.books.arrivals.size(), 8u) << "what was in flight";
  EXPECT_EQ(w.count(0).failed, 0);
  ASSERT_FALSE(w.told().empty());
  EXPECT_TRUE(w.told()[0].starts_with("brake 1: the provider refused")) << w.told()[0];
  EXPECT_NE(w.told()[0].find(what_to_do), std::string::npos) << w.told()[0];
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  w.sender(0).release({1});
  w.run_for(hour);
  EXPECT_EQ(w.count(0).sent, 500);
  w.expect_nobody_twice();
}

std::shared_ptr<const content::compiled_message> with_picture(const std::string& from) {
  const auto message = content::parse_template_json(
      R"({"name":"p","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
      R"({"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Look!"}]})");
  content::mapping map;
  static_cast<void>(map.add("header.media", from));
  const std::vector<std::string> columns{"param1"};
  return std::make_shared<const content::compiled_message>(*channels::compile_whatsapp(*message, columns, map));
}

TEST(refusals, a_template_that_takes_other_parameters_pauses_the_campaign_and_burns_nobody) {
  pacing_world w({{"100/s"}}, {{.count = 500}});
  w.open();
  expect_refused_once_and_sent_after_all(w, 132000, "fetch the templates");
}

TEST(refusals, a_file_that_everybody_gets_pauses_the_campaign_and_burns_nobody) {
  pacing_world w({{"100/s"}}, {{.count = 500}});
  w.open();
  w.sender(0).set_content({1}, with_picture("\"https://example.com/p.jpg\""));
  expect_refused_once_and_sent_after_all(w, 131053, "the same file");
}

TEST(refusals, a_file_of_one_recipient_fails_that_message_only) {
  pacing_world w({{"100/s"}}, {{.count = 500}});
  w.open();
  w.sender(0).set_content({1}, with_picture("param1"));
  w.books.script = [](const arrival& a, std::size_t) { return a.to == world::number(3) ? refuse(131053) : accept(); };
  w.run_for(hour);
  EXPECT_EQ(w.count(0).failed, 1);
  EXPECT_EQ(w.count(0).sent, 499);
}

TEST(refusals, some_failures_stop_nobody) {
  pacing_world w({{"100/s"}}, {{.count = 5000}});
  w.books.script = [](const arrival&, std::size_t nth) { return nth % 4 == 0 ? refuse(131026) : accept(); };
  w.open();
  w.run_for(hour);
  EXPECT_EQ(w.count(0).queued(), 0);
  EXPECT_EQ(w.told(), std::vector<std::string>{"idle 1"});
}

TEST(refusals, a_dead_token_stops_the_account) {
  pacing_world w({{"100/s"}}, {{.count = 100}});
  w.books.script = [](const arrival&, std::size_t) { return refuse(190, 401); };
  w.open();
  w.run_for(minute);
  ASSERT_GE(w.told().size(), 1u);
  EXPECT_TRUE(w.told()[0].starts_with("account: the provider refused")) << w.told()[0];
  EXPECT_EQ(w.count(0).failed, 0);
}

}  // namespace
}  // namespace bulkmsg::testing
