// One campaign over several senders: each lane keeps to its own sender's limits, over crashes, too.
#include "pacing_world.hpp"
#include "store/pauses.hpp"

namespace bulkmsg::testing {
namespace {

// At most `most` in any half-open window of this length.
void expect_within(std::vector<nanoseconds_t> times, std::size_t most, nanoseconds_t window) {
  std::sort(times.begin(), times.end());
  for (std::size_t i = 0; i + most < times.size(); ++i) EXPECT_GE(times[i + most] - times[i], window);
}

// By sender: lanes are numbered in the order of the senders.
std::vector<nanoseconds_t> over(const pacing_world& w, std::int32_t lane) {
  std::vector<nanoseconds_t> times;
  for (const auto& a : w.books.arrivals) {
    if (a.key.message.lane == lane) times.push_back(a.at);
  }
  return times;
}

TEST(several_senders, each_keeps_its_own_limits_and_none_waits_for_another) {
  pacing_world w({{"20/s; in-flight=100"}, {"5/s; in-flight=100"}}, {{.count = 200, .over = {0, 1}}});
  w.open();
  w.run_for(6 * second);
  EXPECT_EQ(over(w, 1).size(), 100u) << "it took 5 seconds";
  EXPECT_LT(over(w, 2).size(), 36u);
  w.run_for(20 * second);
  EXPECT_EQ(over(w, 2).size(), 100u);
  EXPECT_EQ(w.count(0).sent, 200);
  expect_within(over(w, 1), 20, second);
  expect_within(over(w, 2), 5, second);
  w.expect_nobody_twice();
}

TEST(several_senders, one_that_is_paused_leaves_the_others_going) {
  pacing_world w({{"20/s"}, {"20/s"}}, {{.count = 100, .over = {0, 1}}});
  w.open();
  w.sender(0).pause({1}, store::until_resumed_ms);
  w.run_for(100 * 24 * 3600 * second);
  EXPECT_EQ(over(w, 1).size(), 0u);
  EXPECT_EQ(w.count(0).sent, 50);
  w.sender(0).lift_pause({1});
  w.run_for(10 * second);
  EXPECT_EQ(w.count(0).sent, 100);
}

TEST(several_senders, killed_anywhere_send_the_rest_and_keep_each_limit) {
  const char* wanted = std::getenv("BULKMSG_SEEDS");
  const unsigned seeds = wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : 60;
  for (unsigned seed = 1; seed <= seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 dice(seed);
    pacing_world w({{"30/s; in-flight=50"}, {"7/s; in-flight=50"}, {"400/h; 11/s"}},
                   {{.count = 240, .over = {0, 1, 2}}, {.count = 40, .first_person = 1000, .sender = 1}});
    w.books.script = [&dice](const arrival&, std::size_t) {
      const auto n = dice() % 20;
      return n == 0 ? refuse(131000) : n == 1 ? lose(dice() % 2 == 0) : n == 2 ? unsent() : accept();
    };
    for (int life = 0; life < 4; ++life) {
      w.open();
      w.run(w.time.now() + 4 * second, static_cast<int>(dice() % 2000));
      w.crash();
    }
    w.open();
    w.run_for(3600 * second);
    expect_within(over(w, 1), 30, second);
    expect_within(over(w, 3), 11, second);
    auto both = over(w, 2);
    const auto other = over(w, 4);
    both.insert(both.end(), other.begin(), other.end());
    expect_within(both, 7, second);  // two campaigns on one sender, one of them with others beside it
    expect_within(over(w, 3), 400, 3600 * second);
    for (std::size_t c = 0; c < 2; ++c) {
      const auto n = w.count(c);
      EXPECT_EQ(n.queued(), 0);
      EXPECT_EQ(n.sent + n.unconfirmed + n.failed, n.total);
    }
    w.expect_nobody_twice();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(account_throttling, is_told_once_and_slows_whoever_is_told) {
  for (const int code : {80007, 130429}) {
    pacing_world w({{"100/s; in-flight=100"}}, {{.count = 1000}});
    // All that is in flight is refused with the first.
    w.books.script = [=](const arrival&, std::size_t nth) { return nth >= 200 && nth < 203 ? refuse(code) : accept(); };
    w.open();
    w.run_for(3 * second);
    EXPECT_EQ(std::count(w.told().begin(), w.told().end(), "account slow"), code == 80007 ? 1 : 0) << code;
  }
  pacing_world w({{"100/s; in-flight=100"}}, {{.count = 1000}});
  w.open();
  w.run_for(2 * second);
  const auto before = w.books.arrivals.size();
  w.sender(0).slow_down(w.time.now(), 0);
  w.run_for(second);
  EXPECT_LT(w.books.arrivals.size() - before, 70u);
  EXPECT_GT(w.books.arrivals.size() - before, 30u);
}

}  // namespace
}  // namespace bulkmsg::testing
