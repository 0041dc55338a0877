// What comes back: how fast webhooks are verified, parsed and durable, and how fast their receipts are merged.
//
//   intake_bench [--messages N] [--rounds N] [--part intake|merge|acks]
//
//   intake   bodies of 1 (and of 50) statuses: signature verified, parsed as a whole, appended to the inbox, committed
//            with synchronous FULL by the engine's writer, as many at a time as wait; nanoseconds a body. The peer
//            verifies with one reused EVP_MAC HMAC and reads the same fields with simdjson on demand; it keeps nothing.
//   merge    receipts sent, delivered and read of every message of a campaign, merged into SQLite; receipts a second.
//   The
//            peer updates the same rows by random key with the barest statement, 500 a commit. The receipts come as
//            providers send them, each within 20,000 messages of its place (the row that counts), and in no order at
//            all.
//   acks     durable answers to webhooks that come at a steady rate while the store settles sends at a third of it and
//            merges them: the 99th percentile in milliseconds; the peer is the bound of 250 ms.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <simdjson.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bulkmsg/channels/callback_key.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "inbound/intake.hpp"
#include "inbound/merge.hpp"
#include "store/campaigns.hpp"
#include "store/outcomes.hpp"
#include "store/schema.hpp"
#include "store/writer.hpp"

using namespace bulkmsg;

namespace {

using steady = std::chrono::steady_clock;
constexpr std::int64_t now_ms = 1'800'000'000'000;
constexpr std::uint64_t store_id = 7;
const std::string secret = "a94f5374fce5edbc8e2a8697c1533167";

double seconds(steady::time_point since) { return std::chrono::duration<double>(steady::now() - since).count(); }
double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}
void print(const char* name, double ours, double peer, double ratio, const char* target) {
  std::printf("{\"name\":\"%s\",\"ours\":%.4g,\"peer\":%.4g,\"ratio\":%.3f,\"target\":\"%s\"}\n", name, ours, peer,
              ratio, target);
  std::fflush(stdout);
}

class folder {
 public:
  folder() : path_(std::filesystem::temp_directory_path() / ("bulkmsg-intake-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// As the provider writes a status: about 480 bytes.
std::string status(message_id message, const char* word) {
  const channels::callback_key key{store_id, 1, message, 1};
  return R"({"id":"wamid.HBgLMTU1NTAwMDExMTEVAgARGBI5QTNDQTVCM0Q0Q0Q)" + std::to_string(message.sequence) +
         R"(","status":")" + word + R"(","timestamp":"1800000000","recipient_id":"15550001111",)" +
         R"("biz_opaque_callback_data":")" + key.text() +
         R"(","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing"}})";
}
std::string body_of(const std::string& statuses) {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{)"
         R"("messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":)"
         R"("106540352242922"},"statuses":[)" +
         statuses + R"(]},"field":"messages"}]}]})";
}

// One HMAC whose key was scheduled once.
class hmac {
 public:
  hmac() : mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)), context_(EVP_MAC_CTX_new(mac_)) {
    char digest[] = "SHA256";
    const OSSL_PARAM how[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                              OSSL_PARAM_construct_end()};
    EVP_MAC_init(context_, reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), how);
  }
  ~hmac() {
    EVP_MAC_CTX_free(context_);
    EVP_MAC_free(mac_);
  }
  unsigned char first_byte(const std::string& body) { return sign(body)[0]; }
  const unsigned char* sign(const std::string& body) {
    std::size_t size = 0;
    EVP_MAC_init(context_, nullptr, 0, nullptr);
    EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(body.data()), body.size());
    EVP_MAC_final(context_, out_, &size, sizeof out_);
    return out_;
  }
  std::string header(const std::string& body) {
    std::string text = "sha256=";
    const auto* mac = sign(body);
    for (int i = 0; i < 32; ++i) {
      text += "0123456789abcdef"[mac[i] >> 4];
      text += "0123456789abcdef"[mac[i] & 15];
    }
    return text;
  }

 private:
  EVP_MAC* mac_;
  EVP_MAC_CTX* context_;
  unsigned char out_[EVP_MAX_MD_SIZE] = {};
};

struct signed_body {
  std::string body, signature;
};

// ---- intake ----

double peer_reads(const std::vector<signed_body>& all) {
  hmac mac;
  simdjson::ondemand::parser parser;
  std::size_t sum = 0;
  std::string padded;
  const auto begun = steady::now();
  for (const auto& each : all) {
    sum += mac.first_byte(each.body);
    padded.reserve(each.body.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(each.body);
    auto document = parser.iterate(padded.data(), padded.size(), padded.capacity());
    for (auto entry : document["entry"]) {
      for (auto change : entry["changes"]) {
        for (auto s : change["value"]["statuses"]) {
          std::string_view id, word, time, callback;
          static_cast<void>(s["id"].get(id));
          static_cast<void>(s["status"].get(word));
          static_cast<void>(s["timestamp"].get(time));
          static_cast<void>(s["biz_opaque_callback_data"].get(callback));
          sum += id.size() + word.size() + time.size() + callback.size();
        }
      }
    }
  }
  const auto took = seconds(begun);
  if (sum == 42) std::puts("");  // used
  return took * 1e9 / static_cast<double>(all.size());
}

double ours_takes(const std::string& path, const std::vector<signed_body>& all) {
  store::create_if_missing(path, now_ms, static_cast<std::int64_t>(store_id));
  store::writer writer(store::database(path, store::database::access::write));
  const std::vector<std::string> secrets{secret};
  inbound::signature_checker checker(secrets);
  inbound::intake intake(nullptr);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t durable = 0;
  constexpr std::size_t waiting_max = 2000;  // answers owed, over all connections
  const auto begun = steady::now();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!checker.verify(all[i].body, all[i].signature)) std::abort();
    intake.take(writer, all[i].body, now_ms, [&](const error* failed) {
      if (failed) std::abort();
      const std::lock_guard lock(mutex);
      if (++durable % 256 == 0 || durable == all.size()) changed.notify_one();
    });
    if (i % 256 == 0) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return i + 1 - durable < waiting_max; });
    }
  }
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return durable == all.size(); });
  }
  const auto took = seconds(begun);
  writer.stop();
  store::database db(path, store::database::access::read);
  if (db.number("SELECT sum(bodies) FROM inbox") != static_cast<std::int64_t>(all.size())) std::abort();
  return took * 1e9 / static_cast<double>(all.size());
}

void bench_intake(const folder& in, int statuses, std::size_t bodies, int rounds) {
  hmac mac;
  std::vector<signed_body> all;
  for (std::size_t i = 0; i < bodies; ++i) {
    std::string list;
    for (int j = 0; j < statuses; ++j) {
      list += (j == 0 ? "" : ",") +
              status({1, static_cast<std::uint32_t>(i * 50 + static_cast<std::size_t>(j))}, "delivered");
    }
    auto body = body_of(list);
    auto signature = mac.header(body);
    all.push_back({std::move(body), std::move(signature)});
  }
  std::vector<double> ours, peer, ratio;
  for (int round = 0; round < rounds; ++round) {
    peer.push_back(peer_reads(all));
    ours.push_back(ours_takes(in.file("intake" + std::to_string(statuses) + "_" + std::to_string(round)), all));
    ratio.push_back(ours.back() / peer.back());
  }
  const std::string name = "webhook intake, " + std::to_string(statuses) + (statuses == 1 ? " status" : " statuses") +
                           " a body, durable vs simdjson + EVP_MAC (ns)";
  print(name.c_str(), median(ours), median(peer), median(ratio), statuses == 1 ? "<= 3.5" : "reported");
}

// ---- merge ----

void lay_messages(const std::string& path, std::int64_t messages) {
  store::create_if_missing(path, now_ms, static_cast<std::int64_t>(store_id));
  store::database db(path, store::database::access::write);
  const auto sender = store::put_sender(db, {.name = "s", .phone_number_id = "106540352242922", .token = "env:T"});
  const auto content = store::put_template(db, "t", "en_US", "{}");
  const auto campaign = store::insert_campaign(db, {.name = "c", .sender = sender, .content = content}, now_ms);
  const auto lane = store::insert_lane(db, campaign, messages);
  db.run("UPDATE campaigns SET total = ?2, state = 4 WHERE id = ?1", campaign, messages);
  db.run("UPDATE lanes SET position = size, indexed = size");
  store::outcomes batch;
  for (std::int64_t i = 0; i < messages;) {
    batch.clear();
    for (int j = 0; j < 5000 && i < messages; ++j, ++i) {
      batch.add({.id = {lane, static_cast<std::uint32_t>(i)}, .state = message_state::accepted, .at_ms = now_ms},
                "wamid.HBgLMTU1NTAwMDExMTEVAgARGBI5QTNDQTVCM0Q0Q0Q" + std::to_string(i), "");
    }
    db.exec("BEGIN IMMEDIATE");
    store::settle(db, campaign, batch, now_ms);
    db.exec("COMMIT");
  }
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
}

double peer_updates(const std::string& path, std::int64_t messages, std::size_t updates) {
  store::database db(path, store::database::access::write);
  std::mt19937_64 random(1);
  const auto begun = steady::now();
  for (std::size_t i = 0; i < updates;) {
    db.exec("BEGIN IMMEDIATE");
    for (int j = 0; j < 500 && i < updates; ++j, ++i) {
      const auto id =
          (std::int64_t{1} << 32) + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(messages));
      db.run("UPDATE messages SET receipt = 3, delivered_at_ms = ?2 WHERE id = ?1", id, now_ms);
    }
    db.exec("COMMIT");
  }
  return static_cast<double>(updates) / seconds(begun);
}

// Sent, delivered, read of each of the first `messages`, in the order of their place plus up to `spread`; 50 a body.
std::vector<std::string> receipts_of(std::int64_t messages, std::int64_t count, double spread) {
  struct one {
    double at;
    std::uint32_t sequence;
    const char* word;
  };
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> delay(0, spread);
  std::vector<one> all;
  const auto step = static_cast<double>(messages) / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto sequence = spread > static_cast<double>(count)
                              ? static_cast<std::uint32_t>(static_cast<double>(i) * step)  // all over the table
                              : static_cast<std::uint32_t>(i);
    for (const char* word : {"sent", "delivered", "read"}) {
      all.push_back({static_cast<double>(i) + delay(random), sequence, word});
    }
  }
  std::sort(all.begin(), all.end(), [](const one& a, const one& b) { return a.at < b.at; });
  std::vector<std::string> bodies;
  for (std::size_t i = 0; i < all.size();) {
    std::string list;
    for (int j = 0; j < 50 && i < all.size(); ++j, ++i) {
      list += (j == 0 ? "" : ",") + status({1, all[i].sequence}, all[i].word);
    }
    bodies.push_back(body_of(list));
  }
  return bodies;
}

double ours_merges(const std::string& path, const std::vector<std::string>& bodies, std::size_t receipts) {
  store::database db(path, store::database::access::write);
  db.exec("BEGIN IMMEDIATE");
  for (const auto& b : bodies) inbound::append(db, b, now_ms);
  db.exec("COMMIT");
  const auto begun = steady::now();
  for (bool more = true; more;) {
    db.exec("BEGIN IMMEDIATE");
    more = inbound::merge(db, store_id, now_ms, {.idle = false}).more;
    db.exec("COMMIT");
  }
  const auto rate = static_cast<double>(receipts) / seconds(begun);
  if (db.number("SELECT count(*) FROM inbox") != 0) std::abort();
  return rate;
}

void bench_merge(const folder& in, std::int64_t messages, int rounds) {
  lay_messages(in.file("laid"), messages);
  const auto fresh = [&](int round, const char* what) {
    auto path = in.file(what + std::to_string(round));
    std::filesystem::copy_file(in.file("laid"), path, std::filesystem::copy_options::overwrite_existing);
    return path;
  };
  const auto count = std::min<std::int64_t>(messages, 100'000);
  const auto usual = receipts_of(messages, count, 20'000), any = receipts_of(messages, count, 1e9);
  const auto receipts = static_cast<std::size_t>(count) * 3;
  std::vector<double> peer, ours, ours_any, ratio, ratio_any;
  for (int round = 0; round < rounds; ++round) {
    peer.push_back(peer_updates(fresh(round, "peer"), messages, receipts));
    ours.push_back(ours_merges(fresh(round, "ours"), usual, receipts));
    ours_any.push_back(ours_merges(fresh(round, "any"), any, receipts));
    ratio.push_back(ours.back() / peer.back());
    ratio_any.push_back(ours_any.back() / peer.back());
  }
  print("receipts merged, as they come vs bare updates by random key (/s)", median(ours), median(peer), median(ratio),
        ">= 2, aim 3");
  print("receipts merged, in no order at all vs bare updates by random key (/s)", median(ours_any), median(peer),
        median(ratio_any), "reported");
}

// ---- acknowledgements while sending ----

void bench_acks(const folder& in, std::int64_t messages) {
  constexpr int sends_per_second = 1000;  // the highest rate of one number
  const auto path = in.file("acks");
  lay_messages(path, messages);
  store::writer writer(store::database(path, store::database::access::write));
  std::vector<double> times;
  std::mutex mutex;
  std::atomic<int> owed = 0;
  inbound::intake intake(nullptr);
  const auto begun = steady::now();
  std::uint32_t next = 0;
  constexpr int turns = 500;  // of 10 ms
  for (int turn = 0; turn < turns; ++turn) {
    std::this_thread::sleep_until(begun + std::chrono::milliseconds(10 * turn));
    // What sending asks of the store: the next outcomes, of messages behind those that are laid.
    writer.submit(
        [=](store::database& db) {
          store::outcomes batch;
          for (int i = 0; i < sends_per_second / 100; ++i) {
            const auto sequence = static_cast<std::uint32_t>(messages + turn * (sends_per_second / 100) + i);
            batch.add({.id = {1, sequence}, .state = message_state::accepted, .at_ms = now_ms},
                      "wamid." + std::to_string(sequence), "");
          }
          store::settle(db, 1, batch, now_ms);
        },
        nullptr);
    // Three receipts for each message sent, one a body: the most that can come.
    for (int i = 0; i < 3 * sends_per_second / 100; ++i) {
      const auto body = body_of(status({1, next++ % static_cast<std::uint32_t>(messages)}, "delivered"));
      ++owed;
      intake.take(writer, body, now_ms, [&, from = steady::now()](const error* failed) {
        if (failed) std::abort();
        const std::lock_guard lock(mutex);
        times.push_back(seconds(from) * 1000);
        --owed;
      });
    }
    if (turn % 5 == 0) {  // as the engine's tick
      writer.submit([](store::database& db) { inbound::merge(db, store_id, now_ms, {.idle = false}); }, nullptr);
    }
  }
  while (owed > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  writer.stop();
  std::sort(times.begin(), times.end());
  const auto p99 = times[times.size() * 99 / 100];
  print("webhook acknowledged, 3,000/s while 1,000/s are settled, p99 vs 250 (ms)", p99, 250, p99 / 250, "<= 1");
}

}  // namespace

int main(int argc, char** argv) {
  std::int64_t messages = 1'000'000;
  int rounds = 3;
  std::string part;  // empty: all
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--messages") == 0) messages = std::atoll(argv[i + 1]);
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::atoi(argv[i + 1]);
    if (std::strcmp(argv[i], "--part") == 0) part = argv[i + 1];
  }
  const auto wanted = [&](const char* name) { return part.empty() || part == name; };
  const folder in;
  if (wanted("intake")) bench_intake(in, 1, 100'000, rounds);
  if (wanted("intake")) bench_intake(in, 50, 4'000, rounds);
  if (wanted("merge")) bench_merge(in, messages, rounds);
  if (wanted("acks")) bench_acks(in, std::min<std::int64_t>(messages, 200'000));
}
