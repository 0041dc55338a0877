// Whose clock a campaign's hours are read from, and so in which lane each of its recipients is laid: one lane for each
// window, since a lane is sent in order and a closed window must not hold up another.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/pacing/sending_window.hpp"

namespace bulkmsg {

class campaign_hours {
 public:
  struct lane {
    std::string zones;  // IANA, separated by blanks; empty: no hours
    std::optional<pacing::sending_window> window;
    std::int64_t messages = 0;  // counted by count()
  };

  // `hours` and `hours_in` as in campaign_settings. wall: the time from which windows are compared. Errors:
  // bad_option_value.
  static result<campaign_hours> make(const std::string& hours, const std::string& hours_in,
                                     const std::string& sender_zone, const std::vector<std::string>& columns,
                                     nanoseconds_t wall);

  // Every recipient has their own: lane_of() tells which.
  [[nodiscard]] bool by_recipient() const noexcept { return by_recipient_; }
  [[nodiscard]] const std::vector<lane>& lanes() const noexcept { return lanes_; }

  // The place in lanes() of a recipient; lanes grow with new windows. Errors: bad_option_value (an unknown time zone in
  // the column, or hours that never come there).
  result<std::size_t> lane_of(std::string_view address, std::string_view parameters);
  void count(std::size_t place, std::int64_t messages = 1) { lanes_[place].messages += messages; }

 private:
  campaign_hours() = default;
  result<std::size_t> lane_in(const std::string& zones);

  std::vector<pacing::hours> open_;
  std::string sender_zone_;
  nanoseconds_t wall_ = 0;
  bool by_recipient_ = false;
  std::optional<std::size_t> column_;
  std::vector<std::string_view> cells_;
  std::vector<lane> lanes_;
  std::map<std::string, std::size_t, std::less<>> by_zones_, by_pattern_;
};

}  // namespace bulkmsg
