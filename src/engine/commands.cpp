// Pause, resume and stop: carried out here, or left in the store for the process that runs it.
#include <future>

#include "engine/impl.hpp"
#include "store/brakes.hpp"
#include "store/pauses.hpp"
#include "store/run_lock.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;
constexpr auto answered_again_after = std::chrono::milliseconds(250);  // when the store refused

}  // namespace

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
  auto over = std::make_shared<std::vector<std::int64_t>>();  // the senders of what is resumed that can send
  if (resumes) {
    // Whatever is missing to send is found before the state changes.
    auto row = store::guarded([&] {
      const auto c = store::read_campaign(*io_reader_, campaign);
      std::vector<sender_settings> senders;
      for (const auto id : c.senders) senders.push_back(store::read_sender(*io_reader_, id));
      return std::pair(c, senders);
    });
    if (!row) return done(fail(row.error()));
    if (auto ok = check_call(row->first.state, call); !ok) return done(ok);
    std::optional<error> missing;
    for (std::size_t i = 0; i < row->second.size(); ++i) {
      if (auto channel = make_channel(row->second[i]); options_.send && !channel) {
        missing = channel.error();
      } else {
        over->push_back(row->first.senders[i]);
      }
    }
    if (missing && over->empty()) return done(fail(*missing));  // one that can send is enough
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
        if (resumes) {
          *free = store::lift_all_held(db, campaign);
          store::accept_template(db, campaign);
        }
        if (row.state != to) {
          store::change_state(db, campaign, to, verb, reason, at_ms, actor);
        } else if (to == campaign_state::paused) {
          store::hold_braked(db, campaign, reason, at_ms, actor);
        } else if (resumes) {
          // Sending, and yet resumed: people do not want to wait for the end of a pause.
          db.run(
              "DELETE FROM pauses WHERE campaign IN (0, ?1) "
              "AND sender IN (SELECT sender FROM campaign_senders WHERE campaign = ?1)",
              campaign);
          *lift = row.senders;
        }
      },
      [=, this](const error* failed) {
        if (!failed) events_.durable_waiting();
        io_->post([=, this, failed = failed ? std::optional(*failed) : std::nullopt] {
          if (failed) {
            // Still sending by the store's word: go on.
            begin_sending(campaign);
            return done(fail(*failed));
          }
          for (const auto id : *free) hold_over(campaign, id, false);
          for (const auto id : *lift) {
            const auto s = senders_.find(id);
            if (s != senders_.end()) {
              s->second->run([&work = s->second->work(), campaign] { work.lift_pauses({campaign}); });
            }
          }
          if (resumes) {
            // What it was paused for may have been a token that was replaced since. Who cannot get at theirs any more
            // keep the one they have.
            for (const auto id : *over) {
              if (senders_.contains(id)) renew_sender(id);
            }
            begin_sending(campaign);
            return done({});
          }
          // Once more: a start or a resume may have come between the first time and the commit.
          hold(campaign);
          look_at_rules();
          if (to == campaign_state::stopped && idle(campaign)) on_idle(campaign);
          done({});
        });
      });
}

void engine::impl::answer_command(std::int64_t command_id, const result<void>& how) {
  const auto answer = [why = how ? error{errc::ok, "", 0, 0} : how.error(), command_id,
                       at_ms = now_ms()](store::database& db) {
    db.run("UPDATE commands SET done_at_ms = ?2, code = ?3, message = ?4 WHERE id = ?1", command_id, at_ms, why.code,
           why.message);
    db.run("DELETE FROM commands WHERE done_at_ms > 0 AND done_at_ms < ?1 AND id < ?2", at_ms - a_day_ms, command_id);
  };
  writer_->submit(answer, [this, answer](const error* failed) {
    if (!failed || failed->code == errc::closed) return;
    // Without its answer the next run would carry it out once more, whatever people have decided since.
    io_->post([this, answer] {
      beside([this, answer] {
        while (!closed_ && around_->sleep(answered_again_after) && !writer_->run(answer)) continue;
      });
    });
  });
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
