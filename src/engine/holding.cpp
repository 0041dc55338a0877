// What stops a campaign, or what it sends over one of its senders: the senders' own brakes and pauses.
#include <absl/time/time.h>

#include <algorithm>

#include "engine/impl.hpp"
#include "store/pauses.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr auto braked_again_after = std::chrono::milliseconds(250);  // when the store refused

}  // namespace

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
        if (failed) {
          on_trouble(sender, *failed);
          if (failed->code == errc::closed) return;
          // Held here and sending by the store's word, it would stay so, and nobody be told.
          return io_->post([=, this] {
            beside([=, this] {
              if (around_->sleep(braked_again_after)) on_brake(sender, campaign, whole_account, reason);
            });
          });
        }
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

void engine::impl::screen_again(std::int64_t campaign) {
  for (auto& [id, sender] : senders_)
    sender->run([&work = sender->work(), campaign] { work.screen_again({campaign}); });
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

}  // namespace bulkmsg
