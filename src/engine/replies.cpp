// What people wrote: the host's doors to replies, service windows and waiting events; and what a reply is told with.
#include "bulkmsg/content/window.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "engine/impl.hpp"
#include "store/senders.hpp"
#include "store/suppressions.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t rows_max = 10'000;

}  // namespace

std::string engine::impl::words_of_message(store::database& db, std::int64_t campaign, std::int64_t recipient) {
  constexpr std::size_t kept_max = 16;
  auto& content = answered_[campaign];
  if (!content) {
    const auto row = store::read_campaign(db, campaign);
    auto made = compile(row, store::read_sender(db, row.sender), store::read_template(db, row.content));
    if (!made) {
      answered_.erase(campaign);
      return {};
    }
    content = made->content;
    if (answered_.size() > kept_max) {
      const auto keep = content;
      answered_.clear();
      answered_[campaign] = keep;
    }
  }
  const auto of = answered_[campaign];
  auto r = db.select("SELECT parameters FROM recipients WHERE id = ?1", recipient);
  std::vector<std::string_view> cells(of->column_count());
  if (!r.next() || !recipients::split_cells(r.text(0), cells)) return {};
  return of->preview(cells);
}

result<std::vector<reply_row>> engine::replies(const reply_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (filter.limit < 1 || filter.limit > rows_max) {
    return fail(errc::invalid_argument, "replies: a limit is 1 to 10,000");
  }
  std::string address;
  if (!filter.address.empty()) {
    auto canonical = canonical_address(filter.address);
    if (!canonical) return fail(canonical.error());
    address = *canonical;
  }
  return self_->read([&](store::database& db) {
    std::vector<reply_row> list;
    auto r = db.select(
        "SELECT id, provider_id, at_ms, address, user_id, profile, group_id, kind, text, payload, answers, campaign, "
        "coalesce(message, 0), conversation, resumed, opt_out FROM replies WHERE id > ?1 AND waits = 0 AND "
        "id < coalesce((SELECT min(id) FROM replies INDEXED BY replies_waiting WHERE waits > 0), 0x7fffffffffffffff) "
        "AND kind <> "
        "'system' AND (?2 = 0 OR campaign = ?2) AND (?3 = '' OR conversation IN (SELECT id FROM conversations WHERE "
        "person IN (SELECT ?4 UNION ALL SELECT alias FROM identities WHERE person = ?4))) ORDER BY id LIMIT ?5",
        filter.after, filter.campaign.value, address, address.empty() ? 0 : store::person_of(db, address),
        filter.limit);
    const auto text = [&](int i) { return std::string(r.text(i)); };
    while (r.next()) {
      list.push_back({.number = r.integer(0),
                      .provider_id = text(1),
                      .at_ms = r.integer(2),
                      .address = text(3),
                      .user_id = text(4),
                      .profile = text(5),
                      .group_id = text(6),
                      .kind = text(7),
                      .text = text(8),
                      .payload = text(9),
                      .answers = text(10),
                      .campaign = {r.integer(11)},
                      .message = message_id::from_key(r.integer(12)),
                      .conversation = r.integer(13),
                      .resumed = r.integer(14) != 0,
                      .opt_out = r.integer(15) != 0});
    }
    return list;
  });
}

result<std::int64_t> engine::window_closes_at(std::string_view address, sender_id sender) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto canonical = canonical_address(address);
  if (!canonical) return fail(canonical.error());
  return self_->read([&](store::database& db) {
    const auto number = sender ? store::read_sender(db, sender.value).phone_number_id : std::string();
    const auto last = store::last_inbound(db, *canonical, number);
    return last == 0 ? 0 : last + content::service_window_ms;
  });
}

result<std::vector<event>> engine::events(event_id after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (limit < 1 || limit > rows_max) return fail(errc::invalid_argument, "events: a limit is 1 to 10,000");
  return self_->read([&](store::database& db) {
    std::vector<event> list;
    auto r = db.select("SELECT id, kind, campaign, state, at_ms FROM events WHERE id > ?1 ORDER BY id LIMIT ?2",
                       after.value, limit);
    while (r.next()) {
      list.push_back({.id = {r.integer(0)},
                      .kind = static_cast<event_kind>(r.integer(1)),
                      .state = static_cast<std::uint8_t>(r.integer(3)),
                      .campaign = {r.integer(2)},
                      .at_ms = r.integer(4)});
    }
    return list;
  });
}

}  // namespace bulkmsg
