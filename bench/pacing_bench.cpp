// Limits, against named peers in the same run:
//
//   take           a permit from one rate limit with the time given, against a bound of 10 ns; and with the clock read
//                  for each, against reading the clock alone (std::chrono::steady_clock)
//   memory         bytes per recipient with 1,000,000 of them in the limit per recipient, and in the limit of different
//                  recipients, at their worst moment, against std::unordered_map<uint64_t, int64_t>
//   real time      1,000/s and 10,000/s kept over 10 s on an Asio timer: messages a second and the most in any second
//                  against the limit, and how late they are against a bare Asio timer that does nothing else
//
//   pacing_bench [--rounds N] [--seconds N (0: no real time)]
//
// Prints a line of JSON for each: {"name","ours","peer","ratio","target"}; a ratio is ours / peer.
#include <malloc.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

#include "bulkmsg/pacing/pair_limiter.hpp"
#include "bulkmsg/pacing/permit.hpp"
#include "bulkmsg/pacing/rate_limiter.hpp"
#include "bulkmsg/pacing/unique_limiter.hpp"

namespace {

std::size_t allocated = 0;  // by operator new, as malloc really gives it
std::size_t allocated_most = 0;

}  // namespace

void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (p == nullptr) throw std::bad_alloc();
  allocated += malloc_usable_size(p) + sizeof(std::size_t);
  allocated_most = std::max(allocated_most, allocated);
  return p;
}
void operator delete(void* p) noexcept {
  if (p != nullptr) allocated -= malloc_usable_size(p) + sizeof(std::size_t);
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using namespace bulkmsg;
using namespace bulkmsg::pacing;
using clock_type = std::chrono::steady_clock;

nanoseconds_t read_clock() { return clock_type::now().time_since_epoch().count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

void print(const std::string& name, double ours, double peer, const char* target) {
  std::printf("{\"name\":\"%s\",\"ours\":%.6g,\"peer\":%.6g,\"ratio\":%.4f,\"target\":\"%s\"}\n", name.c_str(), ours,
              peer, ours / peer, target);
  std::fflush(stdout);
}

// --- take ---

constexpr int takes = 4'000'000;
std::uint64_t sink = 0;

double nanoseconds_each(const std::function<void()>& work) {
  const auto from = read_clock();
  work();
  return static_cast<double>(read_clock() - from) / takes;
}

// Time moves by the limit's interval, so each is granted.
void bench_take(int rounds) {
  constexpr nanoseconds_t interval = second / 80;
  std::vector<double> bare_limit, permit, clock_alone, with_clock;
  rate_limiter rate(80, second);
  permits p(parse_limits("80/s").value());
  nanoseconds_t at = 0;
  nanoseconds_t ahead = 0;
  for (int r = 0; r < rounds; ++r) {
    bare_limit.push_back(nanoseconds_each([&] {
      for (int i = 0; i < takes; ++i, at += interval) {
        if (rate.next(at) > at) continue;
        rate.take(at);
        ++sink;
      }
    }));
    permit.push_back(nanoseconds_each([&] {
      for (int i = 0; i < takes; ++i, at += interval) sink += p.take(at).granted;
    }));
    clock_alone.push_back(nanoseconds_each([&] {
      for (int i = 0; i < takes; ++i) sink += static_cast<std::uint64_t>(read_clock());
    }));
    with_clock.push_back(nanoseconds_each([&] {
      for (int i = 0; i < takes; ++i, ahead += interval) {
        const nanoseconds_t now = at + read_clock() + ahead;
        if (rate.next(now) > now) continue;
        rate.take(now);
        ++sink;
      }
    }));
    at += 2 * read_clock() + ahead;
  }
  print("take(now) of one rate limit, time given, ns vs a bound of 10 ns", median(bare_limit), 10, "<= 1");
  print("take(now) of permits with one rate limit, time given, ns vs a bound of 10 ns", median(permit), 10, "report");
  print("take with the clock read, ns vs steady_clock::now alone", median(with_clock), median(clock_alone), "<= 1.5");
}

// --- memory ---

constexpr std::uint64_t recipients = 1'000'000;

// The worst moment from 100,000 recipients on, in bytes per recipient tracked then.
double bytes_each(const std::function<void(std::uint64_t)>& add) {
  const std::size_t before = allocated;
  double most = 0;
  for (std::uint64_t i = 1; i <= recipients; ++i) {
    allocated_most = allocated;
    add(i * 0x9E3779B97F4A7C15U);
    if (i > recipients / 10) {
      most = std::max(most, static_cast<double>(allocated_most - before) / static_cast<double>(i));
    }
  }
  return most;
}

void bench_memory() {
  double map_bytes = 0;
  {
    std::unordered_map<std::uint64_t, std::int64_t> map;
    map_bytes = bytes_each([&](std::uint64_t key) { map[key] = 1; });
  }
  {
    pair_limiter pairs(1, 6 * second, 45);
    print("limit per recipient, 1,000,000 tracked, bytes each at worst (48 allowed) vs unordered_map",
          bytes_each([&](std::uint64_t key) { pairs.take(key, 0); }), map_bytes, "ours <= 48");
  }
  {
    unique_limiter unique(static_cast<std::int64_t>(recipients), 24 * 3'600 * second);
    print("limit of different recipients, 1,000,000 tracked, bytes each at worst vs unordered_map",
          bytes_each([&](std::uint64_t key) { unique.take(key, 0); }), map_bytes, "report");
  }
}

// --- real time ---

struct timing {
  std::vector<nanoseconds_t> sent;
  std::vector<double> late_us;
};

void wait_until(boost::asio::steady_timer& timer, nanoseconds_t at, const std::function<void()>& then) {
  timer.expires_at(clock_type::time_point(clock_type::duration(at)));
  timer.async_wait([&then](const boost::system::error_code&) { then(); });
}

// As a sender does it: everything that is allowed now, then one timer to the next time.
timing run_ours(const std::string& limits, nanoseconds_t length) {
  boost::asio::io_context io;
  boost::asio::steady_timer timer(io);
  permits p(parse_limits(limits).value());
  timing t;
  t.sent.reserve(1 << 18);
  t.late_us.reserve(1 << 18);
  const nanoseconds_t end = read_clock() + length;
  nanoseconds_t due = 0;
  std::function<void()> turn = [&] {
    nanoseconds_t now = read_clock();
    if (due != 0) t.late_us.push_back(static_cast<double>(now - due) / 1e3);
    decision d;
    for (; (d = p.take(now)).granted && now < end; now = read_clock()) t.sent.push_back(now);
    if (now >= end) return;
    due = wake_up(d, now);
    wait_until(timer, due, turn);
  };
  turn();
  io.run();
  return t;
}

timing run_bare(nanoseconds_t interval, nanoseconds_t length) {
  boost::asio::io_context io;
  boost::asio::steady_timer timer(io);
  timing t;
  t.late_us.reserve(1 << 18);
  const nanoseconds_t begin = read_clock();
  nanoseconds_t due = begin;
  std::function<void()> turn = [&] {
    const nanoseconds_t now = read_clock();
    t.late_us.push_back(static_cast<double>(now - due) / 1e3);
    due += interval;
    if (due <= now) due = now + interval;
    if (due < begin + length) wait_until(timer, due, turn);
  };
  wait_until(timer, due, turn);
  io.run();
  return t;
}

std::size_t most_in_a_second(const std::vector<nanoseconds_t>& sent) {
  std::size_t most = 0;
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < sent.size(); ++begin) {
    while (end < sent.size() && sent[end] - sent[begin] < second) ++end;
    most = std::max(most, end - begin);
  }
  return most;
}

void bench_real_time(std::int64_t per_second, nanoseconds_t bare_interval, int rounds, nanoseconds_t length) {
  std::vector<double> rates, most, ours, bare;
  for (int r = 0; r < rounds; ++r) {
    const timing peer = run_bare(bare_interval, length);
    const timing mine = run_ours(std::to_string(per_second) + "/s", length);
    const auto in_time = std::lower_bound(mine.sent.begin(), mine.sent.end(), mine.sent.front() + length);
    rates.push_back(static_cast<double>(in_time - mine.sent.begin()) * 1e9 / static_cast<double>(length));
    most.push_back(static_cast<double>(most_in_a_second(mine.sent)));
    ours.push_back(median(mine.late_us));
    bare.push_back(median(peer.late_us));
  }
  const std::string name =
      "pacing at " + std::to_string(per_second) + "/s over " + std::to_string(length / second) + " s";
  const auto limit = static_cast<double>(per_second);
  print(name + ", messages a second vs the limit", median(rates), limit, "0.999 to 1");
  print(name + ", most in any second vs the limit", *std::max_element(most.begin(), most.end()), limit, "<= 1");
  print(name + ", late p50 in us vs a bare Asio timer", median(ours), median(bare), "<= 1.5");
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 3;
  int seconds = 10;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::max(1, std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atoi(argv[i + 1]);
  }
  bench_take(std::max(rounds, 5));
  bench_memory();
  if (seconds > 0) {
    bench_real_time(1'000, millisecond, rounds, seconds * second);
    bench_real_time(10'000, 500 * microsecond, rounds, seconds * second);
  }
  return sink == 0;
}
