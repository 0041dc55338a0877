// What happens while the campaigns are sent: what the host, its people and other processes do, and what goes wrong.
#include <algorithm>
#include <array>
#include <chrono>

#include "sim/host.hpp"

namespace bulkmsg::sim {

void host::pause(campaign& c) {
  if (ask("pause " + std::to_string(c.id.value), [&] { return engine_->pause(c.id, "a break"); }) && !c.unsure) {
    world_.provider().expect_silence(c.id.value, true);
  }
}

void host::resume(campaign& c) {
  if (c.stopped) return;
  auto& told = world_.provider().told;
  world_.provider().expect_silence(c.id.value, false);
  world_.provider().goes_on(c.id.value);
  told.person_resumes(c.id.value);
  const bool sure = settled() && !told.of(c.words).unsure;
  const auto changes = told.of(c.words).changes;
  const auto deaths = said_.deaths;
  const bool done = ask("resume " + std::to_string(c.id.value), [&] { return engine_->resume(c.id); });
  if (done || deaths != said_.deaths) c.accepted = done && sure ? changes : not_known;
}

void host::suppress(const campaign& c) {
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  world_.provider().may_bar(who);
  if (ask("suppress " + who, [&] { return engine_->suppress(who, {.note = "asked us by telephone"}); })) {
    world_.provider().bar(who, world_.clock().now());
  }
}

// Somebody takes back what they agreed to.
void host::withdraw(const campaign& c) {
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  world_.provider().may_bar(who);
  if (ask("withdraw " + who,
          [&] { return engine_->put_consent(who, {.state = consent_state::withdrawn, .source = "a call"}); })) {
    world_.provider().withdraw(who, world_.clock().now());
  }
}

// A person looks at the provider's own books; one: at a message that is drawn, else at all of them.
void host::resolve(const campaign& c, bool one) {
  const auto lanes =
      " FROM messages m JOIN lanes l ON l.id = m.id >> 32 WHERE m.state = 4 AND m.superseded IS NULL AND l.campaign "
      "= " +
      std::to_string(c.id.value);
  for (auto count = judge_.number("SELECT count(*)" + lanes); count > 0; --count) {
    const auto key = judge_.number("SELECT m.id" + lanes + " ORDER BY m.id LIMIT 1 OFFSET " +
                                   std::to_string(one ? d_.between(0, count - 1) : count - 1));
    if (key == 0) return;  // settled meanwhile
    const auto known = world_.provider().messages().find(key);
    const bool there = known != world_.provider().messages().end();
    const bool sent = there && known->second.accepted;
    if (there && !sent) known->second.resolved = true;
    const auto message = message_id::from_key(key);
    static_cast<void>(ask("resolve " + std::to_string(message.lane) + ":" + std::to_string(message.sequence),
                          [&] { return engine_->resolve(c.id, {.sent = sent, .message = message, .actor = "ann"}); }));
    if (one) return;
  }
}

// Another process opens the store to post, and may die before it can tell the runner.
result<void> host::by_another(const std::function<result<void>(engine&)>& f) {
  world_.tell_runner(!d_.chance(100));
  auto other = engine::open(path_, {.mode = open_mode::post});
  auto told = other ? f(*other) : result<void>(fail(other.error()));
  if (other) static_cast<void>(other->close(std::chrono::milliseconds(0)));
  posted_at_ = world_.clock().now();
  if (!world_.told()) return fail(errc::closed, "the other process died");
  return told;
}

// Somebody at another process's command line.
void host::post(campaign& c) {
  const auto drawn = d_.between(0, 9);
  const auto who = number_of(c.first + d_.between(0, c.people - 1));
  const auto what = drawn < 4   ? "pause " + std::to_string(c.id.value)
                    : drawn < 8 ? "resume " + std::to_string(c.id.value)
                                : "suppress " + who;
  const bool resumes = drawn >= 4 && drawn < 8;
  if (resumes && (c.stopped || c.unsure)) return;
  if (resumes) {
    world_.provider().expect_silence(c.id.value, false);
    world_.provider().goes_on(c.id.value);
    world_.provider().told.person_resumes(c.id.value);
    c.accepted = not_known;
  }
  if (drawn >= 8) world_.provider().may_bar(who);
  const auto deaths = said_.deaths;
  bool late = false;
  const bool done = ask("another process: " + what, [&] {
    const auto posted = by_another([&](engine& by) -> result<void> {
      const auto wait = std::chrono::seconds(world_.told() ? 5 : 0);
      if (drawn < 4) return by.pause(c.id, "a break", wait, "bob");
      return resumes ? by.resume(c.id, wait, "bob") : by.suppress(who, {.note = "asked bob"});
    });
    late = !posted && posted.error().code == errc::timed_out;
    return posted;
  });
  // Who was told of it acts at once; whoever was not, or has died, does so later.
  if (late && deaths == said_.deaths && !syncs_fail_) {
    throw broken{what + " was posted, and the runner does not take it up"};
  }
  if (resumes && !done) c.unsure = true;
  if (!done || resumes) return;
  if (drawn >= 8) {
    world_.provider().bar(who, world_.clock().now() + second);  // what is taken up already may go
  } else if (!c.unsure) {
    world_.provider().expect_silence(c.id.value, true);
  }
}

void host::draw_troubles() {
  auto& t = world_.provider().trouble;
  const auto some = [&](std::int64_t most) { return static_cast<int>(d_.chance(500) ? d_.between(0, most) : 0); };
  t = {.unsent = some(100),
       .cut = some(60),
       .lost = some(60),
       .garbled = some(40),
       .temporary = some(100),
       .throttled = some(60),
       .pair = some(20),
       .refused = some(60),
       .token = some(3),
       .slow = some(60),
       .webhook_lost = some(300),
       .webhook_twice = some(300),
       .webhook_late = some(200),
       .undelivered = some(200),
       .replies = some(200)};
  if (has_templates_) t.calls = some(400);
}

void host::misfortune() {
  if (has_templates_ && d_.chance(200)) return template_misfortune();
  auto& c = campaigns_[static_cast<std::size_t>(d_.between(0, static_cast<std::int64_t>(campaigns_.size()) - 1))];
  switch (d_.between(0, 24)) {
    case 22:
    case 23:
    case 24:
      return world_.provider().told.disturb_account(
          std::to_string(c.sender + 1),
          number_of(c.first + d_.between(0, std::min<std::int64_t>(c.people - 1, 4))).substr(1));
    case 20:
      return post(c);
    case 21:
      posts_ = d_.between(1, 3);
      return;
    case 0:
      return pause(c);
    case 1:
    case 2:
      return resume(c);
    case 3:
      if (!d_.chance(150)) return;
      if (ask("stop " + std::to_string(c.id.value), [&] { return engine_->stop(c.id, "enough"); })) {
        c.stopped = true;
        world_.provider().expect_silence(c.id.value, true);
      }
      return;
    case 4:
      return leave_for(d_.between(0, 1000) * millisecond);
    case 5:
    case 6:
    case 7:
      return world_.die_after(d_.between(0, 600));
    case 8:
    case 9:
      return world_.disk().die_after(d_.between(0, 300));
    case 10:
      world_.provider().down = true;
      world_.say("the provider is gone");
      world_.at(world_.clock().now() + d_.between(50, 4000) * millisecond, [this] {
        world_.provider().down = false;
        world_.say("the provider is back");
      });
      return;
    case 11: {
      const auto by = d_.between(-5000, 20'000) * millisecond;
      world_.clock().shift_wall(by);
      if (by > 0) jumped_forward_at_ = world_.clock().now();
      world_.provider().clock_set(-by / millisecond);
      world_.provider().told.clock_jumps();
      jumped_ = true;
      world_.say("the wall clock jumps by " + std::to_string(by / millisecond) + " ms");
      return;
    }
    case 12:
      world_.slow_disk(d_.between(1, 300) * millisecond);
      return;
    case 13:
      syncs_fail_ = d_.chance(500);
      world_.disk().fail_syncs(static_cast<int>(syncs_fail_ ? d_.between(1, 100) : 0));
      return;
    case 14:
      return poll();
    case 15:
      return suppress(c);
    case 16:
      return c.marketing ? withdraw(c) : suppress(c);
    case 17:
      return resolve(c);
    case 18:
      return d_.chance(300) ? send_again(c) : resolve(c);
    default:
      draw_troubles();
  }
}

}  // namespace bulkmsg::sim
