#include "store/lanes.hpp"

#include <algorithm>
#include <utility>

#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/judge.hpp"
#include "store/campaigns.hpp"
#include "store/keys.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

void left_out::add(std::int64_t row, errc why) {
  auto& rows = rows_by_reason[why];
  rows.resize(static_cast<std::size_t>(row) + 1);
  rows.back() = true;
  ++counts[why];
}

errc left_out::why(std::int64_t row) const {
  for (const auto& [reason, rows] : rows_by_reason) {
    if (static_cast<std::size_t>(row) < rows.size() && rows[static_cast<std::size_t>(row)]) return reason;
  }
  return errc::ok;
}

std::int32_t insert_lane(database& db, std::int64_t campaign, std::int64_t size, std::string_view zones,
                         std::int64_t sender) {
  db.run(
      "INSERT INTO lanes(campaign, size, zones, sender) SELECT ?1, ?2, ?3, iif(?4 = 0, sender, ?4) FROM campaigns "
      "WHERE id = ?1",
      campaign, size, zones, sender);
  return static_cast<std::int32_t>(db.last_id());
}

namespace {

// A recipient's row among the rejected ones, whole, as the input had it.
void reject_recipient(database& db, std::int64_t recipient, std::int64_t reject, errc why, bool has_parameters) {
  std::int64_t line = 0;
  std::string address, cells;
  {
    auto r = db.select("SELECT line, address, parameters FROM recipients WHERE id = ?1", recipient);
    if (!r.next()) return;
    line = r.integer(0);
    address = r.text(1);
    cells = r.text(2);
  }
  std::string whole = address;
  if (cells.empty() && has_parameters) whole += ',';
  for (std::string_view rest = cells; !rest.empty();) {
    const auto end = std::min(rest.find(recipients::cell_separator), rest.size());
    recipients::append_csv_cell(whole += ',', rest.substr(0, end));
    if (end + 1 == rest.size()) whole += ',';  // the last cell is empty
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  db.run(
      "INSERT INTO rejects(id, line, column_number, column_name, code, reason, address, address_column, row) "
      "VALUES (?1, ?2, 0, '', ?3, ?4, ?5, ?6, ?7)",
      reject, line, why, screening_reason(why), address, recipients::any_address_column_name, whole);
}

// Walks recipients [from, from+count) that the plan takes, in runs; who is left out becomes a rejected row.
template <class Run>
std::int64_t lay_runs(database& db, std::int64_t campaign, std::int64_t from, std::int64_t count, const left_out& out,
                      std::int64_t gone, Run&& lay_run) {
  if (out.count() == 0) {
    lay_run(from, from + count, gone);
    return gone;
  }
  const auto row = read_campaign(db, campaign);
  auto reject = row_key(campaign, row.rejects);
  const auto end = std::min(from + count, row.recipients);
  auto begin = from;
  for (auto i = from; i < end; ++i) {
    const auto why = out.why(i);
    if (why == errc::ok) continue;
    if (begin < i) lay_run(begin, i, gone);
    begin = i + 1;
    ++gone;
    reject_recipient(db, row_key(campaign, i), reject++, why, !row.columns.empty());
  }
  if (begin < end) lay_run(begin, end, gone);
  db.run(
      "UPDATE campaigns SET rejects = rejects + ?2, skipped = skipped + ?2, screened_out = screened_out + ?2 "
      "WHERE id = ?1",
      campaign, reject - row_key(campaign, row.rejects));
  return gone;
}

}  // namespace

std::int64_t lay(database& db, std::int64_t campaign, std::int32_t lane, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone) {
  // One lane takes the recipients in their order, so that a sequence is a row's number less those left out before it.
  return lay_runs(db, campaign, from, count, out, gone, [&](std::int64_t begin, std::int64_t end, std::int64_t before) {
    db.run("INSERT INTO plan(id, recipient) SELECT ?1 + id, id FROM recipients WHERE id >= ?2 AND id < ?3",
           row_key(lane) - row_key(campaign) - before, row_key(campaign, begin), row_key(campaign, end));
  });
}

std::int64_t lay(database& db, std::int64_t campaign, const lane_picker& lane_of, std::int64_t from, std::int64_t count,
                 const left_out& out, std::int64_t gone) {
  std::map<std::int32_t, std::int64_t> sizes;
  for (const auto lane : lanes_of(db, campaign)) {
    sizes[lane] = db.number("SELECT size FROM lanes WHERE id = ?1", lane);
  }
  const auto after = lay_runs(
      db, campaign, from, count, out, gone, [&](std::int64_t begin, std::int64_t end, std::int64_t /*before*/) {
        auto r = db.select("SELECT id, address, parameters FROM recipients WHERE id >= ?1 AND id < ?2",
                           row_key(campaign, begin), row_key(campaign, end));
        while (r.next()) {
          const auto lane = lane_of(r.integer(0) - row_key(campaign), r.text(1), r.text(2));
          db.run("INSERT INTO plan(id, recipient) VALUES (?1, ?2)", row_key(lane, sizes[lane]++), r.integer(0));
        }
      });
  for (const auto& [lane, size] : sizes) db.run("UPDATE lanes SET size = ?2 WHERE id = ?1", lane, size);
  return after;
}

std::vector<std::int32_t> lanes_of(database& db, std::int64_t campaign) {
  std::vector<std::int32_t> lanes;
  auto r = db.select("SELECT id FROM lanes WHERE campaign = ?1 ORDER BY id", campaign);
  while (r.next()) lanes.push_back(static_cast<std::int32_t>(r.integer(0)));
  return lanes;
}

std::string zones_of_lane(database& db, std::int32_t lane) {
  auto r = db.select("SELECT zones FROM lanes WHERE id = ?1", lane);
  return r.next() ? std::string(r.text(0)) : std::string();
}

std::int64_t sender_of_lane(database& db, std::int32_t lane) {
  return db.number("SELECT sender FROM lanes WHERE id = ?1", lane);
}

void undo_start(database& db, std::int64_t campaign, std::string_view why, std::int64_t now_ms, campaign_state back_to,
                std::string_view actor) {
  for (const auto lane : lanes_of(db, campaign)) {
    db.run("DELETE FROM plan WHERE id >= ?1 AND id < ?2", row_key(lane), row_key(lane + 1));
    db.run("DELETE FROM lanes WHERE id = ?1", lane);
  }
  // Who was left out is a recipient of the draft again.
  db.run(
      "DELETE FROM rejects WHERE id < ?2 AND id >= (SELECT ?3 + rejects - screened_out FROM campaigns WHERE id = ?1)",
      campaign, row_key(campaign + 1), row_key(campaign));
  db.run(
      "UPDATE campaigns SET start_key = '', rejects = rejects - screened_out, skipped = skipped - screened_out, "
      "screened_out = 0 WHERE id = ?1",
      campaign);
  db.run("DELETE FROM campaign_media WHERE campaign = ?1", campaign);
  change_state(db, campaign, back_to, back_to == campaign_state::failed ? "fail" : "undo the start of", why, now_ms,
               actor);
}

void undo_interrupted_starts(database& db, std::int64_t now_ms) {
  std::vector<std::pair<std::int64_t, campaign_state>> starting;
  {
    auto r = db.select("SELECT id, scheduled_at_ms FROM campaigns WHERE state = ?1", campaign_state::starting);
    while (r.next()) {
      starting.emplace_back(r.integer(0), r.integer(1) != 0 ? campaign_state::scheduled : campaign_state::draft);
    }
  }
  for (const auto& [id, was] : starting) {
    undo_start(db, id, "the process ended while the campaign was starting", now_ms, was);
  }
}

}  // namespace bulkmsg::store
