// What a host polls: durable events until they are acknowledged, and a bounded ring of progress.
#include <poll.h>

#include <map>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::milliseconds;

std::vector<std::int64_t> ids(const std::vector<event>& list) {
  std::vector<std::int64_t> all;
  for (const auto& e : list) all.push_back(e.id.value);
  return all;
}
bool readable(const engine& e) {
  pollfd p{e.event_fd(), POLLIN, 0};
  return ::poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

TEST(durable_events, tell_every_change_of_a_campaign_in_its_order) {
  host h;
  const auto campaign = h.start(2);
  must(h->pause(campaign, "lunch"));
  must(h->resume(campaign));
  must(h->stop(campaign, "enough"));
  const auto list = waiting(*h);
  std::vector<campaign_state> states;
  for (const auto& e : list) {
    EXPECT_EQ(e.kind, event_kind::campaign_changed);
    EXPECT_EQ(e.campaign, campaign);
    EXPECT_GT(e.at_ms, 0);
    states.push_back(static_cast<campaign_state>(e.state));
  }
  using enum campaign_state;
  EXPECT_EQ(states, (std::vector{starting, sending, paused, sending, stopped}));
  EXPECT_TRUE(
      std::is_sorted(list.begin(), list.end(), [](const event& a, const event& b) { return a.id.value < b.id.value; }));
  EXPECT_EQ(must(h->payload(list[2].id)), R"({"reason":"lunch"})");
}

TEST(durable_events, are_handed_out_once_while_the_engine_is_open) {
  host h;
  h.start(2);
  EXPECT_EQ(waiting(*h).size(), 2u);
  EXPECT_TRUE(waiting(*h).empty());
  h.start(2);
  EXPECT_EQ(waiting(*h).size(), 2u) << "only the new ones";
}

TEST(durable_events, come_again_after_reopening_until_they_are_acknowledged) {
  host h;
  h.start(2);
  const auto first = waiting(*h);
  ASSERT_EQ(first.size(), 2u);
  h.open();
  EXPECT_EQ(ids(waiting(*h)), ids(first));
  must(h->ack(first[0].id));
  h.open();
  EXPECT_EQ(ids(waiting(*h)), std::vector<std::int64_t>{first[1].id.value});
  must(h->ack(first[1].id));
  h.open();
  EXPECT_TRUE(waiting(*h).empty());
}

TEST(durable_events, nobody_polled_wait_for_the_next_opening) {
  host h;
  h.start(2);
  h.open();
  EXPECT_EQ(waiting(*h).size(), 2u);
}

TEST(durable_events, acknowledged_ones_have_no_payload_any_more) {
  host h;
  h.start(2);
  const auto list = waiting(*h);
  EXPECT_NO_THROW(must(h->payload(list[1].id)));
  must(h->ack(list[1].id));
  EXPECT_EQ(code_of(h->payload(list[0].id)), errc::not_found);
  EXPECT_EQ(code_of(h->payload(list[1].id)), errc::not_found);
}

TEST(durable_events, acknowledging_what_was_not_handed_out_yet_does_not_lose_later_ones) {
  host h;
  h.start(2);
  const auto last = waiting(*h).back().id;
  must(h->ack(last));
  h.start(2);
  const auto next = waiting(*h);
  EXPECT_EQ(next.size(), 2u);
  EXPECT_GT(next[0].id, last) << "a number is never used again";
}

TEST(durable_events, come_whole_however_small_the_hosts_buffer) {
  host h;
  for (int i = 0; i < 5; ++i) h.start(1);
  std::vector<std::int64_t> seen;
  std::array<event, 1> one;
  while (seen.size() < 100 && must(h->poll(one, milliseconds(0))) == 1) seen.push_back(one[0].id.value);
  EXPECT_EQ(seen.size(), 10u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), 10u);
}

TEST(durable_events, a_buffer_of_nothing_loses_none) {
  host h;
  h.start(1);
  EXPECT_EQ(must(h->poll({}, milliseconds(0))), 0u);
  EXPECT_EQ(waiting(*h).size(), 2u);
}

TEST(durable_events, of_a_refused_start_are_none) {
  host h;
  const auto account = must(h->put_account("a", {.per_user_credits = 1}));
  const auto campaign = h.draft(2, account);
  EXPECT_EQ(code_of(h->start(campaign)), errc::credits_short);
  EXPECT_TRUE(waiting(*h).empty());
}

TEST(durable_events, go_with_a_discarded_draft) {
  host h;
  must(h->discard(h.draft(3)));
  EXPECT_TRUE(waiting(*h).empty());
}

TEST(poll, without_a_timeout_never_waits) {
  host h;
  std::array<event, 4> some;
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(must(h->poll(some, milliseconds(0))), 0u);
}

TEST(poll, ends_with_nothing_when_its_time_is_over) {
  host h;
  static_cast<void>(waiting(*h));
  std::array<event, 4> some;
  EXPECT_EQ(must(h->poll(some, milliseconds(1))), 0u);
}

TEST(poll, that_waits_is_ended_by_wakeup) {
  host h;
  static_cast<void>(waiting(*h));
  std::size_t got = 1;
  std::thread polling([&] {
    std::array<event, 4> some;
    got = must(h->poll(some, patience));
  });
  // A wakeup that comes before the waiting ends the waiting, too.
  h->wakeup();
  polling.join();
  EXPECT_EQ(got, 0u);
}

TEST(poll, that_waits_is_ended_by_an_event) {
  host h;
  const auto campaign = h.draft(1);
  static_cast<void>(waiting(*h));
  std::size_t got = 0;
  std::array<event, 4> some;
  std::thread polling([&] { got = must(h->poll(some, patience)); });
  must(h->start(campaign));
  polling.join();
  EXPECT_GE(got, 1u);
  EXPECT_EQ(some[0].kind, event_kind::campaign_changed);
}

TEST(poll, that_waits_is_ended_by_close) {
  host h;
  static_cast<void>(waiting(*h));
  errc got = errc::ok;
  std::thread polling([&] {
    std::array<event, 4> some;
    got = code_of(h->poll(some, patience));
  });
  must(h->close());
  polling.join();
  EXPECT_EQ(got, errc::closed);
}

TEST(event_fd, is_readable_exactly_while_events_wait) {
  host h;
  static_cast<void>(waiting(*h));
  EXPECT_FALSE(readable(*h));
  const auto campaign = h.start(1);
  EXPECT_TRUE(readable(*h));
  std::array<event, 1> one;
  EXPECT_EQ(must(h->poll(one, milliseconds(0))), 1u);
  EXPECT_TRUE(readable(*h)) << "the second one waits";
  static_cast<void>(waiting(*h));
  EXPECT_FALSE(readable(*h));
  must(h->pause(campaign));
  EXPECT_TRUE(readable(*h));
}

TEST(event_fd, tells_of_what_an_earlier_run_left) {
  host h;
  h.start(1);
  h.open();
  EXPECT_TRUE(readable(*h));
}

// Progress: one for each settled message, as long as the ring has room.

TEST(progress, tells_every_message_once) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = h.start(100);
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::message).size() >= 100; }));
  std::set<message_id> messages;
  for (const auto& e : h.seen_of(event_kind::message)) {
    EXPECT_EQ(e.campaign, campaign);
    EXPECT_EQ(static_cast<message_state>(e.state), message_state::accepted);
    messages.insert(e.message);
  }
  EXPECT_EQ(messages.size(), 100u);
  EXPECT_TRUE(h.seen_of(event_kind::resync).empty());
}

TEST(progress, that_nobody_polls_collapses_into_one_resync_per_campaign_and_never_holds_up_sending) {
  provider p;
  host h({.send = true, .progress_max = 4}, p.origin());
  const auto one = h.start(50), two = h.start(50);
  // Only looked at, never polled.
  const auto end = std::chrono::steady_clock::now() + patience;
  while ((h.told(one).sent < 50 || h.told(two).sent < 50) && std::chrono::steady_clock::now() < end) {
    std::this_thread::yield();
  }
  ASSERT_EQ(h.told(one).sent, 50);
  ASSERT_EQ(h.told(two).sent, 50);

  std::map<std::int64_t, int> resyncs;
  int messages = 0;
  for (const auto& e : waiting(*h, false)) {
    if (e.kind == event_kind::message) {
      ++messages;
      EXPECT_TRUE(resyncs.empty()) << "what was kept is older than what was dropped";
    }
    if (e.kind == event_kind::resync) ++resyncs[e.campaign.value];
  }
  EXPECT_EQ(messages, 4);
  EXPECT_FALSE(resyncs.empty());
  for (const auto& [campaign, times] : resyncs) EXPECT_EQ(times, 1) << campaign;
}

TEST(progress, goes_on_after_a_resync) {
  provider p;
  host h({.send = true, .progress_max = 2}, p.origin());
  const auto campaign = h.start(10);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  static_cast<void>(waiting(*h, false));
  must(ingest(*h, statuses({{p.requests()[0].key, "read"}})));
  h.seen.clear();
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::message).empty(); }));
  EXPECT_EQ(h.seen_of(event_kind::message)[0].receipt, 4);
}

TEST(progress, a_ring_of_none_tells_none_and_durable_events_come_all_the_same) {
  provider p;
  host h({.send = true, .progress_max = 0}, p.origin());
  const auto campaign = h.start(10);
  ASSERT_TRUE(h.until([&] { return h.seen_of(event_kind::campaign_changed).size() >= 3; }));
  EXPECT_EQ(h.state(campaign), campaign_state::completed);
  EXPECT_TRUE(h.seen_of(event_kind::message).empty());
}

}  // namespace
}  // namespace bulkmsg::testing
