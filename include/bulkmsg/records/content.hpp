// What messages are made of: the provider's templates as last fetched, own messages, and looks at them without a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/preview.hpp"

namespace bulkmsg {

// One of the provider's templates as last fetched, whatever its state.
struct template_info {
  template_id id = {};      // its words: what a campaign is made of
  std::int64_t number = 0;  // the place to page on from
  std::string business_account_id = {}, provider_id = {}, name = {}, language = {};
  std::string status = {};  // the provider's word; only APPROVED ones can be sent
  std::string category = {}, quality = {}, parameter_format = {};
  std::string rejected_reason = {};  // the provider's, may be empty
  std::string json = {};             // as put_template() takes it; says APPROVED whatever `status` is
  bool gone = false;                 // no longer listed by the provider
  std::int64_t fetched_at_ms = 0;    // Unix
};

struct template_filter {
  std::string business_account_id = {}, name = {}, language = {}, status = {};  // empty: any
  bool gone = false;                                                            // also those that are gone
  std::int64_t after = 0;                                                       // paging: those with a larger `number`
  std::size_t limit = 100;                                                      // 1..10,000
};

// What a fetch found, against what was known.
struct template_report {
  std::int64_t added = 0;
  std::int64_t changed = 0;  // words, status, category or quality; or it was gone
  std::int64_t unchanged = 0;
  std::int64_t gone = 0;           // newly so
  std::int64_t paused = 0;         // campaigns that were sending what is now changed, gone or not approved
  std::int64_t fetched_at_ms = 0;  // Unix
  bool asked = true;               // false: what was known is young enough, the provider was not asked
};

// An own message as put_message() keeps it.
struct saved_message {
  template_id id = {};
  std::string name = {};
  std::string json = {};
};

// The CSV to fill in for one entry of the provider's message_templates, or for an own message: the header row that it
// needs, and an example row. mapping: as in campaign_settings. Errors: template_*, message_malformed.
[[nodiscard]] result<std::string> template_csv(std::string_view json,
                                               const std::vector<std::pair<std::string, std::string>>& mapping = {});

// A preview without a store: of a template's or an own message's JSON, filled with one row of a file. `mapping` as in
// campaign_settings. Errors: those of compiling; the row's own problem (parameter_missing ...) with its column.
[[nodiscard]] result<content::card> preview_content(std::string_view json, std::span<const std::string> columns,
                                                    std::span<const std::string_view> cells,
                                                    std::span<const std::pair<std::string, std::string>> mapping = {});

}  // namespace bulkmsg
