// What the engine adds to a request's time: the sender and the store as shipped, at a given rate. bench.py compares
// with bare_client at the same rate.
//
//   engine_latency ORIGIN TEMPLATE_JSON CONNECTIONS SECONDS REQUESTS_PER_SECOND      the token is in BULKMSG_TOKEN
//
// Told are the time from a request's first byte until its outcome is durable, with the ledger, and that of a commit.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/channels/whatsapp_channel.hpp"
#include "bulkmsg/content/template_json.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "net/http_client.hpp"
#include "net/io_thread.hpp"
#include "sending/batch_sender.hpp"
#include "store/accounts.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/recipients.hpp"
#include "store/schema.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

using namespace bulkmsg;

namespace {

// The transport, with a note of each first byte. Messages of a lane leave in the order of their sequence.
class timed final : public net::transport {
 public:
  timed(std::unique_ptr<net::transport> inner, const bulkmsg::clock& time) : inner_(std::move(inner)), time_(time) {}
  void set_listener(net::listener* to) override { inner_->set_listener(to); }
  int acquire() override { return inner_->acquire(); }
  void release(int slot) override { inner_->release(slot); }
  std::string& buffer(int slot) override { return inner_->buffer(slot); }
  void send(int slot, std::uint64_t token) override {
    first_bytes.push_back(time_.now());
    inner_->send(slot, token);
  }
  [[nodiscard]] int in_flight() const noexcept override { return inner_->in_flight(); }
  void close() override { inner_->close(); }

  std::vector<nanoseconds_t> first_bytes;

 private:
  std::unique_ptr<net::transport> inner_;
  const bulkmsg::clock& time_;
};

class notes final : public sending::observer {
 public:
  notes(const timed& wire, const bulkmsg::clock& time) : wire_(wire), time_(time) {}
  void on_settled(campaign_id, const store::outcomes& batch) override {
    const auto now = time_.now();
    for (const auto& o : batch.items) took.push_back(now - wire_.first_bytes[o.id.sequence]);
  }
  void on_idle(campaign_id) override { idle.set_value(); }
  void on_brake(campaign_id, const std::string& reason) override { give_up(reason); }
  void on_trouble(const error& why) override { give_up(why.message); }

  std::vector<nanoseconds_t> took;
  std::promise<void> idle;

 private:
  [[noreturn]] static void give_up(const std::string& why) {
    std::fprintf(stderr, "engine_latency: %s\n", why.c_str());
    std::_Exit(1);
  }
  const timed& wire_;
  const bulkmsg::clock& time_;
};

void lay(store::database& db, const std::string& template_json, std::int64_t messages, std::int64_t now_ms) {
  store::put_sender(db, {.name = "s", .phone_number_id = "106540352242922", .token = "env:BULKMSG_TOKEN"});
  store::put_template(db, "order_update", "en_US", template_json);
  db.exec("BEGIN");
  const auto account = store::put_account(db, "a", {.per_user_credits = 100'000'000}, now_ms * millisecond);
  store::insert_campaign(db, {.name = "c", .sender = 1, .content = 1, .account = account}, now_ms);
  store::recipient_batch batch;
  for (std::int64_t i = 0; i < messages; ++i) {
    const auto n = std::to_string(i);
    batch.added.push_back(
        {i + 2, "+1555" + std::string(7 - std::min<std::size_t>(7, n.size()), '0') + n,
         "A-" + n + "\x1f" + "Ana Maria " + n + "\x1f" + "the order number " + n + " of this week\x1f" + "track-" + n});
  }
  store::append_recipients(db, 1, batch,
                           "header_param1\x1fparam1\x1fparam2\x1f"
                           "button0_param");
  store::change_state(db, 1, campaign_state::starting, "start", "", now_ms);
  store::lay(db, 1, store::insert_lane(db, 1, messages), 0, messages);
  db.run("UPDATE campaigns SET reservation = ?1", store::reserve(db, account, 1, messages, now_ms));
  store::change_state(db, 1, campaign_state::sending, "start", "", now_ms);
  db.exec("COMMIT");
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

double at(std::vector<nanoseconds_t> all, double part) {
  std::sort(all.begin(), all.end());
  return static_cast<double>(all[static_cast<std::size_t>(static_cast<double>(all.size() - 1) * part)]) * 1e-3;
}

int run(char** argv, const std::string& path) {
  const auto rate = std::atoll(argv[5]);
  const auto messages = std::max<std::int64_t>(1, rate * std::atoll(argv[4]));
  std::ifstream file(argv[2]);
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  net::io_thread io;
  const auto& time = io.time();
  store::create_if_missing(path, time.wall() / millisecond, 1);
  store::database db(path, store::database::access::write);
  lay(db, json, messages, time.wall() / millisecond);
  store::writer writer(std::move(db));

  auto wire = net::make_http_client(io, {.origin = argv[1], .connections_max = std::atoi(argv[3])});
  const auto parsed = content::parse_template_json(json);
  const std::vector<std::string> columns{"header_param1", "param1", "param2", "button0_param"};
  auto compiled = parsed ? channels::compile_whatsapp(*parsed, columns) : fail(parsed.error());
  auto encoder = channels::request_encoder::make({.host = "127.0.0.1",
                                                  .api_version = "v23.0",
                                                  .phone_number_id = "106540352242922",
                                                  .access_token = std::getenv("BULKMSG_TOKEN")});
  const auto limits = pacing::parse_limits(std::to_string(rate) + "/s; in-flight=" + argv[3]);
  if (!wire || !compiled || !encoder || !limits) {
    std::fprintf(stderr, "engine_latency: an argument is unusable\n");
    return 1;
  }
  auto over = std::make_unique<timed>(std::move(*wire), time);
  over->first_bytes.reserve(static_cast<std::size_t>(messages));
  notes told(*over, time);
  auto work = std::make_unique<sending::batch_sender>(io, *over, writer,
                                                      std::make_unique<channels::whatsapp_channel>(std::move(*encoder)),
                                                      pacing::permits(*limits), 1, told);
  const auto began = time.now();
  io.call([&] {
    over->set_listener(work.get());
    work->add({1, {1}, std::make_shared<const content::compiled_message>(std::move(*compiled))});
  });
  told.idle.get_future().get();
  const double seconds = static_cast<double>(time.now() - began) * 1e-9;

  std::vector<nanoseconds_t> commits;
  for (int i = 0; i < 300; ++i) {
    const auto from = time.now();
    // Another value each time: what does not change is not written.
    static_cast<void>(
        writer.run([&](store::database& to) { to.run("UPDATE lanes SET position = ?1", messages - i % 2); }));
    commits.push_back(time.now() - from);
  }
  // What opens the connections and fills the caches is not what is asked for.
  auto& took = told.took;
  took.erase(took.begin(), took.begin() + static_cast<std::ptrdiff_t>(took.size() / 5));
  std::printf("{\"requests_per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"commit_us\":%.1f}\n",
              static_cast<double>(messages) / seconds, at(took, 0.5), at(took, 0.99), at(commits, 0.5));
  io.call([&] { over->close(); });
  io.stop();
  writer.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::string path = "engine_latency." + std::to_string(::getpid());
  int code = 1;
  try {
    code = run(argv, path);
  } catch (const store::store_error& e) {
    std::fprintf(stderr, "engine_latency: %s\n", e.what.message.c_str());
  }
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  return code;
}
