// What comes back: webhooks are verified, made durable, acknowledged, and then merged; and the commands of other
// processes.
#include <algorithm>
#include <future>
#include <utility>

#include "bulkmsg/inbound/signature.hpp"
#include "engine/impl.hpp"
#include "engine/secrets.hpp"
#include "store/brakes.hpp"
#include "store/run_lock.hpp"
#include "store/senders.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t retry_after = second / 4;  // when the store refused
constexpr std::size_t body_max = 3 * 1024 * 1024;

}  // namespace

void engine::impl::load_secrets() {
  auto senders = read([](store::database& db) {
    std::vector<sender_settings> all;
    for (const auto id : store::sender_ids(db)) all.push_back(store::read_sender(db, id));
    return all;
  });
  if (!senders) return;
  std::vector<std::string> app, verify;
  for (const auto& s : *senders) {
    for (const auto& name : secret_names(s.app_secret)) {
      if (auto secret = resolve_secret(name, "app secret")) app.push_back(*secret);
    }
    if (auto token = resolve_secret(s.verify_token, "verify token"); !s.verify_token.empty() && token) {
      verify.push_back(*token);
    }
  }
  std::lock_guard lock(notes_);
  if (!signatures_ || app != app_secrets_) signatures_ = std::make_shared<inbound::signature_checker>(app);
  app_secrets_ = std::move(app);
  verify_tokens_ = std::move(verify);
  secrets_loaded_at_ = clock_.now();
}

// Another process may have added a sender since; looked at once a second at most, however many strangers knock.
bool engine::impl::reload_secrets() {
  {
    std::lock_guard lock(notes_);
    if (clock_.now() - secrets_loaded_at_ < second) return false;
  }
  load_secrets();
  return true;
}

// Verifies, then appends; `done` is called when the body is durable.
result<void> engine::impl::take_webhook(std::string_view body, std::string_view signature,
                                        std::function<void(result<void>)> done) {
  if (body.size() > body_max) return fail(errc::too_large, "webhook: over 3 MiB, which no provider sends");
  bool none = false;
  const auto known = [&] {
    std::shared_ptr<inbound::signature_checker> with;
    {
      std::lock_guard lock(notes_);
      with = signatures_;
    }
    none = !with || with->empty();
    std::lock_guard one_at_a_time(verifying_);
    return with && with->verify(body, signature);
  };
  const bool good = known() || (reload_secrets() && known());
  if (none) {
    return fail(errc::secret_missing,
                "webhooks cannot be verified: no sender has an app_secret with a value; name it in the sender file");
  }
  if (!good) {
    return fail(errc::signature_mismatch, "webhook: X-Hub-Signature-256 does not fit the body and the app secret");
  }
  intake_.take(*writer_, body, now_ms(), [done = std::move(done)](const error* failed) {
    done(failed ? result<void>(fail(*failed)) : result<void>());
  });
  return {};
}

void engine::impl::webhooks_stored() {
  if (mode() == open_mode::post) return store::tell_runner(path_);
  io_->post([this] { due(chore::webhooks, 0); });
}

result<void> engine::ingest(std::string_view body, std::string_view signature) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) {
    return fail(errc::read_only, "cannot take a webhook: the store is open for reading; open it to run or to post");
  }
  std::promise<result<void>> stored;
  auto taken = self_->take_webhook(body, signature, [&](result<void> r) { stored.set_value(std::move(r)); });
  if (!taken) return taken;
  return wait_for(*self_->around_, stored.get_future());
}

result<std::uint16_t> engine::listen(const std::string& address) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) {
    return fail(errc::read_only, "cannot take webhooks: the store is open for reading; open it to run or to post");
  }
  inbound::receiver_options options;
  options.listen = address;
  options.body_bytes_max = body_max;
  auto opened = inbound::receiver::open(options, *self_);
  if (!opened) return fail(opened.error());
  const auto port = (*opened)->port();
  std::unique_ptr<inbound::receiver> before;  // closed outside the lock: it waits for its handlers
  {
    std::lock_guard lock(self_->notes_);
    before = std::exchange(self_->receiver_, std::move(*opened));
  }
  return port;
}

void engine::impl::on_webhook(std::string body, std::string signature, std::function<void(int)> reply) {
  auto taken = take_webhook(body, signature, [reply](const result<void>& r) { reply(r ? 200 : 503); });
  if (taken) return;
  reply(taken.error().code == errc::signature_mismatch ? 401 : taken.error().code == errc::too_large ? 413 : 503);
}

std::string engine::impl::on_verify(std::string_view mode, std::string_view token, std::string_view challenge) {
  return known_token(mode, token) ? std::string(challenge) : std::string();
}

bool engine::impl::known_token(std::string_view mode, std::string_view token) {
  if (mode != "subscribe") return false;
  std::lock_guard lock(notes_);
  bool known = false;
  for (const auto& t : verify_tokens_) known = inbound::equal_secret(t, token) || known;
  return known;
}

result<std::string> engine::verify(std::string_view mode, std::string_view token, std::string_view challenge) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) {
    return fail(errc::read_only, "cannot answer a handshake: the store is open for reading; open it to run or to post");
  }
  if (self_->known_token(mode, token) || (self_->reload_secrets() && self_->known_token(mode, token))) {
    return std::string(challenge);
  }
  return fail(errc::signature_mismatch,
              "webhook handshake: hub.mode is not subscribe, or no sender has this verify_token; answer 403");
}

void engine::impl::merge_webhooks() {
  inbound::merge_options how;
  how.words = [this](store::database& db, std::int64_t campaign, std::int64_t recipient) {
    return words_of_message(db, campaign, recipient);
  };
  how.idle = true;
  how.opened_at_ms = opened_at_ms_;
  for (auto& [id, sender] : senders_) sender->run([&] { how.idle = how.idle && sender->work().idle(); });
  auto merged = std::make_shared<inbound::merge_result>();
  auto next_ms = std::make_shared<std::int64_t>(0);
  writer_->submit(
      [this, merged, next_ms, how = std::move(how), at_ms = now_ms()](store::database& db) {
        *merged = inbound::merge(db, store_id_, at_ms, how);
        const auto over = store::release_due_brakes(db, at_ms);
        merged->resumed.insert(merged->resumed.end(), over.campaigns.begin(), over.campaigns.end());
        merged->lifted.insert(merged->lifted.end(), over.senders.begin(), over.senders.end());
        *next_ms = store::next_brake_end(db);
        if (merged->next_ms != 0 && (*next_ms == 0 || merged->next_ms < *next_ms)) *next_ms = merged->next_ms;
      },
      [this, merged, next_ms](const error* failed) {
        if (!failed) tell_merged(*merged);
        io_->post([this, merged, next_ms, ok = !failed] {
          if (!ok) return done(chore::webhooks, clock_.now() + retry_after);
          if (merged->barred) screen_again();
          for (const auto campaign : merged->overtaken) screen_again(campaign);
          for (const auto campaign : merged->paused) hold(campaign);
          for (const auto sender : merged->limits_changed) renew_sender(sender);
          for (const auto& [campaign, sender] : merged->held) hold_over(campaign, sender, true);
          for (const auto& [campaign, sender] : merged->lifted) hold_over(campaign, sender, false);
          for (const auto campaign : merged->resumed) go_on(campaign);
          if (!merged->changed.empty() || merged->heard) look_at_rules();
          done(chore::webhooks, merged->more ? 0 : at_wall_ms(*next_ms));
        });
      });
}

// What the provider held goes on by its word; what is missing to send is told as for a campaign that was opened.
void engine::impl::go_on(std::int64_t campaign) { begin_sending(campaign); }

void engine::impl::tell_merged(const inbound::merge_result& merged) {
  std::vector<event> progress;
  progress.reserve(merged.changed.size());
  for (const auto& m : merged.changed) {
    progress.push_back({.state = static_cast<std::uint8_t>(message_state::accepted),
                        .receipt = static_cast<std::uint8_t>(m.receipt),
                        .campaign = m.campaign,
                        .message = m.message,
                        .at_ms = now_ms()});
  }
  events_.push(progress);
  if (merged.replies || !merged.resumed.empty() || !merged.lifted.empty()) events_.durable_waiting();
}

void engine::impl::take_up_commands() {
  struct command {
    std::int64_t id, campaign;
    std::string verb, reason, argument, actor;
  };
  static constexpr std::size_t most = 100;
  auto waiting = std::make_shared<std::vector<command>>();
  auto barred_until = std::make_shared<std::int64_t>(0);
  writer_->submit(
      [waiting, barred_until, last = last_command_](store::database& db) {
        waiting->clear();
        *barred_until = store::last_consent_change(db);
        auto r = db.select(
            "SELECT id, campaign, verb, reason, argument, actor FROM commands WHERE done_at_ms = 0 AND id > ?1 "
            "ORDER BY id LIMIT ?2",
            last, most);
        while (r.next()) {
          waiting->push_back({r.integer(0), r.integer(1), std::string(r.text(2)), std::string(r.text(3)),
                              std::string(r.text(4)), std::string(r.text(5))});
        }
      },
      [this, waiting, barred_until](const error* failed) {
        io_->post([this, waiting, barred_until, ok = !failed] {
          if (!ok) return done(chore::commands, clock_.now() + retry_after);
          // Another process may have barred somebody for whom a message is open.
          if (std::exchange(known_consent_, *barred_until) != *barred_until) screen_again();
          for (const auto& c : *waiting) {
            last_command_ = c.id;
            if (c.verb == "schedule" || c.verb == "cancel") {
              carry_out_beside(c.verb, c.campaign, c.argument, c.actor, c.id);
            } else if (c.verb == "resolve") {
              carry_out_resolve(c.argument, c.campaign, c.reason, c.actor, c.id);
            } else {
              carry_out(
                  c.verb, c.campaign, c.reason, c.id, [](const result<void>&) {}, c.actor);
            }
          }
          done(chore::commands, waiting->size() == most ? 0 : never);
        });
      });
}

}  // namespace bulkmsg
