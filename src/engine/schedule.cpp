// Campaigns that start later: checked when they are scheduled, frozen when their time comes, beside the sending.
#include <charconv>

#include "bulkmsg/campaign/time_text.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

constexpr std::chrono::milliseconds lateness_max = std::chrono::hours(24 * 30);
constexpr std::int64_t ahead_ms_max = std::int64_t{2} * 366 * 24 * 3600 * 1000;
constexpr nanoseconds_t again_after = second;

// What may pass by itself: the campaign stays scheduled, and is tried again until it is too late.
bool passes(errc code) {
  switch (code) {
    case errc::closed:
    case errc::store_failed:
    case errc::store_in_use:
    case errc::queue_full:
    case errc::rate_limited:
    case errc::connect_failed:
    case errc::tls_failed:
    case errc::timed_out:
    case errc::connection_lost:
    case errc::provider_unreadable:
      return true;
    default:
      return false;
  }
}

constexpr char between = '\x1f';  // the parts of a posted schedule: lateness in ms, time

}  // namespace

result<std::int64_t> parse_time(std::string_view text) { return read_time(text); }

result<plan_summary> engine::impl::check_schedule(std::int64_t campaign, const schedule_options& when,
                                                  std::int64_t& at_ms) {
  const auto at = parse_time(when.at);
  if (!at) return fail(at.error());
  at_ms = *at;
  if (at_ms <= now_ms()) {
    return detail::bad_time(when.at, "it is " + utc_text(now_ms()) + " already; give a later one, or start it now");
  }
  if (at_ms - now_ms() > ahead_ms_max)
    return detail::bad_time(when.at, "it is over two years ahead; give an earlier one");
  if (when.max_lateness.count() < 0 || when.max_lateness > lateness_max) {
    return fail(errc::bad_option_value, "max_lateness: from 0 to 30 days");
  }
  auto row = read([&](store::database& db) { return store::read_campaign(db, campaign); });
  if (!row) return fail(row.error());
  if (auto ok = check_call(row->state, campaign_call::schedule); !ok) return fail(ok.error());
  files_of files;
  auto made = plan(*row, files);
  if (!made) return fail(made.error());
  auto& summary = made->summary;
  if (row->account != 0 && summary.credits_available < summary.credits) {
    summary.warnings.push_back("the campaign needs " + std::to_string(summary.credits) + " credits, and " +
                               std::to_string(summary.credits_available) +
                               " are available now; top up before it starts");
  }
  return std::move(summary);
}

result<plan_summary> engine::impl::schedule_now(std::int64_t campaign, const schedule_options& when) {
  const exclusive scheduling(*this, campaign);
  if (auto mine = scheduling.had(); !mine) return fail(mine.error());
  std::int64_t at_ms = 0;
  auto summary = check_schedule(campaign, when, at_ms);
  if (!summary) return summary;
  auto stored = writer_->run([&](store::database& db) {
    store::check_call(db, campaign, campaign_call::schedule);
    store::change_state(db, campaign, campaign_state::scheduled, "schedule", when.at, now_ms(), when.actor);
    store::set_schedule(db, campaign, when, at_ms);
  });
  if (!stored) return fail(stored.error());
  io_->post([this] { due(chore::schedules, 0); });
  events_.durable_waiting();
  return summary;
}

result<void> engine::impl::cancel_now(std::int64_t campaign, const std::string& actor) {
  auto done = writer_->run([&](store::database& db) {
    store::check_call(db, campaign, campaign_call::cancel_schedule);
    store::change_state(db, campaign, campaign_state::draft, "cancel", "", now_ms(), actor);
    store::set_schedule(db, campaign, {.max_lateness = std::chrono::milliseconds(0)}, 0);
  });
  if (done) events_.durable_waiting();
  return done;
}

result<plan_summary> engine::schedule(campaign_id campaign, const schedule_options& when,
                                      std::chrono::milliseconds wait) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::run) return self_->schedule_now(campaign.value, when);
  if (auto ok = self_->may_post("schedule a campaign"); !ok) return fail(ok.error());
  std::int64_t at_ms = 0;
  auto summary = self_->check_schedule(campaign.value, when, at_ms);
  if (!summary) return summary;
  auto done = self_->post_command("schedule", campaign.value, {}, wait, when.actor,
                                  std::to_string(when.max_lateness.count()) + between + when.at);
  if (!done) return fail(done.error());
  return summary;
}

result<void> engine::cancel_schedule(campaign_id campaign, const std::string& actor, std::chrono::milliseconds wait) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::run) return self_->cancel_now(campaign.value, actor);
  if (auto ok = self_->may_post("cancel a schedule"); !ok) return ok;
  return self_->post_command("cancel", campaign.value, {}, wait, actor);
}

void engine::impl::carry_out_beside(const std::string& verb, std::int64_t campaign, const std::string& argument,
                                    const std::string& actor, std::int64_t command_id) {
  beside([=, this] {
    result<void> done;
    if (verb == "schedule") {
      const auto at = argument.find(between);
      std::int64_t lateness_ms = -1;
      std::from_chars(argument.data(), argument.data() + std::min(at, argument.size()), lateness_ms);
      auto planned = schedule_now(campaign, {.at = at == std::string::npos ? "" : argument.substr(at + 1),
                                             .max_lateness = std::chrono::milliseconds(lateness_ms),
                                             .actor = actor});
      if (!planned) done = fail(planned.error());
    } else {
      done = cancel_now(campaign, actor);
    }
    answer_command(command_id, done);
  });
}

void engine::impl::beside(std::function<void()> work) {
  if (closed_) return;
  if (!beside_) beside_ = around_->make_helper("bulkmsg-beside");
  beside_->post([this, work = std::move(work)] {
    // As a call of the host's: close() waits for it, and it does not begin once the engine closes.
    const std::shared_lock call(calls_, std::try_to_lock);
    if (call && !closed_) work();
  });
}

void engine::impl::fire_schedules() {
  if (!options_.send) return done(chore::schedules, never);
  const auto found = store::guarded([&] { return store::due_schedules(*io_reader_, now_ms()); });
  if (!found) return done(chore::schedules, clock_.now() + again_after);
  auto next = at_wall_ms(found->next_ms);
  for (const auto id : found->due) {
    auto& not_until = not_to_fire_until_[id];
    if (not_until > clock_.now()) {
      next = std::min(next, not_until);
      continue;
    }
    not_until = never;
    // Late is what nobody ran for; what waits for others here is not.
    beside([=, this, noticed_ms = now_ms()] {
      const bool later = fire(id, noticed_ms);
      io_->post([=, this] {
        const auto at = clock_.now() + (later ? again_after : 0);
        not_to_fire_until_[id] = at;
        due(chore::schedules, at);
      });
    });
  }
  done(chore::schedules, next);
}

bool engine::impl::fire(std::int64_t campaign, std::int64_t noticed_ms) {
  const exclusive starting(*this, campaign);
  if (!starting.had()) return true;  // recipients are being added
  const auto row = read([&](store::database& db) { return store::read_campaign(db, campaign); });
  if (!row) return true;
  if (row->state != campaign_state::scheduled) return false;
  const auto end = [&](const std::string& why) {
    const auto failed = writer_->run([&](store::database& db) {
      store::check_call(db, campaign, campaign_call::cancel_schedule);
      if (store::read_campaign(db, campaign).scheduled_at_ms != row->scheduled_at_ms) {
        throw store::store_error{error{errc::conflict, "the schedule was moved", 0, 0}};
      }
      store::change_state(db, campaign, campaign_state::failed, "fail", why, now_ms());
    });
    if (failed) events_.durable_waiting();
    return !failed;
  };
  if (noticed_ms - row->scheduled_at_ms > row->max_lateness_ms) {
    return end("the schedule expired: it was due at " + utc_text(row->scheduled_at_ms) +
               ", the store was run again only at " + utc_text(noticed_ms) +
               ", later than allowed; make the campaign again");
  }
  const auto begun = begin(*row, {.actor = "schedule"});
  if (begun) return false;
  if (passes(begun.error().code) && now_ms() - row->scheduled_at_ms <= row->max_lateness_ms) return true;
  const auto state = read([&](store::database& db) { return store::read_campaign(db, campaign).state; });
  if (!state || *state != campaign_state::scheduled) return !state;
  return end(begun.error().message);
}

}  // namespace bulkmsg
