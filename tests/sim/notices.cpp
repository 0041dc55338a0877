#include "sim/notices.hpp"

#include <algorithm>
#include <array>

#include "sim/world.hpp"

namespace bulkmsg::sim {

namespace {

constexpr std::int64_t begins_within_s = 6 * 24 * 3600;  // so long a word holds for campaigns that begin, at least

const std::string of_account = std::string(":") + library::account + ":";
std::string row_of(const char* what, const std::string& words) { return what + of_account + words + "/en_US"; }
std::string of_template(const std::string& words, const std::string& more) {
  return R"({"message_template_id":7,"message_template_name":")" + words + R"(","message_template_language":"en-US",)" +
         more + "}";
}

}  // namespace

// By the provider's clock, which nobody sets; two words of a row are never of the same second.
std::int64_t notices::next_s(const std::string& row) {
  auto& last = last_s_[row];
  return last = std::max(last + 1, 1'800'000'000 + in_.clock().now() / second);
}

void notices::tell(notice n, bool surely) {
  auto& d = in_.dice();
  const auto& trouble = in_.provider().trouble;
  const auto number = static_cast<int>(all_.size());
  n.at_s = next_s(n.row);
  if (n.field == "user_preferences") {
    n.value += std::to_string(n.at_s) + "}]}";
  }
  in_.say("notice " + std::to_string(number) + " of " + n.row + " at " + std::to_string(n.at_s) + ": " + n.value);
  rows_[n.row].push_back(number);
  all_.push_back(std::move(n));
  if (!surely && d.chance(trouble.webhook_lost)) return;
  for (int copies = d.chance(trouble.webhook_twice) ? 2 : 1; copies > 0; --copies) {
    const auto late = !surely && d.chance(trouble.webhook_late + 100) ? d.between(0, 120) * second : 0;
    in_.provider().mail.emplace(in_.clock().now() + late + d.between(5, 1000) * millisecond,
                                provider::receipt{.notice = number});
  }
}

void notices::changed(const library::change& what) {
  const auto& [words, now, of_words] = what;
  if (of_words) {
    return tell({.field = "message_template_components_update",
                 .value = of_template(words, R"("message_template_element":"x")"),
                 .row = row_of("words", words),
                 .what = effect::holds,
                 .words = words});
  }
  const auto row = row_of("template", words);
  const bool well = now.status == "APPROVED";
  tell({.field = "message_template_status_update",
        .value = of_template(words, R"("reason":"NONE","event":")" + now.status + '"'),
        .row = row,
        .what = well ? effect::lifts : effect::holds,
        .words = words,
        .status = now.status});
  if (in_.dice().chance(300)) {  // which says nothing of how it stands
    tell({.field = "message_template_status_update",
          .value = of_template(words, R"("reason":"NONE","event":"FLAGGED")"),
          .row = row + "/FLAGGED"});
  }
}

void notices::disturb_account(const std::string& number, const std::string& person) {
  auto& d = in_.dice();
  const auto turn = [&](const std::string& row) {
    const bool holds = !held_.contains(row);
    holds ? static_cast<void>(held_.insert(row)) : static_cast<void>(held_.erase(row));
    return holds;
  };
  const auto display = "49" + number;
  switch (d.between(0, 6)) {
    case 0: {
      const auto row = "ban" + of_account;
      const bool holds = turn(row);
      return tell({.field = "account_update",
                   .value = std::string(R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":")") +
                            (holds ? "DISABLE" : "REINSTATE") + "\"}}",
                   .row = row,
                   .what = holds ? effect::holds : effect::lifts});
    }
    case 1: {
      const auto until_s = in_.clock().wall() / second + d.between(5, 120);
      return tell({.field = "account_update",
                   .value = R"({"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":)"
                            R"("RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":)" +
                            std::to_string(until_s) + "}]}",
                   .row = "restriction" + of_account,
                   .what = effect::holds,
                   .until_s = until_s});
    }
    case 2:
    case 3: {
      const auto row = "number" + of_account + display;
      const bool holds = turn(row);
      tell({.field = "phone_number_quality_update",
            .value = std::string(R"({"event":")") + (holds ? "FLAGGED" : "UNFLAGGED") +
                     R"(","display_phone_number":")" + display + "\"}",
            .row = row,
            .what = holds ? effect::holds : effect::lifts});
      if (d.chance(500)) return;  // else with another word of the number, which says nothing of that
      return tell({.field = "phone_number_quality_update",
                   .value = R"({"event":"THROUGHPUT_UPGRADE","display_phone_number":")" + display + "\"}",
                   .row = "upgrade" + of_account + display});
    }
    case 4: {
      const auto* words = d.chance(500) ? library::plain : library::picture;
      const auto row = row_of("quality", words);
      return quality(words, turn(row));
    }
    default: {
      const bool stops = d.chance(700);
      return tell({.field = "user_preferences",
                   .value = R"({"user_preferences":[{"wa_id":")" + person +
                            R"(","category":"marketing_messages","value":")" + (stops ? "stop" : "resume") +
                            R"(","timestamp":)",
                   .row = "wants:" + person,
                   .what = stops ? effect::holds : effect::lifts});
    }
  }
}

void notices::quality(const std::string& words, bool red, bool surely) {
  tell({.field = "message_template_quality_update",
        .value = of_template(words, std::string(R"("new_quality_score":")") + (red ? "RED" : "GREEN") + '"'),
        .row = row_of("quality", words),
        .what = red ? effect::holds : effect::lifts},
       surely);
}

// Whatever was held once: that it was over before may have got lost.
void notices::restore() {
  std::vector<std::string> rows;
  for (const auto& [row, list] : rows_) rows.push_back(row);
  for (const auto& row : rows) {
    const bool ban = row.starts_with("ban:");
    if (!ban && !row.starts_with("number:")) continue;
    tell({.field = ban ? "account_update" : "phone_number_quality_update",
          .value = ban ? R"({"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}})"
                       : R"({"event":"UNFLAGGED","display_phone_number":")" + row.substr(row.rfind(':') + 1) + "\"}",
          .row = row,
          .what = effect::lifts},
         true);
  }
  for (const auto* words : {library::plain, library::picture}) {
    if (rows_.contains(row_of("quality", words))) quality(words, false, true);
    if (!rows_.contains(row_of("template", words))) continue;
    tell({.field = "message_template_status_update",
          .value = of_template(words, R"("reason":"NONE","event":"APPROVED")"),
          .row = row_of("template", words),
          .what = effect::lifts,
          .words = words,
          .status = "APPROVED"},
         true);
  }
  held_.clear();
}

std::string notices::text(int number) const {
  const auto& n = all_[static_cast<std::size_t>(number)];
  return R"({"id":")" + std::string(library::account) + R"(","time":)" + std::to_string(n.at_s) +
         R"(,"changes":[{"field":")" + n.field + R"(","value":)" + n.value + "}]}";
}

void notices::comes(int number) {
  auto& n = all_[static_cast<std::size_t>(number)];
  if (n.order == 0) n.order = ++orders_;
  if (n.row.starts_with("wants:")) {
    const auto who = n.row.substr(n.row.find(':') + 1);
    if (n.what == effect::holds) in_.provider().may_bar(who);
    stopped_.erase(who);
  }
}

void notices::taken(int number, bool durable) {
  auto& n = all_[static_cast<std::size_t>(number)];
  if (n.sure || n.words.empty()) {
    n.sure = n.sure || durable;
    return;
  }
  auto& v = views_[n.words];
  if (!durable) {
    v.unsure = true;
    return;
  }
  const notice* before = nullptr;  // of those that are known
  for (const auto i : rows_[n.row]) {
    if (i < number && all_[static_cast<std::size_t>(i)].sure) before = &all_[static_cast<std::size_t>(i)];
  }
  n.sure = true;
  if (latest(n.row) != &n) return;
  if (n.status.empty()) {
    v.reworded = true;
    ++v.changes;
    return;
  }
  // What a fetch has told before says nothing new.
  const bool again = before != nullptr && before->status == n.status;
  n.known = v.unsure || (v.is.status == n.status && !again);
  v.changes += v.is.status != n.status || again ? 1 : 0;
  v.is.status = n.status;
}

const notices::notice* notices::latest(const std::string& row) const {
  const auto found = rows_.find(row);
  const notice* last = nullptr;
  if (found == rows_.end()) return last;
  for (const auto i : found->second) {
    const auto& n = all_[static_cast<std::size_t>(i)];
    if (n.order != 0) last = &n;  // in the order of their times
  }
  return last != nullptr && last->sure ? last : nullptr;
}

void notices::clock_jumps() {
  for (auto& n : all_) n.expired = n.expired || n.until_s != 0;
}

void notices::lost_track() {
  for (auto& [words, v] : views_) {
    v.unsure = true;
    for (const auto* what : {"words", "quality", "template"}) cleared_[row_of(what, words)] = orders_;
  }
}

void notices::fetched(const library::listing& listed, bool settled) {
  for (const auto& [words, now] : listed) {
    auto& v = views_[words];
    v.changes += v.is.status != now.status || (v.is.words != now.words && !v.reworded) ? 1 : 0;
    v.is = now;
    v.reworded = false;
    v.unsure = !settled;
    // What a list says of quality is that there is none.
    cleared_[row_of("words", words)] = cleared_[row_of("quality", words)] = orders_;
    if (now.status == "APPROVED") cleared_[row_of("template", words)] = orders_;
  }
}

std::string notices::against_sending(std::int64_t campaign) {
  const auto found = campaigns_.find(campaign);
  if (found == campaigns_.end()) return {};
  const auto& [words, number] = found->second;
  for (const auto& row : {row_of("template", words), row_of("words", words), row_of("quality", words),
                          "ban" + of_account, "restriction" + of_account, "number" + of_account + "49" + number}) {
    const auto* last = latest(row);
    if (last == nullptr || last->what != effect::holds || last->known || last->expired) continue;
    if (last->order <= std::max(resumed_[campaign], cleared_[row])) continue;
    if (last->until_s != 0 && in_.clock().wall() / second >= last->until_s - 2) continue;
    if (1'800'000'000 + in_.clock().now() / second - last->at_s > begins_within_s) continue;
    return row + ", told of " + std::to_string(last->at_s);
  }
  return {};
}

bool notices::is_over(const std::string& cause) const {
  const auto* last = latest(cause);
  return last != nullptr && last->what == effect::lifts;
}

std::map<std::string, bool> notices::wishes() const {
  std::map<std::string, bool> all;
  for (const auto& [row, list] : rows_) {
    if (!row.starts_with("wants:")) continue;
    if (const auto* last = latest(row)) all.emplace(row.substr(row.find(':') + 1), last->what == effect::holds);
  }
  return all;
}

void notices::note_stops() {
  for (const auto& [who, stopped] : wishes()) {
    if (stopped) stopped_.emplace(who, in_.clock().now());
  }
}

bool notices::has_stopped(const std::string& digits, nanoseconds_t now) const {
  const auto found = stopped_.find(digits);
  return found != stopped_.end() && now - found->second > second;
}

}  // namespace bulkmsg::sim
