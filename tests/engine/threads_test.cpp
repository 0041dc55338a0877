// Where the engine sends: on one thread, on several, or on the host's own loop.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

int threads_named(const std::string& wanted) {
  int count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    count += name == wanted;
  }
  return count;
}

// How often the engine's threads went to sleep so far.
std::int64_t sleeps() {
  std::int64_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name, line;
    std::getline(std::ifstream(task.path() / "comm"), name);
    if (!name.starts_with("bulkmsg-")) continue;
    std::ifstream status(task.path() / "status");
    while (std::getline(status, line)) {
      if (line.starts_with("voluntary_ctxt_switches:")) count += std::stoll(line.substr(line.find(':') + 1));
    }
  }
  return count;
}

TEST(engine_threads, sleep_while_there_is_nothing_to_do) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.start(20);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  // At rest: over a second none of them wakes more than once or twice.
  EXPECT_TRUE(h.until([&] {
    const auto before = sleeps();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    return sleeps() - before <= 2;
  }));
}

TEST(io_threads, senders_are_spread_and_every_recipient_of_each_gets_one_request) {
  provider shop, desk, club;
  host h({.send = true, .io_threads = 2}, shop.origin());
  EXPECT_TRUE(h.until([] { return threads_named("bulkmsg-io") == 2; })) << "they name themselves";
  std::vector<campaign_id> campaigns;
  for (auto* at : {&shop, &desk, &club}) {
    auto settings = sender_at(at->origin());
    settings.name += std::to_string(campaigns.size());
    h.sender = must(h->put_sender(settings));
    campaigns.push_back(h.start(300));
  }
  for (const auto c : campaigns) {
    ASSERT_TRUE(h.until([&] { return h.state(c) == campaign_state::completed; }));
    EXPECT_EQ(h.told(c).sent, 300);
  }
  for (auto* at : {&shop, &desk, &club}) {
    std::set<std::string> to;
    for (const auto& r : at->requests()) to.insert(r.to);
    EXPECT_EQ(at->count(), 300);
    EXPECT_EQ(to.size(), 300u);
  }
}

TEST(io_threads, when_pause_has_returned_no_new_request_leaves_whatever_the_thread) {
  provider first, second;
  host h({.send = true, .io_threads = 2}, first.origin());
  std::vector<campaign_id> campaigns;
  for (auto* at : {&first, &second}) {
    auto settings = sender_at(at->origin());
    settings.name += std::to_string(campaigns.size());
    h.sender = must(h->put_sender(settings));
    if (at == &second) second.hold();
    campaigns.push_back(h.start(3000));
    ASSERT_TRUE(at->wait_for(8));
  }
  must(h->pause(campaigns[1]));
  EXPECT_EQ(second.count(), 8) << "in-flight=8";
  second.let_go();
  // What is on the wire settles; then nothing comes any more, while the other one goes on.
  ASSERT_TRUE(h.until([&] { return h.told(campaigns[1]).sent == 8; }));
  ASSERT_TRUE(first.wait_for(std::min(3000, first.count() + 100)));
  EXPECT_EQ(second.count(), 8);
  must(h->resume(campaigns[1]));
  for (const auto c : campaigns) {
    ASSERT_TRUE(h.until([&] { return h.state(c) == campaign_state::completed; }));
    EXPECT_EQ(h.told(c).sent, 3000);
  }
  EXPECT_EQ(second.count(), 3000);
}

TEST(io_threads, out_of_range_is_refused) {
  const scratch_folder folder;
  for (const int count : {0, 65}) {
    EXPECT_EQ(code_of(engine::open(folder.file("store"), {.io_threads = count})), errc::bad_option_value);
  }
}

// A loop as hosts have one, with work of their own.
struct host_with_loop {
  host_with_loop() : thread([this] { loop.run(); }) {}
  ~host_with_loop() {
    work.reset();
    thread.join();
  }
  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{loop.get_executor()};
  std::thread thread;
};

TEST(host_loop, sends_on_it_without_a_thread_of_its_own_and_lets_go_of_it) {
  provider p;
  host_with_loop own;
  {
    host h({.send = true, .host_loop = &own.loop}, p.origin());
    EXPECT_EQ(threads_named("bulkmsg-io"), 0);
    const auto campaign = h.start(500);
    ASSERT_TRUE(p.wait_for(50));
    must(h->pause(campaign));
    ASSERT_TRUE(h.until([&] { return h.told(campaign).sent >= p.count(); }));
    const int then = p.count();
    must(h->resume(campaign));
    ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
    EXPECT_LE(then, 500);
    EXPECT_EQ(p.count(), 500);
    EXPECT_EQ(h.told(campaign).sent, 500);
  }
  // Closed: the loop is the host's alone, and still runs.
  std::promise<void> ran;
  boost::asio::post(own.loop, [&] { ran.set_value(); });
  EXPECT_EQ(ran.get_future().wait_for(patience), std::future_status::ready);
  // Nothing of the engine keeps it: run() ends with the host's own work (the destructor joins).
}

TEST(host_loop, closed_in_the_middle_it_leaves_nobody_twice) {
  provider p;
  host_with_loop own;
  host h({.send = true, .host_loop = &own.loop}, p.origin());
  const auto campaign = h.start(2000);
  ASSERT_TRUE(p.wait_for(200));
  h.close();
  h.open({.send = true, .host_loop = &own.loop});
  ASSERT_TRUE(
      h.until([&] { return h.state(campaign) == campaign_state::completed || h.told(campaign).queued() == 0; }));
  std::map<std::string, int> requests;
  for (const auto& r : p.requests()) ++requests[r.to];
  for (const auto& [to, count] : requests) EXPECT_EQ(count, 1) << to;
  EXPECT_EQ(h.told(campaign).sent + h.told(campaign).unconfirmed, 2000);
  h.close();  // before the loop ends
}

TEST(host_loop, calls_on_the_loops_own_thread_are_refused_and_do_not_hang) {
  host_with_loop own;
  host h({.send = false, .host_loop = &own.loop});
  std::promise<errc> told, told_of_close;
  boost::asio::post(own.loop, [&] {
    told.set_value(code_of(h->status({1})));
    told_of_close.set_value(code_of(h->close()));
  });
  EXPECT_EQ(told.get_future().get(), errc::wrong_state);
  EXPECT_EQ(told_of_close.get_future().get(), errc::wrong_state);
  EXPECT_EQ(code_of(h->status({1})), errc::not_found);
  h.close();
}

}  // namespace
}  // namespace bulkmsg::testing
