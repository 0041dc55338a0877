// Pages of everything that the store keeps in rows: bulkmsg_engine_list().
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "rows.hpp"
#include "values.hpp"

namespace bulkmsg::capi {

namespace {

struct page {
  std::string json = {};
  std::size_t count = 0;
  std::int64_t cursor = 0;
};

struct query {
  bulkmsg::engine& engine;
  std::int64_t of;
  const bulkmsg_config& filter;
  std::size_t limit;
  std::int64_t cursor;

  template <class Id>
  [[nodiscard]] Id id() const {
    return id_of<Id>(of, "of");
  }
  [[nodiscard]] campaign_id any_campaign() const { return campaign_id{in_range(of, 0, any_number, "of")}; }
};

// A page whose cursor is a number of its last row.
template <class Rows, class Number>
result<page> paged(const query& q, result<Rows>&& rows, Number&& number) {
  if (!rows) return fail(rows.error());
  return page{array(*rows), rows->size(), rows->empty() ? q.cursor : number(rows->back())};
}

// A page of what comes whole: the cursor is a place.
template <class Row>
result<page> cut(const query& q, result<std::vector<Row>>&& rows) {
  if (!rows) return fail(rows.error());
  std::span<const Row> rest(*rows);
  rest = rest.subspan(std::min(rest.size(), static_cast<std::size_t>(q.cursor)));
  rest = rest.first(std::min(rest.size(), q.limit));
  return page{array(rest), rest.size(), q.cursor + static_cast<std::int64_t>(rest.size())};
}

// All up to the end of the page.
result<std::vector<saved_message>> own_messages(const query& q) {
  std::vector<saved_message> all;
  const std::size_t end = static_cast<std::size_t>(q.cursor) + q.limit;
  while (all.size() < end) {
    const std::size_t most = std::min<std::size_t>(end - all.size(), 10'000);
    auto some = q.engine.saved_messages(all.empty() ? std::string() : all.back().name, most);
    if (!some) return fail(some.error());
    const bool last = some->size() < most;
    std::move(some->begin(), some->end(), std::back_inserter(all));
    if (last) break;
  }
  return all;
}

// A person's rows, at most one for each source, stay on one page: the cursor is the person.
result<page> suppressions(const query& q) {
  constexpr std::size_t sources = 4;
  suppression_filter filter{.address = q.filter.text("address"), .limit = q.limit + sources};
  if (q.cursor != 0) filter.after = {q.cursor, static_cast<suppression_source>(255)};
  auto rows = q.engine.suppressions(filter);
  if (!rows) return fail(rows.error());
  if (filter.address.empty() && rows->size() == filter.limit) {
    const std::int64_t cut_short = rows->back().person;
    std::erase_if(*rows, [&](const suppression_row& row) { return row.person == cut_short; });
  }
  if (!filter.address.empty() && q.cursor != 0) rows->clear();  // these come whole
  return paged(q, std::move(rows), [](const suppression_row& row) { return row.person; });
}

// The place of a word in the option's list, from 0; nothing: any.
template <class Enum, std::size_t N>
std::optional<Enum> chosen(const std::string& word, const std::array<std::string_view, N>& words, int first = 0) {
  const auto* found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin() + first);
}

campaign_filter campaigns_of(const query& q) {
  constexpr std::array<std::string_view, 8> states{"draft",  "scheduled", "starting", "sending",
                                                   "paused", "completed", "stopped",  "failed"};
  return {.state = chosen<campaign_state>(q.filter.text("state"), states, 1),
          .agent = q.filter.text("agent"),
          .name = q.filter.text("name"),
          .created_from_ms = q.filter.integer("created_from_unix_ms"),
          .tests = q.filter.boolean("tests"),
          .after = campaign_id{q.cursor},
          .limit = q.limit};
}

message_filter messages_of(const query& q) {
  constexpr std::array<std::string_view, 7> states{"queued",      "retry",   "accepted",  "refused",
                                                   "unconfirmed", "skipped", "attempting"};
  std::string state = q.filter.text("state");
  if (state == "sent") state = "accepted";
  if (state == "failed") state = "refused";
  constexpr std::array<std::string_view, 5> receipts{"none", "sent", "failed", "delivered", "read"};
  return {.state = chosen<message_state>(state, states),
          .undelivered = q.filter.boolean("undelivered"),
          .receipt = chosen<receipt_rank>(q.filter.text("receipt"), receipts),
          .code = static_cast<std::int32_t>(q.filter.integer("code")),
          .address = q.filter.text("address"),
          .after = message_id::from_key(q.cursor),
          .limit = q.limit};
}

// With their payloads: who lists events wants to know what they say.
result<page> events(const query& q) {
  auto rows = q.engine.events(event_id{q.cursor}, q.limit);
  if (!rows) return fail(rows.error());
  json_writer json;
  json.open('[');
  for (const event& e : *rows) {
    auto payload = q.engine.payload(e.id);
    if (!payload && payload.error().code != errc::not_found) return fail(payload.error());  // acknowledged meanwhile
    json.open('{').field("id", e.id.value).field("kind", static_cast<std::int64_t>(e.kind)).field("state", e.state);
    json.field("campaign", e.campaign.value)
        .field("at_unix_ms", e.at_ms)
        .key("payload")
        .raw(payload && !payload->empty() ? *payload : "null")
        .close('}');
  }
  return page{json.close(']').take(), rows->size(), rows->empty() ? q.cursor : rows->back().id.value};
}

constexpr auto by_id = [](const auto& row) -> std::int64_t { return row.id; };
constexpr auto by_id_value = [](const auto& row) -> std::int64_t { return row.id.value; };
constexpr auto by_number = [](const auto& row) -> std::int64_t { return row.number; };

result<page> page_of(std::int32_t what, const query& q) {
  bulkmsg::engine& e = q.engine;
  switch (what) {
    case BULKMSG_LIST_TEMPLATES: {
      auto filter = template_filter_of(q.filter);
      filter.after = q.cursor;
      filter.limit = q.limit;
      return paged(q, e.templates(filter), by_number);
    }
    case BULKMSG_LIST_OWN_MESSAGES:
      return cut(q, own_messages(q));
    case BULKMSG_LIST_MEDIA:
      return paged(q, e.media(q.cursor, q.limit), by_number);
    case BULKMSG_LIST_ACCOUNTS:
      return paged(q, e.accounts(account_id{q.cursor}, q.limit), by_id_value);
    case BULKMSG_LIST_LEDGER:
      return paged(q, e.ledger(q.id<account_id>(), q.cursor, q.limit), by_id);
    case BULKMSG_LIST_CAMPAIGNS:
      return paged(q, e.list(campaigns_of(q)), by_id_value);
    case BULKMSG_LIST_MESSAGES:
      return paged(q, e.messages(q.id<campaign_id>(), messages_of(q)), [](const auto& row) { return row.id.key(); });
    case BULKMSG_LIST_PARTICIPANTS:
      return cut(q, e.participants(message_id::from_key(in_range(q.of, 1, any_number, "of"))));
    case BULKMSG_LIST_REJECTED:
      return paged(q, e.rejected(q.id<campaign_id>(), q.cursor, q.limit), by_number);
    case BULKMSG_LIST_HISTORY:
      return paged(q, e.history({.campaign = q.any_campaign(), .after = q.cursor, .limit = q.limit}), by_id);
    case BULKMSG_LIST_REPLIES:
      return paged(
          q,
          e.replies(
              {.campaign = q.any_campaign(), .address = q.filter.text("address"), .after = q.cursor, .limit = q.limit}),
          by_number);
    case BULKMSG_LIST_EVENTS:
      return events(q);
    case BULKMSG_LIST_CONTACTS:
      return paged(q, e.contacts(q.filter.text("selection"), q.cursor, q.limit), by_id);
    case BULKMSG_LIST_ATTRIBUTES:
      return cut(q, e.attributes());
    case BULKMSG_LIST_SEGMENTS:
      return cut(q, e.segments());
    case BULKMSG_LIST_SUPPRESSIONS:
      return suppressions(q);
    case BULKMSG_LIST_CONSENT_LOG:
      return paged(q, e.consent_log(q.cursor, q.limit), by_id);
    default:
      throw bad_argument{"what", "is not one of BULKMSG_LIST_*"};
  }
}

// A number that a list without an owner does not take would be a mistake that nobody sees.
bool is_of_something(std::int32_t what) {
  constexpr std::array lists{BULKMSG_LIST_LEDGER,   BULKMSG_LIST_MESSAGES, BULKMSG_LIST_PARTICIPANTS,
                             BULKMSG_LIST_REJECTED, BULKMSG_LIST_HISTORY,  BULKMSG_LIST_REPLIES};
  return std::find(lists.begin(), lists.end(), what) != lists.end();
}

}  // namespace

template_filter template_filter_of(const bulkmsg_config& given) {
  return {.business_account_id = given.text("business_account_id"),
          .name = given.text("name"),
          .language = given.text("language"),
          .status = given.text("status"),
          .gone = given.boolean("gone")};
}

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;
using bulkmsg::result;

extern "C" {

bulkmsg_status bulkmsg_engine_list(bulkmsg_engine* engine, int32_t what, int64_t of, const bulkmsg_config* filter,
                                   size_t limit, int64_t* inout_cursor, bulkmsg_text** out_json, size_t* out_count,
                                   bulkmsg_error** err) {
  clear(out_json);
  clear(out_count);
  return call(engine, err, [&](bulkmsg::engine& e) -> result<void> {
    needed(out_json, "out_json");
    const optional_config given(filter, what);
    if (!given.ok()) return given.ok();
    if (of != 0 && !is_of_something(what)) throw bad_argument{"of", "must be 0 for this list"};
    // Persons are numbers of either sign.
    const std::int64_t from = inout_cursor == nullptr ? 0 : *inout_cursor;
    if (what != BULKMSG_LIST_SUPPRESSIONS) in_range(from, 0, any_number, "inout_cursor");
    return page_of(what, {e, of, *given, limit_of(limit), from}).map([&](page&& found) {
      give(out_json, std::move(found.json));
      if (inout_cursor != nullptr) *inout_cursor = found.cursor;
      if (out_count != nullptr) *out_count = found.count;
    });
  });
}

}  // extern "C"
