// Campaigns with the provider's templates and files, which it may change, pause or lose sight of.
#include <array>
#include <filesystem>
#include <fstream>

#include "bulkmsg/channels/media.hpp"
#include "sim/host.hpp"

namespace bulkmsg::sim {

namespace {

constexpr nanoseconds_t a_day = nanoseconds_t{24} * 3600 * second;

}  // namespace

bool may_be_asked_again(errc code) {
  switch (code) {
    case errc::connect_failed:
    case errc::connection_lost:
    case errc::provider_refused:
    case errc::provider_unreadable:
    case errc::template_not_approved:
    case errc::conflict:  // the template says something else by now
      return true;
    default:
      return false;
  }
}

bool host::fits(const campaign& c) const {
  const auto found = known_.find(c.words);
  return c.words.empty() || (found != known_.end() && found->second == library::standing{});
}

// A template as it was at first, with a picture or without.
void host::choose_words(campaign& c, campaign_settings& settings) {
  c.words = d_.chance(600) ? library::picture : library::plain;
  const auto found = engine_->find_template(c.words);
  if (!found) throw broken{"a template that was fetched: " + found.error().message};
  settings.content = found->id;
  if (c.words == library::plain) return;
  const auto name = std::to_string(d_.between(1, 2)) + ".jpg";
  const auto path = std::filesystem::path(path_).replace_filename(name).string();
  c.picture = "\xff\xd8\xff\xe0 picture " + name;
  std::ofstream(path, std::ios::binary) << c.picture;
  settings.mapping.emplace_back("header.media", "\"file:" + path + '"');
}

// Nothing leaves any more with a template that is known not to be what it was, until a person says so; and then only
// another change pauses the campaign again.
void host::fetch() {
  auto& told = world_.provider().told;
  const bool all_merged = settled();
  const auto paused_for_it = [&](const campaign& c) {
    return judge_.number(
        "SELECT count(*) FROM history WHERE action = 'pause' AND (reason LIKE '%only APPROVED%' OR reason "
        "LIKE '%says something else%') AND campaign = " +
        std::to_string(c.id.value));
  };
  std::vector<std::int64_t> before;
  before.reserve(campaigns_.size());
  for (const auto& c : campaigns_) before.push_back(paused_for_it(c));
  if (!ask_provider("fetch templates", [&] { return engine_->fetch_templates(senders_.front()); })) {
    return told.lost_track();
  }
  known_ = world_.provider().shelf.listed();
  std::map<std::string, bool> sure;
  for (const auto& [words, now] : known_) sure[words] = !told.of(words).unsure;
  told.fetched(known_, all_merged);
  for (const auto& [words, now] : known_) {
    if (all_merged && now.status == "APPROVED" &&
        judge_.number("SELECT EXISTS(SELECT 1 FROM brakes WHERE cause LIKE 'template:%:" + words + "/%')") != 0) {
      throw broken{"template " + words + " is approved by the list, and a campaign is held for it"};
    }
  }
  for (std::size_t i = 0; i < campaigns_.size() && i < before.size(); ++i) {
    auto& c = campaigns_[i];
    if (c.words.empty() || c.stopped || c.unsure || c.discarded || !c.started) continue;
    if (!all_merged || !sure[c.words]) c.accepted = not_known;
    if (c.accepted == not_known) continue;
    const bool accepted = c.accepted == told.of(c.words).changes;
    if (!fits(c) && !accepted && state(c) == campaign_state::sending) {
      throw broken{"campaign " + std::to_string(c.id.value) + " goes on though its template is not what it was"};
    }
    if (accepted && paused_for_it(c) > before[i]) {
      throw broken{"campaign " + std::to_string(c.id.value) +
                   " was resumed with its template as it is, and is paused for it again"};
    }
  }
}

void host::judge_start(const campaign& c) {
  const auto& known = world_.provider().told.of(c.words);
  if (!c.words.empty() && !known.fits() && !known.unsure && settled()) {
    throw broken{"campaign " + std::to_string(c.id.value) + " was started though its template is not what it was"};
  }
  world_.provider().shelf.keep(std::to_string(c.sender + 1), c.id.value);
}

// After commits, with everything merged: what the provider's word holds is not being sent, and what is held has a cause
// that is not over.
void host::look_at_notices() {
  auto& p = world_.provider();
  for (auto& c : campaigns_) {
    const auto id = std::to_string(c.id.value);
    if (state(c) == campaign_state::paused) {
      p.paused(c.id.value, world_.clock().now(), judge_.number("SELECT max(id) FROM history WHERE campaign = " + id));
      continue;
    }
    p.goes_on(c.id.value);
    if (state(c) != campaign_state::sending || !settled()) continue;
    if (asks_provider_) continue;  // a list that is just being read may lift what it knows better
    if (const auto why = p.told.against_sending(c.id.value); !why.empty() && !c.unsure) {
      throw broken{"campaign " + id + " goes on in spite of " + why};
    }
  }
  if (!settled()) return;
  if (const auto unpaid = judge_.number(
          "SELECT c.id FROM campaigns c JOIN lanes l ON l.campaign = c.id JOIN messages m ON m.id >> 32 = l.id WHERE "
          "c.state = 4 AND m.code = " +
          std::to_string(payment_problem) +
          " AND m.receipt = 2 AND m.at_ms > (SELECT coalesce(max(at_ms), 0) FROM history h WHERE h.campaign = c.id AND "
          "action = 'resume')");
      unpaid != 0 && !jumped_) {
    throw broken{"campaign " + std::to_string(unpaid) + " goes on though nothing is delivered until somebody has paid"};
  }
  p.told.note_stops();
  for (const auto& [who, stopped] : p.told.wishes()) {
    const bool kept =
        judge_.number("SELECT EXISTS(SELECT 1 FROM suppressions WHERE source = 3 AND address = '+" + who + "')") != 0;
    if (kept != stopped) {
      throw broken{who + (stopped ? " has stopped marketing at the platform, and that is not kept"
                                  : " wants marketing again, and is held to have stopped it")};
    }
  }
  const auto over =
      judge_.first("SELECT cause FROM brakes", [&](const std::string& cause) { return p.told.is_over(cause); });
  if (!over.empty()) throw broken{"a campaign is held by " + over + ", which is over"};
  if (judge_.number(
          "SELECT EXISTS(SELECT 1 FROM campaigns c WHERE state = 5 AND reason LIKE '%goes on by itself%' AND NOT "
          "EXISTS(SELECT 1 FROM brakes WHERE campaign = c.id))") != 0) {
    throw broken{"a campaign waits for the end of something that is over"};
  }
}

void host::template_misfortune() {
  const auto drawn = d_.between(0, 9);
  auto& p = world_.provider();
  if (drawn < 4) return p.told.changed(p.shelf.disturb());
  if (drawn < 7) return fetch();
  if (drawn < 9) return draw_troubles();
  // For so long that files grow old, expire, or are just about to.
  was_away_ = true;
  constexpr auto life = channels::media_life_ms * millisecond;
  leave_for(d_.chance(300) ? life - d_.between(0, 30) * second : d_.between(24, 31) * a_day);
}

}  // namespace bulkmsg::sim
