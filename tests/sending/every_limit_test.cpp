// Every kind of limit in the shipped sender, judged by every window of what arrived, over restarts and crashes.
#include <absl/time/time.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "pacing/reference.hpp"
#include "pacing_world.hpp"

namespace bulkmsg::testing {
namespace {

namespace reference = pacing::reference;
constexpr nanoseconds_t minute = 60 * second;
constexpr nanoseconds_t hour = 60 * minute;

reference::message person_of(const arrival& a) { return {a.at, std::hash<std::string>()(a.to)}; }

std::vector<reference::message> people(const pacing_world& w) {
  std::vector<reference::message> all;
  for (const auto& a : w.books.arrivals) all.push_back(person_of(a));
  return all;
}

// The most on one day of a zone.
std::int64_t most_on_a_day(const pacing_world& w, const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
  const auto offset = w.time.wall() - w.time.now();
  std::map<absl::CivilDay, std::int64_t> days;
  std::int64_t most = 0;
  for (const auto at : w.times())
    most = std::max(most, ++days[absl::ToCivilDay(absl::FromUnixNanos(at + offset), zone)]);
  return most;
}

TEST(every_limit, a_daily_budget_ends_with_the_day_in_the_senders_zone_and_survives_a_restart) {
  pacing_world w({{"1000/day; 50/s", "", "Europe/Berlin"}}, {{.count = 2500}});
  w.open();
  w.run(w.time.now() + hour, 700);
  w.crash();
  w.open();
  w.run_for(6 * hour);
  // What the crash left unconfirmed counts as sent, and some of it was not.
  const auto first_day = w.books.arrivals.size();
  EXPECT_LE(first_day, 1000u);
  EXPECT_GE(first_day, 980u) << "the rest of the day's budget goes after a restart";
  w.run_for(72 * hour);
  EXPECT_EQ(w.count(0).queued(), 0);
  EXPECT_EQ(most_on_a_day(w, "Europe/Berlin"), 1000);
  const auto offset = w.time.wall() - w.time.now();
  const auto next = w.books.arrivals[first_day].at + offset;
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  const auto midnight = absl::ToUnixNanos(absl::FromCivil(absl::ToCivilDay(absl::FromUnixNanos(next), berlin), berlin));
  EXPECT_GE(next, midnight);
  EXPECT_LE(next - midnight, 200 * millisecond) << "the new day begins at once";
}

TEST(every_limit, different_recipients_use_the_whole_limit_and_never_more) {
  pacing_world w({{"200 recipients/1h; in-flight=8"}}, {{.count = 1000}});
  w.open();
  w.run_for(24 * hour);
  ASSERT_EQ(w.books.arrivals.size(), 1000u);
  EXPECT_EQ(reference::most_recipients_in_a_window(people(w), hour), 200);
  const auto took = w.books.arrivals.back().at - w.books.arrivals.front().at;
  EXPECT_LE(static_cast<double>(took), 4.0 * hour * 1.01) << "less than 99 % of the limit is used";
  EXPECT_LE(w.timers, 1000 * 12) << "it polls";
  w.expect_nobody_twice();
}

TEST(every_limit, who_is_in_the_count_goes_on_while_there_is_no_room_for_others) {
  // The second campaign is to 20 new people and to 80 whom the first one wrote to.
  pacing_world w({{"100 recipients/1h"}}, {{.count = 100}, {.count = 100, .first_person = 20}});
  w.open({0});
  w.run_for(minute);
  ASSERT_EQ(w.books.arrivals.size(), 100u);
  w.begin(1);
  w.run_for(5 * minute);
  EXPECT_EQ(w.times(1).size(), 80u);
  w.run_for(3 * hour);
  EXPECT_EQ(w.times(1).size(), 100u);
  EXPECT_LE(reference::most_recipients_in_a_window(people(w), hour), 100);
}

TEST(every_limit, an_open_conversation_takes_no_place) {
  pacing_world w({{"50 recipients/1h"}}, {{.count = 100}});
  w.open({});
  w.crash();
  const auto now = std::to_string(w.time.wall() / millisecond - 1000);
  for (int i = 50; i < 100; ++i) {
    w.edit("INSERT INTO conversations(phone_number_id, person, address, began_at_ms, last_inbound_ms) VALUES ('1', " +
           std::to_string(store::person_key(world::number(i))) + ", '" + world::number(i) + "', " + now + ", " + now +
           ")");
  }
  w.open();
  w.run_for(5 * minute);
  EXPECT_EQ(w.books.arrivals.size(), 100u);
}

TEST(every_limit, a_proved_refusal_gives_its_place_back_also_after_a_restart) {
  pacing_world w({{"50 recipients/1h"}}, {{.count = 130}});
  w.books.script = [](const arrival& a, std::size_t) {
    return a.key.message.sequence < 40 ? refuse(131026) : accept();
  };
  w.open();
  w.run_for(minute);
  EXPECT_EQ(w.count(0).failed, 40);
  EXPECT_EQ(w.count(0).sent, 50);
  w.crash();
  w.open();
  w.run_for(30 * minute);
  EXPECT_EQ(w.count(0).sent, 50);
  w.run_for(2 * hour);
  EXPECT_EQ(w.count(0).sent, 90);
  std::vector<reference::message> reached;
  for (const auto& a : w.books.arrivals) {
    if (w.books.accepted.count(a.to) > 0) reached.push_back(person_of(a));
  }
  EXPECT_LE(reference::most_recipients_in_a_window(reached, hour), 50);
}

TEST(every_limit, a_crash_within_the_same_millisecond_frees_no_place_early) {
  pacing_world w({{"1 recipients/1m"}}, {{.count = 2}});
  w.time.advance(900 * microsecond);
  w.open();
  while (w.books.arrivals.empty()) w.run_for(10 * microsecond);
  w.crash();
  w.open();
  w.run_for(3 * minute);
  ASSERT_EQ(w.books.arrivals.size(), 2u);
  EXPECT_GE(w.books.arrivals[1].at - w.books.arrivals[0].at, minute);
}

TEST(every_limit, a_place_that_comes_back_while_all_wait_is_taken_at_once) {
  const sender_spec one{"50 recipients/1h", "acme"};
  pacing_world w({one, one}, {{.count = 90}, {.count = 10, .first_person = 200, .sender = 1}}, 64);
  w.books.script = [](const arrival&, std::size_t nth) {
    auto v = nth < 50 ? refuse(131026) : accept();
    v.latency = second;
    return v;
  };
  w.open();
  w.run_for(minute);
  EXPECT_EQ(w.books.arrivals.size(), 100u);
  EXPECT_EQ(w.count(0).sent + w.count(1).sent, 50);
}

TEST(every_limit, senders_of_one_portfolio_share_their_recipients) {
  const sender_spec one{"100 recipients/1h; 50/s", "acme"};
  pacing_world w({one, one, {"100 recipients/1h"}}, {{.count = 150},
                                                     {.count = 150, .first_person = 200, .sender = 1},
                                                     {.count = 100, .first_person = 400, .sender = 2}});
  w.open();
  w.run_for(10 * minute);
  EXPECT_EQ(w.times(0).size() + w.times(1).size(), 100u);
  EXPECT_EQ(w.times(2).size(), 100u) << "who is in no portfolio has a limit of its own";
  w.crash();
  w.open();
  w.run_for(10 * minute);
  EXPECT_EQ(w.times(0).size() + w.times(1).size(), 100u) << "a restart frees nothing";
  w.run_for(4 * hour);
  EXPECT_EQ(w.books.arrivals.size(), 400u);
  std::vector<reference::message> shared;
  for (const auto& a : w.books.arrivals) {
    if (a.key.campaign != 3) shared.push_back(person_of(a));
  }
  EXPECT_EQ(reference::most_recipients_in_a_window(shared, hour), 100);
}

TEST(every_limit, a_share_for_what_comes_in_is_left_of_every_rate) {
  pacing_world w({{"80/s; inbound=25%"}}, {{.count = 1800}});
  w.open();
  w.run_for(hour);
  ASSERT_EQ(w.books.arrivals.size(), 1800u);
  EXPECT_EQ(reference::most_in_a_window(w.times(), second), 60);
  EXPECT_LE(w.books.arrivals.back().at - w.books.arrivals.front().at, 30 * second * 101 / 100);
}

// All kinds at once, two campaigns to overlapping people, lives that end anywhere. BULKMSG_SEEDS=n looks at more.
TEST(every_limit, no_window_of_any_limit_is_overrun_whatever_happens) {
  const char* wanted = std::getenv("BULKMSG_SEEDS");
  const unsigned seeds = wanted ? static_cast<unsigned>(std::atoi(wanted)) : 24;
  const char* const limits[] = {"100 recipients/10m; 30/s",
                                "70/day; in-flight=5",
                                "40/batch,30s; 90 recipients/30m",
                                "20/s; 60/1m; inbound=20%",
                                "1/20s per recipient,burst=1; 120 recipients/1h",
                                "50/5m; 100/day; 80 recipients/20m"};
  for (unsigned seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    const std::string text = limits[seed % std::size(limits)];
    pacing_world w({{text}}, {{.count = 120}, {.count = 90, .first_person = 60, .share = {.weight = 3}}},
                   2 + static_cast<int>(dice() % 7));
    std::vector<reference::message> not_refused;
    const auto moods = [seed](const arrival& a, std::size_t nth) {
      std::mt19937 mood(seed * 977u + static_cast<unsigned>(nth) * 31u + a.key.message.sequence);
      switch (mood() % 14) {
        case 0:
          return refuse(131026);
        case 1:
          return refuse(131000, 500);
        case 2:
          return lose(mood() % 2 == 0);
        case 3:
          return (nth + a.key.message.sequence) % 3 == 0 ? accept() : lose(true);
        default:
          return accept(static_cast<nanoseconds_t>(mood() % 60) * millisecond);
      }
    };
    w.books.script = [&, calls = seed](const arrival& a, std::size_t nth) mutable {
      if (++calls % 11 == 0) return unsent();
      const auto v = moods(a, nth);
      if (v.fate != net::fate::answered || v.status == 200) not_refused.push_back(person_of(a));
      return v;
    };
    w.open();
    for (int turns = static_cast<int>(dice() % 10); turns > 0; --turns) {
      w.run(w.time.now() + 24 * hour, static_cast<int>(dice() % 260));
      if (dice() % 2 == 0) w.time.advance(static_cast<nanoseconds_t>(dice() % 900) * second);
      w.crash();
      w.open();
    }
    w.run_for(200 * hour);
    EXPECT_EQ(w.count(0).queued() + w.count(1).queued(), 0);
    const auto all = pacing::parse_limits(text);
    for (const auto& l : *all) {
      SCOPED_TRACE(pacing::to_string(l));
      if (l.kind == pacing::limit_kind::rate) {
        EXPECT_LE(reference::most_in_a_window(w.times(), l.window), l.count);
      } else if (l.kind == pacing::limit_kind::daily) {
        EXPECT_LE(most_on_a_day(w, "UTC"), l.count);
      } else if (l.kind == pacing::limit_kind::batch) {
        EXPECT_LE(reference::largest_batch(w.times(), l.window), l.count);
      } else if (l.kind == pacing::limit_kind::per_recipient) {
        EXPECT_FALSE(reference::pair_overrun(people(w), l));
      } else if (l.kind == pacing::limit_kind::recipients) {
        EXPECT_LE(reference::most_recipients_in_a_window(not_refused, l.window), l.count);
      }
    }
    w.expect_nobody_twice();
  }
}

}  // namespace
}  // namespace bulkmsg::testing
