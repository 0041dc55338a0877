#include "bulkmsg/pacing/permit.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bulkmsg/pacing/presets.hpp"
#include "reference.hpp"

namespace bulkmsg::pacing {
namespace {

permits make(std::string_view text, int inbound_share_percent = 0) {
  return permits(parse_limits(text).value(), inbound_share_percent);
}

void expect_kept(const permits& p, const std::vector<nanoseconds_t>& takes) {
  for (const limit& l : p.limits()) {
    if (l.kind == limit_kind::rate) {
      EXPECT_FALSE(reference::overrun(takes, l.count, l.window).has_value()) << to_string(l);
    } else if (l.kind == limit_kind::batch) {
      EXPECT_LE(reference::largest_batch(takes, l.window), l.count) << to_string(l);
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
  permits p = make("100/1h; 100/batch,2h", 35);
  int granted = 0;
  while (p.take(0).granted) ++granted;
  EXPECT_EQ(granted, 65);
  EXPECT_EQ(p.limits()[0].count, 100) << "shown as configured";
  permits tiny = make("1/1h", 90);
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

// Every preset and some mixtures: greedy and dawdling senders, releases and refunds, a clock that jumps.
TEST(permit, no_limit_of_any_mixture_is_ever_exceeded) {
  std::vector<std::string> mixtures = {"80/s; 1000/m; in-flight=7", "3/s; 10/batch,2s; 100/24h",
                                       "1000/s; 100/250ms; 500/batch,10s", "100000/24h; 20000/h; 1000/s"};
  for (const preset& one : presets) mixtures.emplace_back(one.limits);
  for (const std::string& text : mixtures) {
    for (int seed = 1; seed <= 3; ++seed) {
      std::mt19937_64 random(static_cast<std::uint64_t>(seed));
      permits p = make(text);
      std::vector<nanoseconds_t> takes;
      nanoseconds_t now = second;
      nanoseconds_t latest = now;
      std::uint64_t open = 0;
      for (int i = 0; i < 200'000; ++i) {
        latest = std::max(latest, now);
        const decision d = p.take(now);
        if (d.granted) {
          if (random() % 10 == 0 && latest == now) {
            p.refund(now);
          } else {
            takes.push_back(latest);
            ++open;
          }
        } else if (d.next == only_by_release) {
          ASSERT_GT(open, 0u);
          --open;
          p.release();
        } else {
          ASSERT_GT(d.next, now);
          now = random() % 5 == 0 ? d.next + static_cast<nanoseconds_t>(random() % (50 * millisecond)) : d.next;
        }
        if (random() % 3 == 0) now += static_cast<nanoseconds_t>(random() % (20 * millisecond));
        if (random() % 1'000 == 0) now -= static_cast<nanoseconds_t>(random() % (5 * second));
        if (open > 0 && random() % 2 == 0) --open, p.release();
      }
      expect_kept(p, takes);
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
       }) {
    permits p = make(e.limits);
    const auto end = static_cast<nanoseconds_t>(e.seconds * static_cast<double>(second));
    double granted = 0;
    double wake_ups = 0;
    for (nanoseconds_t now = 0; now < end;) {
      const decision d = p.take(now);
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
