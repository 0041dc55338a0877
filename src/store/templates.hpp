// Contents as rows: what campaigns are made of, and the provider's templates, what an account has and how that differs
// from what was known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/records/content.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::channels {
struct listed_template;
}

namespace bulkmsg::store {

// kind: "provider" or "own".
std::int64_t put_template(database& db, const std::string& name, const std::string& language, std::string_view json,
                          std::string_view kind = "provider");
std::int64_t find_own_message(database& db, const std::string& name);  // the newest of that name; throws not_found
std::string read_template(database& db, std::int64_t content);         // throws not_found

enum class kept : std::uint8_t {
  added,
  changed,  // its words, status, category or quality; or it was gone
  unchanged
};
// Keeps one entry of the account's list. Other words make another row of `templates`; the one before stays.
// `reworded`: its words were told to be others while the list was on its way.
kept keep_template(database& db, const std::string& account, const channels::listed_template& listed,
                   std::int64_t now_ms, bool reworded = false);
// Marks what no list named since `before_ms`; returns how many.
std::int64_t mark_gone(database& db, const std::string& account, std::int64_t before_ms);
// When the account's whole list was last kept; 0: never.
std::int64_t templates_fetched_at(database& db, const std::string& account);

std::vector<template_info> list_templates(database& db, const template_filter& filter);

// Throws template_not_approved or conflict when the provider's template that the campaign is to send is gone, not
// approved or changed, as far as is known.
void check_template(database& db, const std::string& account, std::int64_t content, const std::string& campaign);

// A person wants the campaign to go on with its template as it stands now: only another change pauses it again.
void accept_template(database& db, std::int64_t campaign);
// A person did, and the account's has not changed since.
bool template_accepted(database& db, std::string_view account, std::int64_t campaign);

// Campaigns that are sending, or are paused, with a template that is gone, not approved, or changed, since people last
// resumed them.
struct affected_campaign {
  std::int64_t campaign = 0;
  bool sending = false;
  std::string why;
};
std::vector<affected_campaign> campaigns_to_pause(database& db, const std::string& account);

}  // namespace bulkmsg::store
