// Senders at work: what connects campaigns in the store with batch senders on the I/O thread.
#include <algorithm>
#include <future>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/impl.hpp"
#include "store/brakes.hpp"
#include "store/media.hpp"
#include "store/past_recipients.hpp"

namespace bulkmsg {

namespace {

constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;

}  // namespace

result<pacing::permits> make_permits(const std::string& limits) {
  auto parsed = pacing::parse_limits(limits);
  if (!parsed) return fail(parsed.error());
  for (const auto& l : *parsed) {
    if (l.kind == pacing::limit_kind::recipients || l.kind == pacing::limit_kind::daily) {
      return fail(errc::bad_option_value, "limits: '" + pacing::to_string(l) +
                                              "' is understood but not enforced by this version; leave it out");
    }
  }
  return pacing::permits(*parsed);
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
                                                             const sender_settings& settings,
                                                             const std::vector<store::past_sends>& past) {
  auto channel = make_channel(settings);
  if (!channel) return fail(channel.error());
  auto permits = make_permits(settings.limits);
  if (!permits) return fail(permits.error());
  // What an earlier run sent counts as if it had been sent by this one.
  const auto wall_offset = owner.clock_.wall() - owner.clock_.now();
  for (const auto& p : past) permits->assume(p.at_ms * millisecond - wall_offset, p.count);
  auto known = store::guarded(
      [&] { store::assume_past_recipients(*owner.io_reader_, id, *permits, owner.now_ms(), wall_offset); });
  if (!known) return fail(known.error());
  // How full the last batch was is not known: it counts as full, so the next begins its delay after the last send.
  std::size_t batch = 0;
  for (const auto& l : permits->limits()) {
    if (l.kind != pacing::limit_kind::batch) continue;
    if (!past.empty()) permits->restore_batch(batch, {l.count, past.back().at_ms * millisecond - wall_offset});
    ++batch;
  }
  const auto turn = owner.next_io_++ % (owner.more_io_.size() + 1);
  io_executor& on = turn == 0 ? *owner.io_ : *owner.more_io_[turn - 1];
  auto wire = owner.around_->connect(on, wire_options(settings));
  if (!wire) return fail(wire.error());

  std::unique_ptr<running_sender> made(new running_sender(owner, on, id));
  made->wire_ = std::move(*wire);
  made->work_ = std::make_unique<sending::batch_sender>(on, *made->wire_, *owner.writer_, std::move(*channel),
                                                        std::move(*permits), owner.store_id_, *made);
  return made;
}

running_sender::~running_sender() = default;

void running_sender::on_settled(campaign_id campaign, const store::outcomes& batch) {
  owner_.on_settled(id_, campaign.value, batch);
}
void running_sender::on_idle(campaign_id campaign) { owner_.on_idle(campaign.value); }
void running_sender::on_brake(campaign_id campaign, const std::string& reason) {
  owner_.on_brake(id_, campaign.value, reason);
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
    std::vector<std::int32_t> lanes;
    content::file_ids files;
    bool files_expired = false;
  };
  auto found = store::guarded([&] {
    needed n;
    n.row = store::read_campaign(*io_reader_, campaign);
    n.sender = store::read_sender(*io_reader_, n.row.sender);
    n.json = store::read_template(*io_reader_, n.row.content);
    n.lanes = store::lanes_of(*io_reader_, campaign);
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
    media_looked_at_ = 0;
    return {};
  }

  auto& sender = senders_[found->row.sender];
  if (!sender) {
    const auto limits = pacing::parse_limits(found->sender.limits);
    nanoseconds_t longest = 60 * second;
    if (limits) {
      for (const auto& l : *limits) longest = std::max(longest, l.window);
    }
    auto past = store::guarded([&] {
      return store::recent_sends(*io_reader_, found->row.sender, now_ms() - longest / millisecond, now_ms());
    });
    auto made = past ? running_sender::make(*this, found->row.sender, found->sender, *past)
                     : result<std::unique_ptr<running_sender>>(fail(past.error()));
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
  sender->run([&] {
    auto& work = sender->work();
    if (work.has({campaign})) {
      work.set_content({campaign}, content->content);
      work.release({campaign});
      return;
    }
    for (const auto lane : found->lanes) work.add({lane, {campaign}, content->content, content->route});
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

void engine::impl::on_brake(std::int64_t sender, std::int64_t campaign, const std::string& reason) {
  auto paused = std::make_shared<std::vector<std::int64_t>>();
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        auto& sending = *paused;
        sending.clear();
        {
          auto r = db.select("SELECT id FROM campaigns WHERE state = 4 AND sender = ?1 AND (?2 = 0 OR id = ?2)", sender,
                             campaign);
          while (r.next()) sending.push_back(r.integer(0));
        }
        for (const auto id : sending) {
          store::change_state(db, id, campaign_state::paused, "pause", "the provider refused: " + reason, at_ms);
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
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        store::check_call(db, campaign, call);
        if (store::read_campaign(db, campaign).state != to) {
          store::change_state(db, campaign, to, verb, reason, at_ms, actor);
        } else if (to == campaign_state::paused) {
          store::hold_braked(db, campaign, reason, at_ms, actor);
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
          if (resumes) return done(options_.send ? begin_sending(campaign) : result<void>());
          // Once more: a start or a resume may have come between the first time and the commit.
          hold(campaign);
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
