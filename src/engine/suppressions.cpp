// Who may be written to: the host's doors to suppressions and consent.
#include "store/suppressions.hpp"

#include <algorithm>

#include "bulkmsg/recipients/address.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

result<std::string> canonical_address(std::string_view written) {
  const auto read = recipients::parse_address(written);
  if (read.code == errc::ok) return std::string(read.text());
  return fail(read.code, "address '" + std::string(written.substr(0, 64)) + "': " + recipients::address_advice(read));
}

namespace {

constexpr std::size_t words_max = 500;  // bytes of a note or a source

result<void> check_words(std::string_view what, const std::string& text) {
  if (text.size() <= words_max) return {};
  return fail(errc::invalid_argument, std::string(what) + ": at most 500 bytes; shorten it");
}

tl::unexpected<error> reading_only() {
  return fail(errc::read_only, "the store is open for reading only; open it to run or to post");
}

}  // namespace

result<void> engine::suppress(std::string_view address, const suppression& why) {
  const std::string one[] = {std::string(address)};
  return suppress(one, why);
}

result<void> engine::suppress(std::span<const std::string> addresses, const suppression& why) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) return reading_only();
  if (auto ok = check_words("note", why.note); !ok) return ok;
  if (name(why.scope) == "unknown" || name(why.source) == "unknown" || name(why.source).empty()) {
    return fail(errc::invalid_argument, "suppress: no such scope or source");
  }
  std::vector<std::string> list;
  for (const auto& address : addresses) {
    auto canonical = canonical_address(address);
    if (!canonical) return fail(canonical.error());
    list.push_back(std::move(*canonical));
  }
  constexpr std::size_t a_job = 1000;
  result<void> done;
  for (std::size_t from = 0; done && from < list.size(); from += a_job) {
    done = self_->writer_->run([&](store::database& db) {
      for (auto i = from; i < std::min(list.size(), from + a_job); ++i) {
        store::suppress(db, list[i], why, self_->now_ms());
      }
    });
  }
  if (self_->mode() == open_mode::post) store::tell_runner(self_->path_);
  if (self_->mode() == open_mode::run) self_->io_->call([this] { self_->screen_again(); });
  return done;
}

result<void> engine::lift_suppression(std::string_view address, std::span<const suppression_source> sources,
                                      const std::string& note) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) return reading_only();
  if (auto ok = check_words("note", note); !ok) return ok;
  auto canonical = canonical_address(address);
  if (!canonical) return fail(canonical.error());
  bool found = false;
  auto done = self_->writer_->run(
      [&](store::database& db) { found = store::lift(db, *canonical, sources, note, self_->now_ms()); });
  if (!done || found) return done;
  return fail(errc::not_found, *canonical + " is not suppressed by these sources; see `bulkmsg suppressions`");
}

result<std::vector<suppression_row>> engine::suppressions(const suppression_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto wanted = filter;
  if (!filter.address.empty()) {
    auto canonical = canonical_address(filter.address);
    if (!canonical) return fail(canonical.error());
    wanted.address = *canonical;
  }
  return self_->read([&](store::database& db) { return store::list_suppressions(db, wanted); });
}

result<void> engine::put_consent(std::string_view address, const consent& given) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (self_->mode() == open_mode::read) return reading_only();
  if (given.source.empty()) {
    return fail(errc::invalid_argument, "consent: say where and how it was given or withdrawn ('source')");
  }
  if (auto ok = check_words("source", given.source); !ok) return ok;
  if (name(given.scope) == "unknown" || name(given.state) == "unknown") {
    return fail(errc::invalid_argument, "consent: no such scope or state");
  }
  auto canonical = canonical_address(address);
  if (!canonical) return fail(canonical.error());
  auto done =
      self_->writer_->run([&](store::database& db) { store::put_consent(db, *canonical, given, self_->now_ms()); });
  if (self_->mode() == open_mode::post) store::tell_runner(self_->path_);
  if (self_->mode() == open_mode::run) self_->io_->call([this] { self_->screen_again(); });
  return done;
}

result<void> engine::state_consent(campaign_id campaign, const std::string& source) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (source.empty()) return fail(errc::invalid_argument, "consent: say where and how it was given ('source')");
  if (auto ok = check_words("source", source); !ok) return ok;
  const impl::exclusive stating(*self_, campaign.value);
  if (auto mine = stating.had(); !mine) return mine;
  return self_->writer_->run(
      [&](store::database& db) { store::state_consent(db, campaign.value, source, self_->now_ms()); });
}

result<std::vector<consent_log_row>> engine::consent_log(std::int64_t after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) { return store::list_consent_log(db, after, limit); });
}

}  // namespace bulkmsg
