// What credits cost: the transaction that settles a group of accepted messages, in a campaign that pays with an account
// (ledger entries, balances, reservation) and in one that is metered only, by turns. Each has a store of its own, so
// that both append at the end of their tables. Durable commits.
//
//   {"name":"settle 1000 a group: with ledger vs without","ours":ns a message,"peer":ns a message,"ratio":...}
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "store/accounts.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/outcomes.hpp"
#include "store/schema.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

using namespace bulkmsg;

namespace {

constexpr std::int64_t now_ms = 1'800'000'000'000;

// Laid straight into the tables: what settling reads and writes is all there.
struct campaign {
  std::int64_t id;
  std::int32_t lane;
  std::uint32_t next = 0;
};

campaign begin(store::database& db, std::int64_t sender, std::int64_t content, std::int64_t account,
               std::int64_t messages) {
  const auto id =
      store::insert_campaign(db, {.name = "c", .sender = sender, .content = content, .account = account}, now_ms);
  db.run("UPDATE campaigns SET total = ?2, state = 4 WHERE id = ?1", id, messages);
  if (account != 0) {
    db.run("UPDATE campaigns SET reservation = ?2 WHERE id = ?1", id,
           store::reserve(db, account, id, messages, now_ms));
  }
  return {id, store::insert_lane(db, id, messages)};
}

// Nanoseconds a message.
double settle(store::database& db, campaign& c, int group) {
  store::outcomes batch;
  for (int i = 0; i < group; ++i) {
    batch.add({.id = {c.lane, c.next++}, .state = message_state::accepted, .at_ms = now_ms},
              "wamid.HBgLMTU1NTAwMDExMTEVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA", "");
  }
  const auto begun = std::chrono::steady_clock::now();
  db.exec("BEGIN IMMEDIATE");
  store::settle(db, c.id, batch, now_ms);
  db.exec("COMMIT");
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begun;
  return took.count() / group;
}

double median(std::vector<double> all) {
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
  return all[all.size() / 2];
}

}  // namespace

int main() {
  const std::string base = "credits_bench." + std::to_string(::getpid());
  const std::string paths[] = {base + ".paid", base + ".metered"};
  try {
    for (const auto& path : paths) store::create_if_missing(path, now_ms, 1);
    store::database paying(paths[0], store::database::access::write);
    store::database metering(paths[1], store::database::access::write);
    const auto account = store::put_account(paying, "a", {.per_user_credits = 100'000'000}, now_ms * millisecond);
    for (auto* db : {&paying, &metering}) {
      store::put_sender(*db, {.name = "s", .phone_number_id = "1", .token = "env:T"});
      store::put_template(*db, "t", "en_US", "{}");
    }
    constexpr int rounds = 150;
    for (const int group : {500, 1'000, 2'000}) {
      auto paid = begin(paying, 1, 1, account, rounds * group);
      auto metered = begin(metering, 1, 1, 0, rounds * group);
      std::vector<double> with, without, ratios;
      for (int i = 0; i < rounds; ++i) {
        // Whoever comes second finds warm pages: so each is the first every other time.
        double a = 0, b = 0;
        if (i % 2 == 0) a = settle(paying, paid, group);
        b = settle(metering, metered, group);
        if (i % 2 != 0) a = settle(paying, paid, group);
        with.push_back(a);
        without.push_back(b);
        ratios.push_back(a / b);
      }
      static_cast<void>(store::audit(paying, account));
      std::printf(
          "{\"name\":\"settle %d a group: with ledger vs without (ns a message)\",\"ours\":%.0f,\"peer\":%.0f,"
          "\"ratio\":%.3f,\"target\":\"<= 1.05\"}\n",
          group, median(with), median(without), median(ratios));
    }
  } catch (const store::store_error& e) {
    std::fprintf(stderr, "credits_bench: %s\n", e.what.message.c_str());
    return 1;
  }
  for (const auto& path : paths) {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  }
}
