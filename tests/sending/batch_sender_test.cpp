#include "sending/batch_sender.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <random>

#include "store/reports.hpp"
#include "virtual_world.hpp"

namespace bulkmsg::testing {
namespace {

constexpr nanoseconds_t hour = 3600 * second;

// The most arrivals in any half-open window of a second.
std::size_t busiest_second(const std::vector<arrival>& all) {
  std::size_t most = 0;
  for (std::size_t from = 0, to = 0; from < all.size(); ++from) {
    while (to < all.size() && all[to].at < all[from].at + second) ++to;
    most = std::max(most, to - from);
  }
  return most;
}

// The shortest time between two arrivals at one address.
nanoseconds_t shortest_gap(const std::vector<arrival>& all) {
  std::map<std::string, nanoseconds_t> last;
  nanoseconds_t shortest = hour;
  for (const auto& a : all) {
    if (const auto it = last.find(a.to); it != last.end()) shortest = std::min(shortest, a.at - it->second);
    last[a.to] = a.at;
  }
  return shortest;
}

TEST(batch_sender, every_message_is_sent_once) {
  world w(3000);
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_TRUE(p.idle);
  EXPECT_EQ(w.books.accepted.size(), 3000u);
  EXPECT_EQ(p.count().sent, 3000);
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, the_key_names_store_campaign_lane_sequence_and_attempt) {
  world w(3);
  w.open().run_for(hour);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(w.books.arrivals[i].key, (channels::callback_key{7, 1, {1, i}, 1}));
  }
}

TEST(batch_sender, a_rate_limit_is_never_exceeded_and_nearly_used_up) {
  world w(2000, "80/s");
  w.open().run_for(hour);
  ASSERT_EQ(w.books.arrivals.size(), 2000u);
  EXPECT_LE(busiest_second(w.books.arrivals), 80u);
  const auto took = w.books.arrivals.back().at - w.books.arrivals.front().at;
  EXPECT_GE(2000.0 / (static_cast<double>(took) / second), 0.99 * 80);
}

TEST(batch_sender, batches_wait_from_their_last_message_to_the_next_ones_first) {
  world w(300, "100/batch,10s");
  w.open().run_for(hour);
  ASSERT_EQ(w.books.arrivals.size(), 300u);
  for (std::size_t i = 100; i < 300; i += 100) {
    EXPECT_GE(w.books.arrivals[i].at - w.books.arrivals[i - 1].at, 10 * second);
  }
}

// The thread may be held up between the permit and the first byte, and limits are judged by the byte.
TEST(batch_sender, no_limit_is_exceeded_by_requests_that_left_late) {
  for (const bool batches : {false, true}) {
    world w(1000, batches ? "100/batch,10s" : "80/s");
    std::vector<arrival> left;
    w.books.script = [&](const arrival& a, std::size_t nth) {
      if (nth % 200 == 99) w.time.advance(50 * millisecond);
      left.push_back({w.time.now(), a.to, a.key});
      return accept();
    };
    w.open().run_for(hour);
    ASSERT_EQ(left.size(), 1000u);
    if (!batches) {
      EXPECT_LE(busiest_second(left), 80u);
    }
    for (std::size_t i = 100; batches && i < left.size(); i += 100) EXPECT_GE(left[i].at - left[i - 1].at, 10 * second);
  }
}

TEST(batch_sender, a_slow_disk_does_not_keep_a_limit_from_being_used) {
  world w(30'000, "10000/s", 500);
  auto& p = w.open();
  p.commits_take = 40 * millisecond;
  p.run_for(second);
  const auto before = w.books.arrivals.size();
  p.run_for(second);
  EXPECT_GE(w.books.arrivals.size() - before, 9'500u);
}

TEST(batch_sender, a_message_id_longer_than_any_is_not_kept_whole) {
  world w(3);
  w.books.script = [](const arrival&, std::size_t) {
    auto v = accept();
    v.body = R"({"messages":[{"id":"w)" + std::string(200'000, 'x') + R"("}]})";
    return v;
  };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 3);
  EXPECT_LE(p.reader().number("SELECT max(length(provider_id)) FROM messages"), 512);
}

TEST(batch_sender, the_in_flight_limit_holds) {
  world w(500, "in-flight=3", 8);
  std::size_t open = 0, most = 0;
  auto& p = w.open();
  w.books.script = [&](const arrival& a, std::size_t) {
    // Every answer takes 20 ms: whoever left in the last 20 ms is still open.
    open = 1;
    for (const auto& b : w.books.arrivals) open += b.at + 20 * millisecond > a.at;
    most = std::max(most, open);
    return accept();
  };
  p.run_for(hour);
  EXPECT_EQ(w.books.accepted.size(), 500u);
  EXPECT_EQ(most, 3u);
}

TEST(batch_sender, a_limit_per_recipient_makes_only_that_recipient_wait) {
  // Twenty people with fifty messages each, in turn: all can leave at the pace of the slowest limit.
  world w(1000, "1/s per recipient", 8, 20);
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_TRUE(p.idle);
  ASSERT_EQ(w.books.accepted.size(), 1000u);
  EXPECT_GE(shortest_gap(w.books.arrivals), second);
  EXPECT_LE(w.books.arrivals.back().at - w.books.arrivals.front().at, 75 * second) << "they wait one by one";
  for (const auto& a : w.books.arrivals) EXPECT_EQ(a.key.attempt, 1u) << "waiting is no attempt";
  w.expect_accounted_for();
}

TEST(batch_sender, a_crash_never_frees_a_limit_per_recipient) {
  for (int steps = 20; steps < 1200; steps += 70) {
    SCOPED_TRACE(steps);
    world w(120, "50/s; 1/4s per recipient", 4, 10);
    w.books.script = [](const arrival&, std::size_t nth) { return nth % 7 == 3 ? refuse(131056) : accept(); };
    w.open().run(w.time.now() + hour, steps);
    for (int i = 0; i < 4; ++i) {
      w.crash();
      w.open().run(w.time.now() + hour, steps / 4);
    }
    w.running->run_for(hour);
    EXPECT_GE(shortest_gap(w.books.arrivals), 4 * second);
    EXPECT_EQ(w.running->count().queued(), 0);
    w.expect_accounted_for();
  }
}

TEST(batch_sender, after_hold_no_request_leaves_and_release_sends_exactly_the_rest) {
  world w(1000, "100/s");
  auto& p = w.open();
  p.run_for(3 * second);
  p.sender().hold({});
  const auto before = w.books.arrivals.size();
  EXPECT_GT(before, 100u);
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), before);
  EXPECT_TRUE(p.sender().idle());
  w.expect_accounted_for();
  p.sender().release({});
  p.run_for(hour);
  EXPECT_EQ(w.books.accepted.size(), 1000u);
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, a_held_lane_leaves_nothing_open) {
  world w(1000, "100/s");
  auto& p = w.open();
  p.run_for(2 * second);
  p.sender().hold({});
  p.run_for(second);
  w.crash();
  EXPECT_EQ(w.open().count().unconfirmed, 0);
}

TEST(batch_sender, what_was_proved_unsent_is_sent_later_and_is_no_attempt) {
  world w(400);
  int times = 0;
  w.books.script = [&](const arrival&, std::size_t) { return ++times % 5 == 0 ? unsent() : accept(); };
  w.open().run_for(hour);
  EXPECT_EQ(w.books.accepted.size(), 400u);
  for (const auto& a : w.books.arrivals) EXPECT_EQ(a.key.attempt, 1u);
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, unsent_messages_of_a_held_lane_are_queued_not_unconfirmed) {
  world w(100, "50/s");
  int times = 0;
  w.books.script = [&](const arrival&, std::size_t) { return ++times > 20 ? unsent() : accept(); };
  auto& p = w.open();
  p.run_for(second);
  p.sender().hold({});
  p.run_for(second);
  EXPECT_TRUE(p.sender().idle());
  w.crash();
  auto& again = w.open();
  EXPECT_EQ(again.count().unconfirmed, 0);
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  again.run_for(hour);
  EXPECT_EQ(w.books.accepted.size(), 100u);
  w.expect_nobody_twice();
}

TEST(batch_sender, a_lost_answer_is_unconfirmed_and_never_sent_again) {
  world w(300);
  w.books.script = [](const arrival&, std::size_t nth) { return nth % 10 == 0 ? lose(nth % 20 == 0) : accept(); };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 300u);
  EXPECT_EQ(p.count().unconfirmed, 30);
  w.expect_accounted_for();
}

TEST(batch_sender, an_answer_that_proves_nothing_is_unconfirmed) {
  for (const auto& v : {verdict{net::fate::answered, 502, "<html>", true, millisecond},
                        verdict{net::fate::answered, 500, "", false, millisecond},
                        verdict{net::fate::answered, 200, "{}", true, millisecond},
                        verdict{net::fate::answered, 400, "{\"error\":{}}", false, millisecond}}) {
    world w(3);
    w.books.script = [&](const arrival&, std::size_t) { return v; };
    auto& p = w.open();
    p.run_for(hour);
    EXPECT_EQ(p.count().unconfirmed, 3) << v.status << v.body;
    EXPECT_EQ(w.books.arrivals.size(), 3u);
  }
}

TEST(batch_sender, a_temporary_refusal_is_retried_under_a_new_attempt) {
  world w(50);
  w.books.script = [](const arrival& a, std::size_t) { return a.key.attempt < 3 ? refuse(131000, 500) : accept(); };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(w.books.arrivals.size(), 150u);
  EXPECT_EQ(p.count().sent, 50);
  w.expect_accounted_for();
}

TEST(batch_sender, a_store_that_refuses_for_a_while_loses_nothing) {
  world w(400, "200/s");
  auto& p = w.open();
  p.run_for(second / 2);
  p.let_commits_fail(16);
  p.run_for(30 * second);
  EXPECT_LE(w.books.arrivals.size(), 200u);  // what was opened before goes out, nothing more
  p.let_commits_fail(0);
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 400);
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, a_peer_that_takes_connections_and_closes_them_is_outlived) {
  world w(200, "100/s");
  auto& p = w.open();
  for (int i = 0; i < 20; ++i) {
    p.run_for(37 * millisecond);
    p.lose_the_provider();
  }
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 200);
  w.expect_nobody_twice();
}

TEST(batch_sender, attempts_are_bounded) {
  world w(2);
  w.books.script = [](const arrival&, std::size_t) { return refuse(131000, 500); };
  auto& p = w.open();
  p.run_for(24 * hour);
  EXPECT_EQ(p.count().failed, 2);
  EXPECT_LE(w.books.arrivals.size(), 16u);
  EXPECT_TRUE(p.idle);
  w.expect_accounted_for();
}

TEST(batch_sender, an_error_with_a_bound_of_its_own_is_not_tried_more_often) {
  world w(2);
  w.books.script = [](const arrival&, std::size_t) { return refuse(1); };
  auto& p = w.open();
  p.run_for(24 * hour);
  EXPECT_EQ(p.count().failed, 2);
  EXPECT_EQ(w.books.arrivals.size(), 2u * 4);
}

TEST(batch_sender, a_number_in_maintenance_is_waited_for) {
  world w(300, "100/s");
  nanoseconds_t until = 0;
  w.books.script = [&](const arrival& a, std::size_t nth) {
    if (nth == 50) until = a.at + 45 * second;
    return a.at < until ? refuse(131057, 500) : accept();
  };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_TRUE(p.brakes.empty());
  EXPECT_EQ(p.count().sent, 300);
  EXPECT_LT(w.books.arrivals.size(), 330u) << "nobody else is tried in the meantime";
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, a_final_refusal_fails_the_message_and_gives_the_credit_back) {
  world w(20);
  w.books.script = [](const arrival&, std::size_t nth) { return nth % 2 == 0 ? refuse(131026) : accept(); };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(p.count().failed, 10);
  EXPECT_EQ(p.count().sent, 10);
  w.expect_accounted_for();
}

TEST(batch_sender, throttling_slows_down_everybody_and_loses_nobody) {
  world w(300);
  w.books.script = [&](const arrival& a, std::size_t) {
    std::size_t last_second = 0;
    for (const auto& b : w.books.arrivals) last_second += b.at + second > a.at;
    return last_second >= 40 ? refuse(130429) : accept();
  };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 300);
  EXPECT_LT(w.books.arrivals.size(), 600u);  // it does not hammer
  w.expect_nobody_twice();
}

TEST(batch_sender, a_dead_token_stops_the_sender_and_keeps_the_messages) {
  world w(500);
  bool dead = false;
  w.books.script = [&](const arrival&, std::size_t nth) {
    dead = dead || nth == 100;
    return dead ? refuse(190, 401) : accept();
  };
  auto& p = w.open();
  p.run_for(hour);
  ASSERT_EQ(p.brakes.size(), 1u);
  EXPECT_NE(p.brakes[0].find("190"), std::string::npos);
  EXPECT_LE(w.books.arrivals.size(), 120u);
  EXPECT_EQ(p.count().failed, 0);
  w.expect_accounted_for();
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  p.sender().release({});
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 500);
  w.expect_nobody_twice();
  w.expect_accounted_for();
}

TEST(batch_sender, whoever_is_suppressed_while_it_sends_gets_nothing_and_their_credit_comes_back) {
  world w(600, "100/s");
  auto& p = w.open();
  p.run_for(second);
  // Some here and there, and whole ranges up to the end of the lane.
  for (int i = 200; i < 600; ++i) {
    if (i % 3 == 0 || i >= 350) p.suppress(world::number(i));
  }
  p.run_for(hour);
  const auto c = p.count();
  EXPECT_EQ(w.books.barred.size(), 300u);
  EXPECT_EQ(c.skipped, 300);
  EXPECT_EQ(c.sent, 300);
  EXPECT_TRUE(p.idle);
  w.expect_nobody_barred();
  w.expect_accounted_for();
  const auto rows = store::list_messages(p.reader(), 1, {.state = message_state::skipped});
  ASSERT_EQ(rows.size(), 300u);
  EXPECT_EQ(rows[0].code, static_cast<int>(errc::recipient_suppressed));
  EXPECT_EQ(rows[0].attempt, 0);
}

TEST(batch_sender, a_campaign_whose_whole_rest_is_suppressed_comes_to_its_end) {
  world w(5000, "200/s");
  auto& p = w.open();
  p.run_for(second);
  for (int i = 0; i < 5000; ++i) p.suppress(world::number(i));
  p.run_for(hour);
  EXPECT_TRUE(p.idle);
  EXPECT_EQ(p.count().queued(), 0);
  EXPECT_GT(p.count().skipped, 4000);
  w.expect_nobody_barred();
  w.expect_accounted_for();
}

TEST(batch_sender, whoever_is_suppressed_while_a_request_to_them_proves_unsent_gets_nothing) {
  world w(3);
  auto late = unsent();
  late.latency = second;
  int times = 0;
  w.books.script = [&](const arrival&, std::size_t) { return ++times == 1 ? late : accept(); };
  auto& p = w.open();
  p.run_for(second / 2);
  p.suppress(world::number(0));
  p.sender().screen_again();
  p.run_for(hour);
  EXPECT_EQ(w.books.accepted.count(world::number(0)), 0u);
  EXPECT_EQ(w.books.accepted.size(), 2u);
  w.expect_accounted_for();
}

TEST(batch_sender, a_retry_is_not_made_to_somebody_suppressed_since) {
  world w(40);
  w.books.script = [](const arrival&, std::size_t) { return refuse(131000, 500); };
  auto& p = w.open();
  p.run_for(100 * millisecond);
  for (int i = 0; i < 40; i += 2) p.suppress(world::number(i));
  p.run_for(100 * millisecond);
  w.books.script = [](const arrival&, std::size_t) { return accept(); };
  p.run_for(hour);
  EXPECT_GT(w.books.barred.size(), 0u);  // the others were on the wire, and are skipped when they come back
  EXPECT_EQ(p.count().skipped, 20);
  EXPECT_EQ(p.count().sent, 20);
  w.expect_nobody_barred();
  w.expect_accounted_for();
}

TEST(batch_sender, the_number_the_provider_knows_a_recipient_by_is_kept_where_it_is_another) {
  world w(3);
  w.books.script = [](const arrival& a, std::size_t) {
    auto v = accept();
    const auto wa_id = a.key.message.sequence == 1 ? "4915112345678" : a.to.substr(1);
    v.body = R"({"contacts":[{"input":"x","wa_id":")" + std::string(wa_id) + R"("}],"messages":[{"id":"wamid.x"}]})";
    return v;
  };
  auto& p = w.open();
  p.run_for(hour);
  EXPECT_EQ(p.count().sent, 3);
  EXPECT_EQ(p.reader().number("SELECT count(*) FROM identities"), 1);
  EXPECT_EQ(store::person_of(p.reader(), "+4915112345678"), store::person_of(p.reader(), world::number(1)));
}

// A provider that does whatever it likes, the same for the same seed.
std::function<verdict(const arrival&, std::size_t)> moody(unsigned seed) {
  return [seed](const arrival& a, std::size_t nth) {
    std::mt19937 dice(seed * 7919u + static_cast<unsigned>(nth) * 31u + a.key.message.sequence);
    const auto latency = static_cast<nanoseconds_t>(dice() % 80) * millisecond;
    switch (dice() % 12) {
      case 0:
        return lose(true);
      case 1:
        return lose(false);
      case 2:
        return refuse(131026);
      case 3:
        return refuse(131000, 500);
      case 4:
        return refuse(130429);
      case 5:
        return verdict{net::fate::answered, 502, "<html>", dice() % 2 == 0, latency};
      default:
        return accept(latency);
    }
  };
}

TEST(batch_sender, a_crash_after_any_step_loses_nobody_and_sends_nobody_twice) {
  constexpr int messages = 120;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    for (int steps = 1;; steps += 1 + steps / 8) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", crash after " + std::to_string(steps) + " steps");
      world w(messages, "500/s; in-flight=6");
      w.books.script = moody(seed);
      const bool ended = w.open().run(w.time.now() + hour, steps) < steps;
      w.crash();
      auto& p = w.open();
      p.run_for(hour);
      w.expect_nobody_twice();
      w.expect_accounted_for();
      const auto c = p.count();
      EXPECT_EQ(c.queued(), 0);
      // Whoever the provider has is sent or, where we cannot know, unconfirmed; nobody else is sent.
      std::size_t sent = 0;
      for (const auto& m : store::list_messages(p.reader(), 1, {.limit = 10'000})) {
        const auto reached = w.books.accepted.count(m.address);
        sent += m.state == message_state::accepted;
        if (m.state == message_state::accepted) {
          EXPECT_EQ(reached, 1u) << m.address;
        } else if (m.state == message_state::refused) {
          EXPECT_EQ(reached, 0u) << m.address;
        }
      }
      EXPECT_EQ(sent, static_cast<std::size_t>(c.sent));
      EXPECT_LE(busiest_second(w.books.arrivals), 500u);
      if (ended || ::testing::Test::HasFailure()) break;
    }
  }
}

// Pauses, resumptions, opt-outs and crashes wherever they fall. BULKMSG_SEEDS=n looks at more lives.
TEST(batch_sender, whatever_a_life_brings_everybody_is_accounted_for) {
  const char* wanted = std::getenv("BULKMSG_SEEDS");
  const unsigned seeds = wanted ? static_cast<unsigned>(std::atoi(wanted)) : 60;
  const char* const limits[] = {"500/s; in-flight=6", "80/s",
                                "in-flight=4",        "40/batch,2s; in-flight=8",
                                "100/s; 50/batch,1s", "90/s; 1/s per recipient"};
  std::int64_t skipped = 0;
  for (unsigned seed = 1; seed <= seeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    world w(150, limits[seed % std::size(limits)], 2 + static_cast<int>(dice() % 8));
    w.books.script = [answer = moody(seed), calls = seed](const arrival& a, std::size_t nth) mutable {
      return ++calls % 9 == 0 ? unsent() : answer(a, nth);
    };
    w.open();
    for (int turns = static_cast<int>(dice() % 12); turns > 0; --turns) {
      w.running->run(w.time.now() + hour, static_cast<int>(dice() % 120));
      switch (dice() % 7) {
        case 0:
          w.crash();
          w.open();
          break;
        case 1: {
          w.running->sender().hold({});
          const auto before = w.books.arrivals.size();
          w.running->run(w.time.now() + hour, static_cast<int>(dice() % 60));
          EXPECT_EQ(w.books.arrivals.size(), before) << "a request left a held sender";
          w.running->sender().release({});
          break;
        }
        case 2:
          w.running->let_commits_fail(static_cast<int>(dice() % 8));
          break;
        case 3:
          w.running->lose_the_provider();
          break;
        case 4:
          for (auto n = dice() % 30; n > 0; --n) {
            w.running->suppress(world::number(static_cast<int>(dice() % 150)));
          }
          break;
        default:
          break;
      }
    }
    w.running->let_commits_fail(0);
    w.running->run_for(hour);
    EXPECT_EQ(w.running->count().queued(), 0);
    EXPECT_TRUE(w.running->sender().idle());
    if (seed % std::size(limits) == 5) {
      EXPECT_GE(shortest_gap(w.books.arrivals), second);
    }
    w.expect_nobody_twice();
    w.expect_nobody_barred();
    w.expect_accounted_for();
    skipped += w.running->count().skipped;
    for (const auto& m : store::list_messages(w.running->reader(), 1, {.state = message_state::skipped})) {
      EXPECT_EQ(w.books.accepted.count(m.address), 0u) << m.address;
    }
  }
  EXPECT_GT(skipped, 0) << "no opt-out came in time: nothing is proved";
}

TEST(batch_sender, a_crash_never_frees_a_limit) {
  for (int steps = 50; steps < 1500; steps += 90) {
    SCOPED_TRACE(steps);
    world w(600, "80/s");
    w.open().run(w.time.now() + hour, steps);
    for (int i = 0; i < 3; ++i) {
      w.crash();
      w.open().run(w.time.now() + hour, steps / 3);
    }
    w.crash();
    w.open().run_for(hour);
    EXPECT_LE(busiest_second(w.books.arrivals), 80u);
    w.expect_nobody_twice();
  }
}

}  // namespace
}  // namespace bulkmsg::testing
