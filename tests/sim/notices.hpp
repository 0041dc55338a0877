// What the simulated provider tells of its account by webhook: templates, numbers, the account itself and what people
// want; and what must follow from it, in whatever order it comes, often or never.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bulkmsg/base/clock.hpp"
#include "sim/library.hpp"

namespace bulkmsg::sim {

class world;

class notices {
 public:
  explicit notices(world& in) : in_(in) {}

  // What the provider does to the account, as drawn; `person`: of whom it may tell something. It tells so, or that gets
  // lost.
  void disturb_account(const std::string& number, const std::string& person);
  // It told of what was done to a template.
  void changed(const library::change& what);
  // All that holds something is over, and that is told for sure.
  void restore();

  // Webhooks. The body's part of one of them:
  [[nodiscard]] std::string text(int notice) const;
  void comes(int notice);                // the host hands it to the engine
  void taken(int notice, bool durable);  // that has taken it, or may have

  // The host's word: what the campaign sends, and over which number.
  struct concerns {
    std::string words, number;
  };
  void campaign(std::int64_t id, concerns c) { campaigns_[id] = std::move(c); }
  void person_resumes(std::int64_t id) { resumed_[id] = orders_; }
  void clock_jumps();
  // The templates were fetched. settled: nothing that was taken waits to be merged.
  void fetched(const library::listing& listed, bool settled);
  void lost_track();  // a fetch broke off, and nobody knows what was kept

  // How a template stands by what the engine was told for sure.
  struct view {
    library::standing is;
    bool reworded = false;  // and not fetched since
    int changes = 0;
    bool unsure = false;
    [[nodiscard]] bool fits() const { return !reworded && is.status == "APPROVED" && is.words == 1; }
  };
  [[nodiscard]] const view& of(const std::string& words) { return views_[words]; }

  // With everything merged. Empty: else what holds a campaign that is sending.
  [[nodiscard]] std::string against_sending(std::int64_t campaign);
  // A cause that the engine keeps: whether the provider has taken it back for sure.
  [[nodiscard]] bool is_over(const std::string& cause) const;
  // Who was told of for sure, and whether they stopped marketing.
  [[nodiscard]] std::map<std::string, bool> wishes() const;
  // From now on, by the engine's clock, nothing of marketing leaves for those who stopped it.
  void note_stops();
  [[nodiscard]] bool has_stopped(const std::string& digits, nanoseconds_t now) const;

 private:
  enum class effect : std::uint8_t {
    nothing,
    holds,
    lifts
  };
  struct notice {
    std::string field, value;
    std::int64_t at_s = 0;  // by the provider's clock; 0: within the value
    std::string row;        // of words that follow each other, the latest holds: the engine's cause, where it has one
    effect what = effect::nothing;
    std::string words = {}, status = {};  // of a template
    std::int64_t until_s = 0;
    int order = 0;  // of coming, 0: it has not come
    bool sure = false, expired = false, known = false;
  };
  void tell(notice n, bool surely = false);
  void quality(const std::string& words, bool red, bool surely = false);
  std::int64_t next_s(const std::string& row);
  // The latest word that was taken; null: none, or nobody knows.
  [[nodiscard]] const notice* latest(const std::string& row) const;

  world& in_;
  std::vector<notice> all_;
  std::map<std::string, std::vector<int>> rows_;
  std::map<std::string, std::int64_t> last_s_;
  std::map<std::int64_t, concerns> campaigns_;
  std::map<std::int64_t, int> resumed_;  // campaign -> order
  std::map<std::string, int> cleared_;   // row -> order, by a fetch
  std::map<std::string, view> views_;    // by template
  std::map<std::string, nanoseconds_t> stopped_;
  std::set<std::string> held_;  // rows, by what the provider did
  int orders_ = 0;
};

}  // namespace bulkmsg::sim
