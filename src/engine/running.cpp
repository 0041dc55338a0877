// Senders at work: what connects campaigns in the store with batch senders on the I/O thread.
#include <algorithm>
#include <future>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/impl.hpp"
#include "sending/restored_permits.hpp"
#include "store/allowances.hpp"
#include "store/brakes.hpp"
#include "store/media.hpp"
#include "store/pauses.hpp"
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
  if (!speaks_whatsapp(settings) && pacing::follows_provider(settings.limits)) {
    return fail(errc::bad_option_value, "sender: only WhatsApp tells its limits; write them in place of 'provider'");
  }
  const auto limits = pacing::parse_limits(pacing::with_provider(settings.limits, {}));
  if (!limits) return fail(limits.error());
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
  auto limits = store::guarded([&] { return store::limits_of(*owner.io_reader_, settings); });
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
  made->portfolio_ = settings.portfolio;
  auto from = store::guarded([&] { return made_from(*owner.io_reader_, settings); });
  if (!from) return fail(from.error());
  made->made_from_ = std::move(*from);
  made->wire_ = std::move(*wire);
  made->work_ = std::make_unique<sending::batch_sender>(on, *made->wire_, *owner.writer_, std::move(*channel),
                                                        std::move(*permits), owner.store_id_, *made);
  if (*shared && !(*shared)->limits().empty()) made->work_->share(std::move(*shared));
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
void running_sender::on_account_slow(nanoseconds_t sent_at, nanoseconds_t retry_after) {
  owner_.on_account_slow(id_, sent_at, retry_after);
}
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

struct engine::impl::over_one_sender {
  std::int64_t id = 0;
  sender_settings settings;
  std::vector<std::pair<std::int32_t, std::string>> lanes;  // and where their hours are meant
  content::file_ids files;
};

// On the I/O thread, like every hold: what the store says now is what holds until the next command.
result<void> engine::impl::begin_sending(std::int64_t campaign) {
  struct needed {
    store::campaign_row row;
    std::string json;
    std::vector<over_one_sender> parts;
    bool files_expired = false;
  };
  auto found = store::guarded([&] {
    needed n;
    n.row = store::read_campaign(*io_reader_, campaign);
    n.json = store::read_template(*io_reader_, n.row.content);
    for (const auto lane : store::lanes_of(*io_reader_, campaign)) {
      const auto id = store::sender_of_lane(*io_reader_, lane);
      auto part = std::find_if(n.parts.begin(), n.parts.end(), [&](const auto& p) { return p.id == id; });
      if (part == n.parts.end()) {
        part = n.parts.insert(part, {id, store::read_sender(*io_reader_, id), {}, {}});
        for (auto& file : store::campaign_media(*io_reader_, campaign, id)) {
          n.files_expired = n.files_expired || now_ms() - file.uploaded_at_ms >= channels::media_life_ms;
          part->files.emplace(std::move(file.value), std::move(file.media_id));
        }
      }
      part->lanes.emplace_back(lane, store::zones_of_lane(*io_reader_, lane));
    }
    return n;
  });
  if (!found) return fail(found.error());
  if (found->row.state != campaign_state::sending) return {};
  if (found->files_expired) {
    // Nobody could see them: it goes on when they are uploaded again, see renew_media().
    hold(campaign);
    due(chore::media, 0);
    return {};
  }
  std::optional<error> trouble;
  bool sends = false;
  for (const auto& part : found->parts) {
    auto begun = begin_over(found->row, part, found->json);
    sends = sends || begun;
    if (begun) continue;
    on_trouble(part.id, begun.error());
    if (!trouble) trouble = begun.error();
  }
  if (!sends && trouble) return fail(*trouble);
  return {};
}

result<void> engine::impl::begin_over(const store::campaign_row& row, const over_one_sender& part,
                                      const std::string& json) {
  if (renewed_.contains(part.id)) return {};  // it begins when it is made anew
  const campaign_id campaign{row.id};
  auto content = compile(row, part.settings, json, part.files);
  if (!content) return fail(content.error());
  auto& sender = senders_[part.id];
  if (!sender) {
    auto made = running_sender::make(*this, part.id, part.settings);
    if (!made) {
      senders_.erase(part.id);
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
  for (const auto& [lane, zones] : part.lanes) {
    lanes.push_back({lane, campaign, content->content, content->route, {row.weight, row.urgent}});
    if (zones.empty()) continue;
    const auto hours = pacing::parse_hours(row.hours);
    if (!hours) return fail(hours.error());
    auto window = pacing::sending_window::make(*hours, zones);
    if (!window) return fail(window.error());
    lanes.back().window = std::make_shared<const pacing::sending_window>(std::move(*window));
  }
  sender->run([&] {
    auto& work = sender->work();
    if (work.has(campaign)) {
      work.set_content(campaign, content->content);
      work.release(campaign);
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

// A campaign whose lanes came to rest: completed when nothing is left, or stopped and now wholly settled. Paused, when
// whatever is left would go over senders that wait for a person.
void engine::impl::on_idle(std::int64_t campaign) {
  io_->post([=, this] {
    auto ended = std::make_shared<bool>(false);
    auto held = std::make_shared<bool>(false);
    const bool settled = idle(campaign);
    writer_->submit(
        [=, at_ms = now_ms()](store::database& db) {
          const auto row = store::read_campaign(db, campaign);
          const bool sending = row.state == campaign_state::sending;
          *ended = (sending && store::exhausted(db, campaign) && !store::awaits_rule(db, campaign, at_ms)) ||
                   (row.state == campaign_state::stopped && settled);
          *held = false;
          if (*ended) return store::finish(db, campaign, at_ms);
          if (!sending || row.senders.size() < 2) return;
          const auto why = store::all_left_is_held(db, campaign);
          *held = !why.empty();
          if (*held) store::change_state(db, campaign, campaign_state::paused, "pause", why, at_ms);
        },
        [=, this](const error* failed) {
          if (failed) {
            io_->post([=, this] {
              ended_.push_back(campaign);
              look_at_rules();
            });
          }
          if (failed || (!*ended && !*held)) return;
          events_.durable_waiting();
          io_->post([=, this] {
            if (*held) return hold(campaign);
            for (auto& [id, sender] : senders_) {
              sender->run([&work = sender->work(), campaign] {
                if (work.idle({campaign})) work.remove({campaign});
              });
            }
          });
        });
  });
}

bool engine::impl::idle(std::int64_t campaign) {
  return std::all_of(senders_.begin(), senders_.end(), [&](const auto& s) {
    bool rests = false;
    s.second->run([&] { rests = s.second->work().idle({campaign}); });
    return rests;
  });
}

void engine::impl::on_brake(std::int64_t sender, std::int64_t campaign, bool whole_account, const std::string& reason) {
  struct braked {
    std::vector<std::int64_t> paused;                         // campaigns as a whole
    std::vector<std::pair<std::int64_t, std::int64_t>> held;  // and senders over which they do not go on
  };
  auto what = std::make_shared<braked>();
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        *what = {};
        {
          const auto all = whole_account ? store::senders_of_account(db, sender) : std::vector{sender};
          auto r = db.select(
              "SELECT DISTINCT c.id, l.sender FROM campaigns c JOIN lanes l ON l.campaign = c.id "
              "WHERE c.state = 4 AND (?1 = 0 OR c.id = ?1) ORDER BY c.id, l.sender",
              campaign);
          while (r.next()) {
            if (std::find(all.begin(), all.end(), r.integer(1)) != all.end()) {
              what->held.emplace_back(r.integer(0), r.integer(1));
            }
          }
        }
        std::erase_if(what->held, [&](const auto& part) {
          const auto [id, over] = part;
          if (campaign == 0 && store::hold_sender(db, id, over, reason, at_ms)) return false;
          if (store::read_campaign(db, id).state == campaign_state::sending) {
            store::change_state(db, id, campaign_state::paused, "pause", reason, at_ms);
            what->paused.push_back(id);
          }
          return true;
        });
      },
      [=, this](const error* failed) {
        if (failed) return on_trouble(sender, *failed);
        events_.durable_waiting();
        // Once more: a resume may have come between the first time and the commit.
        io_->post([=, this] {
          for (const auto id : what->paused) hold(id);
          for (const auto& [id, over] : what->held) hold_over(id, over, true);
        });
      });
}

void engine::impl::on_account_slow(std::int64_t sender, nanoseconds_t sent_at, nanoseconds_t retry_after) {
  io_->post([=, this] {
    const auto others = store::guarded([&] { return store::senders_of_account(*io_reader_, sender); });
    if (!others) return;
    for (const auto id : *others) {
      const auto at = senders_.find(id);
      if (id == sender || at == senders_.end()) continue;
      at->second->run([&work = at->second->work(), sent_at, retry_after] { work.slow_down(sent_at, retry_after); });
    }
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
        store::put_pause(db, sender, campaign, until_ms, words);
      },
      [=, this](const error* failed) {
        if (failed) on_trouble(sender, *failed);
      });
}

void engine::impl::on_trouble(std::int64_t sender, const error& why) {
  std::lock_guard lock(notes_);
  trouble_[sender] = why.message;
}

void engine::impl::hold_over(std::int64_t campaign, std::int64_t sender, bool held) {
  const auto at = senders_.find(sender);
  if (at == senders_.end()) return;
  at->second->run([&work = at->second->work(), campaign, held] {
    held ? work.pause({campaign}, store::until_resumed_ms) : work.lift_pause({campaign});
  });
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
      std::vector<sender_settings> senders;
      for (const auto id : c.senders) senders.push_back(store::read_sender(*io_reader_, id));
      return std::pair(c.state, senders);
    });
    if (!row) return done(fail(row.error()));
    if (auto ok = check_call(row->first, call); !ok) return done(ok);
    std::optional<error> missing;  // one sender that can send is enough
    for (const auto& each : row->second) {
      if (auto channel = make_channel(each); options_.send && !channel) {
        missing = channel.error();
      } else {
        missing.reset();
        break;
      }
    }
    if (missing) return done(fail(*missing));
  } else {
    hold(campaign);
  }
  auto lift = std::make_shared<std::vector<std::int64_t>>();  // senders whose pauses end
  auto free = std::make_shared<std::vector<std::int64_t>>();  // senders that were held alone
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        store::check_call(db, campaign, call);
        const auto row = store::read_campaign(db, campaign);
        lift->clear();
        // Of several senders those that were held alone go on, too.
        free->clear();
        if (resumes) *free = store::lift_all_held(db, campaign);
        if (row.state != to) {
          store::change_state(db, campaign, to, verb, reason, at_ms, actor);
        } else if (to == campaign_state::paused) {
          store::hold_braked(db, campaign, reason, at_ms, actor);
        } else if (resumes) {
          // Sending, and yet resumed: people do not want to wait for the end of a pause.
          db.run(
              "DELETE FROM pauses WHERE sender IN (SELECT sender FROM campaign_senders WHERE campaign = ?1) AND "
              "campaign "
              "IN (0, ?1)",
              campaign);
          *lift = row.senders;
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
          for (const auto id : *free) hold_over(campaign, id, false);
          for (const auto id : *lift) {
            const auto s = senders_.find(id);
            if (s != senders_.end()) {
              s->second->run([&work = s->second->work(), campaign] { work.lift_pauses({campaign}); });
            }
          }
          if (resumes) return done(options_.send ? begin_sending(campaign) : result<void>());
          // Once more: a start or a resume may have come between the first time and the commit.
          hold(campaign);
          look_at_rules();
          if (to == campaign_state::stopped && idle(campaign)) on_idle(campaign);
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
