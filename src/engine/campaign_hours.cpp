#include "engine/campaign_hours.hpp"

#include <algorithm>

#include "bulkmsg/recipients/cells.hpp"
#include "bulkmsg/recipients/phone.hpp"

namespace bulkmsg {

namespace {

constexpr std::string_view column_prefix = "column:";

// Empty where the address does not tell.
std::string_view zones_of(std::string_view address) {
  if (!address.starts_with('+')) return {};
  std::uint64_t digits = 0;
  for (const char c : address.substr(1)) digits = digits * 10 + static_cast<unsigned>(c - '0');
  const auto where = recipients::country_of(recipients::phone{digits}).where;
  return where.empty() ? std::string_view() : pacing::zones_of_region(where.letters());
}

}  // namespace

result<campaign_hours> campaign_hours::make(const std::string& hours, const std::string& hours_in,
                                            const std::string& sender_zone, const std::vector<std::string>& columns,
                                            nanoseconds_t wall) {
  campaign_hours made;
  made.sender_zone_ = sender_zone.empty() ? "UTC" : sender_zone;
  made.wall_ = wall;
  if (hours.empty()) {
    if (!hours_in.empty()) {
      return fail(errc::bad_option_value, "hours_in: there are no hours that it could be about; give hours, too");
    }
    made.lanes_.emplace_back();
    return made;
  }
  auto open = pacing::parse_hours(hours);
  if (!open) return fail(open.error());
  made.open_ = std::move(*open);
  made.by_recipient_ = hours_in == "recipient" || hours_in.starts_with(column_prefix);
  if (!made.by_recipient_) {
    const bool senders = hours_in.empty() || hours_in == "sender";
    if (auto laid = made.lane_in(senders ? made.sender_zone_ : hours_in); !laid) return fail(laid.error());
    return made;
  }
  if (hours_in.starts_with(column_prefix)) {
    const auto name = hours_in.substr(column_prefix.size());
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) {
      return fail(errc::bad_option_value, "hours_in: the recipients have no column '" + name.substr(0, 64) + "'");
    }
    made.column_ = static_cast<std::size_t>(found - columns.begin());
    made.cells_.resize(columns.size());
  }
  return made;
}

result<std::size_t> campaign_hours::lane_of(std::string_view address, std::string_view parameters) {
  if (!by_recipient_) return std::size_t{0};
  std::string_view zones;
  if (column_) {
    if (!recipients::split_cells(parameters, cells_)) {
      return fail(errc::store_corrupt, "a recipient's parameters do not fit the columns");
    }
    zones = cells_[*column_];
    if (zones.find(' ') != std::string_view::npos) {
      return fail(errc::bad_option_value, "unknown time zone " + pacing::detail::quoted(zones) +
                                              ": give an IANA name, for example Europe/Berlin");
    }
  }
  if (zones.empty()) zones = zones_of(address);
  if (zones.empty()) zones = sender_zone_;
  if (const auto known = by_zones_.find(zones); known != by_zones_.end()) return known->second;
  return lane_in(std::string(zones));
}

result<std::size_t> campaign_hours::lane_in(const std::string& zones) {
  auto window = pacing::sending_window::make(open_, zones);
  if (!window) return fail(window.error());
  if (window->next_open(wall_) == pacing::sending_window::never) {
    return fail(errc::bad_option_value, "hours: they never come everywhere at once in " + zones.substr(0, 200) +
                                            "; widen them, or name a time zone per recipient (hours_in: column:NAME)");
  }
  const auto [at, fresh] = by_pattern_.try_emplace(window->pattern(wall_), lanes_.size());
  if (fresh) lanes_.push_back({zones, std::move(*window), 0});
  by_zones_.emplace(zones, at->second);
  return at->second;
}

}  // namespace bulkmsg
