#include "store/recipients.hpp"

#include <algorithm>

#include "store/campaigns.hpp"
#include "store/keys.hpp"

namespace bulkmsg::store {

void append_recipients(database& db, std::int64_t campaign, const recipient_batch& batch, const std::string& columns) {
  check_call(db, campaign, campaign_call::add_recipients);
  const auto row = read_campaign(db, campaign);
  if (row.recipients > 0 && row.columns != columns) {
    throw store_error{
        error{errc::conflict,
              "the campaign already has recipients with other columns; import files with the same columns", 0, 0}};
  }
  auto id = row_key(campaign, row.recipients);
  for (const auto& g : batch.added) {
    db.run("INSERT INTO recipients(id, line, address, parameters) VALUES (?1, ?2, ?3, ?4)", id++, g.line, g.address,
           g.parameters);
  }
  auto reject = row_key(campaign, row.rejects);
  for (std::size_t i = 0; i < batch.rejected.size(); ++i) {
    const auto& b = batch.rejected[i];
    db.run(
        "INSERT INTO rejects(id, line, column_number, column_name, code, reason, address, address_column, row) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        reject++, b.line, b.column, b.column_name, b.code, b.reason, b.address, batch.address_column,
        i < batch.rejected_rows.size() ? std::string_view(batch.rejected_rows[i]) : std::string_view());
  }
  const auto added = static_cast<std::int64_t>(batch.added.size());
  const auto skipped = static_cast<std::int64_t>(batch.rejected.size());
  db.run(
      "UPDATE campaigns SET columns = ?2, recipients = recipients + ?3, rejects = rejects + ?4, "
      "total = total + ?3 + ?4, skipped = skipped + ?4 WHERE id = ?1",
      campaign, columns, added, skipped);
}

bool undo_import(database& db, std::int64_t campaign, std::int64_t recipients, std::int64_t rejects) {
  constexpr std::int64_t rows_max = 10'000;
  const auto row = read_campaign(db, campaign);
  const auto from_good = std::max(recipients, row.recipients - rows_max);
  const auto from_bad = std::max(rejects, row.rejects - rows_max);
  const auto good =
      db.run("DELETE FROM recipients WHERE id >= ?1 AND id < ?2", row_key(campaign, from_good), row_key(campaign + 1));
  const auto bad =
      db.run("DELETE FROM rejects WHERE id >= ?1 AND id < ?2", row_key(campaign, from_bad), row_key(campaign + 1));
  // Of a child campaign: whose message it was to send again is its parent's again.
  db.run("UPDATE messages SET superseded = NULL WHERE superseded >= ?1 AND superseded < ?2",
         row_key(campaign, from_good), row_key(campaign + 1));
  db.run(
      "UPDATE campaigns SET recipients = recipients - ?2, rejects = rejects - ?3, total = total - ?2 - ?3, "
      "skipped = skipped - ?3, columns = CASE WHEN recipients = ?2 THEN '' ELSE columns END WHERE id = ?1",
      campaign, good, bad);
  return from_good == recipients && from_bad == rejects;
}

std::vector<rejected_row> list_rejected(database& db, std::int64_t campaign, std::int64_t after_number,
                                        std::size_t limit) {
  std::vector<rejected_row> list;
  auto r = db.select(
      "SELECT line, column_number, column_name, code, reason, address, (id & 0xffffffff) + 1 FROM rejects "
      "WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3",
      row_key(campaign, after_number), row_key(campaign + 1), limit);
  while (r.next()) {
    list.push_back({.number = r.integer(6),
                    .line = r.integer(0),
                    .column = r.integer(1),
                    .column_name = std::string(r.text(2)),
                    .code = static_cast<errc>(r.integer(3)),
                    .reason = std::string(r.text(4)),
                    .address = std::string(r.text(5))});
  }
  return list;
}

std::vector<rejected_text> list_rejected_text(database& db, std::int64_t campaign, std::int64_t after_number,
                                              std::size_t limit) {
  std::vector<rejected_text> list;
  auto r = db.select(
      "SELECT (id & 0xffffffff) + 1, line, reason, address_column, row FROM rejects WHERE id >= ?1 AND id < ?2 "
      "ORDER BY id LIMIT ?3",
      row_key(campaign, after_number), row_key(campaign + 1), limit);
  while (r.next()) {
    list.push_back({.number = r.integer(0),
                    .line = r.integer(1),
                    .reason = std::string(r.text(2)),
                    .address_column = std::string(r.text(3)),
                    .row = std::string(r.text(4))});
  }
  return list;
}

std::vector<std::string> rejected_address_columns(database& db, std::int64_t campaign) {
  std::vector<std::string> names;
  auto r = db.select("SELECT DISTINCT address_column FROM rejects WHERE id >= ?1 AND id < ?2 ORDER BY 1",
                     row_key(campaign), row_key(campaign + 1));
  while (r.next()) names.emplace_back(r.text(0));
  return names;
}

}  // namespace bulkmsg::store
