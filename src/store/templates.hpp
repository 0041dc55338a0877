// The provider's templates as rows: what an account has, and how that differs from what was known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bulkmsg/records/content.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::channels {
struct listed_template;
}

namespace bulkmsg::store {

enum class kept : std::uint8_t {
  added,
  changed,  // its words, status, category or quality; or it was gone
  unchanged
};
// Keeps one entry of the account's list. Other words make another row of `templates`; the one before stays.
kept keep_template(database& db, const std::string& account, const channels::listed_template& listed,
                   std::int64_t now_ms);
// Marks what no list named since `before_ms`; returns how many.
std::int64_t mark_gone(database& db, const std::string& account, std::int64_t before_ms);
// When the account's whole list was last kept; 0: never.
std::int64_t templates_fetched_at(database& db, const std::string& account);

std::vector<template_info> list_templates(database& db, const template_filter& filter);

// How the provider's template stands that a campaign is to send, as far as it is known.
struct standing {
  bool known = false;
  std::string name, language, status;
  bool gone = false;
  bool other_words = false;  // the provider has changed its words since
  std::int64_t fetched_at_ms = 0;
};
standing template_standing(database& db, const std::string& account, std::int64_t content);

// Campaigns that are sending with a template that is gone, not approved, or changed.
struct affected_campaign {
  std::int64_t campaign = 0;
  standing template_now;
};
std::vector<affected_campaign> campaigns_to_pause(database& db, const std::string& account);

}  // namespace bulkmsg::store
