// Messages that may have gone: the campaigns' rules for them are kept when they are due, and people's words carried
// out.
#include <charconv>
#include <future>

#include "engine/impl.hpp"
#include "store/lanes.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t look_every = second / 4;  // at most, while something is heard
constexpr std::size_t words_max = 1'000;

// Of a command of another process: "sent 3/17", "unsent".
std::string argument_of(const resolution& how) {
  std::string words = how.sent ? "sent" : "unsent";
  if (how.message.lane != 0) {
    words += ' ' + std::to_string(how.message.lane) + '/' + std::to_string(how.message.sequence);
  }
  return words;
}

template <class T>
bool read_number(std::string_view& from, T& into) {
  const auto [end, problem] = std::from_chars(from.data(), from.data() + from.size(), into);
  if (problem != std::errc()) return false;
  from.remove_prefix(static_cast<std::size_t>(end - from.data()));
  return true;
}

bool read_argument(std::string_view words, resolution& into) {
  const auto skip = [&](std::string_view word) {
    if (!words.starts_with(word)) return false;
    words.remove_prefix(word.size());
    return true;
  };
  into.sent = skip("sent");
  if (!into.sent && !skip("unsent")) return false;
  if (words.empty()) return true;
  return skip(" ") && read_number(words, into.message.lane) && into.message.lane > 0 && skip("/") &&
         read_number(words, into.message.sequence) && words.empty();
}

}  // namespace

result<void> check_rule(const campaign_settings& settings) {
  if (settings.when_unconfirmed > unconfirmed_rule::give_up) {
    return fail(errc::invalid_argument, "the rule for unconfirmed messages is hold, resend or give_up");
  }
  if (settings.unconfirmed_wait < unconfirmed_wait_min || settings.unconfirmed_wait > unconfirmed_wait_max) {
    return fail(errc::invalid_argument, "unconfirmed messages are waited for from a second to 30 days, not " +
                                            std::to_string(settings.unconfirmed_wait.count()) + " ms");
  }
  return {};
}

void engine::impl::look_at_rules() {
  if (has_rules_ || !ended_.empty()) due(chore::rules, std::max(clock_.now(), rules_kept_at_ + look_every));
}

void engine::impl::keep_rules() {
  rules_kept_at_ = clock_.now();
  for (const auto campaign : std::exchange(ended_, {})) {
    // A start that failed and could not be undone, or an end.
    writer_->submit(
        [campaign, at_ms = now_ms()](store::database& db) {
          const auto row = store::read_campaign(db, campaign);
          if (row.state != campaign_state::starting) return;
          store::undo_start(db, campaign, "the store refused to write while the campaign was starting", at_ms,
                            row.scheduled_at_ms != 0 ? campaign_state::scheduled : campaign_state::draft);
        },
        [this, campaign](const error* failed) {
          io_->post([this, campaign, ok = !failed] {
            due(chore::schedules, 0);
            if (ok) return on_idle(campaign);
            ended_.push_back(campaign);
            look_at_rules();
          });
        });
  }
  if (!options_.send) return done(chore::rules, never);
  auto turn = std::make_shared<store::rule_turn>();
  writer_->submit(
      [=, this, at_ms = now_ms()](store::database& db) { *turn = store::keep_rules(db, at_ms, opened_at_ms_); },
      [=, this](const error* failed) {
        if (failed) *turn = {.any = true};
        tell_changed(turn->changed);
        io_->post([=, this, ok = !failed] {
          has_rules_ = turn->any;
          for (const auto campaign : turn->queued) {
            for (auto& [id, sender] : senders_) {
              sender->run([&work = sender->work(), campaign] { work.look_again({campaign}); });
            }
          }
          for (const auto campaign : turn->ended) on_idle(campaign);
          const auto next = turn->more ? 0 : at_wall_ms(turn->next_ms);
          done(chore::rules, ok ? next : clock_.now() + look_every);
        });
      });
}

void engine::impl::tell_changed(const std::vector<store::settled_message>& changed) {
  std::vector<event> progress;
  progress.reserve(changed.size());
  for (const auto& m : changed) {
    progress.push_back(
        {.state = static_cast<std::uint8_t>(m.state), .campaign = m.campaign, .message = m.message, .at_ms = now_ms()});
  }
  events_.push(progress);
}

void engine::impl::resolve(std::int64_t campaign, const resolution& how, std::int64_t so_far, resolve_done done) {
  auto turn = std::make_shared<store::resolve_turn>();
  writer_->submit([=, at_ms = now_ms()](store::database& db) { *turn = store::resolve(db, campaign, how, at_ms); },
                  [=, this, done = std::move(done)](const error* failed) {
                    if (failed) return done(fail(*failed));
                    tell_changed(turn->changed);
                    const auto settled = so_far + static_cast<std::int64_t>(turn->changed.size());
                    if (turn->more && how.message.lane == 0) return resolve(campaign, how, settled, done);
                    // The last ones may have been what kept the campaign from its end.
                    io_->post([=, this] { on_idle(campaign); });
                    done(settled);
                  });
}

void engine::impl::carry_out_resolve(const std::string& argument, std::int64_t campaign, const std::string& reason,
                                     const std::string& actor, std::int64_t command_id) {
  resolution how{.actor = actor, .reason = reason};
  if (!read_argument(argument, how)) {
    return answer_command(command_id, fail(errc::invalid_argument, "cannot resolve '" + argument + "'"));
  }
  resolve(campaign, how, 0, [this, command_id](const result<std::int64_t>& settled) {
    answer_command(command_id, settled ? result<void>() : fail(settled.error()));
  });
}

result<std::int64_t> engine::resolve(campaign_id campaign, const resolution& how, std::chrono::milliseconds wait) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (how.actor.empty() || how.actor.size() > words_max || how.reason.size() > words_max) {
    return fail(errc::invalid_argument,
                "resolve needs its actor, and actor and reason are of up to " + std::to_string(words_max) + " bytes");
  }
  if (auto ok = self_->may_post("resolve messages"); !ok) return fail(ok.error());
  if (self_->mode() == open_mode::post) {
    auto posted = self_->post_command("resolve", campaign.value, how.reason, wait, how.actor, argument_of(how));
    if (!posted) return fail(posted.error());
    return std::int64_t{0};
  }
  std::int64_t count = 0;
  std::promise<result<void>> settled;
  self_->resolve(campaign.value, how, 0, [&](const result<std::int64_t>& n) {
    if (n) count = *n;
    settled.set_value(n ? result<void>() : fail(n.error()));
  });
  if (auto ok = wait_for(*self_->around_, settled.get_future()); !ok) return fail(ok.error());
  return count;
}

}  // namespace bulkmsg
