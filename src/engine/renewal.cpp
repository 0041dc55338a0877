// A sender that changed while it is at work: it comes to rest, and is made anew from the store as after an opening, so
// that no limit forgets what was sent before. What is on the wire is answered first; nothing else is lost but that
// time.
#include <algorithm>
#include <functional>
#include <utility>

#include "engine/impl.hpp"
#include "engine/secrets.hpp"
#include "store/allowances.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t look_again_after = 20 * millisecond;

}  // namespace

std::string running_sender::made_from(store::database& db, const sender_settings& s) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += part + '\n'; };
  for (const auto& part : {s.channel, s.channel_description, s.origin, s.api_version, s.phone_number_id, s.token,
                           s.time_zone, s.portfolio, s.tls_ca_file}) {
    add(part);
  }
  for (const auto n : {std::int64_t{s.marketing_endpoint}, std::int64_t{s.server_faults_refuse},
                       std::int64_t{s.connections_max}, std::int64_t{s.response_timeout.count()}}) {
    add(std::to_string(n));
  }
  for (const auto& l : store::limits_of(db, s)) add(pacing::to_string(l));
  const auto secret = resolve_secret(s.token, "access token");
  add(secret ? std::to_string(std::hash<std::string>()(*secret)) : std::string());
  return text;
}

void engine::impl::renew_sender(std::int64_t sender) {
  if (!options_.send) return;
  auto now = store::guarded([&] {
    const auto settings = store::read_sender(*io_reader_, sender);
    return std::pair(running_sender::made_from(*io_reader_, settings), settings.portfolio);
  });
  if (!now) return on_trouble(sender, now.error());
  const auto running = senders_.find(sender);
  if (running == senders_.end()) {
    renewed_.insert(sender);  // what waited for it, for a secret perhaps, begins with it
  } else if (running->second->made_from() != now->first) {
    const auto shares = [&](const std::string& portfolio) {
      return !portfolio.empty() && (portfolio == now->second || portfolio == running->second->portfolio());
    };
    for (auto& [id, each] : senders_) {
      if (id != sender && !shares(each->portfolio())) continue;
      renewed_.insert(id);
      each->run([&work = each->work()] { work.hold({}); });
    }
  }
  due(chore::senders, 0);
}

void engine::impl::begin_renewed() {
  for (const auto campaign : std::exchange(to_begin_, {})) begin_sending(campaign);
  begin_again_after_ = to_begin_.empty() ? begin_again_first : std::min(2 * begin_again_after_, begin_again_last);
  if (renewed_.empty()) return done(chore::senders, never);
  const bool rest = std::all_of(renewed_.begin(), renewed_.end(), [&](std::int64_t id) {
    const auto at = senders_.find(id);
    bool idle = true;
    if (at != senders_.end()) at->second->run([&] { idle = at->second->work().idle(); });
    return idle;
  });
  if (!rest) return done(chore::senders, clock_.now() + look_again_after);
  auto campaigns = store::guarded([&] {
    std::vector<std::int64_t> list;
    auto r = io_reader_->select(
        "SELECT DISTINCT c.id, l.sender FROM campaigns c JOIN lanes l ON l.campaign = c.id WHERE c.state = 4 ORDER BY "
        "c.id");
    while (r.next()) {
      if (renewed_.contains(r.integer(1)) && (list.empty() || list.back() != r.integer(0)))
        list.push_back(r.integer(0));
    }
    return list;
  });
  if (!campaigns) return done(chore::senders, clock_.now() + look_again_after);
  for (const auto id : renewed_) {
    const auto at = senders_.find(id);
    if (at == senders_.end()) continue;
    portfolios_.erase(at->second->portfolio());
    at->second->run([&] { at->second->wire().close(); });
    retired_.push_back(std::move(at->second));  // what is still posted to it finds it at rest
    senders_.erase(at);
  }
  const auto begun = std::exchange(renewed_, {});
  for (const auto campaign : *campaigns) begin_sending(campaign);
  done(chore::senders, never);
  if (!campaigns->empty()) bring_forward(begun, now_ms());
}

// Who was set aside because of the former limits may go under the new ones.
void engine::impl::bring_forward(const std::set<std::int64_t>& senders, std::int64_t before_ms) {
  auto found = std::make_shared<std::set<std::int64_t>>();
  writer_->submit(
      [=, at_ms = now_ms()](store::database& db) {
        found->clear();
        for (const auto id : senders) {
          if (store::bring_forward(db, id, before_ms, at_ms) > 0) found->insert(id);
        }
      },
      [=, this](const error* failed) {
        if (failed || found->empty()) return;
        io_->post([=, this] {
          for (const auto id : *found) {
            const auto at = senders_.find(id);
            if (at != senders_.end()) at->second->run([&work = at->second->work()] { work.look_again({}); });
          }
          bring_forward(*found, before_ms);
        });
      });
}

}  // namespace bulkmsg
