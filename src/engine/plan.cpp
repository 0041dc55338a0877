// Freezing: the plan of a campaign is every request body it will send, under one hash.
#include <openssl/evp.h>

#include <array>

#include "bulkmsg/content/template_json.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "engine/impl.hpp"
#include "store/accounts.hpp"

namespace bulkmsg {

namespace {

constexpr std::int64_t rows_per_chunk = 4096;  // no store job holds the writer over 20 ms
constexpr std::string_view callback_placeholder = "callback";

class sha256 {
 public:
  sha256() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_, EVP_sha256(), nullptr); }
  ~sha256() { EVP_MD_CTX_free(context_); }
  sha256(const sha256&) = delete;
  void add(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_, digest.data(), &size);
    std::string out;
    for (unsigned int i = 0; i < size; ++i) {
      out += "0123456789abcdef"[digest[i] >> 4];
      out += "0123456789abcdef"[digest[i] & 15];
    }
    return out;
  }

 private:
  EVP_MD_CTX* context_;
};

// The least time the limits allow for `messages`.
std::chrono::milliseconds shortest_duration(const std::vector<pacing::limit>& limits, std::int64_t messages) {
  nanoseconds_t longest = 0;
  for (const auto& l : limits) {
    if (messages <= l.count) continue;
    if (l.kind == pacing::limit_kind::rate) {
      longest =
          std::max(longest, static_cast<nanoseconds_t>(static_cast<double>(messages) / static_cast<double>(l.count) *
                                                       static_cast<double>(l.window)));
    } else if (l.kind == pacing::limit_kind::batch) {
      longest = std::max(longest, (messages - 1) / l.count * l.window);
    }
  }
  return std::chrono::milliseconds(longest / millisecond);
}

}  // namespace

std::vector<std::string> split_list(std::string_view joined) {
  std::vector<std::string> list;
  while (!joined.empty()) {
    const auto at = joined.find(recipients::cell_separator);
    list.emplace_back(joined.substr(0, at));
    if (at == std::string_view::npos) break;
    joined.remove_prefix(at + 1);
  }
  return list;
}

std::string join_list(const std::vector<std::string>& list) {
  std::string joined;
  for (const auto& each : list) {
    if (&each != &list.front()) joined += recipients::cell_separator;
    joined += each;
  }
  return joined;
}

result<std::shared_ptr<const content::compiled_template>> engine::impl::compiled(const store::campaign_row& row) {
  auto json = read([&](store::database& db) { return store::read_template(db, row.content); });
  if (!json) return fail(json.error());
  return compile(row, *json);
}

result<std::shared_ptr<const content::compiled_template>> engine::impl::compile(const store::campaign_row& row,
                                                                                std::string_view json) {
  auto message = content::parse_template_json(json);
  if (!message) return fail(message.error());
  content::mapping map;
  const auto pairs = split_list(row.mapping);
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) map.columns.emplace_back(pairs[i], pairs[i + 1]);
  auto made = content::compiled_template::compile(*message, split_list(row.columns), map);
  if (!made) return fail(made.error());
  return std::make_shared<const content::compiled_template>(std::move(*made));
}

result<plan_summary> engine::impl::plan(const store::campaign_row& row) {
  if (row.recipients == 0) {
    return fail(errc::wrong_state, "campaign '" + row.name + "' has no recipients; import some first");
  }
  auto content = compiled(row);
  if (!content) return fail(content.error());
  auto sender = read([&](store::database& db) { return store::read_sender(db, row.sender); });
  if (!sender) return fail(sender.error());

  plan_summary made;
  made.messages = row.recipients;
  made.credits = row.account != 0 ? row.recipients * row.credits_per_message : 0;
  made.credits_available = -1;
  if (row.account != 0) {
    auto account = read([&](store::database& db) { return store::read_account(db, row.account); });
    if (!account) return fail(account.error());
    made.credits_available = account->balances.available();
  }
  const auto limits = pacing::parse_limits(sender->limits);
  if (!limits) return fail(limits.error());
  made.duration = shortest_duration(*limits, row.recipients);

  sha256 hash;
  hash.add("bulkmsg plan 1\n" + sender->origin + "\n" + sender->api_version + "\n" + sender->phone_number_id + "\n" +
           sender->limits + "\ncredits " + std::to_string(made.credits) + "\n");
  std::string body;
  std::vector<std::string_view> cells((*content)->column_count());
  for (std::int64_t from = 0; from < row.recipients; from += rows_per_chunk) {
    auto chunk = read([&](store::database& db) {
      auto r = db.select("SELECT address, parameters FROM recipients WHERE id >= ?1 AND id < ?2 ORDER BY id",
                         (row.id << 32) + from, (row.id << 32) + std::min(from + rows_per_chunk, row.recipients));
      while (r.next()) {
        if (!recipients::split_cells(r.text(1), cells)) {
          throw store::store_error{error{errc::store_corrupt, "a recipient's parameters do not fit the columns", 0, 0}};
        }
        body.clear();
        (*content)->render(body, r.text(0), callback_placeholder, cells);
        body += '\n';
        hash.add(body);
        if (made.preview.empty()) made.preview = (*content)->preview(cells);
      }
      return true;
    });
    if (!chunk) return fail(chunk.error());
  }
  made.hash = hash.hex();
  return made;
}

// draft -> starting -> sending. Whatever fails on the way leaves a draft.
result<void> engine::impl::freeze(const store::campaign_row& row, const plan_summary& planned,
                                  const std::string& start_key) {
  std::int32_t lane = 0;
  auto begun = writer_->run([&](store::database& db) {
    store::change_state(db, row.id, campaign_state::starting, "start", "", now_ms());
    db.run("UPDATE campaigns SET start_key = ?2 WHERE id = ?1", row.id, start_key);
    lane = store::insert_lane(db, row.id, row.recipients);
  });
  if (!begun) return begun;
  for (std::int64_t from = 0; from < row.recipients && begun; from += rows_per_chunk) {
    begun = writer_->run([&](store::database& db) { store::lay(db, row.id, lane, from, rows_per_chunk); });
  }
  if (begun) {
    begun = writer_->run([&](store::database& db) {
      if (row.account != 0) {
        const auto reservation = store::reserve(db, row.account, row.id, planned.credits, now_ms(),
                                                "start of campaign " + std::to_string(row.id));
        db.run("UPDATE campaigns SET reservation = ?2 WHERE id = ?1", row.id, reservation);
      }
      db.run("UPDATE campaigns SET plan_hash = ?2 WHERE id = ?1", row.id, planned.hash);
      store::change_state(db, row.id, campaign_state::sending, "start", "", now_ms());
    });
  }
  if (begun) return begun;
  static_cast<void>(
      writer_->run([&](store::database& db) { store::undo_start(db, row.id, begun.error().message, now_ms()); }));
  return begun;
}

result<plan_summary> engine::dry_run(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  return self_->plan(*row);
}

result<plan_summary> engine::start(campaign_id campaign, const start_options& options) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const impl::exclusive starting(*self_, campaign.value);
  if (auto mine = starting.had(); !mine) return fail(mine.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  if (row->state != campaign_state::draft) {
    // Started already by the same call: runs once, and the plan is the frozen one.
    if (!options.idempotency_key.empty() && options.idempotency_key == row->start_key) {
      return plan_summary{.hash = row->plan_hash,
                          .messages = row->recipients,
                          .credits = row->account != 0 ? row->recipients * row->credits_per_message : 0,
                          .credits_available = -1};
    }
    return fail(check_transition(row->state, campaign_state::starting, "start").error());
  }
  auto sender = self_->read([&](store::database& db) { return store::read_sender(db, row->sender); });
  if (!sender) return fail(sender.error());
  if (auto encoder = make_encoder(*sender); self_->options_.send && !encoder) return fail(encoder.error());
  if (row->account != 0) {
    // A new month's credits are there from its first day.
    auto billed = self_->writer_->run([&](store::database& db) { store::bill(db, row->account, self_->clock_.wall()); });
    if (!billed) return fail(billed.error());
  }
  auto planned = self_->plan(*row);
  if (!planned) return planned;
  if (!options.expected_hash.empty() && options.expected_hash != planned->hash) {
    return fail(errc::conflict, "the plan has changed since it was looked at: its hash is " + planned->hash + ", not " +
                                    options.expected_hash + "; look at it again before starting");
  }
  if (row->account != 0 && planned->credits_available < planned->credits) {
    return fail(errc::credits_short, "not enough credits: " + std::to_string(planned->credits) + " needed, " +
                                         std::to_string(planned->credits_available) + " available, " +
                                         std::to_string(planned->credits - planned->credits_available) +
                                         " missing; top up, or send to fewer");
  }
  if (auto frozen = self_->freeze(*row, *planned, options.idempotency_key); !frozen) return fail(frozen.error());
  self_->events_.durable_waiting();
  if (auto running = self_->run_campaign(campaign.value); !running) return fail(running.error());
  return planned;
}

}  // namespace bulkmsg
