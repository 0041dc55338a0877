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
int refusal = 0;                // instead of an answer
std::shared_future<void> held;  // until then no answer comes
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
  {
    std::unique_lock lock(guard);
    const auto wait = held;
    const int code = refusal;
    lock.unlock();
    if (wait.valid()) wait.wait();
    if (code != 0) return code;
  }
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
    refusal = 0;
    held = {};
    lookups = 0;
  }
  static void refuse(int code) {
    const std::lock_guard lock(guard);
    refusal = code;
    lookups = 0;
  }
  static void hold(std::shared_future<void> until) {
    const std::lock_guard lock(guard);
    held = std::move(until);
    lookups = 0;
  }
};

// A port of this machine where somebody may listen, or nobody.
class some_port {
 public:
  some_port() {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    at_.sin_family = AF_INET;
    at_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&at_), sizeof at_), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&at_), &size), 0);
  }
  ~some_port() {
    ::shutdown(fd_, SHUT_RDWR);  // should nobody have come
    if (serves_.joinable()) serves_.join();
    ::close(fd_);
  }
  some_port(const some_port&) = delete;
  [[nodiscard]] std::string origin() const { return "http://localhost:" + std::to_string(ntohs(at_.sin_port)); }
  // One connection, one request.
  void serve() {
    ASSERT_EQ(::listen(fd_, 8), 0);
    serves_ = std::thread([this] {
      peer p(::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC), nullptr, 0);
      p.request();
      p.write(response("back"));
      p.wait_for_close();
    });
  }

 private:
  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at_{};
  std::thread serves_;
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

TEST(names, that_cannot_be_looked_up_any_more_mean_what_they_meant) {
  some_port port;
  const name_means before({alive});
  driver d({.origin = port.origin()});
  const auto token = d.start(post_request("x"));
  EXPECT_EQ(d.unreachable().code, errc::connect_failed);
  name_means::refuse(EAI_AGAIN);
  port.serve();
  EXPECT_EQ(d.finish(token).body, "back");
  EXPECT_GE(lookups, 1);
  d.disconnect();
}

TEST(names, that_nobody_answers_for_are_not_waited_for_while_they_are_known) {
  some_port port;
  const name_means before({alive});
  driver d({.origin = port.origin()});
  std::promise<void> answer;  // ends before the driver, which waits for the thread that asks
  const auto token = d.start(post_request("x"));
  EXPECT_EQ(d.unreachable().code, errc::connect_failed);
  name_means::hold(answer.get_future());
  port.serve();
  EXPECT_EQ(d.finish(token).body, "back");
  EXPECT_GE(lookups, 1);
  d.disconnect();
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

TEST(names, without_an_answer_are_kept_for_a_day_and_asked_for_again_and_not_when_there_are_none_such) {
  name_means told_first({alive});
  net::io_thread io;
  manual_clock time;
  std::optional<net::names> where(std::in_place, io, *net::parse_origin("https://localhost:444"), time);
  const auto ask = [&] {
    std::promise<std::string> told_why;
    io.call([&] { where->look_up([&](const std::string& why) { told_why.set_value(why); }); });
    return told_why.get_future().get();
  };
  const auto known = [&] {
    bool any = false;
    io.call([&] { any = !where->addresses().empty(); });
    return any;
  };
  EXPECT_EQ(ask(), "");
  name_means::refuse(EAI_AGAIN);
  time.advance(60 * second);
  EXPECT_FALSE(where->fresh());
  EXPECT_EQ(ask(), "");
  EXPECT_TRUE(known() && where->fresh() && where->unanswered());
  time.advance(10 * second);
  EXPECT_FALSE(where->fresh()) << "is asked for again";
  time.advance(24 * 3600 * second - 70 * second - 1);
  EXPECT_EQ(ask(), "");
  time.advance(1);
  EXPECT_NE(ask(), "");
  EXPECT_FALSE(known() || where->fresh() || where->unanswered());

  name_means::refuse(0);
  EXPECT_EQ(ask(), "");
  EXPECT_TRUE(known());
  name_means::refuse(EAI_NONAME);
  EXPECT_NE(ask(), "") << "that is an answer";
  EXPECT_FALSE(known());
  io.call([&] { where.reset(); });
}

TEST(names, of_the_day_before_are_forgotten_when_they_are_asked_for_again) {
  name_means told_first({alive});
  net::io_thread io;
  manual_clock time;
  std::optional<net::names> where(std::in_place, io, *net::parse_origin("https://localhost:444"), time);
  EXPECT_EQ(found(io, *where), addresses{"127.0.0.1:444"});
  time.advance(net::names::kept_for);
  std::promise<void> answer, answered;
  name_means::hold(answer.get_future());
  io.call([&] {
    where->look_up([&](const std::string&) { answered.set_value(); });
    EXPECT_TRUE(where->asking() && where->addresses().empty()) << "whoever connects waits for the answer";
  });
  answer.set_value();
  answered.get_future().wait();
  io.call([&] {
    EXPECT_EQ(where->addresses().size(), 1u);
    where.reset();
  });
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
