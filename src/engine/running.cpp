// Senders at work: what connects campaigns in the store with batch senders on the I/O thread.
#include <algorithm>

#include "bulkmsg/pacing/limit.hpp"
#include "engine/impl.hpp"
#include "net/insist.hpp"
#include "sending/restored_permits.hpp"
#include "store/allowances.hpp"
#include "store/lanes.hpp"
#include "store/media.hpp"
#include "store/pauses.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr nanoseconds_t index_after = second;  // what was sent is looked up by its provider's id only later

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
  auto made =
      store::guarded([&] { return sending::restored_portfolio(*io_reader_, sender.portfolio, earliest_clock_); });
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
                                     zone_of(settings), owner.earliest_clock_);
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

void engine::impl::run_campaign(std::int64_t campaign) {
  if (!options_.send) return;
  // It is sending by the store's word, so nobody starts it again: it begins also if memory is short for a moment.
  net::insist([&] {
    io_->call([&] {
      begin_sending(campaign);
      due(chore::webhooks, 0);  // a brake that was pulled as it began may end by itself
    });
  });
}

void engine::impl::begin_sending(std::int64_t campaign) {
  // What closes holds everything, and a command that another process posted just before must not set it free.
  if (!options_.send || closed_ || try_to_begin(campaign)) return;
  to_begin_.insert(campaign);
  due(chore::senders, clock_.now() + begin_again_after_);
}

struct engine::impl::over_one_sender {
  std::int64_t id = 0;
  sender_settings settings;
  std::vector<std::pair<std::int32_t, std::string>> lanes;  // and where their hours are meant
  content::file_ids files;
};

// On the I/O thread, like every hold: what the store says now is what holds until the next command.
result<void> engine::impl::try_to_begin(std::int64_t campaign) {
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
          n.files_expired = n.files_expired || now_ms() - file.uploaded_at_ms >= channels::media_use_ms;
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
    // Nobody could see them, or soon: it begins when they are uploaded again, see renew_media().
    hold(campaign);
    due(chore::media, 0);
    return fail(errc::wrong_state, "its files expire at the provider before they are uploaded again");
  }
  result<void> all;
  for (const auto& part : found->parts) {
    auto begun = begin_over(found->row, part, found->json);
    if (begun) continue;
    on_trouble(part.id, begun.error());
    all = std::move(begun);
  }
  return all;
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
    {
      const std::lock_guard lock(notes_);
      trouble_.erase(part.id);
    }
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

}  // namespace bulkmsg
