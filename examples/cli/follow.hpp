// Stays with a campaign until it ends, showing how far it is.
#pragma once

#include <chrono>

#include "bulkmsg/engine.hpp"

namespace cli {

struct follow_options {
  std::chrono::seconds linger{0};
  bool quiet = false;
};

struct ending {
  bulkmsg::campaign_status status;
  bool interrupted = false;  // the person asked; the campaign is paused unless it had already ended
};

// Until the campaign is completed, stopped, failed or paused; Ctrl-C pauses it. Then, when it is completed, up to
// `linger` more while receipts come in: until each sent message is read or undelivered and none is unconfirmed, or
// nothing has come for a quarter of that time.
ending follow(bulkmsg::engine& engine, bulkmsg::campaign_id campaign, const follow_options& how);

}  // namespace cli
