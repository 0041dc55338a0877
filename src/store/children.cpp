#include "store/children.hpp"

#include <algorithm>

#include "bulkmsg/channels/whatsapp_errors.hpp"
#include "store/campaigns.hpp"
#include "store/keys.hpp"
#include "store/recipients.hpp"
#include "store/unconfirmed.hpp"

namespace bulkmsg::store {

namespace {

enum class verdict {
  no,  // not of that kind
  now,
  later,
  never,
  taken
};

struct judged {
  verdict what = verdict::no;
  std::int64_t from_ms = 0;  // later: when
};

// Of a row: state, receipt, code, next_at_ms, failed_at_ms, superseded.
judged judge(const rows& r, int first, retry_kind what, bool all, std::int64_t now_ms) {
  const auto state = static_cast<message_state>(r.integer(first));
  const auto code = r.integer(first + 2);
  const bool given_up = state == message_state::refused && code == static_cast<std::int64_t>(errc::timed_out);
  const bool undelivered =
      state == message_state::accepted && static_cast<receipt_rank>(r.integer(first + 1)) == receipt_rank::failed;
  const bool unconfirmed = state == message_state::unconfirmed || given_up;
  const bool failed = (state == message_state::refused && !given_up) || undelivered;
  if (what == retry_kind::failed ? !failed : !unconfirmed) return {};
  if (!r.is_null(first + 5)) return {verdict::taken};
  if (unconfirmed || all) return {verdict::now};
  std::int64_t from_ms = r.integer(first + 3);  // as the answer was understood when it came
  if (undelivered) {
    const auto* known = channels::find_whatsapp_error(code);
    if (known == nullptr || !channels::may_pass(known->what)) return {verdict::never};
    from_ms = r.integer(first + 4) + std::int64_t{known->wait_s} * 1000;
  } else if (r.is_null(first + 3)) {
    return {verdict::never};
  }
  return from_ms <= now_ms ? judged{verdict::now} : judged{verdict::later, from_ms};
}

// What the host stated of the consent of the parent's recipients holds for the same people here.
void copy_statements(database& db, std::int64_t child, std::int64_t first_row,
                     const std::vector<std::int64_t>& parent_recipients) {
  struct span {
    std::int64_t first, last, at_ms;
    std::string source;
  };
  std::vector<span> stated;
  {
    auto r = db.select("SELECT first, last, at_ms, source FROM consent_statements WHERE campaign = ?1",
                       parent_recipients.front() >> 32);
    while (r.next()) stated.push_back({r.integer(0), r.integer(1), r.integer(2), std::string(r.text(3))});
  }
  for (const auto& s : stated) {
    const auto covers = [&](std::int64_t recipient) {
      const auto row = recipient & 0xffffffff;
      return row >= s.first && row < s.last;
    };
    for (std::size_t i = 0; i < parent_recipients.size();) {
      auto end = i;
      while (end < parent_recipients.size() && covers(parent_recipients[end])) ++end;
      if (end > i) {
        db.run("INSERT INTO consent_statements(campaign, first, last, at_ms, source) VALUES (?1, ?2, ?3, ?4, ?5)",
               child, first_row + static_cast<std::int64_t>(i), first_row + static_cast<std::int64_t>(end), s.at_ms,
               s.source);
      }
      i = std::max(end, i + 1);
    }
  }
}

}  // namespace

retryable find_retryable(database& db, std::int32_t lane, std::int64_t from, std::int64_t to, retry_kind what, bool all,
                         std::int64_t now_ms) {
  retryable found;
  const auto base = row_key(lane);
  auto r = db.select(
      "SELECT id, state, receipt, coalesce(code, 0), next_at_ms, coalesce(failed_at_ms, 0), superseded FROM messages "
      "WHERE id >= ?1 AND id < ?2 AND (state IN (3, 4) OR receipt = 2) ORDER BY id",
      base + from, base + to);
  while (r.next()) {
    const auto j = judge(r, 1, what, all, now_ms);
    switch (j.what) {
      case verdict::no:
        break;
      case verdict::now:
        found.messages.push_back(r.integer(0));
        break;
      case verdict::later:
        ++found.not_yet;
        if (found.next_at_ms == 0 || j.from_ms < found.next_at_ms) found.next_at_ms = j.from_ms;
        break;
      case verdict::never:
        ++found.hopeless;
        break;
      case verdict::taken:
        ++found.taken;
        break;
    }
  }
  return found;
}

std::int64_t find_draft_child(database& db, std::int64_t parent, retry_kind what) {
  return db.number("SELECT id FROM campaigns WHERE parent = ?1 AND parent > 0 AND retries = ?2 AND state = ?3", parent,
                   what, campaign_state::draft);
}

std::int64_t open_child(database& db, std::int64_t parent, retry_kind what, const std::string& name,
                        std::int64_t now_ms, const std::string& actor) {
  if (const auto draft = find_draft_child(db, parent, what); draft != 0) return draft;
  auto row = read_campaign(db, parent);
  const auto rule = read_rule(db, parent);
  row.name = name.empty() ? row.name + " (" + std::string(bulkmsg::name(what)) + " ones again)" : name;
  const auto child = insert_campaign(db, row, now_ms, actor);
  set_rule(db, child, rule.rule, rule.wait_ms);
  db.run("UPDATE campaigns SET parent = ?2, retries = ?3 WHERE id = ?1", child, parent, what);
  return child;
}

std::int64_t take_over(database& db, std::int64_t child, const std::vector<std::int64_t>& messages, retry_kind what,
                       bool all, std::int64_t now_ms, const std::string& actor) {
  const auto row = read_campaign(db, child);
  const auto parent = db.number("SELECT parent FROM campaigns WHERE id = ?1", child);
  recipient_batch batch;
  std::vector<std::int64_t> taken, recipients;
  for (const auto id : messages) {
    auto r = db.select(
        "SELECT m.state, m.receipt, coalesce(m.code, 0), m.next_at_ms, coalesce(m.failed_at_ms, 0), m.superseded, "
        "r.id, r.line, r.address, r.parameters FROM messages m JOIN plan ON plan.id = m.id "
        "JOIN recipients r ON r.id = plan.recipient WHERE m.id = ?1",
        id);
    if (!r.next() || judge(r, 0, what, all, now_ms).what != verdict::now) continue;
    taken.push_back(id);
    recipients.push_back(r.integer(6));
    batch.added.push_back({r.integer(7), std::string(r.text(8)), std::string(r.text(9))});
  }
  if (taken.empty()) return 0;
  append_recipients(db, child, batch, read_campaign(db, parent).columns);
  copy_statements(db, child, row.recipients, recipients);
  auto recipient = row_key(child, row.recipients);
  for (const auto id : taken) db.run("UPDATE messages SET superseded = ?2 WHERE id = ?1", id, recipient++);
  const auto n = static_cast<std::int64_t>(taken.size());
  note_history(db, parent, "retry",
               std::to_string(n) + " " + std::string(name(what)) + " taken over by campaign " + std::to_string(child),
               now_ms, actor);
  return n;
}

std::vector<std::int64_t> list_children(database& db, std::int64_t parent) {
  constexpr int children_max = 100;
  std::vector<std::int64_t> children;
  auto r =
      db.select("SELECT id FROM campaigns WHERE parent = ?1 AND parent > 0 ORDER BY id LIMIT ?2", parent, children_max);
  while (r.next()) children.push_back(r.integer(0));
  return children;
}

bool reached_before(database& db, std::int64_t recipient) {
  for (;;) {
    auto r = db.select(
        "SELECT m.state = 2 AND m.receipt <> 2, plan.recipient FROM messages m JOIN plan ON plan.id = m.id "
        "WHERE m.superseded = ?1",
        recipient);
    if (!r.next()) return false;
    if (r.integer(0) != 0) return true;
    recipient = r.integer(1);  // its own predecessor lies in an older campaign: this ends
  }
}

}  // namespace bulkmsg::store
