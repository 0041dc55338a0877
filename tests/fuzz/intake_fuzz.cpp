// Any bytes as a signature header, as a verified webhook that is kept and merged, as a row of the inbox, and as opt-out
// words: no crash, nothing of a webhook lost by keeping it, and a store whose counters agree. The first line of the
// input chooses nothing; it is the header, the rest the body.
#include <unistd.h>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "bulkmsg/inbound/opt_out_words.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "inbound/inbox_row.hpp"
#include "inbound/merge.hpp"
#include "inbound/told_webhooks.hpp"
#include "store/campaigns.hpp"
#include "store/outcomes.hpp"
#include "store/schema.hpp"

namespace {

using namespace bulkmsg;

constexpr std::int64_t now_ms = 1'800'000'000'000;

void require(bool truth) {
  if (!truth) std::abort();
}

// One store for all inputs, with a campaign of two messages; each input's changes are rolled back.
store::database& laid() {
  static store::database db = [] {
    const auto path = (std::filesystem::temp_directory_path() / ("intake-fuzz-" + std::to_string(::getpid()))).string();
    std::filesystem::remove(path);
    store::create_if_missing(path, now_ms, 7);
    store::database made(path, store::database::access::write);
    made.exec("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF");
    std::filesystem::remove(path);  // goes with the process
    const auto sender = store::put_sender(made, {.name = "s", .phone_number_id = "1", .token = "env:T"});
    const auto content = store::put_template(made, "t", "en_US", "{}");
    const auto campaign = store::insert_campaign(made, {.name = "c", .sender = sender, .content = content}, now_ms);
    store::recipient_batch two;
    two.added = {{2, "+15551000002", "a"}, {3, "+15551000003", "b"}};
    store::append_recipients(made, campaign, two, "param1");
    store::change_state(made, campaign, campaign_state::starting, "start", "", now_ms);
    const auto lane = store::insert_lane(made, campaign, 2);
    store::lay(made, campaign, lane, 0, 2);
    store::change_state(made, campaign, campaign_state::sending, "start", "", now_ms);
    made.run("UPDATE lanes SET position = 2");
    store::outcomes batch;
    batch.add({.id = {lane, 0}, .state = message_state::accepted, .at_ms = now_ms}, "wamid.0", "");
    batch.add({.id = {lane, 1}, .state = message_state::unconfirmed, .at_ms = now_ms}, "", "");
    store::settle(made, campaign, batch, now_ms);
    return made;
  }();
  return db;
}

// What is told of a body that was kept, alone and among others, is what parsing it tells.
void keep(std::string_view body) {
  channels::webhook_parser parser;
  testing::told_webhooks wanted, kept, any;
  inbound::row_maker maker;
  std::string row;
  for (const auto& each : {body, body, std::string_view("{}"), body}) {
    maker.add(each, row);
    (void)parser.parse(each, wanted);
  }
  inbound::read_row(row, parser, kept);
  require(kept.all == wanted.all);
  inbound::read_row(body, parser, any);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto header = text.substr(0, line);
  const auto body = line == std::string_view::npos ? text : text.substr(line + 1);

  const std::string secrets[] = {"one", "two"};
  require(!inbound::verify_signature(body, header, {}));
  (void)inbound::verify_signature(body, header, secrets);
  if (const auto words = inbound::opt_out_words::parse(header)) (void)words->asked_by(body);

  keep(body);

  auto& db = laid();
  db.exec("BEGIN");
  inbound::append(db, body, now_ms);
  inbound::append(db, body, now_ms);  // the provider repeats itself
  for (int turn = 0; turn < 4; ++turn) (void)inbound::merge(db, 7, now_ms);
  require(db.number("SELECT count(*) FROM inbox") == 0);
  require(
      db.number("SELECT count(*) FROM campaigns WHERE sent <> (SELECT count(*) FROM messages WHERE state = 2) OR "
                "responded <> (SELECT count(DISTINCT message) FROM replies) OR delivered > sent OR read > delivered") ==
      0);
  require(db.number("SELECT count(*) FROM events WHERE json_valid(payload) = 0") == 0);
  db.exec("ROLLBACK");
  return 0;
}
