// The batch sender's answers to what the provider refuses: the message, its recipient, its campaign, everybody.
#include <algorithm>

#include "bulkmsg/recipients/address.hpp"
#include "net/insist.hpp"
#include "sending/batch_sender.hpp"
#include "sending/breaker_rules.hpp"
#include "store/pauses.hpp"

namespace bulkmsg::sending {

namespace {

constexpr std::uint32_t attempts_max = 8;
// Throttling says nothing about the message: it is not given up for it soon.
constexpr std::uint32_t attempts_while_throttled_max = 100;
constexpr nanoseconds_t retry_base = 500 * millisecond;
// `defer` means the provider did not want to deliver to this person now.
constexpr nanoseconds_t defer_min = nanoseconds_t{24} * 3600 * second;
constexpr std::uint32_t defers_max = 2;

std::int64_t backoff(nanoseconds_t base, std::uint32_t attempt, std::int64_t key) {
  const auto whole = base << std::min<std::uint32_t>(attempt - 1, 6);
  // Up to a quarter more, different for each message, so that refused ones do not come back as one block.
  const auto spread = static_cast<std::uint64_t>(key * 0x9E3779B97F4A7C15ull) >> 40;
  return whole + static_cast<nanoseconds_t>(spread % static_cast<std::uint64_t>(whole / 4 + 1));
}

std::string_view what_failed(std::uint8_t of) {
  switch (of) {
    case error_class::message:
      return "the provider refused for what they say; look at the template and at the values in the list";
    case error_class::recipient:
      return "the provider refused for whom they are to; look at the list";
    case error_class::lost:
      return "nobody knows whether they went; look at the network and the provider";
    case error_class::fault:
      return "the provider was not able to take; look at the provider's status";
    default:
      return "did not get through; look at the failed messages";
  }
}

// What every message of the campaign has in common is refused for all of them: nobody else is asked to take it.
bool refused_for_all(const content::compiled_message& content, channels::part about) {
  return about == channels::part::parameters || (about == channels::part::media && content.same_media());
}

std::string_view what_to_do(channels::part about) {
  return about == channels::part::media
             ? "; every message of this campaign shows the same file: see that the provider can fetch and read "
               "it, then resume, and whom it refused is sent to again"
             : "; every message of this campaign fills in as many: fetch the templates and compare; resume when it is "
               "mended at the provider, and whom it refused is sent to again, or stop and make the campaign again";
}

}  // namespace

batch_sender::group::group(const lane_settings& s) : campaign(s.campaign), share(s.share), watch(campaign_rules()) {}

// A proved refusal: what to do with the message, and with everybody else.
void batch_sender::act_on(lane& l, const flight& f, const channels::answer& answer, nanoseconds_t retry_after) {
  using enum channels::action;
  const auto& m = f.at.message();
  store::outcome o{.id = m.id,
                   .state = message_state::refused,
                   .attempt = m.attempt,
                   .code = answer.provider_code,
                   .at_ms = f.first_byte_ms};
  const auto now = executor_.time().now();
  const bool of_all = refused_for_all(*l.settings.content, answer.about);
  const auto next = of_all ? pause_campaign : answer.next;
  const auto told = std::max(retry_after, answer.retry_after);
  retry_after = std::max(told, answer.wait);
  const auto wait = [&](nanoseconds_t for_time, std::uint32_t tries_max) {
    if (answer.retries_max > 0) tries_max = std::min(tries_max, answer.retries_max + 1U);
    if (m.attempt < tries_max) o.state = message_state::retry;
    // Of a message that has failed for now: from when on it may pass, for people who try it again.
    o.next_at_ms = wall_ms(now + std::max(for_time, retry_after));
  };
  // Nothing is wrong with the message itself: it waits until the cause is gone.
  const auto keep = [&] {
    o.state = message_state::retry;
    o.next_at_ms = wall_ms(now);
  };
  std::string title, because;
  net::insist([&] {
    title = channel_->without_token(answer.title);
    because = "the provider refused: " + title + " (code " + std::to_string(answer.provider_code) + ")";
    if (of_all) because += what_to_do(answer.about);
  });
  const auto campaign = l.settings.campaign;
  const auto settle_it = [&] {
    // Refused for now, which says nothing of an earlier request that may have gone: so it is neither failed nor, when
    // it is the same request once more, to be sent under another attempt.
    const bool given_up = o.state == message_state::refused;
    if ((m.repeats || (m.maybe_gone && given_up)) && channels::may_pass(next)) {
      o.state = message_state::unconfirmed;
      o.next_at_ms = 0;
    }
    settle(l, o, f.at, {}, title);
  };
  switch (next) {
    case retry:
      wait(backoff(retry_base, m.attempt, m.id.key()), attempts_max);
      settle_it();
      return watch(l, f, error_class::fault, because);
    case slow:
      // What was in flight is refused one after the other: told once.
      if (permits_.throttled(f.permit_at, now, told) && answer.of_account) owner_.on_account_slow(f.permit_at, told);
      wait(backoff(retry_base, m.attempt, m.id.key()), attempts_while_throttled_max);
      return settle_it();
    case pair:
      wait(permits_.pair_throttled(recipients::person_key(m.address), now) - now, attempts_max);
      return settle_it();
    case defer:
      wait(defer_min, defers_max + 1);
      return settle_it();
    case pause_number:
    case pause_campaign: {
      const auto of = next == pause_campaign ? campaign : campaign_id{};
      keep();
      settle_it();
      return retry_after > 0 ? pause_for(of, retry_after, because) : brake(of, false, because);
    }
    case pause_account:
      keep();
      settle_it();
      return brake({}, true, because);
    case fail_campaign:
      settle_it();
      return brake(campaign, false, because);
    case fail_recipient:
    case opt_out:
      settle_it();
      return watch(l, f, error_class::recipient, because);
    default:
      settle_it();
      return watch(l, f, error_class::message, because);
  }
}

void batch_sender::brake(campaign_id campaign, bool whole_account, const std::string& reason) {
  const auto all_held = std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& l) {
    return l->held || (campaign && l->settings.campaign != campaign);
  });
  if (all_held) return;  // told already
  hold(campaign);
  whole_account ? owner_.on_account_brake(reason) : owner_.on_brake(campaign, reason);
}

// Ends by itself.
void batch_sender::pause_for(campaign_id campaign, nanoseconds_t time, const std::string& reason) {
  const auto now = executor_.time().now();
  const auto known = pauses_.until(now, 0, 0, campaign.value);
  const auto until_ms = wall_ms(now + time);
  pause(campaign, until_ms);
  // What was in flight is refused one after the other: told once. Either may be until_lifted.
  if (pauses_.until(now, 0, 0, campaign.value) - time / 2 > known) owner_.on_pause(campaign, until_ms, reason);
}

void batch_sender::pause(campaign_id campaign, std::int64_t until_ms) {
  const auto now = executor_.time().now();
  wall_offset_ = executor_.time().wall() - now;
  const auto until = until_ms >= store::until_resumed_ms ? pacing::until_lifted : until_ms * millisecond - wall_offset_;
  if (until <= now) return;
  pauses_.sweep(now);
  pauses_.set(campaign ? pacing::pause_of::campaign : pacing::pause_of::number, campaign.value, until);
  for (auto& l : lanes_) {
    if (campaign && l->settings.campaign != campaign) continue;
    take_back(*l);
    flush(*l);
  }
}

void batch_sender::slow_down(nanoseconds_t sent_at, nanoseconds_t retry_after) {
  permits_.throttled(sent_at, executor_.time().now(), retry_after);
}

void batch_sender::lift_pauses(campaign_id campaign) {
  pauses_.lift(pacing::pause_of::number, 0);
  lift_pause(campaign);
}

void batch_sender::lift_pause(campaign_id campaign) {
  pauses_.lift(pacing::pause_of::campaign, campaign.value);
  for (auto& l : lanes_) {
    if (l->settings.campaign == campaign) l->told_idle = false;
  }
  pump();
}

void batch_sender::watch(lane& l, const flight& f, std::uint8_t error_class, std::string_view last) {
  group& g = group_of(l);
  const auto* campaign_rule = g.watch.add(f.permit_at, error_class);
  const auto* sender_rule = watch_.add(f.permit_at, error_class);
  const auto told = [&](const pacing::breaker_rule& r, std::string_view whose) {
    return std::to_string(r.failed_percent) + " % or more of " + std::string(whose) + " messages of the last minute " +
           std::string(what_failed(r.error_class)) + ", then resume (the last: " + std::string(last) + ")";
  };
  if (sender_rule != nullptr) return brake({}, false, told(*sender_rule, "this sender's"));
  if (campaign_rule != nullptr) brake(g.campaign, false, told(*campaign_rule, "this campaign's"));
}

}  // namespace bulkmsg::sending
