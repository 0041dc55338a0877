// What the engine's HTTP client costs without an engine: the same request again and again, nothing stored. bench.py
// runs it beside wrk and the peers.
//
//   bare_client ORIGIN PATH BODY_FILE CONNECTIONS SECONDS [CA_FILE [REQUESTS_PER_SECOND]]
//
// With a rate, requests leave evenly spread and the time from first byte to answer is told, too. The token is in
// BULKMSG_TOKEN.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "net/http_client.hpp"
#include "net/io_thread.hpp"

using namespace bulkmsg;

namespace {

double cpu_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

class client final : public net::listener {
 public:
  client(net::io_thread& io, net::transport& over, std::string request, double rate)
      : io_(io), over_(over), request_(std::move(request)), rate_(rate), timer_(io.make_timer()) {
    began_ = io_.time().now();
  }

  void pump() {
    auto now = io_.time().now();
    while (!done_) {
      if (rate_ > 0 && static_cast<double>(sent_) >= static_cast<double>(now - began_) * 1e-9 * rate_) {
        timer_->arm(now + 200 * microsecond, [this] { pump(); });
        return;
      }
      const int slot = over_.acquire();
      if (slot == net::transport::none) return;
      over_.buffer(slot) = request_;
      over_.send(slot, static_cast<std::uint64_t>(now));
      ++sent_;
      if (rate_ > 0) now = io_.time().now();
    }
  }
  void on_end(const net::exchange_end& end) override {
    if (end.fate != net::fate::answered || end.status != 200) {
      ++failed_;
    } else {
      ++answers;
      if (rate_ > 0) took.push_back(io_.time().now() - static_cast<nanoseconds_t>(end.token));
    }
    if (failed_ > 100) {
      std::fprintf(stderr, "bare_client: requests fail\n");
      std::exit(1);
    }
    pump();
  }
  void on_ready() override { pump(); }
  void on_unreachable(const error& why) override {
    std::fprintf(stderr, "bare_client: %s\n", why.message.c_str());
    std::exit(1);
  }
  void finish() { done_ = true; }

  std::uint64_t answers = 0;
  std::vector<nanoseconds_t> took;

 private:
  net::io_thread& io_;
  net::transport& over_;
  const std::string request_;
  const double rate_;
  std::unique_ptr<timer> timer_;
  nanoseconds_t began_ = 0;
  std::uint64_t sent_ = 0;
  int failed_ = 0;
  bool done_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  std::ifstream file(argv[3], std::ios::binary);
  const std::string body{std::istreambuf_iterator<char>(file), {}};
  net::transport_options options;
  options.origin = argv[1];
  options.connections_max = std::atoi(argv[4]);
  if (argc > 6) options.tls.ca_file = argv[6];
  const std::string request = std::string("POST ") + argv[2] +
                              " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                              "Authorization: Bearer " +
                              std::getenv("BULKMSG_TOKEN") + "\r\nContent-Length: " + std::to_string(body.size()) +
                              "\r\n\r\n" + body;
  net::io_thread io;
  auto over = net::make_http_client(io, options);
  if (!over) {
    std::fprintf(stderr, "bare_client: %s\n", over.error().message.c_str());
    return 1;
  }
  std::unique_ptr<client> c;
  double cpu = 0;
  nanoseconds_t began = 0;
  std::uint64_t answered = 0;
  io.call([&] {
    c = std::make_unique<client>(io, **over, request, argc > 7 ? std::atof(argv[7]) : 0);
    (*over)->set_listener(c.get());
    c->pump();
  });
  // What connecting costs is not what is asked for.
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  io.call([&] {
    answered = c->answers;
    c->took.clear();
    cpu = cpu_seconds();
    began = io.time().now();
  });
  std::this_thread::sleep_for(std::chrono::duration<double>(std::atof(argv[5])));
  io.call([&] {
    const double seconds = static_cast<double>(io.time().now() - began) * 1e-9;
    const auto n = static_cast<double>(c->answers - answered);
    std::sort(c->took.begin(), c->took.end());
    const double p99 = c->took.empty() ? 0 : static_cast<double>(c->took[c->took.size() * 99 / 100]) * 1e-3;
    std::printf("{\"requests_per_second\":%.1f,\"cpu_us\":%.3f,\"p99_us\":%.1f}\n", n / seconds,
                (cpu_seconds() - cpu) * 1e6 / n, p99);
    c->finish();
    (*over)->set_listener(nullptr);
    (*over)->close();
  });
  over->reset();
  io.call([&] { c.reset(); });
}
