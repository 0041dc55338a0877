// What the engine does beside sending: each chore knows when it is due next, and the tick sleeps until the first of
// them. Who brings about work for one says so with due(); nobody looks whether there is any.
#include <algorithm>

#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

// What is due by the wall clock is looked at that often at least: somebody may have set it.
constexpr nanoseconds_t longest_sleep = 60 * second;
// Other processes' webhooks and commands wait at most so long where nobody can tell of them. Elsewhere whoever posts
// does, unless it dies before: then they wait for the longest sleep.
constexpr nanoseconds_t look_for_posts_every = 90 * millisecond;

}  // namespace

void engine::impl::begin_chores() {
  tick_ = io_->make_timer();
  posts_ = around_->watch_posts(*io_, path_, [this] { posted(); });
  housekeep();
}

void engine::impl::end_chores() {
  tick_.reset();
  posts_.reset();
}

void engine::impl::housekeep() {
  static constexpr std::array<void (impl::*)(), chores> work{
      &impl::take_up_commands, &impl::merge_webhooks, &impl::bill_accounts, &impl::renew_media,
      &impl::keep_rules,       &impl::fire_schedules, &impl::expire_old,    &impl::begin_renewed};
  const auto now = clock_.now();
  earliest_clock_.look();
  tick_at_ = now;  // armed when all are done
  for (std::size_t i = 0; i < chores; ++i) {
    if (chores_[i].under_way || chores_[i].due > now) continue;
    chores_[i] = {never, true};
    (this->*work[i])();
  }
  const auto look_for_posts_at = now + (posts_ ? longest_sleep : look_for_posts_every);
  due(chore::commands, look_for_posts_at);
  due(chore::webhooks, look_for_posts_at);
  tick_at_ = never;
  sleep_until_due();
}

void engine::impl::due(chore what, nanoseconds_t at) {
  auto& c = chores_[static_cast<std::size_t>(what)];
  if (at >= c.due) return;
  c.due = at;
  sleep_until_due();
}

void engine::impl::done(chore what, nanoseconds_t again_at) {
  chores_[static_cast<std::size_t>(what)].under_way = false;
  due(what, again_at);
  sleep_until_due();
}

void engine::impl::sleep_until_due() {
  if (!tick_) return;  // not begun, or closing
  auto at = never;
  for (const auto& c : chores_) at = std::min(at, c.under_way ? never : c.due);
  if (at >= tick_at_) return;
  tick_at_ = at;
  tick_->arm(at, [this] { housekeep(); });
}

nanoseconds_t engine::impl::at_wall_ms(std::int64_t unix_ms) const {
  const auto now = clock_.now();
  if (unix_ms == 0) return never;
  const auto left_ms = std::clamp<std::int64_t>(unix_ms - now_ms(), 0, longest_sleep / millisecond);
  return now + left_ms * millisecond;
}

void engine::impl::posted() {
  due(chore::commands, 0);
  due(chore::webhooks, 0);
}

}  // namespace bulkmsg
