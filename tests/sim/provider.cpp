#include "sim/provider.hpp"

#include <algorithm>

#include "sim/world.hpp"

namespace bulkmsg::sim {

namespace {

constexpr std::array<const char*, 5> rank_names{"", "sent", "failed", "delivered", "read"};

std::string field(const std::string& request, const std::string& before) {
  const auto at = request.find(before);
  if (at == std::string::npos) throw broken{"a request without " + before};
  const auto from = at + before.size();
  return request.substr(from, request.find('"', from) - from);
}

std::string refusal(int code) {
  return R"({"error":{"message":"no","type":"OAuthException","fbtrace_id":"A","code":)" + std::to_string(code) + "}}";
}

std::string name_of(const channels::callback_key& key) {
  return "c" + std::to_string(key.campaign) + " " + std::to_string(key.message.lane) + ":" +
         std::to_string(key.message.sequence) + "." + std::to_string(key.attempt);
}

}  // namespace

std::string number_of_request(const std::string& request) {
  const auto version = request.find('/') + 1;
  const auto from = request.find('/', version) + 1;
  return request.substr(from, request.find('/', from) - from);
}

provider::answer provider::take(const std::string& request) {
  if (request.substr(0, request.find('\r')).find("/messages ") == std::string::npos) return take_call(request);
  auto& d = in_.dice();
  const auto now = in_.clock().now();
  const auto key = channels::callback_key::parse(field(request, R"("biz_opaque_callback_data":")"));
  if (!key) throw broken{"a request with a callback key that cannot be read"};
  answer a;
  a.number = number_of_request(request);
  auto& from = numbers_[a.number];
  a.latency = usual + d.between(0, usual);
  const auto roll = d.between(0, 999);
  int up_to = 0;
  const auto drawn = [&](int weight) { return roll < (up_to += weight); };
  if (drawn(trouble.unsent)) {
    a.fate = net::fate::unsent;
    a.latency = d.between(0, 2) * millisecond;
    ++from.in_flight;
    in_.say("unsent " + name_of(*key));
    return a;
  }
  const bool cut = drawn(trouble.cut);
  bool accepted = false;
  std::string how = "accepted";
  if (cut) {
    how = "cut";
    a.fate = net::fate::unknown;
  } else if (drawn(trouble.lost)) {
    how = "accepted, answer lost";
    accepted = true;
    a.fate = net::fate::unknown;
    if (d.chance(300)) a.latency = 3 * second;
  } else if (drawn(trouble.garbled)) {
    how = "accepted, gateway's 502";
    accepted = true;
    a.status = 502;
    a.body = "<html>Bad Gateway</html>";
  } else if (drawn(trouble.temporary)) {
    how = "131000", a.status = 500, a.body = refusal(131000), a.refused = a.may_retry = true;
  } else if (drawn(trouble.throttled)) {
    how = "130429", a.status = 429, a.body = refusal(130429), a.refused = a.may_retry = true;
    if (d.chance(300)) a.retry_after = second;
  } else if (drawn(trouble.pair)) {
    how = "131056", a.status = 400, a.body = refusal(131056), a.refused = a.may_retry = true;
  } else if (drawn(trouble.refused)) {
    how = "131026", a.status = 400, a.body = refusal(131026), a.refused = true;
  } else if (drawn(trouble.token)) {
    how = "190", a.status = 401, a.body = refusal(190), a.refused = a.may_retry = true;
  } else {
    accepted = true;
    if (drawn(trouble.slow)) a.latency += d.between(1, 4) * second;
  }
  const int against = cut ? 0 : shelf.against(request, key->campaign, a.number);
  if (against != 0 && (accepted || a.may_retry)) {
    how = std::to_string(against) + (a.fate == net::fate::answered ? "" : ", answer lost");
    a.status = 400, a.body = refusal(against), a.refused = true, a.may_retry = against != 132016;
    accepted = false;
  }
  const auto id = "wamid." + std::to_string(requests_);
  if (accepted && a.fate == net::fate::answered && a.body.empty()) a.body = R"({"messages":[{"id":")" + id + "\"}]}";

  // The books.
  ++requests_;
  ++from.in_flight;
  from.times.push_back(now);
  keep_limits(from, name_of(*key));
  if (silent_.contains(key->campaign)) throw broken{name_of(*key) + " left after pause or stop had returned"};
  if (const auto p = paused_.find(key->campaign); p != paused_.end() && now - p->second.first > second) {
    if (still_paused(key->campaign, p->second.second)) {
      throw broken{name_of(*key) + " left although its campaign has been paused for " +
                   std::to_string((now - p->second.first) / millisecond) + " ms"};
    }
  }
  accepted_ += accepted ? 1 : 0;
  if (light) {
    const auto sequence = key->message.sequence;
    if (came_.size() <= sequence) came_.resize(2 * std::size_t{sequence} + 1024);
    if (came_[sequence]) throw broken{name_of(*key) + " came twice"};
    came_[sequence] = true;
    return a;
  }
  entry e{.at = this->now(),
          .campaign = key->campaign,
          .message = key->message,
          .to = field(request, R"("to":")"),
          .accepted = accepted};
  keep_consent(e, name_of(*key));
  if (const auto due = not_before_.find(key->campaign); due != not_before_.end()) {
    if (in_.clock().wall() / millisecond < due->second) {
      throw broken{name_of(*key) + " left before its campaign's time"};
    }
    not_before_.erase(due);  // a clock that is set back does not stop it
  }
  in_.say("send " + name_of(*key) + " to " + e.to + ": " + how);
  const auto before = last_.find(key->message.key());
  if (before != last_.end()) keep_once(e, before->second, key->attempt, a.number, name_of(*key));
  if (accepted) {
    const auto [reached, first] = reached_.emplace(std::pair{key->campaign, e.to}, key->message.key());
    if (!first && reached->second != key->message.key()) throw broken{e.to + " was reached twice"};
  }
  keep_family(e);
  if (accepted) {
    e.rank = d.chance(trouble.undelivered) ? 2 : static_cast<int>(d.between(2, 4));
    if (e.rank == 2 && trouble.undelivered == 0) e.rank = 3;
    if (e.rank == 2) e.failed_as = d.chance(30) ? payment_problem : 131026;
    report(e, id, field(request, R"("biz_opaque_callback_data":")"), a.number);
  }
  if (before != last_.end() && before->second.accepted) {
    e.accepted = true;
    e.rank = std::max(e.rank, before->second.rank);
  }
  if (accepted) reached_in_[{key->campaign, e.to}] = e;
  a.request = static_cast<std::size_t>(key->message.key());
  last_[key->message.key()] = e;
  return a;
}

// What is asked beside sending.
provider::answer provider::take_call(const std::string& request) {
  auto& d = in_.dice();
  const auto what = "call " + request.substr(0, request.find_first_of("?\r"));
  answer a;
  a.latency = usual + d.between(0, usual);
  const auto trouble_of = d.chance(trouble.calls) ? d.between(0, 6) : -1;
  if (trouble_of == 0 || trouble_of == 1) {
    a.fate = trouble_of == 0 ? net::fate::unsent : net::fate::unknown;
    in_.say(what + (trouble_of == 0 ? ": unsent" : ": cut"));
    return a;
  }
  if (trouble_of == 2 || trouble_of == 3) {
    const auto code = trouble_of == 2 ? 131000 : 130429;
    a.status = trouble_of == 2 ? 500 : 429, a.body = refusal(code);
    in_.say(what + ": " + std::to_string(code));
    return a;
  }
  auto served = shelf.serve(request);
  a.status = served.status, a.body = std::move(served.body);
  if (trouble_of == 4) a.status = 502, a.body = "<html>Bad Gateway</html>";
  if (trouble_of == 5) a.fate = net::fate::unknown;
  if (trouble_of == 6) a.latency += d.between(1, 4) * second;
  in_.say(what + (trouble_of == 4   ? ": served, gateway's 502"
                  : trouble_of == 5 ? ": served, answer lost"
                                    : ": served"));
  return a;
}

void provider::heard(const answer& a) {
  if (a.number.empty()) return;
  --numbers_[a.number].in_flight;
  if (a.fate != net::fate::answered || !a.refused || light) return;
  auto& of = last_[static_cast<std::int64_t>(a.request)];
  of.refused = true;
  of.may_retry = a.may_retry;
}

rule_book::moment provider::now() const {
  auto& clock = const_cast<world&>(in_).clock();
  return {clock.now(), clock.wall() / millisecond};
}

// Sent again: what was refused may be, and what may have gone only as the campaign's rule says.
void provider::keep_once(entry& of, const entry& before, std::uint32_t attempt, const std::string& number,
                         const std::string& who) {
  of.again = before.again;
  of.known_at = before.known_at;
  // It may have been on its way out just as it became known.
  if (before.known_at >= 0 && of.at.at - before.known_at > second) {
    throw broken{who + " was sent again although it was known to have gone"};
  }
  if (before.may_retry) return;
  const auto why = rules.against_resend(of.campaign, number, attempt, before.at, of.at);
  if (!why.empty()) {
    throw broken{who + ": " + of.to + (before.accepted ? " was reached twice, " : " was sent to again ") + why};
  }
  of.again = true;
}

void provider::keep_failed(const entry& of, const std::string& where) {
  const auto rule = rules.of(of.campaign);
  if (rule.is == unconfirmed_rule::give_up && rules.waited(of.campaign, of.at, now())) return;
  // After a repetition nobody knows of the first; who is barred meanwhile, or whom the parent's request has reached
  // after all, gets none.
  const auto family = parents_.find(of.campaign);
  const bool reached = family != parents_.end() && reached_in_.contains({family->second.first, of.to});
  if (rule.is == unconfirmed_rule::resend && ((of.again && of.refused) || reached || may_be_barred(of.to))) return;
  if (of.accepted) throw broken{where + " is called failed, and the provider has accepted it"};
  if (!of.refused && !of.resolved) throw broken{where + " is called failed, and nobody has refused it"};
}

void provider::expect_silence(std::int64_t campaign, bool silent) {
  if (silent) {
    silent_.insert(campaign);
  } else {
    silent_.erase(campaign);
  }
}

provider::receipt provider::receipt_of(const entry& of, const std::string& id, const std::string& callback,
                                       int rank) const {
  const auto at_s = const_cast<world&>(in_).clock().wall() / second;
  const std::string errors =
      rank == 2 ? R"(,"errors":[{"code":)" + std::to_string(of.failed_as) + R"(,"title":"Message undeliverable"}])"
                : "";
  return {R"({"id":")" + id + R"(","status":")" + rank_names[static_cast<std::size_t>(rank)] + R"(","timestamp":")" +
              std::to_string(at_s) + R"(","recipient_id":")" + of.to.substr(of.to.starts_with('+') ? 1 : 0) +
              R"(","biz_opaque_callback_data":")" + callback + "\"" + errors + "}",
          of.message.key(),
          rank,
          {},
          {},
          false,
          false,
          of.at};
}

std::string provider::webhook(const std::vector<receipt>& of) const {
  if (of.front().notice >= 0) {
    std::string entries;
    for (const auto& r : of) entries += (entries.empty() ? "" : ",") + told.text(r.notice);
    return R"({"object":"whatsapp_business_account","entry":[)" + entries + "]}";
  }
  std::string statuses, replies;
  for (const auto& r : of) {
    auto& list = r.reply.empty() ? statuses : replies;
    list += (list.empty() ? "" : ",") + r.json;
  }
  return R"({"object":"whatsapp_business_account","entry":[{"id":"77","changes":[{"field":"messages","value":{)"
         R"("messaging_product":"whatsapp","metadata":{"display_phone_number":"49)" +
         of.front().number + R"(","phone_number_id":")" + of.front().number + R"("},"statuses":[)" + statuses +
         R"(],"messages":[)" + replies + "]}}]}]}";
}

void provider::report(const entry& of, const std::string& id, const std::string& callback, const std::string& number) {
  if (!reports) return;
  auto& d = in_.dice();
  for (int rank = 1; rank <= of.rank; ++rank) {
    if (rank == 2 && of.rank != 2) continue;
    auto r = receipt_of(of, id, callback, rank);
    r.number = number;
    all_.push_back(r);
    if (d.chance(trouble.webhook_lost)) continue;
    const int copies = d.chance(trouble.webhook_twice) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto late = d.chance(trouble.webhook_late) ? d.between(0, 120) * second : 0;
      mail.emplace(in_.clock().now() + late + d.between(5, 400) * millisecond, r);
    }
  }
  if (of.rank > 2) answer_to(of, id, number);
}

// Some write back, quoting the message or not, and some want no more.
void provider::answer_to(const entry& of, const std::string& id, const std::string& number) {
  auto& d = in_.dice();
  for (int i = 0; i < 2 && d.chance(trouble.replies); ++i) {
    receipt r{.message = of.message.key(), .number = number, .reply = "in." + std::to_string(++replies_)};
    r.quotes = d.chance(700);
    r.quoted = id;
    r.from = of.to;
    r.stop = d.chance(200);
    const auto after = d.between(300, 4000) * millisecond;
    r.json = R"({"from":")" + digits(of.to) + R"(","id":")" + r.reply + R"(","timestamp":")" +
             std::to_string((in_.clock().wall() + after) / second) + R"(","type":"text","text":{"body":")" +
             (r.stop ? "STOP" : "ok") + "\"}" + (r.quotes ? R"(,"context":{"id":")" + id + "\"}" : "") + "}";
    for (int copies = d.chance(trouble.webhook_twice) ? 2 : 1; copies > 0; --copies) {
      mail.emplace(in_.clock().now() + after + d.between(0, 500) * millisecond, r);
    }
  }
}

void provider::bar(const std::string& address, nanoseconds_t from) {
  const auto known = barred_.emplace(digits(address), from).first;
  known->second = std::min(known->second, from);
}

void provider::keep_consent(const entry& of, const std::string& who) const {
  const auto to = digits(of.to);
  const auto since = [&](const auto& map) {
    const auto found = map.find(to);
    return found != map.end() && of.at.at > found->second;
  };
  if (since(barred_)) throw broken{who + " left for " + of.to + ", who is suppressed"};
  const auto agreed = agreed_.find(of.campaign);
  if (agreed == agreed_.end()) return;
  if (!agreed->second.contains(to)) throw broken{who + " left for " + of.to + ", who was not chosen or had not agreed"};
  if (told.has_stopped(to, of.at.at))
    throw broken{who + " left for " + of.to + ", who has stopped marketing at the platform"};
  if (since(withdrawn_)) throw broken{who + " left for " + of.to + ", who has withdrawn their consent"};
}

// A child sends again what did not reach its parent's people, and all children together to each of them once.
void provider::keep_family(const entry& of) {
  const auto family = parents_.find(of.campaign);
  if (family == parents_.end()) return;
  const auto [parent, of_failed] = family->second;
  const auto before = reached_in_.find({parent, of.to});
  // What was refused when it was sent again is called failed, though the first request may have been accepted.
  if (of_failed && before != reached_in_.end() && before->second.rank != 2 && !repeated(before->second)) {
    throw broken{of.to + " was reached, and a campaign for those who were not writes again"};
  }
  if (of.accepted && sent_again_.emplace(std::pair{parent, of.to}, of.campaign).first->second != of.campaign) {
    throw broken{of.to + " was reached by two children of one campaign"};
  }
}

void provider::keep_limits(line& of, const std::string& who) {
  const auto now = in_.clock().now();
  auto& times = of.times;
  std::size_t longest = 1;
  for (const auto& l : of.limits) {
    const auto n = static_cast<std::size_t>(l.count);
    longest = std::max(longest, n + 1);
    const bool full = times.size() > n;
    if (l.kind == pacing::limit_kind::rate && full && now - times[times.size() - 1 - n] < l.window) {
      throw broken{"more than " + pacing::to_string(l) + " at " + who};
    }
    if (l.kind == pacing::limit_kind::in_flight && of.in_flight > l.count) {
      throw broken{std::to_string(of.in_flight) + " in flight, allowed are " + std::to_string(l.count)};
    }
    if (l.kind == pacing::limit_kind::batch && full) {
      bool paused = false;
      for (auto i = times.size() - n; i < times.size(); ++i) paused = paused || times[i] - times[i - 1] >= l.window;
      if (!paused) throw broken{"more than " + pacing::to_string(l) + " at " + who};
    }
  }
  while (times.size() > longest) times.pop_front();
}

void provider::replay() {
  for (const auto& r : all_) mail.emplace(in_.clock().now(), r);
}

}  // namespace bulkmsg::sim
