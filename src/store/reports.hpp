// What people ask a store: status, lists, reasons. Reads only, from any connection.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "bulkmsg/records/campaigns.hpp"
#include "bulkmsg/records/messages.hpp"
#include "bulkmsg/records/reason_count.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

// now_ms: for the rate, 0: not wanted. Throws not_found.
campaign_status read_status(database& db, std::int64_t campaign, std::int64_t now_ms = 0);
// Messages a second of every sender, by name, in campaigns that are sending.
std::map<std::string, double> send_rates(database& db, std::int64_t now_ms);
std::vector<campaign_status> list_campaigns(database& db, const campaign_filter& filter);
std::vector<history_row> list_history(database& db, const history_filter& filter);
std::vector<message_row> list_messages(database& db, std::int64_t campaign, const message_filter& filter);
std::vector<reason_count> count_failed(database& db, std::int64_t campaign);
std::vector<reason_count> count_skipped(database& db, std::int64_t campaign);

}  // namespace bulkmsg::store
