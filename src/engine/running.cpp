// Senders at work: what connects campaigns in the store with batch senders on the I/O thread.
#include <algorithm>
#include <future>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/impl.hpp"
#include "sending/restored_permits.hpp"
#include "store/brakes.hpp"
#include "store/media.hpp"
#include "store/run_lock.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t index_after = second;  // what was sent is looked up by its provider's id only later
constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;

}  // namespace

absl::TimeZone zone_of(const sender_settings& settings) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!settings.time_zone.empty()) static_cast<void>(absl::LoadTimeZone(settings.time_zone, &zone));
  return zone;
}

result<void> check_pacing(const sender_settings& settings) {
  absl::TimeZone zone;
  if (!settings.time_zone.empty() && !absl::LoadTimeZone(settings.time_zone, &zone)) {
    return fail(errc::bad_option_value, "sender: unknown time zone " + pacing::detail::quoted(settings.time_zone) +
                                            ": give an IANA name, for example Europe/Berlin");
  }
  if (auto limits = pacing::parse_limits(settings.limits); !limits) return fail(limits.error());
  return {};
}

result<std::shared_ptr<pacing::shared_limits>> engine::impl::shared_with(const sender_settings& sender) {
  if (sender.portfolio.empty()) return std::shared_ptr<pacing::shared_limits>();
  if (const auto known = portfolios_.find(sender.portfolio); known != portfolios_.end()) return known->second;
  auto made = store::guarded([&] { return sending::restored_portfolio(*io_reader_, sender.portfolio, clock_); });
  if (!made) return fail(made.error());
  return portfolios_[sender.portfolio] = *made;
}

net::transport_options wire_options(const sender_settings& settings) {
  net::transport_options options;
  options.origin = settings.origin;
  options.connections_max = settings.connections_max;
  options.response_timeout = settings.response_timeout.count() * millisecond;
  options.tls.ca_file = settings.tls_ca_file;
  return options;
}

result<std::unique_ptr<running_sender>> running_sender::make(engine::impl& owner, std::int64_t id,
                                                             const sender_settings& settings) {
  auto channel = make_channel(settings);
  if (!channel) return fail(channel.error());
  auto shared = owner.shared_with(settings);
  if (!shared) return fail(shared.error());
  auto limits = pacing::parse_limits(settings.limits);
  if (!limits) return fail(limits.error());
  auto permits = store::guarded([&] {
    return sending::restored_permits(*owner.io_reader_, id, sending::not_shared(*limits, shared->get()),
                                     zone_of(settings), owner.clock_);
  });
  if (!permits) return fail(permits.error());
  const auto turn = owner.next_io_++ % (owner.more_io_.size() + 1);
  io_executor& on = turn == 0 ? *owner.io_ : *owner.more_io_[turn - 1];
  auto wire = owner.around_->connect(on, wire_options(settings));
  if (!wire) return fail(wire.error());

  std::unique_ptr<running_sender> made(new running_sender(owner, on, id));
  made->wire_ = std::move(*wire);
  made->work_ = std::make_unique<sending::batch_sender>(on, *made->wire_, *owner.writer_, std::move(*channel),
                                                        std::move(*permits), owner.store_id_, *made);
  if (*shared) made->work_->share(std::move(*shared));
  auto paused = store::guarded([&] {
    auto r = owner.io_reader_->select("SELECT campaign, until_ms FROM pauses WHERE sender = ?1", id);
    while (r.next()) made->work_->pause({r.integer(0)}, r.integer(1));
  });
  if (!paused) return fail(paused.error());
  return made;
}

running_sender::~running_sender() = default;

void running_sender::on_settled(campaign_id campaign, const store::outcomes& batch) {
  owner_.on_settled(id_, campaign.value, batch);
}
void running_sender::on_idle(campaign_id campaign) { owner_.on_idle(campaign.value); }
void running_sender::on_brake(campaign_id campaign, const std::string& reason) {
  owner_.on_brake(id_, campaign.value, false, reason);
}
void running_sender::on_account_brake(const std::string& reason) { owner_.on_brake(id_, 0, true, reason); }
void running_sender::on_pause(campaign_id campaign, std::int64_t until_ms, const std::string& reason) {
  owner_.on_pause(id_, campaign.value, until_ms, reason);
}
void running_sender::on_trouble(const error& why) { owner_.on_trouble(id_, why); }

result<void> engine::impl::run_campaign(std::int64_t campaign) {
  if (!options_.send) return {};
  result<void> done;
  io_->call([&] { done = begin_sending(campaign); });
  return done;
}

// On the I/O thread, like every hold: what the store says now is what holds until the next command.
result<void> engine::impl::begin_sending(std::int64_t campaign) {
  struct needed {
    store::campaign_row row;
    sender_settings sender;
    std::string json;
    std::vector<std::pair<std::int32_t, std::string>> lanes;  // and where their hours are meant
    content::file_ids files;
    bool files_expired = false;
  };
  auto found = store::guarded([&] {
    needed n;
    n.row = store::read_campaign(*io_reader_, campaign);
    n.sender = store::read_sender(*io_reader_, n.row.sender);
    n.json = store::read_template(*io_reader_, n.row.content);
    for (const auto lane : store::lanes_of(*io_reader_, campaign)) {
      n.lanes.emplace_back(lane, store::zones_of_lane(*io_reader_, lane));
    }
    for (auto& file : store::campaign_media(*io_reader_, campaign)) {
      n.files_expired = n.files_expired || now_ms() - file.uploaded_at_ms >= channels::media_life_ms;
      n.files.emplace(std::move(file.value), std::move(file.media_id));
    }
    return n;
  });
  if (!found) return fail(found.error());
  if (found->row.state != campaign_state::sending) return {};
  auto content = compile(found->row, found->sender, found->json, found->files);
  if (!content) return fail(content.error());
  if (found->files_expired) {
    // Nobody could see them: it goes on when they are uploaded again, see renew_media().
    hold(campaign);
    due(chore::media, 0);
    return {};
  }

  auto& sender = senders_[found->row.sender];
  if (!sender) {
    auto made = running_sender::make(*this, found->row.sender, found->sender);
    if (!made) {
      senders_.erase(found->row.sender);
      return fail(made.error());
    }
    sender = std::move(*made);
    sender->run([&] {
      auto& wire = sender->wire();
      wire.set_listener(&sender->work());
      // Connecting takes longer than the first claim: it begins now.
      if (const int slot = wire.acquire(); slot != net::transport::none) wire.release(slot);
    });
  }
  has_rules_ = true;
  look_at_rules();
  std::vector<sending::batch_sender::lane_settings> lanes;
  for (const auto& [lane, zones] : found->lanes) {
    lanes.push_back({lane, {campaign}, content->content, content->route, {found->row.weight, found->row.urgent}});
    if (zones.empty()) continue;
    const auto hours = pacing::parse_hours(found->row.hours);
    if (!hours) return fail(hours.error());
    auto window = pacing::sending_window::make(*hours, zones);
    if (!window) return fail(window.error());
    lanes.back().window = std::make_shared<const pacing::sending_window>(std::move(*window));
  }
  sender->run([&] {
    auto& work = sender->work();
    if (work.has({campaign})) {
      work.set_content({campaign}, content->content);
      work.release({campaign});
      return;
    }
    for (const auto& each : lanes) work.add(each);
  });
  return {};
}

void engine::impl::on_settled(std::int64_t sender, std::int64_t campaign, const store::outcomes& batch) {
  {
    std::lock_guard lock(notes_);
    trouble_.erase(sender);
  }
  std::vector<event> progress;
  progress.reserve(batch.items.size());
  for (const auto& o : batch.items) {
    progress.push_back({.state = static_cast<std::uint8_t>(o.state),
                        .code = o.code,
                        .campaign = {campaign},
                        .message = o.id,
                        .at_ms = o.at_ms});
  }
  events_.push(progress);
  io_->post([this] {
    due(chore::webhooks, clock_.now() + index_after);
    look_at_rules();
  });
}

// A campaign whose lanes came to rest: completed when nothing is left, or stopped and now wholly settled.
void engine::impl::on_idle(std::int64_t campaign) {
  auto ended = std::make_shared<bool>(false);
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        const auto row = store::read_campaign(db, campaign);
        *ended = (row.state == campaign_state::sending && store::exhausted(db, campaign) &&
                  !store::awaits_rule(db, campaign, at_ms)) ||
                 row.state == campaign_state::stopped;
        if (*ended) store::finish(db, campaign, at_ms);
      },
      [=, this](const error* failed) {
        if (failed) {
          io_->post([=, this] {
            ended_.push_back(campaign);
            look_at_rules();
          });
        }
        if (failed || !*ended) return;
        events_.durable_waiting();
        io_->post([=, this] {
          for (auto& [id, sender] : senders_) {
            sender->run([&work = sender->work(), campaign] {
              if (work.idle({campaign})) work.remove({campaign});
            });
          }
        });
      });
}

void engine::impl::on_brake(std::int64_t sender, std::int64_t campaign, bool whole_account, const std::string& reason) {
  auto paused = std::make_shared<std::vector<std::int64_t>>();
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        auto& sending = *paused;
        sending.clear();
        {
          // Of one account are those that say so, or that share an access token.
          auto r = db.select(
              "SELECT c.id FROM campaigns c JOIN senders s ON s.id = c.sender JOIN senders me ON me.id = ?1 "
              "WHERE c.state = 4 AND (?2 = 0 OR c.id = ?2) AND (s.id = me.id OR (?3 AND ((s.business_account_id = "
              "me.business_account_id AND s.business_account_id <> '') OR (s.token = me.token AND s.token <> ''))))",
              sender, campaign, whole_account);
          while (r.next()) sending.push_back(r.integer(0));
        }
        for (const auto id : sending) {
          store::change_state(db, id, campaign_state::paused, "pause", reason, at_ms);
        }
      },
      [=, this](const error* failed) {
        if (failed) return on_trouble(sender, *failed);
        events_.durable_waiting();
        // Once more: a resume may have come between the first time and the commit.
        io_->post([=, this] {
          for (const auto id : *paused) hold(id);
        });
      });
}

void engine::impl::on_pause(std::int64_t sender, std::int64_t campaign, std::int64_t until_ms,
                            const std::string& reason) {
  const auto words = reason + "; it goes on by itself at " +
                     absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", absl::FromUnixMillis(until_ms), absl::UTCTimeZone()) +
                     ", or with resume";
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        db.run("DELETE FROM pauses WHERE until_ms <= ?1", at_ms);
        db.run("INSERT OR REPLACE INTO pauses(sender, campaign, until_ms, reason) VALUES (?1, ?2, ?3, ?4)", sender,
               campaign, until_ms, words);
      },
      [=, this](const error* failed) {
        if (failed) on_trouble(sender, *failed);
      });
}

void engine::impl::on_trouble(std::int64_t sender, const error& why) {
  std::lock_guard lock(notes_);
  trouble_[sender] = why.message;
}

void engine::impl::hold(std::int64_t campaign) {
  for (auto& [id, sender] : senders_) {
    sender->run([&work = sender->work(), campaign] {
      if (work.has({campaign})) work.hold({campaign});
    });
  }
}

result<void> engine::impl::command(const std::string& verb, campaign_id campaign, const std::string& reason,
                                   std::chrono::milliseconds wait, const std::string& actor) {
  const auto call = enter(false);
  if (!call) return fail(call.error());
  if (auto ok = may_post(verb + " a campaign"); !ok) return ok;
  if (mode() == open_mode::post) return post_command(verb, campaign.value, reason, wait, actor);
  return carry_out_now(verb, campaign.value, reason, actor);
}

result<void> engine::impl::carry_out_now(const std::string& verb, std::int64_t campaign, const std::string& reason,
                                         const std::string& actor) {
  std::promise<result<void>> done;
  io_->post([&] {
    carry_out(
        verb, campaign, reason, 0, [&](result<void> r) { done.set_value(std::move(r)); }, actor);
  });
  return wait_for(*around_, done.get_future());
}

void engine::impl::carry_out(const std::string& verb, std::int64_t campaign, const std::string& reason,
                             std::int64_t command_id, command_done then, const std::string& actor) {
  // Whatever comes of it, a command of another process is answered once and not taken up again.
  const command_done done = [this, command_id, then = std::move(then)](result<void> r) {
    if (command_id != 0) answer_command(command_id, r);
    then(std::move(r));
  };
  campaign_state to;
  campaign_call call = campaign_call::pause;
  if (verb == "pause") {
    to = campaign_state::paused;
  } else if (verb == "stop") {
    to = campaign_state::stopped;
    call = campaign_call::stop;
  } else if (verb == "resume") {
    to = campaign_state::sending;
    call = campaign_call::resume;
  } else {
    return done(fail(errc::invalid_argument, "no command is named '" + verb + "'"));
  }
  const bool resumes = to == campaign_state::sending;
  if (resumes) {
    // Whatever is missing to send is found before the state changes.
    auto row = store::guarded([&] {
      const auto c = store::read_campaign(*io_reader_, campaign);
      return std::pair(c, store::read_sender(*io_reader_, c.sender));
    });
    if (!row) return done(fail(row.error()));
    if (auto ok = check_call(row->first.state, call); !ok) return done(ok);
    if (auto channel = make_channel(row->second); options_.send && !channel) return done(fail(channel.error()));
  } else {
    hold(campaign);
  }
  auto lift = std::make_shared<std::int64_t>(0);  // the sender whose pauses end
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        store::check_call(db, campaign, call);
        const auto row = store::read_campaign(db, campaign);
        if (row.state != to) {
          store::change_state(db, campaign, to, verb, reason, at_ms, actor);
        } else if (to == campaign_state::paused) {
          store::hold_braked(db, campaign, reason, at_ms, actor);
        } else if (resumes) {
          // Sending, and yet resumed: people do not want to wait for the end of a pause.
          db.run("DELETE FROM pauses WHERE sender = ?1 AND campaign IN (0, ?2)", row.sender, campaign);
          *lift = row.sender;
        }
      },
      [=, this](const error* failed) {
        if (!failed) events_.durable_waiting();
        io_->post([=, this, failed = failed ? std::optional(*failed) : std::nullopt] {
          if (failed) {
            // Still sending by the store's word: go on.
            static_cast<void>(begin_sending(campaign));
            return done(fail(*failed));
          }
          if (const auto s = senders_.find(*lift); s != senders_.end()) {
            s->second->run([&work = s->second->work(), campaign] { work.lift_pauses({campaign}); });
          }
          if (resumes) return done(options_.send ? begin_sending(campaign) : result<void>());
          // Once more: a start or a resume may have come between the first time and the commit.
          hold(campaign);
          look_at_rules();
          const bool busy = std::any_of(senders_.begin(), senders_.end(), [&](const auto& s) {
            bool idle = false;
            s.second->run([&] { idle = s.second->work().idle({campaign}); });
            return !idle;
          });
          if (to == campaign_state::stopped && !busy) on_idle(campaign);
          done({});
        });
      });
}

void engine::impl::answer_command(std::int64_t command_id, const result<void>& how) {
  const auto why = how ? error{errc::ok, "", 0, 0} : how.error();
  writer_->submit(
      [why, command_id, at_ms = now_ms()](store::database& db) {
        db.run("UPDATE commands SET done_at_ms = ?2, code = ?3, message = ?4 WHERE id = ?1", command_id, at_ms,
               why.code, why.message);
        db.run("DELETE FROM commands WHERE done_at_ms > 0 AND done_at_ms < ?1 AND id < ?2", at_ms - a_day_ms,
               command_id);
      },
      nullptr);
}

result<void> engine::impl::post_command(const std::string& verb, std::int64_t campaign, const std::string& reason,
                                        std::chrono::milliseconds wait, const std::string& actor,
                                        const std::string& argument) {
  std::int64_t id = 0;
  auto posted = writer_->run([&, at_ms = now_ms()](store::database& db) {
    static_cast<void>(store::read_campaign(db, campaign));
    db.run("INSERT INTO commands(at_ms, verb, campaign, reason, argument, actor) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
           at_ms, verb, campaign, reason, argument, actor);
    id = db.last_id();
  });
  if (!posted) return posted;
  store::tell_runner(path_);
  const auto until = clock_.now() + wait.count() * millisecond;
  for (;;) {
    struct answer {
      bool done = false;
      error why;
    };
    auto got = read([&](store::database& db) {
      auto r = db.select("SELECT done_at_ms, code, message FROM commands WHERE id = ?1", id);
      answer a;
      if (r.next() && r.integer(0) != 0) a = {true, {static_cast<errc>(r.integer(1)), std::string(r.text(2)), 0, 0}};
      return a;
    });
    if (!got) return fail(got.error());
    if (got->done) return got->why.code == errc::ok ? result<void>() : fail(got->why);
    if (clock_.now() >= until || !around_->sleep(std::chrono::milliseconds(10))) {
      return fail(errc::timed_out, "no process that runs this store took up the command to " + verb +
                                       "; it is kept and will be carried out by the next one");
    }
  }
}

}  // namespace bulkmsg
