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

// Nothing leaves any more with a template that is known not to be what it was, until a person says so.
void host::fetch() {
  if (!ask_provider("fetch templates", [&] { return engine_->fetch_templates(senders_.front()); })) return;
  known_ = world_.provider().shelf.listed();
  for (auto& c : campaigns_) {
    if (c.words.empty() || c.stopped || c.unsure || c.discarded || fits(c) != c.hushed) continue;
    c.hushed = !c.hushed;
    world_.provider().expect_silence(c.id.value, c.hushed);
    if (c.hushed && state(c) == campaign_state::sending) {
      throw broken{"campaign " + std::to_string(c.id.value) + " goes on though its template is not what it was"};
    }
  }
}

void host::judge_start(const campaign& c) {
  if (!fits(c)) {
    throw broken{"campaign " + std::to_string(c.id.value) + " was started though its template is not what it was"};
  }
  world_.provider().shelf.keep(std::to_string(c.sender + 1), c.id.value);
}

void host::template_misfortune() {
  const auto drawn = d_.between(0, 9);
  if (drawn < 4) return world_.provider().shelf.disturb();
  if (drawn < 7) return fetch();
  if (drawn < 9) return draw_troubles();
  // For so long that files grow old, expire, or are just about to.
  was_away_ = true;
  constexpr auto life = channels::media_life_ms * millisecond;
  leave_for(d_.chance(300) ? life - d_.between(0, 30) * second : d_.between(24, 31) * a_day);
}

}  // namespace bulkmsg::sim
