// The line that shows how far a campaign is: redrawn on a terminal, written now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>

#include "bulkmsg/engine.hpp"

namespace cli {

class progress {
 public:
  // Writes to stderr, so that stdout stays what a script can read. `quiet`: writes nothing.
  explicit progress(bool quiet);
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  // Call as often as you like; it redraws five times a second, elsewhere writes a line every two seconds.
  void sending(const bulkmsg::campaign_status& now);
  void lingering(const bulkmsg::campaign_status& now, std::chrono::milliseconds left);

  // Takes the line away, so that what is printed next stands alone.
  void clear();

 private:
  using clock = std::chrono::steady_clock;
  struct sample {
    clock::time_point at;
    std::int64_t settled;
  };
  // Messages a second over the last few seconds.
  double rate(clock::time_point now, std::int64_t settled);
  bool due(clock::time_point now);
  void write(std::string line);

  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  clock::time_point next_;
  std::deque<sample> samples_;
};

}  // namespace cli
