#include "store/templates.hpp"

#include "bulkmsg/channels/whatsapp_templates_json.hpp"

namespace bulkmsg::store {

std::int64_t put_template(database& db, const std::string& name, const std::string& language, std::string_view json,
                          std::string_view kind) {
  db.run("INSERT INTO templates(name, language, json, kind) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING", name,
         language, json, kind);
  return db.number("SELECT id FROM templates WHERE name = ?1 AND language = ?2 AND json = ?3", name, language, json);
}

std::int64_t find_own_message(database& db, const std::string& name) {
  auto r = db.select("SELECT id FROM templates WHERE name = ?1 AND kind = 'own' ORDER BY id DESC LIMIT 1", name);
  if (r.next()) return r.integer(0);
  throw store_error{error{
      errc::not_found,
      "no own message is saved under '" + name + "'; the names are in `saved_messages` or `bulkmsg own list`", 0, 0}};
}

std::string read_template(database& db, std::int64_t content) {
  auto r = db.select("SELECT json FROM templates WHERE id = ?1", content);
  if (!r.next()) no_such("template", content);
  return std::string(r.text(0));
}

kept keep_template(database& db, const std::string& account, const channels::listed_template& t, std::int64_t now_ms,
                   bool reworded) {
  db.run(
      "INSERT INTO templates(name, language, json, fetched) VALUES (?1, ?2, ?3, 1) "
      "ON CONFLICT(name, language, json) DO UPDATE SET fetched = 1 WHERE fetched = 0",
      t.name, t.language, t.json);
  const auto words = db.number("SELECT id FROM templates WHERE json = ?1", t.json);
  auto how = kept::added;
  bool other = false;  // than people know
  {
    // Whose words are told to be others, of them it is known already that they changed.
    auto r = db.select(
        "SELECT status = ?4 AND category = ?5 AND quality = ?6 AND template = ?7 AND gone = 0, "
        "status <> ?4 OR gone OR (template <> ?7 AND NOT reworded) FROM provider_templates "
        "WHERE account = ?1 AND name = ?2 AND language = ?3",
        account, t.name, t.language, t.status, t.category, t.quality, words);
    if (r.next()) {
      how = r.integer(0) != 0 ? kept::unchanged : kept::changed;
      other = r.integer(1) != 0;
    }
  }
  db.run(
      "INSERT INTO provider_templates(account, name, language, provider_id, status, category, quality, "
      "parameter_format, rejected_reason, template, fetched_at_ms, reworded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
      "?9, ?10, ?11, ?13) ON CONFLICT(account, name, language) DO UPDATE SET provider_id = ?4, status = ?5, "
      "category = ?6, quality = ?7, parameter_format = ?8, rejected_reason = ?9, template = ?10, fetched_at_ms = ?11, "
      "gone = 0, "
      "reworded = ?13, changes = changes + ?12",
      account, t.name, t.language, t.id, t.status, t.category, t.quality, t.parameter_format, t.rejected_reason, words,
      now_ms, other, reworded);
  return how;
}

std::int64_t mark_gone(database& db, const std::string& account, std::int64_t before_ms) {
  return db.run(
      "UPDATE provider_templates SET gone = 1, changes = changes + 1 WHERE account = ?1 AND fetched_at_ms < ?2 AND "
      "gone = 0",
      account, before_ms);
}

void accept_template(database& db, std::int64_t campaign) {
  db.run(
      "UPDATE campaign_senders SET accepted = coalesce((SELECT p.changes FROM campaigns c JOIN templates t ON t.id = "
      "c.template JOIN senders s ON s.id = campaign_senders.sender JOIN provider_templates p ON p.account = "
      "s.business_account_id AND p.name = t.name AND p.language = t.language WHERE c.id = ?1), -1) WHERE campaign = ?1",
      campaign);
}

bool template_accepted(database& db, std::string_view account, std::int64_t campaign) {
  return db.number(
             "SELECT EXISTS(SELECT 1 FROM campaigns c JOIN campaign_senders cs ON cs.campaign = c.id JOIN senders s ON "
             "s.id = cs.sender JOIN templates t ON t.id = c.template JOIN provider_templates p ON p.account = "
             "s.business_account_id AND p.name = t.name AND p.language = t.language WHERE c.id = ?1 AND p.account = ?2 "
             "AND cs.accepted = p.changes)",
             campaign, account) != 0;
}

std::int64_t templates_fetched_at(database& db, const std::string& account) {
  // A fetch that ended halfway leaves rows that are older.
  return db.number("SELECT min(fetched_at_ms) FROM provider_templates WHERE account = ?1 AND gone = 0", account);
}

std::vector<template_info> list_templates(database& db, const template_filter& filter) {
  std::vector<template_info> list;
  auto r = db.select(
      "SELECT p.template, p.account, p.provider_id, p.name, p.language, p.status, p.category, p.quality, "
      "p.parameter_format, p.rejected_reason, t.json, p.gone, p.fetched_at_ms, p.id FROM provider_templates p "
      "JOIN templates t ON t.id = p.template WHERE (?1 = '' OR p.account = ?1) AND (?2 = '' OR p.name = ?2) AND "
      "(?3 = '' OR p.language = ?3) AND (?4 = '' OR p.status = ?4) AND (?5 OR p.gone = 0) AND p.id > ?6 "
      "ORDER BY p.id LIMIT ?7",
      filter.business_account_id, filter.name, filter.language, filter.status, filter.gone, filter.after, filter.limit);
  const auto text = [&](int i) { return std::string(r.text(i)); };
  while (r.next()) {
    list.push_back({.id = {r.integer(0)},
                    .number = r.integer(13),
                    .business_account_id = text(1),
                    .provider_id = text(2),
                    .name = text(3),
                    .language = text(4),
                    .status = text(5),
                    .category = text(6),
                    .quality = text(7),
                    .parameter_format = text(8),
                    .rejected_reason = text(9),
                    .json = text(10),
                    .gone = r.integer(11) != 0,
                    .fetched_at_ms = r.integer(12)});
  }
  return list;
}

namespace {

// How the provider's template stands that a campaign is to send.
struct standing {
  std::string label, status;
  bool gone, other_words, reworded;

  // From columns first..first+5.
  standing(const rows& r, int first)
      : label("template '" + std::string(r.text(first)) + "' (" + std::string(r.text(first + 1)) + ")"),
        status(r.text(first + 2)),
        gone(r.integer(first + 3) != 0),
        other_words(r.integer(first + 4) != 0),
        reworded(r.integer(first + 5) != 0) {}

  // Why it cannot be sent now; empty when it can.
  [[nodiscard]] std::string obstacle() const {
    if (gone) return label + " is no longer among the provider's templates";
    if (status != "APPROVED") return label + " is " + status + " at the provider; only APPROVED ones can be sent";
    return {};
  }
};

}  // namespace

void check_template(database& db, const std::string& account, std::int64_t content, const std::string& campaign) {
  auto r = db.select(
      "SELECT p.name, p.language, p.status, p.gone, t.fetched AND p.template <> t.id, p.reworded "
      "FROM templates t JOIN provider_templates p ON p.account = ?1 AND p.name = t.name AND p.language = t.language "
      "WHERE t.id = ?2",
      account, content);
  if (!r.next()) return;
  const standing now(r, 0);
  if (const auto why = now.obstacle(); !why.empty()) {
    throw store_error{
        error{errc::template_not_approved, why + "; `bulkmsg templates fetch` asks the provider again", 0, 0}};
  }
  if (now.reworded) {
    throw store_error{error{errc::conflict,
                            now.label + " was changed at the provider since it was fetched; fetch the templates with "
                                        "`bulkmsg templates fetch` and look at it",
                            0, 0}};
  }
  if (now.other_words) {
    throw store_error{error{errc::conflict,
                            now.label + " says something else at the provider than in campaign '" + campaign +
                                "'; look at it, and make the campaign again",
                            0, 0}};
  }
}

std::vector<affected_campaign> campaigns_to_pause(database& db, const std::string& account) {
  std::vector<affected_campaign> list;
  auto r = db.select(
      "SELECT c.id, p.name, p.language, p.status, p.gone, t.fetched AND p.template <> t.id, p.reworded, c.state = 4 "
      "FROM campaigns c JOIN campaign_senders cs ON cs.campaign = c.id JOIN senders s ON s.id = cs.sender "
      "JOIN templates t ON t.id = c.template "
      "JOIN provider_templates p ON p.account = s.business_account_id AND p.name = t.name AND p.language = t.language "
      "WHERE c.state IN (4, 5) AND s.business_account_id = ?1 AND cs.accepted <> p.changes "
      "AND (p.gone OR p.status <> 'APPROVED' OR (t.fetched AND p.template <> t.id)) GROUP BY c.id ORDER BY c.id",
      account);
  while (r.next()) {
    const standing now(r, 1);
    auto why = now.obstacle();
    if (why.empty()) why = now.label + " says something else at the provider than in this campaign";
    list.push_back({r.integer(0), r.integer(7) != 0, std::move(why)});
  }
  return list;
}

}  // namespace bulkmsg::store
