// Senders at work: what connects campaigns in the store with batch senders on the I/O thread.
#include <algorithm>
#include <future>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/impl.hpp"
#include "engine/secrets.hpp"
#include "net/http_client.hpp"

namespace bulkmsg {

namespace {

std::string host_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  if (scheme != std::string_view::npos) origin.remove_prefix(scheme + 3);
  while (origin.ends_with('/')) origin.remove_suffix(1);
  return std::string(origin);
}

}  // namespace

result<pacing::permits> make_permits(const std::string& limits) {
  auto parsed = pacing::parse_limits(limits);
  if (!parsed) return fail(parsed.error());
  return pacing::permits(*parsed);
}

result<channels::request_encoder> make_encoder(const sender_settings& settings) {
  auto token = resolve_secret(settings.token, "access token");
  if (!token) return fail(token.error());
  return channels::request_encoder::make({.host = host_of(settings.origin),
                                          .api_version = settings.api_version,
                                          .phone_number_id = settings.phone_number_id,
                                          .access_token = *token});
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
  auto encoder = make_encoder(settings);
  if (!encoder) return fail(encoder.error());
  auto permits = make_permits(settings.limits);
  if (!permits) return fail(permits.error());
  // What an earlier run sent counts as if it had been sent by this one.
  const auto wall_offset = owner.clock_.wall() - owner.clock_.now();
  for (const auto& p : past) permits->assume(p.at_ms * millisecond - wall_offset, p.count);
  auto wire = net::make_http_client(*owner.io_, wire_options(settings));
  if (!wire) return fail(wire.error());

  std::unique_ptr<running_sender> made(new running_sender(owner, id));
  made->wire_ = std::move(*wire);
  made->work_ = std::make_unique<sending::batch_sender>(*owner.io_, *made->wire_, *owner.writer_, std::move(*encoder),
                                                        std::move(*permits), owner.store_id_, *made);
  return made;
}

running_sender::~running_sender() = default;

void running_sender::on_settled(campaign_id campaign, const store::outcomes& batch) {
  owner_.on_settled(campaign.value, batch);
}
void running_sender::on_idle(campaign_id campaign) { owner_.on_idle(campaign.value); }
void running_sender::on_brake(campaign_id campaign, const std::string& reason) {
  owner_.on_brake(id_, campaign.value, reason);
}
void running_sender::on_trouble(const error& why) { owner_.on_trouble(why); }

result<void> engine::impl::run_campaign(std::int64_t campaign) {
  if (!options_.send) return {};
  struct needed {
    store::campaign_row row;
    sender_settings sender;
    std::vector<std::int32_t> lanes;
    std::vector<store::past_sends> past;
  };
  auto found = read([&](store::database& db) {
    needed n;
    n.row = store::read_campaign(db, campaign);
    n.sender = store::read_sender(db, n.row.sender);
    n.lanes = store::lanes_of(db, campaign);
    return n;
  });
  if (!found) return fail(found.error());
  auto content = compiled(found->row);
  if (!content) return fail(content.error());

  result<void> done;
  io_->call([&] {
    auto& sender = senders_[found->row.sender];
    if (!sender) {
      const auto limits = pacing::parse_limits(found->sender.limits);
      nanoseconds_t longest = 60 * second;
      if (limits) {
        for (const auto& l : *limits) longest = std::max(longest, l.window);
      }
      auto past = read([&](store::database& db) {
        return store::recent_sends(db, found->row.sender, now_ms() - longest / millisecond, now_ms());
      });
      auto made = past ? running_sender::make(*this, found->row.sender, found->sender, *past)
                       : result<std::unique_ptr<running_sender>>(fail(past.error()));
      if (!made) {
        senders_.erase(found->row.sender);
        done = fail(made.error());
        return;
      }
      sender = std::move(*made);
      sender->wire().set_listener(&sender->work());
    }
    if (sender->work().has({campaign})) {
      sender->work().release({campaign});
      return;
    }
    for (const auto lane : found->lanes) sender->work().add({lane, {campaign}, *content});
  });
  return done;
}

void engine::impl::on_settled(std::int64_t campaign, const store::outcomes& batch) {
  {
    std::lock_guard lock(notes_);
    trouble_.clear();
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
        *ended = (row.state == campaign_state::sending && store::exhausted(db, campaign)) ||
                 row.state == campaign_state::stopped;
        if (*ended) store::finish(db, campaign, at_ms);
      },
      [=, this](const error* failed) {
        if (failed || !*ended) return;
        events_.durable_waiting();
        io_->post([=, this] {
          for (auto& [id, sender] : senders_) {
            if (sender->work().idle({campaign})) sender->work().remove({campaign});
          }
        });
      });
}

void engine::impl::on_brake(std::int64_t sender, std::int64_t campaign, const std::string& reason) {
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        std::vector<std::int64_t> sending;
        {
          auto r = db.select("SELECT id FROM campaigns WHERE state = 4 AND sender = ?1 AND (?2 = 0 OR id = ?2)", sender,
                             campaign);
          while (r.next()) sending.push_back(r.integer(0));
        }
        for (const auto id : sending) {
          store::change_state(db, id, campaign_state::paused, "pause", "the provider refused: " + reason, at_ms);
        }
      },
      [this](const error* failed) {
        if (failed) return on_trouble(*failed);
        events_.durable_waiting();
      });
}

void engine::impl::on_trouble(const error& why) {
  std::lock_guard lock(notes_);
  trouble_ = why.message;
}

result<void> engine::impl::command(const std::string& verb, campaign_id campaign, const std::string& reason,
                                   std::chrono::milliseconds wait) {
  const auto call = enter(false);
  if (!call) return fail(call.error());
  if (options_.mode == open_mode::read) {
    return fail(errc::read_only,
                "cannot " + verb + " a campaign: the store is open for reading only; open it to run or to post");
  }
  if (options_.mode == open_mode::post) return post_command(verb, campaign.value, reason, wait);
  std::promise<result<void>> done;
  io_->post([&] { carry_out(verb, campaign.value, reason, 0, [&](result<void> r) { done.set_value(std::move(r)); }); });
  return done.get_future().get();
}

void engine::impl::carry_out(const std::string& verb, std::int64_t campaign, const std::string& reason,
                             std::int64_t command_id, command_done done) {
  const auto to = verb == "pause"  ? campaign_state::paused
                  : verb == "stop" ? campaign_state::stopped
                                   : campaign_state::sending;
  const bool resumes = to == campaign_state::sending;
  if (resumes) {
    // Whatever is missing to send is found before the state changes.
    auto row = read([&](store::database& db) {
      const auto c = store::read_campaign(db, campaign);
      return std::pair(c, store::read_sender(db, c.sender));
    });
    if (!row) return done(fail(row.error()));
    if (row->first.state != campaign_state::sending) {
      if (auto ok = check_transition(row->first.state, to, verb); !ok) return done(ok);
    }
    if (auto encoder = make_encoder(row->second); options_.send && !encoder) return done(fail(encoder.error()));
  } else {
    for (auto& [id, sender] : senders_) {
      if (sender->work().has({campaign})) sender->work().hold({campaign});
    }
  }
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        const auto row = store::read_campaign(db, campaign);
        if (row.state != to) store::change_state(db, campaign, to, verb, reason, at_ms);
        if (command_id != 0) db.run("UPDATE commands SET done_at_ms = ?2 WHERE id = ?1", command_id, at_ms);
      },
      [=, this](const error* failed) {
        if (failed) {
          if (command_id != 0) {
            writer_->submit(
                [why = *failed, command_id, at_ms = now_ms()](store::database& db) {
                  db.run("UPDATE commands SET done_at_ms = ?2, code = ?3, message = ?4 WHERE id = ?1", command_id,
                         at_ms, why.code, why.message);
                },
                nullptr);
          }
          return done(fail(*failed));
        }
        events_.durable_waiting();
        if (resumes) return io_->post([=, this] { done(run_campaign(campaign)); });
        if (to == campaign_state::stopped) {
          io_->post([=, this] {
            const bool busy = std::any_of(senders_.begin(), senders_.end(),
                                          [&](const auto& s) { return !s.second->work().idle({campaign}); });
            if (!busy) on_idle(campaign);
          });
        }
        done({});
      });
}

result<void> engine::impl::post_command(const std::string& verb, std::int64_t campaign, const std::string& reason,
                                        std::chrono::milliseconds wait) {
  std::int64_t id = 0;
  auto posted = writer_->run([&, at_ms = now_ms()](store::database& db) {
    static_cast<void>(store::read_campaign(db, campaign));
    db.run("INSERT INTO commands(at_ms, verb, campaign, reason) VALUES (?1, ?2, ?3, ?4)", at_ms, verb, campaign,
           reason);
    id = db.last_id();
  });
  if (!posted) return posted;
  const auto until = std::chrono::steady_clock::now() + wait;
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
    if (std::chrono::steady_clock::now() >= until) {
      return fail(errc::timed_out, "no process that runs this store took up the command to " + verb +
                                       "; it is kept and will be carried out by the next one");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace bulkmsg
