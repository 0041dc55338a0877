#include "bulkmsg/engine.hpp"

#include <algorithm>
#include <filesystem>

#include "bulkmsg/content/template_json.hpp"
#include "engine/impl.hpp"
#include "net/insist.hpp"
#include "store/group_receipts.hpp"
#include "store/lanes.hpp"
#include "store/pauses.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/schema.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr auto poll_step = std::chrono::milliseconds(1);
constexpr const char* io_name = "bulkmsg-io";

// One file has one name, whatever links lead to it: the run lock goes by the name.
std::string canonical(const std::string& path) {
  std::error_code problem;
  const auto whole = std::filesystem::weakly_canonical(path, problem);
  return problem ? path : whole.string();
}

tl::unexpected<error> is_a_copy() {
  return fail(errc::read_only,
              "this store file is a copy of another, or was moved to another disk: it can be looked at, and nothing is "
              "sent from it, lest two stores send the same; if the original is not used any more, take it over with "
              "adopt (`bulkmsg adopt --store FILE`)");
}

}  // namespace

result<void> wait_for(surroundings& around, std::future<result<void>> told) {
  const auto ready = [&] { return told.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
  if (!around.bring_about(ready)) return fail(errc::closed, "the engine is gone");
  return told.get();
}

engine::impl::impl(const std::string& path, const engine_options& options)
    : path_(canonical(path)), options_(options), events_(options.progress_max) {}

engine::impl::~impl() { static_cast<void>(close(std::chrono::milliseconds(0))); }

result<std::shared_lock<std::shared_mutex>> engine::impl::enter(bool needs_run) {
  if (auto free = leave_loop_free(); !free) return fail(free.error());
  std::shared_lock call(calls_);
  if (closed_) return fail(errc::closed, "the engine is closed; open the store again");
  if (needs_run && mode() != open_mode::run) {
    if (copied_) return is_a_copy();
    return fail(errc::read_only, "this needs the store opened to run; it is open for " +
                                     std::string(options_.mode == open_mode::read ? "reading" : "posting"));
  }
  return call;
}

// Calls wait for the loop, so on its own thread they would wait for ever.
result<void> engine::impl::leave_loop_free() const {
  if (options_.host_loop == nullptr || !net::io_thread::runs_here(*options_.host_loop)) return {};
  return fail(
      errc::wrong_state,
      "the engine is called on the thread that runs its host_loop, and would wait for itself; call it on another");
}

result<void> engine::impl::may_post(std::string_view what) const {
  if (mode() != open_mode::read) return {};
  if (copied_) return is_a_copy();
  return fail(errc::read_only,
              "cannot " + std::string(what) + ": the store is open for reading only; open it to run or to post");
}

result<void> engine::impl::open() {
  using access = store::database::access;
  if (options_.io_threads < 1 || options_.io_threads > 64 || (options_.host_loop && options_.io_threads > 1)) {
    return fail(errc::bad_option_value, "io_threads is " + std::to_string(options_.io_threads) +
                                            "; use 1 to 64, and 1 with a loop of the host's");
  }
  if (auto free = leave_loop_free(); !free) return free;
  if (options_.mode == open_mode::run) {
    auto lock = store::run_lock::take(path_);
    if (!lock) return fail(lock.error());
    lock_.emplace(std::move(*lock));
  }
  if (auto known = look_for_copy(); !known) return known;
  if (copied_) lock_.reset();
  const bool runs = mode() == open_mode::run;
  auto opened = store::guarded([&] {
    if (mode() != open_mode::read) {
      if (runs && options_.create) store::create_if_missing(path_, now_ms(), around_->random_id());
      store::database db(path_, access::write);
      store::check_schema(db, path_);
      if (runs) {
        db.exec("BEGIN IMMEDIATE");
        opened_at_ms_ = now_ms();
        const auto found = store::recover(db, now_ms());
        recovered_ = {found.unconfirmed, found.window};
        store::undo_interrupted_starts(db, now_ms());
        store::finish_stopped(db, now_ms());
        db.exec("COMMIT");
      }
      writer_ = around_->make_writer(std::move(db));
    }
    reader_ = std::make_unique<store::database>(path_, access::read);
    store::check_schema(*reader_, path_);
    store_id_ = static_cast<std::uint64_t>(reader_->number("SELECT store_id FROM store"));
  });
  if (!opened) return opened;
  if (mode() == open_mode::read) return {};
  load_secrets();
  if (options_.host_loop != nullptr) {
    io_ = std::make_unique<net::io_thread>(*options_.host_loop);
  } else {
    io_ = around_->make_io(io_name);
    for (int i = 1; runs && options_.send && i < options_.io_threads; ++i) {
      more_io_.push_back(around_->make_io(io_name));
    }
  }
  if (!runs) return {};
  auto reading = store::guarded([&] { io_reader_ = std::make_unique<store::database>(path_, access::read); });
  if (!reading) return reading;

  io_->call([this] { begin_chores(); });
  auto sending = read([](store::database& db) {
    std::vector<std::int64_t> ids;
    auto r = db.select("SELECT id FROM campaigns WHERE state = 4 ORDER BY id");
    while (r.next()) ids.push_back(r.integer(0));
    return ids;
  });
  if (!sending) return fail(sending.error());
  // A campaign whose secret is missing waits, as its status tells; the others go on.
  for (const auto id : *sending) run_campaign(id);
  return {};
}

result<void> engine::impl::close(std::chrono::milliseconds drain) {
  if (closed_.exchange(true)) {
    std::unique_lock all_ended(calls_);  // another thread closes: this call returns when it is done, too
    return {};
  }
  // Half a closing would be none: every step may be taken again.
  net::insist([&] {
    events_.close();
    desk_.close();
    std::unique_lock all_ended(calls_);
    receiver_.reset();
    if (io_) {
      std::unique_ptr<io_executor> renewer, helper;  // ended here and not on the I/O thread, for which they may wait
      io_->call([&] {
        end_chores();
        renewer = std::move(renewer_);
        helper = std::move(beside_);
      });
      renewer.reset();
      helper.reset();
      const auto idle = [this] {
        bool all = true;
        io_->call([&] {
          for (auto& [id, sender] : senders_) sender->run([&] { all = all && sender->work().idle(); });
        });
        return all;
      };
      const auto wait = [&](std::chrono::milliseconds most) {
        const auto until = clock_.now() + most.count() * millisecond;
        while (!idle() && clock_.now() < until && around_->sleep(poll_step)) continue;
      };
      io_->call([this] {
        for (auto& [id, sender] : senders_) sender->run([&] { sender->work().hold({}); });
      });
      wait(drain);
      // What is still on the wire now may have gone: it ends as unconfirmed, and that is stored, too.
      io_->call([this] {
        for (auto& [id, sender] : senders_) sender->run([&] { sender->wire().close(); });
      });
      wait(std::chrono::seconds(2));
      // The I/O threads first: what they still post to the store is written, what the store answers finds nobody.
      io_->stop();
      for (auto& each : more_io_) each->stop();
    }
    if (writer_) writer_->stop();
    if (io_) {
      io_->call([this] {  // a loop of the host's is still running
        senders_.clear();
        retired_.clear();
      });
    }
    // The writing connection last: it folds the log into the one file.
    reader_.reset();
    io_reader_.reset();
    writer_.reset();
    lock_.reset();
  });
  return {};
}

result<engine> engine::open(const std::string& path, const engine_options& options) {
  auto self = std::make_unique<impl>(path, options);
  if (auto ok = self->open(); !ok) return fail(ok.error());
  return engine(std::move(self));
}

engine::engine(std::unique_ptr<impl> self) : self_(std::move(self)) {}
engine::engine(engine&&) noexcept = default;
engine& engine::operator=(engine&&) noexcept = default;
engine::~engine() = default;

result<void> engine::close(std::chrono::milliseconds drain) {
  if (auto free = self_->leave_loop_free(); !free) return free;
  return self_->close(drain);
}

recovery engine::recovered() const noexcept { return self_->recovered_; }

result<template_id> engine::put_template(std::string_view provider_json) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto parsed = content::parse_template_json(provider_json);
  if (!parsed) return fail(parsed.error());
  std::int64_t id = 0;
  auto stored = self_->writer_->run(
      [&](store::database& db) { id = store::put_template(db, parsed->name, parsed->language, provider_json); });
  if (!stored) return fail(stored.error());
  return template_id{id};
}

result<void> engine::pause(campaign_id campaign, const std::string& reason, std::chrono::milliseconds wait,
                           const std::string& actor) {
  return self_->command("pause", campaign, reason, wait, actor);
}
result<void> engine::resume(campaign_id campaign, std::chrono::milliseconds wait, const std::string& actor) {
  return self_->command("resume", campaign, {}, wait, actor);
}
result<void> engine::stop(campaign_id campaign, const std::string& reason, std::chrono::milliseconds wait,
                          const std::string& actor) {
  return self_->command("stop", campaign, reason, wait, actor);
}

result<campaign_status> engine::status(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto found =
      self_->read([&](store::database& db) { return store::read_status(db, campaign.value, self_->now_ms()); });
  if (!found || found->state != campaign_state::sending || !found->reason.empty()) return found;
  struct known {
    std::vector<std::pair<std::int64_t, std::string>> senders;
    std::vector<store::sender_pause> pauses;
  };
  const auto about = self_->read([&](store::database& db) {
    known k{.senders = {}, .pauses = store::pauses_of(db, campaign.value, self_->now_ms())};
    for (const auto id : store::read_campaign(db, campaign.value).senders) {
      k.senders.emplace_back(id, store::read_sender(db, id).name);
    }
    return k;
  });
  if (!about) return found;
  // Of several senders each is told of by name; a pause explains more than what went wrong last.
  std::string paused, troubled;
  for (const auto& [id, name] : about->senders) {
    const auto add = [&, &its_name = name](std::string& to, const std::string& why) {
      if (about->senders.size() == 1) return static_cast<void>(to = why);
      to += (to.empty() ? "sender '" : "; sender '") + its_name + "': " + why;
    };
    const auto& pauses = about->pauses;
    const auto held =
        std::find_if(pauses.begin(), pauses.end(), [&, id = id](const auto& p) { return p.sender == id; });
    if (held != pauses.end()) {
      add(paused, held->reason);
      continue;
    }
    const std::lock_guard lock(self_->notes_);
    if (const auto why = self_->trouble_.find(id); why != self_->trouble_.end()) add(troubled, why->second);
  }
  if (!paused.empty()) {
    found->reason = paused + (troubled.empty() ? "" : "; " + troubled);
    return found;
  }
  if (found->counters.queued() == 0 && found->counters.unconfirmed > 0) {
    found->reason = "waits to settle " + std::to_string(found->counters.unconfirmed) +
                    " unconfirmed messages by rule " + std::string(name(found->when_unconfirmed));
  }
  if (!troubled.empty()) found->reason = troubled;
  return found;
}

result<std::vector<campaign_status>> engine::list(campaign_id after, std::size_t limit) {
  return list(campaign_filter{.tests = true, .after = after, .limit = limit});
}

result<std::vector<campaign_status>> engine::list(const campaign_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) { return store::list_campaigns(db, filter); });
}

result<std::vector<message_row>> engine::messages(campaign_id campaign, const message_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    static_cast<void>(store::read_campaign(db, campaign.value));
    return store::list_messages(db, campaign.value, filter);
  });
}

result<std::vector<rejected_row>> engine::rejected(campaign_id campaign, std::int64_t after_number, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    static_cast<void>(store::read_campaign(db, campaign.value));
    return store::list_rejected(db, campaign.value, after_number, limit);
  });
}

result<std::vector<participant_row>> engine::participants(message_id message) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) { return store::list_group_receipts(db, message); });
}

result<std::vector<reason_count>> engine::failed_by_reason(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) { return store::count_failed(db, campaign.value); });
}

result<std::vector<reason_count>> engine::skipped_by_reason(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) { return store::count_skipped(db, campaign.value); });
}

result<std::size_t> engine::poll(std::span<event> into, std::chrono::milliseconds timeout) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  for (bool waited = timeout.count() == 0;; waited = true) {
    std::size_t n = 0;
    if (self_->events_.take_durable_signal()) {
      auto durable = self_->read([&](store::database& db) {
        auto r = db.select("SELECT id, kind, campaign, state, at_ms FROM events WHERE id > ?1 ORDER BY id LIMIT ?2",
                           self_->polled_, into.size());
        while (n < into.size() && r.next()) {
          into[n++] = {.id = {r.integer(0)},
                       .kind = static_cast<event_kind>(r.integer(1)),
                       .state = static_cast<std::uint8_t>(r.integer(3)),
                       .campaign = {r.integer(2)},
                       .at_ms = r.integer(4)};
          self_->polled_ = r.integer(0);
        }
        return true;
      });
      if (!durable) {
        self_->events_.durable_waiting();
        return fail(durable.error());
      }
      if (n == into.size()) self_->events_.durable_waiting();
    }
    n += self_->events_.take(into.subspan(n));
    if (n > 0 || waited) return n;
    self_->events_.wait(timeout);
    if (self_->closed_) return fail(errc::closed, "the engine was closed");
  }
}

result<std::string> engine::payload(event_id id) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    auto r = db.select("SELECT payload FROM events WHERE id = ?1", id.value);
    if (!r.next()) {
      throw store::store_error{error{
          errc::not_found, "no durable event with id " + std::to_string(id.value) + "; it was acknowledged", 0, 0}};
    }
    return std::string(r.text(0));
  });
}

result<void> engine::ack(event_id up_to) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  return self_->writer_->run([&](store::database& db) { db.run("DELETE FROM events WHERE id <= ?1", up_to.value); });
}

void engine::wakeup() noexcept { self_->events_.wakeup(); }
int engine::event_fd() const noexcept { return self_->events_.fd(); }

}  // namespace bulkmsg
