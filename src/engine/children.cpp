// Child campaigns: what failed or is unconfirmed is sent again by a campaign of its own.
#include "store/children.hpp"

#include <span>

#include "bulkmsg/campaign/time_text.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

constexpr std::int64_t looked_at_once = 50'000;  // sequences: some milliseconds
constexpr std::size_t taken_at_once = 500;       // no store job holds the writer over 20 ms

std::string list_of(const std::vector<std::int64_t>& campaigns) {
  std::string text;
  for (const auto id : campaigns) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return text;
}

error nothing_left(const store::campaign_row& parent, const retry_options& how, const store::retryable& left,
                   const std::vector<std::int64_t>& children) {
  std::string message = "campaign " + std::to_string(parent.id) + " has no " + std::string(name(how.what)) +
                        " messages left to send again";
  if (left.taken > 0) {
    message += "; " + std::to_string(left.taken) + " were taken over by campaign " + list_of(children);
  }
  if (left.not_yet > 0) {
    message += "; " + std::to_string(left.not_yet) + " may pass later, from " + utc_text(left.next_at_ms) + " on";
  }
  if (left.hopeless > 0) {
    message += "; " + std::to_string(left.hopeless) + " would fail again: put right the cause, and retry with `all`";
  }
  return {errc::not_found, message, 0, 0};
}

}  // namespace

result<retry_report> engine::retry(campaign_id campaign, const retry_options& how) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (how.what != retry_kind::failed && how.what != retry_kind::unconfirmed) {
    return fail(errc::invalid_argument, "what is sent again is failed or unconfirmed");
  }
  const impl::exclusive reading_parent(*self_, campaign.value);
  if (auto mine = reading_parent.had(); !mine) return fail(mine.error());
  struct known {
    store::campaign_row row;
    std::vector<std::int64_t> children;
    std::vector<std::pair<std::int32_t, std::int64_t>> lanes;  // and their sizes
    std::int64_t draft = 0;
  };
  auto parent = self_->read([&](store::database& db) {
    known k{store::read_campaign(db, campaign.value), store::list_children(db, campaign.value), {}, 0};
    k.draft = store::find_draft_child(db, campaign.value, how.what);
    auto r = db.select("SELECT id, size FROM lanes WHERE campaign = ?1 ORDER BY id", campaign.value);
    while (r.next()) k.lanes.emplace_back(static_cast<std::int32_t>(r.integer(0)), r.integer(1));
    return k;
  });
  if (!parent) return fail(parent.error());
  if (parent->row.state < campaign_state::sending) {
    return fail(errc::wrong_state, "cannot retry a campaign that is " + std::string(name(parent->row.state)) +
                                       ": it has sent nothing yet");
  }
  // A draft is not started or discarded while it grows.
  std::optional<impl::exclusive> growing;
  if (parent->draft != 0) {
    growing.emplace(*self_, parent->draft);
    if (auto mine = growing->had(); !mine) return fail(mine.error());
  }

  const auto now_ms = self_->now_ms();
  store::retryable left;
  retry_report report{.child = {parent->draft}};
  for (const auto& [lane, size] : parent->lanes) {
    for (std::int64_t from = 0; from < size; from += looked_at_once) {
      auto found = self_->read([&, lane = lane, to = std::min(from + looked_at_once, size)](store::database& db) {
        return store::find_retryable(db, lane, from, to, how.what, how.all, now_ms);
      });
      if (!found) return fail(found.error());
      left.not_yet += found->not_yet, left.hopeless += found->hopeless, left.taken += found->taken;
      if (found->next_at_ms != 0 && (left.next_at_ms == 0 || found->next_at_ms < left.next_at_ms)) {
        left.next_at_ms = found->next_at_ms;
      }
      for (std::size_t at = 0; at < found->messages.size(); at += taken_at_once) {
        const auto end = std::min(at + taken_at_once, found->messages.size());
        const std::vector<std::int64_t> some(found->messages.begin() + static_cast<std::ptrdiff_t>(at),
                                             found->messages.begin() + static_cast<std::ptrdiff_t>(end));
        std::int64_t child = 0;
        auto taken = self_->writer_->run([&](store::database& db) {
          child = store::open_child(db, campaign.value, how.what, how.name, now_ms, how.actor);
          static_cast<void>(store::take_over(db, child, some, how.what, how.all, now_ms, how.actor));
          // Others were faster: no empty campaign is left behind.
          if (store::read_campaign(db, child).recipients > 0) return;
          throw store::store_error{nothing_left(parent->row, how, left, parent->children)};
        });
        if (!taken) return fail(taken.error());
        report.child = {child};
        if (!growing) growing.emplace(*self_, child);
        if (auto mine = growing->had(); !mine) return fail(mine.error());  // it is being started already
      }
    }
  }
  if (!report.child) return fail(nothing_left(parent->row, how, left, parent->children));
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, report.child.value); });
  if (!row) return fail(row.error());
  report.messages = row->recipients;
  report.not_yet = left.not_yet, report.next_at_ms = left.next_at_ms, report.hopeless = left.hopeless;
  return report;
}

}  // namespace bulkmsg
