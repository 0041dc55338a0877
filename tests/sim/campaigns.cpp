// How the host makes its campaigns and starts them.
#include <algorithm>
#include <array>
#include <chrono>
#include <set>

#include "absl/time/time.h"

#include "bulkmsg/pacing/limit.hpp"
#include "sim/host.hpp"

namespace bulkmsg::sim {

namespace {

constexpr const char* template_json =
    R"({"name":"t","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
    R"({"type":"BODY","text":"Hi {{1}}","example":{"body_text":[["Ana"]]}}]})";

constexpr const char* marketing_json =
    R"({"name":"m","language":"en_US","status":"APPROVED","category":"MARKETING","components":[)"
    R"({"type":"BODY","text":"Buy, {{1}}","example":{"body_text":[["Ana"]]}}]})";

std::string recipients(std::int64_t count, std::int64_t first) {
  std::string csv = "phone_number,who\n";
  for (std::int64_t i = 0; i < count; ++i) csv += number_of(first + i) + ",n\n";
  return csv;
}

}  // namespace

std::string number_of(std::int64_t person) { return "+4915" + std::to_string(100'000'000 + person); }

void host::set_up(const std::vector<std::string>& limits, int connections, const std::vector<std::int64_t>& people) {
  const auto must = [](auto r) {
    if (!r) throw broken{"setting up: " + r.error().message};
    return *r;
  };
  open();
  for (const auto& each : limits) {
    const auto number = std::to_string(senders_.size() + 1);
    world_.provider().judge_by(number, *pacing::parse_limits(each));
    world_.say("limits " + each + ", connections " + std::to_string(connections));
    senders_.push_back(must(engine_->put_sender({.name = "s" + number,
                                                 .origin = "http://127.0.0.1:1",
                                                 .phone_number_id = number,
                                                 .business_account_id = library::account,
                                                 .token = "env:BULKMSG_SIM_TOKEN",
                                                 .app_secret = "env:BULKMSG_SIM_APP_SECRET",
                                                 .agent = "ann",
                                                 .limits = each,
                                                 .connections_max = connections})));
  }
  const auto words = must(engine_->put_template(template_json));
  const auto marketing = must(engine_->put_template(marketing_json));
  if (has_templates_) fetch();
  credits::plan plan;
  plan.users = 1000;
  const auto account = must(engine_->put_account("a", plan));
  std::int64_t first = 0;
  for (const auto count : people) {
    campaign c;
    c.sender = campaigns_.size() % senders_.size();
    c.first = first;
    c.marketing = !calm_ && d_.chance(200);
    rule_book::rule rule;
    if (const auto drawn = d_.between(0, 9); !calm_ && drawn < 5) {
      rule = {drawn < 3 ? unconfirmed_rule::resend : unconfirmed_rule::give_up, d_.between(1000, 6000)};
      world_.say("unconfirmed: " + std::string(name(rule.is)) + " after " + std::to_string(rule.wait_ms) + " ms");
    }
    campaign_settings settings{
        .name = "c" + std::to_string(campaigns_.size()),
        .sender = senders_[c.sender],
        .content = c.marketing ? marketing : words,
        .account = account,
        .mapping = {{"body.1", "who"}},
        .when_unconfirmed = rule.is,
        .unconfirmed_wait = std::chrono::milliseconds(std::max<std::int64_t>(1000, rule.wait_ms))};
    if (has_templates_ && !c.marketing && d_.chance(700)) choose_words(c, settings);
    c.id = must(engine_->create_campaign(settings));
    world_.provider().rules.put(c.id.value, rule);
    if (!c.picture.empty()) world_.provider().shelf.shows(c.id.value, c.picture);
    world_.provider().told.campaign(c.id.value, {c.words, std::to_string(c.sender + 1)});
    c.people = count;
    if (c.marketing) {
      choose_contacts(c);
    } else if (const auto added = must(engine_->import_csv_text(c.id, recipients(count, first))).added;
               added != count) {
      throw broken{"of " + std::to_string(count) + " recipients " + std::to_string(added) + " were taken"};
    }
    campaigns_.push_back(c);
    if (!d_.chance(300)) first += count;  // else the next one goes to the same people
  }
}

// Its people are contacts, of whom a segment picks some; some of these have agreed, and some of those are suppressed.
void host::choose_contacts(campaign& c) {
  const auto must = [](auto r) {
    if (!r) throw broken{"choosing contacts: " + r.error().message};
    return *r;
  };
  std::array<std::string, 2> files{"phone_number,who,town\n", "phone_number,who,town\n"};
  std::set<std::string> agreed;
  const auto town = "t" + std::to_string(c.id.value);
  std::int64_t chosen = 0, without = 0;
  for (std::int64_t i = 0; i < c.people; ++i) {
    const auto number = number_of(c.first + i);
    // Whoever was asked by an earlier campaign has said so already.
    const bool known = contacts_.contains(number), agrees = known ? contacts_.at(number) : d_.chance(800);
    const bool lives_there = i == 0 || d_.chance(800);
    contacts_.emplace(number, agrees);
    files[agrees && !known ? 1 : 0] += number + ",n," + (lives_there ? town : "elsewhere") + "\n";
    if (!lives_there) continue;
    ++chosen;
    without += agrees ? 0 : 1;
    if (agrees) agreed.insert(number.substr(1));
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto read = [&text = files[i]](char* to, std::size_t capacity) -> result<std::size_t> {
      const auto n = text.copy(to, capacity);
      text.erase(0, n);
      return n;
    };
    static_cast<void>(must(engine_->import_contacts_csv(read, {.consent_source = i == 1 ? "a form" : ""})));
  }
  const auto stored = engine_->put_segment(town, R"({"attribute":"town","is":")" + town + "\"}");
  if (!stored) throw broken{"a segment: " + stored.error().message};
  const auto report = must(engine_->import_contacts(c.id, town));
  world_.say("contacts: " + std::to_string(report.chosen) + " of " + std::to_string(c.people) + ", agreed " +
             std::to_string(report.added));
  if (report.chosen != chosen || report.without_consent != without || report.added != chosen - without) {
    throw broken{"of " + std::to_string(chosen) + " contacts in " + town + ", " + std::to_string(without) +
                 " of them without consent, " + std::to_string(report.added) + " were chosen"};
  }
  world_.provider().only_to(c.id.value, std::move(agreed));
}

void host::start(campaign& c) {
  const auto key = "k" + std::to_string(c.id.value);
  bool asked_to_discard = false;
  for (int tries = 0; !c.started; ++tries) {
    if (tries > 50) throw broken{"a campaign does not start"};
    const auto what = "start " + std::to_string(c.id.value);
    const auto call = [&] { return engine_->start(c.id, {.idempotency_key = key}); };
    c.started = c.words.empty() ? ask(what, call) : ask_provider(what, call);
    if (c.started && tries == 0) judge_start(c);
    if (c.started) return;
    if (refused_ == errc::template_not_approved || refused_ == errc::conflict) fetch();
    if (!has_people(c) || !fits(c)) {
      c.discarded = ask("discard " + std::to_string(c.id.value), [&] { return engine_->discard(c.id); }) ||
                    (asked_to_discard && refused_ == errc::not_found);
      if (c.discarded) return;
      asked_to_discard = true;  // and it may be done, by a process that died before it said so
    }
    world_.run_until(world_.clock().now() + 200 * millisecond);
  }
}

// Somebody among its recipients may be written to.
bool host::has_people(const campaign& c) {
  return judge_.number("SELECT EXISTS(SELECT 1 FROM recipients r WHERE id >> 32 = " + std::to_string(c.id.value) +
                       " AND NOT EXISTS(SELECT 1 FROM suppressions s WHERE s.address = r.address) AND (" +
                       (c.marketing ? "0" : "1") +
                       " OR NOT EXISTS(SELECT 1 FROM consent_log k JOIN consents n ON n.person = k.person WHERE "
                       "k.address = r.address AND n.state = 2)) AND NOT EXISTS("
                       // Of a child campaign: whom the request of its parent, or of that one's, reached after all.
                       "WITH RECURSIVE before(id, state, receipt) AS (SELECT id, state, receipt FROM messages WHERE "
                       "superseded = r.id UNION SELECT m.id, m.state, m.receipt FROM before JOIN plan ON plan.id = "
                       "before.id JOIN messages m ON m.superseded = plan.recipient) "
                       "SELECT 1 FROM before WHERE state = 2 AND receipt <> 2))") != 0;
}

// Soon, and sometimes thought over.
void host::schedule(campaign& c) {
  const auto id = std::to_string(c.id.value);
  const auto at_s = world_.clock().wall() / second + d_.between(2, 8);
  const auto lateness_ms = d_.chance(500) ? 3'600'000 : d_.between(0, 3000);
  const auto at = absl::FormatTime("%Y-%m-%d %H:%M:%S Z", absl::FromUnixSeconds(at_s), absl::UTCTimeZone());
  world_.provider().not_before(c.id.value, at_s * 1000);
  if (!ask("schedule " + id + " at " + at, [&] {
        return engine_->schedule(c.id, {.at = at, .max_lateness = std::chrono::milliseconds(lateness_ms)});
      })) {
    if (state(c) == campaign_state::draft) {
      world_.provider().not_before(c.id.value, 0);
      return start(c);
    }
  }
  c.due_ms = at_s * 1000, c.lateness_ms = lateness_ms;
  if (d_.chance(200)) return leave_for(d_.between(0, 30'000) * millisecond);  // nobody runs it as it falls due
  if (!d_.chance(500)) return;
  if (d_.chance(500)) {
    run_for(d_.between(0, 6000) * millisecond);
  } else {  // as it fires
    world_.run_until(world_.clock().now() + std::max<nanoseconds_t>(0, at_s * second - world_.clock().wall()) +
                     d_.between(0, 30) * millisecond);
    if (!check_alive()) return;
  }
  // What the process did before it died is known from the store only.
  if (!ask("cancel " + id, [&] { return engine_->cancel_schedule(c.id); }) && state(c) != campaign_state::draft) return;
  world_.provider().expect_silence(c.id.value, true);
  c.due_ms = 0;
  run_for(d_.between(0, 6000) * millisecond);
  world_.provider().expect_silence(c.id.value, false);
  world_.provider().not_before(c.id.value, 0);
  start(c);
}

// What failed, or may have gone, again: by a campaign of its own.
void host::send_again(const campaign& c) {
  if (campaigns_.size() > 6 || !c.started) return;
  const bool failed = d_.chance(600);
  campaign child{.people = c.people,
                 .first = c.first,
                 .sender = c.sender,
                 .marketing = c.marketing,
                 .words = c.words,
                 .picture = c.picture};
  if (!ask("retry " + std::to_string(c.id.value) + (failed ? " failed" : " unconfirmed"), [&] {
        auto made = engine_->retry(
            c.id, {.what = failed ? retry_kind::failed : retry_kind::unconfirmed, .all = d_.chance(500)});
        if (made) child.id = made->child;
        return made;
      })) {
    return;
  }
  if (!child.picture.empty()) world_.provider().shelf.shows(child.id.value, child.picture);
  world_.provider().told.campaign(child.id.value, {child.words, std::to_string(child.sender + 1)});
  world_.provider().is_child(child.id.value, c.id.value, failed);
  world_.provider().rules.put(child.id.value, world_.provider().rules.of(c.id.value));
  campaigns_.push_back(child);
  start(campaigns_.back());
}

}  // namespace bulkmsg::sim
