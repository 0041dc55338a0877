// Forgetting a person, and what is older than the retention time; in steps, so that sending goes on.
#include "store/privacy.hpp"
#include "engine/impl.hpp"
#include "store/retention.hpp"

namespace bulkmsg {

namespace {

constexpr std::chrono::hours retention_min{25};  // limits over a day count people by their rows
constexpr std::chrono::hours retention_max{24 * 366 * 20};
constexpr nanoseconds_t look_every = 60 * second;

}  // namespace

result<forget_report> engine::forget(std::string_view address, const std::string& actor, const std::string& reason) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto canonical = canonical_address(address);
  if (!canonical) return fail(canonical.error());
  auto who = self_->read([&](store::database& db) { return store::who_is(db, *canonical); });
  if (!who) return fail(who.error());
  forget_report report;
  auto done = self_->writer_->run([&](store::database& db) {
    report = {};
    store::forget_person(db, *who, self_->now_ms(), report);
  });
  const auto sweep = [&](auto step) {
    for (std::int64_t from = 0, next = 1; done && next != 0; from = next) {
      done = self_->writer_->run([&](store::database& db) { next = step(db, *who, from); });
    }
  };
  for (std::int64_t from = 0, next = 1; done && next != 0; from = next) {
    std::int64_t found = 0;
    done = self_->writer_->run([&](store::database& db) {
      found = 0;  // a job may run twice
      next = store::forget_in_replies(db, *who, from, found);
    });
    report.replies += found;
  }
  sweep(store::forget_in_events);
  sweep(store::forget_in_groups);
  sweep(store::forget_in_parked);
  const auto all = [&](auto find, auto clear, std::int64_t& count) {
    std::int64_t from = 0;
    do {
      const auto rows = self_->read([&](store::database& db) { return find(db, *who, from); });
      if (!rows) {
        done = fail(rows.error());
        return;
      }
      for (const auto& row : *rows) {
        if (done) done = self_->writer_->run([&](store::database& db) { clear(db, row); });
      }
      count += static_cast<std::int64_t>(rows->size());
    } while (done && from != 0);
  };
  if (done) {
    all(
        store::find_recipients,
        [&](store::database& db, const store::found_row& row) { store::forget_recipient(db, row, self_->now_ms()); },
        report.recipients);
  }
  if (done) all(store::find_rejects, store::forget_reject, report.rejected);
  sweep(store::forget_in_log);  // last: whoever calls again after a failure finds their other names there
  if (done) {
    done = self_->writer_->run(
        [&](store::database& db) { store::note_history(db, 0, "forget", reason, self_->now_ms(), actor); });
  }
  // What was opened for them and has not left is taken back, also when it was forgotten only half.
  self_->io_->call([this] { self_->screen_again(); });
  if (!done) return fail(done.error());
  return report;
}

result<void> engine::set_retention(std::chrono::hours keep, const std::string& actor) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (keep.count() != 0 && (keep < retention_min || keep > retention_max)) {
    return fail(errc::bad_option_value,
                "retention: from 25 hours, because limits look back a day, to 20 years; 0: nothing is ever removed");
  }
  auto stored = self_->writer_->run([&](store::database& db) {
    db.run("UPDATE store SET retention_ms = ?1", std::chrono::milliseconds(keep).count());
    store::note_history(db, 0, "retention", keep.count() == 0 ? "for ever" : std::to_string(keep.count()) + " hours",
                        self_->now_ms(), actor);
  });
  if (!stored) return stored;
  self_->io_->post([self = self_.get()] { self->due(impl::chore::retention, 0); });
  return stored;
}

result<std::chrono::hours> engine::retention() {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([](store::database& db) {
    return std::chrono::duration_cast<std::chrono::hours>(
        std::chrono::milliseconds(db.number("SELECT retention_ms FROM store")));
  });
}

void engine::impl::expire_old() {
  const auto again = [this] { done(chore::retention, clock_.now() + look_every); };
  const auto keep = store::guarded([&] { return io_reader_->number("SELECT retention_ms FROM store"); });
  if (keep && *keep == 0) return done(chore::retention, never);
  if (!keep) return again();
  beside([this, again, before_ms = now_ms() - *keep] {
    result<void> step;
    while (step && !closed_) {
      const auto campaign = read([&](store::database& db) { return store::next_to_expire(db, before_ms); });
      if (!campaign || *campaign == 0) break;
      for (bool done = false; step && !done && !closed_;) {
        step = writer_->run([&](store::database& db) { done = store::expire_more(db, *campaign, now_ms()); });
      }
    }
    for (bool done = false; step && !done && !closed_;) {
      step = writer_->run([&](store::database& db) { done = store::expire_replies(db, before_ms); });
    }
    io_->post(again);
  });
}

}  // namespace bulkmsg
