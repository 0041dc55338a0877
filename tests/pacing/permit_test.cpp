#include "bulkmsg/pacing/permit.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/pacing/presets.hpp"
#include "bulkmsg/pacing/waiting_recipients.hpp"
#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

permits make(std::string_view text) { return permits(parse_limits(text).value()); }

void expect_kept(const permits& p, const std::vector<nanoseconds_t>& takes,
                 const std::vector<reference::message>& sent = {}) {
  for (const limit& l : p.limits()) {
    if (l.kind == limit_kind::rate) {
      EXPECT_FALSE(reference::overrun(takes, l.count, l.window).has_value()) << to_string(l);
    } else if (l.kind == limit_kind::batch) {
      EXPECT_LE(reference::largest_batch(takes, l.window), l.count) << to_string(l);
    } else if (l.kind == limit_kind::recipients) {
      EXPECT_LE(reference::most_recipients_in_a_window(sent, l.window), l.count) << to_string(l);
    } else if (l.kind == limit_kind::per_recipient) {
      EXPECT_FALSE(reference::pair_overrun(sent, l).has_value()) << to_string(l);
    } else if (l.kind == limit_kind::daily) {
      EXPECT_LE(reference::most_on_a_day(takes), l.count) << to_string(l);
    }
  }
}

TEST(permit, a_refusal_takes_nothing_from_any_limit) {
  permits p = make("1/10m; 5/batch,1h; in-flight=5");
  EXPECT_TRUE(p.take(0).granted);
  for (int i = 0; i < 100; ++i) {
    const decision d = p.take(i);
    EXPECT_FALSE(d.granted);
    EXPECT_EQ(d.next, 600 * second);
    EXPECT_EQ(to_string(*d.by), "1/10m");
  }
  EXPECT_EQ(p.in_flight_count(), 1);
  EXPECT_EQ(p.batch(0).taken, 1);
}

TEST(permit, a_full_flight_waits_for_a_release_only) {
  permits p = make("in-flight=2");
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_TRUE(p.take(0).granted);
  const decision d = p.take(0);
  EXPECT_FALSE(d.granted);
  EXPECT_EQ(d.next, only_by_release);
  EXPECT_EQ(d.by->kind, limit_kind::in_flight);
  p.release();
  EXPECT_TRUE(p.take(0).granted);
}

TEST(permit, the_next_time_is_that_of_the_slowest) {
  permits p = make("2/1h; 2/batch,2h");
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_EQ(p.take(0).next, 2 * 3'600 * second);
  EXPECT_EQ(p.take(0).by->kind, limit_kind::batch);
  EXPECT_FALSE(p.take(2 * 3'600 * second - 1).granted);
  EXPECT_TRUE(p.take(2 * 3'600 * second).granted);
}

TEST(permit, no_limits_grant_everything) {
  permits p{std::vector<limit>{}};
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(p.take(0).granted);
  EXPECT_EQ(p.allowed_until(0, 1), std::numeric_limits<std::uint64_t>::max());
}

TEST(permit, a_recipient_that_must_wait_holds_up_nobody_else) {
  permits p = make("1/6s per recipient,burst=1; 1000/h");
  EXPECT_TRUE(p.take(0, 11).granted);
  const decision d = p.take(0, 11);
  EXPECT_FALSE(d.granted);
  EXPECT_EQ(d.by->kind, limit_kind::per_recipient);
  EXPECT_EQ(d.next, 6 * second);
  EXPECT_TRUE(p.take(0, 12).granted);
  EXPECT_TRUE(p.take(0).granted) << "no recipient named";
  p.refund(0, 12);
  EXPECT_TRUE(p.take(0, 12).granted);
}

TEST(permit, the_inbound_share_scales_rates_only) {
  permits p = make("100/1h; 100/batch,2h; inbound=35%");
  int granted = 0;
  while (p.take(0).granted) ++granted;
  EXPECT_EQ(granted, 65);
  EXPECT_EQ(p.limits()[0].count, 100) << "shown as configured";
  permits tiny = make("1/1h; inbound=90%");
  EXPECT_TRUE(tiny.take(0).granted) << "never scaled to nothing";
}

TEST(permit, a_refund_undoes_a_take_everywhere) {
  permits p = make("1/10m; 1/batch,1h; in-flight=1");
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(p.take(i).granted);
    EXPECT_FALSE(p.take(i).granted);
    p.refund(i);
  }
}

TEST(permit, moved_it_still_names_its_limits) {
  permits a = make("1/1h");
  EXPECT_TRUE(a.take(0).granted);
  permits b = std::move(a);
  EXPECT_EQ(to_string(*b.take(0).by), "1/h");
  EXPECT_EQ(b.take(0).by, b.limits().data());
}

TEST(permit, check_answers_as_take_would) {
  permits p = make("2/1h");
  EXPECT_TRUE(p.check(0).granted);
  EXPECT_TRUE(p.check(0).granted);
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_FALSE(p.check(0).granted);
  EXPECT_EQ(p.check(0).next, 3'600 * second);
}

TEST(permit, the_latest_time_seen_counts_even_if_it_was_a_refusal) {
  const nanoseconds_t hour = 3'600 * second;
  permits p = make("in-flight=1; 1/1h");
  EXPECT_TRUE(p.take(0).granted);
  EXPECT_FALSE(p.take(2 * hour).granted);
  p.release();
  EXPECT_TRUE(p.take(hour).granted) << "the clock went back";
  p.release();
  EXPECT_EQ(p.take(2 * hour + second).next, 3 * hour);
}

// Every preset and some mixtures: greedy and dawdling senders, releases, refunds and proved refusals, recipients that
// come back, a clock that jumps.
TEST(permit, no_limit_of_any_mixture_is_ever_exceeded) {
  std::vector<std::string> mixtures = {"80/s; 1000/m; in-flight=7",
                                       "3/s; 10/batch,2s; 100/24h",
                                       "1000/s; 100/250ms; 500/batch,10s",
                                       "100000/24h; 20000/h; 1000/s",
                                       "200/s; 300 recipients/m; 1/6s per recipient,burst=3",
                                       "1000/s; 5000/day; 4000 recipients/h",
                                       "1/2s per recipient; 100 recipients/10s; 50/s; inbound=20%"};
  for (const preset& one : presets) mixtures.emplace_back(one.limits);
  for (const std::string& text : mixtures) {
    for (int seed = 1; seed <= 3; ++seed) {
      std::mt19937_64 random(static_cast<std::uint64_t>(seed));
      permits p = make(text);
      std::vector<nanoseconds_t> takes;
      std::vector<reference::message> sent;  // and not refused
      nanoseconds_t now = second;
      nanoseconds_t latest = now;
      std::uint64_t open = 0;
      for (int i = 0; i < 200'000; ++i) {
        latest = std::max(latest, now);
        const addressee to(1 + random() % (random() % 2 == 0 ? 500 : 1'000'000), random() % 20 == 0);
        const decision d = p.take(now, to);
        if (d.granted) {
          if (random() % 10 == 0 && latest == now) {
            p.refund(now, to);
          } else {
            takes.push_back(latest);
            if (random() % 20 == 0) {
              p.refused(latest, to);
            } else {
              // An open conversation is its own pair's business only.
              if (!to.conversation_open) sent.push_back({latest, to.key});
              ++open;
            }
          }
        } else if (d.next == only_by_release) {
          ASSERT_GT(open, 0u);
          --open;
          p.release();
        } else if (!d.this_recipient) {
          ASSERT_GT(d.next, now);
          now = random() % 5 == 0 ? d.next + static_cast<nanoseconds_t>(random() % (50 * millisecond)) : d.next;
        }
        if (random() % 3 == 0) now += static_cast<nanoseconds_t>(random() % (20 * millisecond));
        if (random() % 1'000 == 0) now -= static_cast<nanoseconds_t>(random() % (5 * second));
        if (open > 0 && random() % 2 == 0) --open, p.release();
      }
      expect_kept(p, takes, sent);
      ASSERT_FALSE(HasFailure()) << text << " seed " << seed;
    }
  }
}

TEST(permit, saturated_it_uses_the_tightest_limit) {
  struct expectation {
    const char* limits;
    double seconds;
    double messages;
  };
  for (const expectation& e : {
           expectation{"80/s; in-flight=200", 100, 80 * 100},
           expectation{"1000/s; 100000/24h", 99, 99'000},
           expectation{"256/s; 100000/24h", 10 * 86'400.0, 10 * 100'000},
           // 500 at 50/s take 9.98 s (the first two go together: 9.96), then 10 s pass.
           expectation{"50/s; 500/batch,10s", 2'000, 500 * 2'000 / 19.98},
           expectation{"1000/s; 100/250ms; 1000/batch,1s", 1'000, 1'000 * 1'000 / 3.5},
           expectation{"80/s; inbound=20%", 1'000, 64 * 1'000},
           expectation{"1000/s; 2000 recipients/24h", 20 * 86'400.0, 20 * 2'000},
           expectation{"1000/s; 5000/day", 20 * 86'400.0, 20 * 5'000},
       }) {
    permits p = make(e.limits);
    const auto end = static_cast<nanoseconds_t>(e.seconds * static_cast<double>(second));
    double granted = 0;
    double wake_ups = 0;
    std::uint64_t key = 1;
    for (nanoseconds_t now = 0; now < end;) {
      const decision d = p.take(now, key++);
      if (d.granted) {
        ++granted;
        p.release();
      } else {
        ++wake_ups;
        now = d.next;
      }
    }
    EXPECT_GE(granted, 0.99 * e.messages) << e.limits;
    EXPECT_LE(wake_ups, granted + 1) << e.limits << ": the next time was not exact";
  }
}

// A few recipients with many messages each among many with one: who must wait is set aside and asked again when its
// time has come. The others fill the rate, and nobody is asked more often than there are messages and recipients.
TEST(permit, recipients_set_aside_hold_up_nobody_and_wake_when_due) {
  permits p = make("100/s; 1/6s per recipient,burst=2");
  constexpr std::uint64_t few = 40;
  std::vector<std::uint64_t> queue;
  for (std::uint64_t i = 0; i < 60'000; ++i) queue.push_back(i % 10 == 0 ? 1 + i / 10 % few : 1'000 + i);
  waiting_recipients<int> aside(10'000);
  std::vector<reference::message> sent;
  std::size_t asked = 0;
  std::size_t wake_ups = 0;
  nanoseconds_t now = 0;
  nanoseconds_t fresh_done = 0;
  const auto sleep_until = [&](nanoseconds_t t) {
    ++wake_ups;
    now = t;
  };
  for (std::size_t first = 0; first < queue.size() || !aside.empty();) {
    const bool again = aside.next() <= now;
    if (!again && first == queue.size()) {
      sleep_until(aside.next());
      continue;
    }
    const std::uint64_t key = again ? aside.key() : queue[first];
    if (!again && aside.waits(key)) {
      ASSERT_TRUE(aside.push(key, 0, 0));
      ++first;
      continue;
    }
    ++asked;
    const decision d = p.take(now, key);
    if (d.granted) {
      sent.push_back({now, key});
      if (again) {
        static_cast<void>(aside.pop(p.check(now, key).next));
      } else {
        ++first;
        if (key >= 1'000) fresh_done = now;
      }
    } else if (!d.this_recipient) {
      sleep_until(d.next);
    } else if (again) {
      aside.again(d.next);
    } else {
      ASSERT_TRUE(aside.push(key, d.next, 0));
      ++first;
    }
  }
  ASSERT_EQ(sent.size(), queue.size());
  EXPECT_FALSE(reference::pair_overrun(sent, p.limits()[1]).has_value());
  // 54,000 fresh ones, and in that time what the few may get.
  const double seconds = static_cast<double>(fresh_done) / static_cast<double>(second);
  EXPECT_LE(seconds, 1.01 * (54'000 + few * (2 + seconds / 6)) / 100);
  EXPECT_GT(now, fresh_done) << "the rest of the few takes longer";
  EXPECT_LE(wake_ups, sent.size() + few);
  EXPECT_LE(asked, sent.size() + wake_ups + few);
}

TEST(permit, throttling_slows_this_sender_until_it_has_regained) {
  permits p = make("80/s");
  nanoseconds_t now = 0;
  const auto send_until = [&](nanoseconds_t end) {
    int sent = 0;
    while (now < end) {
      const decision d = p.take(now);
      if (d.granted) {
        ++sent;
      } else {
        EXPECT_TRUE(d.by == nullptr || d.by->kind == limit_kind::rate);
        now = std::min(d.next, end);
      }
    }
    return sent;
  };
  send_until(10 * second);
  EXPECT_TRUE(p.throttled(now - millisecond, now));
  EXPECT_FALSE(p.throttled(now - 2 * millisecond, now)) << "of the same burst";
  EXPECT_NEAR(static_cast<double>(p.slowed_to_per_1000_s(now)), 40'000.0, 1'000.0);
  EXPECT_NEAR(send_until(11 * second), 42, 2);
  send_until(40 * second);
  EXPECT_EQ(p.slowed_to_per_1000_s(now), 0);
  EXPECT_NEAR(send_until(50 * second), 800, 2);
}

TEST(permit, a_recipient_the_provider_refuses_waits_alone) {
  permits p = make("1000/s");
  EXPECT_TRUE(p.take(0, 5).granted);
  EXPECT_EQ(p.pair_throttled(5, 0), second);
  const decision d = p.take(millisecond, 5);
  EXPECT_FALSE(d.granted);
  EXPECT_TRUE(d.this_recipient);
  EXPECT_EQ(d.next, second);
  EXPECT_TRUE(p.take(millisecond, 6).granted);
  p.went_through(5);
  EXPECT_TRUE(p.take(2 * millisecond, 5).granted);
}

TEST(permit, a_daily_budget_follows_the_wall_clock_of_its_zone) {
  absl::TimeZone berlin;
  ASSERT_TRUE(absl::LoadTimeZone("Europe/Berlin", &berlin));
  permits p(parse_limits("2/day").value(), berlin);
  const nanoseconds_t midnight = absl::ToUnixNanos(absl::FromCivil(absl::CivilDay(2026, 11, 22), berlin));
  p.set_wall_offset(midnight - 1'000 * second);
  p.assume(0, 1);
  EXPECT_TRUE(p.take(second).granted);
  EXPECT_EQ(p.take(2 * second).next, 1'000 * second);
  EXPECT_EQ(p.allowed_until(2 * second, 999 * second), 0u);
  p.refund(second);
  EXPECT_TRUE(p.take(3 * second).granted);
  EXPECT_EQ(p.take(4 * second).next, 1'000 * second);
  p.set_wall_offset(midnight - 500 * second);
  EXPECT_EQ(p.take(4 * second).next, 500 * second) << "the clock was set forward";
  EXPECT_TRUE(p.take(500 * second).granted);
}

TEST(permit, reopening_with_stored_state_keeps_every_limit) {
  for (int seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const char* text = "50/s; 30/batch,2s; 200/1h";
    permits p = make(text);
    std::vector<nanoseconds_t> takes;
    nanoseconds_t now = 0;
    for (int life = 0; life < 20; ++life) {
      batch_state stored = p.batch(0);
      std::size_t unstored = takes.size();
      for (std::uint64_t n = random() % 60; n > 0;) {
        const decision d = p.take(now);
        if (d.granted) {
          takes.push_back(now);
          --n;
        } else {
          now = d.next;
        }
        if (random() % 40 == 0) {
          stored = p.batch(0);
          unstored = takes.size();
        }
      }
      now += static_cast<nanoseconds_t>(random() % (3 * second));
      p = make(text);
      // Rates from the takes on record, batches from their state and then what came after it.
      permits again = make(text);
      for (std::size_t i = 0; i < takes.size(); ++i) {
        if (i == unstored) again.restore_batch(0, stored);
        again.assume(takes[i], 1);
      }
      if (unstored == takes.size()) again.restore_batch(0, stored);
      p = std::move(again);
    }
    expect_kept(p, takes);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
}

TEST(permit, the_bound_on_claims_is_that_of_the_tightest) {
  permits p = make("80/s; 1000/24h; in-flight=3");
  EXPECT_EQ(p.allowed_until(0, 100 * millisecond), 10u);  // two at once, then one each 12.5 ms
  p.assume(0, 999);
  EXPECT_EQ(p.allowed_until(2 * second, 3 * second), 1u);
}

}  // namespace
}  // namespace bulkmsg::pacing
