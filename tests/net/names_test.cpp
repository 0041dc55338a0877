// Names behind which there are several addresses, or others than a moment ago. getaddrinfo() of this program is ours
// for "localhost": it answers what the test has set.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "driver.hpp"
#include "net/names.hpp"
#include "test_server.hpp"

namespace {

std::mutex guard;
std::vector<std::string> told;  // empty: the system's own answer
std::atomic<int> lookups = 0;

std::vector<std::string> addresses_of(const char* name) {
  const std::lock_guard lock(guard);
  return name != nullptr && std::strcmp(name, "localhost") == 0 ? told : std::vector<std::string>();
}

}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const auto addresses = addresses_of(name);
  if (addresses.empty()) return real(name, service, hints, found);
  ++lookups;
  addrinfo** end = found;
  for (const auto& address : addresses) {
    if (const int code = real(address.c_str(), service, hints, end)) return code;
    while (*end != nullptr) end = &(*end)->ai_next;
  }
  return 0;
}

namespace bulkmsg::testing {
namespace {

// Nobody listens there.
constexpr const char* dead = "127.0.0.9";
constexpr const char* alive = "127.0.0.1";

struct name_means {
  explicit name_means(std::vector<std::string> addresses) { set(std::move(addresses)); }
  ~name_means() { set({}); }
  static void set(std::vector<std::string> addresses) {
    const std::lock_guard lock(guard);
    told = std::move(addresses);
    lookups = 0;
  }
};

void serve(peer& p) {
  while (!p.request().empty() && p.write(response("here"))) continue;
}

net::transport_options to(const test_server& server) {
  net::transport_options o;
  o.origin = server.origin("localhost");
  o.connections_max = 4;
  return o;
}

TEST(names, of_several_addresses_the_one_that_answers_is_found_and_remembered) {
  test_server server(serve);
  const name_means both({dead, alive});
  driver d(to(server));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(d.exchange(post_request("x")).body, "here");
  EXPECT_EQ(lookups, 1) << "addresses are kept for a minute";
}

TEST(names, that_have_moved_are_looked_up_again_after_a_failure) {
  test_server server(serve);
  const name_means before({dead});
  driver d(to(server));
  const auto token = d.start(post_request("x"));
  EXPECT_EQ(d.unreachable().code, errc::connect_failed);
  name_means::set({alive});
  EXPECT_EQ(d.finish(token).body, "here");
  EXPECT_GE(lookups, 1);
}

TEST(names, that_lead_away_from_this_machine_are_not_followed_in_plain_text) {
  test_server server(serve);
  const name_means elsewhere({"192.0.2.1"});
  driver d(to(server));
  (void)d.start(post_request("x"));
  EXPECT_EQ(d.unreachable().code, errc::connect_failed);
}

// What `names` finds after the lookup that begins now; empty: it had no need to ask.
std::vector<std::string> found(net::io_thread& io, net::names& where) {
  std::promise<void> asked;
  std::vector<std::string> texts;
  const auto tell = [&](const std::string& why_none) {
    EXPECT_EQ(why_none, "");
    for (const auto& a : where.addresses()) texts.push_back(a.text());
    asked.set_value();
  };
  io.call([&] {
    if (where.fresh()) {
      asked.set_value();
    } else {
      where.look_up(tell);
    }
  });
  asked.get_future().wait();
  return texts;
}

using addresses = std::vector<std::string>;

TEST(names, are_looked_up_again_after_a_minute) {
  name_means told_first({alive, dead});
  net::io_thread io;
  manual_clock time;
  std::optional<net::names> where(std::in_place, io, *net::parse_origin("https://localhost:444"), time);
  EXPECT_EQ(found(io, *where), (addresses{"127.0.0.1:444", "127.0.0.9:444"}));
  name_means::set({"127.0.0.3"});
  time.advance(60 * second - 1);
  EXPECT_EQ(found(io, *where), addresses{}) << "still believed";
  time.advance(1);
  EXPECT_EQ(found(io, *where), addresses{"127.0.0.3:444"});
  name_means::set({"::1"});
  io.call([&] { where->doubt(); });
  EXPECT_EQ(found(io, *where), addresses{"[::1]:444"});
  EXPECT_EQ(lookups, 1) << "since the last change";
  io.call([&] { where.reset(); });
}

TEST(names, that_nobody_waits_for_any_more_tell_nobody) {
  const name_means slow({alive});
  net::io_thread io;
  io.call([&] {
    net::names where(io, *net::parse_origin("https://localhost"), io.time());
    where.look_up([](const std::string&) { ADD_FAILURE(); });
    EXPECT_TRUE(where.asking());
  });
  // The answer comes to the loop before a later question's.
  net::names next(io, *net::parse_origin("https://localhost"), io.time());
  std::promise<void> answered;
  io.call([&] { next.look_up([&](const std::string&) { answered.set_value(); }); });
  answered.get_future().wait();
}

TEST(names, that_are_addresses_need_no_lookup) {
  name_means::set({alive});
  net::io_thread io;
  manual_clock time;
  io.call([&] {
    net::names where(io, *net::parse_origin("https://[::1]:8443"), time);
    bool told = false;
    where.look_up([&](const std::string&) { told = true; });
    EXPECT_TRUE(told && where.fresh() && !where.asking());
    EXPECT_EQ(where.addresses().at(0).text(), "[::1]:8443");
  });
  EXPECT_EQ(lookups, 0);
}

}  // namespace
}  // namespace bulkmsg::testing
