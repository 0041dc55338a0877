// Rate tables and what they make of a campaign, for the commands that take --rates.
#pragma once

#include <string>

#include "bulkmsg/credits/rate_table.hpp"
#include "json.hpp"

namespace cli {

bulkmsg::credits::rate_table rates_from(const std::string& path);
json_object estimate_json(const bulkmsg::credits::estimate& cost);
void print_estimate(const bulkmsg::credits::estimate& cost);

}  // namespace cli
