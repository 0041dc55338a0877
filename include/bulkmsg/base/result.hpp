// Errors as values: every expected failure in bulkmsg is a `result<T>` holding an `error`.
//
//   result<campaign_id> id = engine.create_campaign(settings);
//   if (!id) report(id.error().message);      // "what, where, what to do" in one line
//
// Exceptions are left to programmer errors and memory exhaustion; none crosses the C ABI.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace bulkmsg {

// The number is the contract: the C ABI shows the same ones, and none is ever reused.
// A range tells what to do: 1xxx change the call, 2xxx fix the input, 3xxx wait or buy, 4xxx the network (retry later),
// 5xxx the provider said no, 6xxx the store, 9xxx a bug or no memory. New codes may appear: keep a default branch.
enum class errc : std::int32_t {
  ok = 0,

  invalid_argument = 1001,  // an argument is out of its stated range
  wrong_state = 1002,       // the object is in a state that does not allow this (the message names both)
  not_found = 1003,         // no object with this id or name
  conflict = 1004,          // the same client-made id with other contents
  closed = 1005,            // the engine was closed
  forked = 1006,            // the handle comes from before fork(); open a new one in the child
  unknown_option = 1007,    // no option of this name
  bad_option_value = 1008,  // the option's value is malformed or out of range
  read_only = 1009,         // the store is open for reading; open it in mode `run`
  secret_missing = 1010,    // the named secret (env:NAME, file:PATH) has no value

  file_unreadable = 2001,        // missing file or no permission
  csv_empty = 2002,              // not even a header row
  csv_no_phone_column = 2003,    // the header row has no `phone_number`
  csv_bad_header = 2004,         // an empty or repeated column name
  text_not_utf8 = 2005,          // bytes that are not UTF-8
  row_too_long = 2006,           // a row over the bound
  row_has_extra_cells = 2007,    // more cells than columns
  row_has_missing_cells = 2008,  // fewer cells than columns
  csv_unclosed_quote = 2009,     // a quoted field that never ends
  phone_missing = 2010,
  phone_has_letters = 2011,
  phone_too_short = 2012,
  phone_too_long = 2013,
  phone_unknown_country = 2014,
  phone_needs_country = 2015,      // a national number, and no default region was given
  address_malformed = 2016,        // not an address of the form that its column or prefix says
  address_not_for_channel = 2017,  // the sender's channel cannot reach this kind of address
  row_malformed = 2018,            // a JSON recipient that is not an object of plain values
  duplicate_recipient = 2020,
  recipient_suppressed = 2021,    // this person is not to be written to
  consent_missing = 2022,         // marketing needs consent, and none is known
  recipient_for_tests = 2023,     // a test or sandbox contact
  window_closed = 2024,           // free-form content outside the customer service window
  parameter_missing = 2030,       // the row lacks a value the template needs
  parameter_not_allowed = 2031,   // a newline, tab, over four blanks in a row, a control character
  parameter_too_long = 2032,      // the filled-in component would pass the provider's limit
  column_missing = 2033,          // the template needs a column the file does not have
  template_malformed = 2040,      // not the provider's template JSON
  template_not_approved = 2041,   // only APPROVED templates are sent
  template_not_supported = 2042,  // a component this version cannot fill
  message_malformed = 2043,       // not a message of a known type; the error points at the field
  content_blocked = 2044,         // the content check found a word or link that is not to be sent
  json_malformed = 2050,
  segment_malformed = 2051,    // the error points at the condition
  channel_malformed = 2052,    // the error points at the field of the channel description
  attribute_mismatch = 2053,   // a contact's attribute of another type than declared
  signature_mismatch = 2060,   // a webhook whose HMAC does not match
  too_large = 2061,            // an input over its stated bound
  media_not_supported = 2062,  // a file the provider does not take as this kind of media

  credits_short = 3001,  // not enough credits; the message says how many are missing
  queue_full = 3002,     // a bounded queue is full; retry when it has drained
  rate_limited = 3003,   // no permit now; `retry_after_ms` says when

  connect_failed = 4001,   // nothing was sent
  tls_failed = 4002,       // certificate not accepted, or handshake failed; nothing was sent
  timed_out = 4003,        // a deadline passed; the request may have gone
  connection_lost = 4004,  // closed or reset; the request may have gone

  provider_refused = 5001,     // a complete error envelope; `provider_code` holds its code
  provider_unreadable = 5002,  // an answer that proves nothing (HTML, empty, truncated)
  token_rejected = 5003,       // the access token is wrong or expired

  store_failed = 6001,   // SQLite said no (disk full, I/O error, ...)
  store_newer = 6002,    // written by a newer bulkmsg
  store_in_use = 6003,   // another process runs this store
  store_foreign = 6004,  // the file is not a bulkmsg store
  store_corrupt = 6005,

  internal = 9001,  // a bug in bulkmsg; please report it
  out_of_memory = 9002,
};

// The code's name as written above, a static string; "unknown" for numbers this version does not know.
[[nodiscard]] constexpr std::string_view name(errc code) noexcept;

struct error {
  errc code = errc::internal;
  std::string message;              // one line: what, where, what to do; never holds a secret
  std::int32_t provider_code = 0;   // the provider's own code, 0 where none
  std::int64_t retry_after_ms = 0;  // 0: unknown or not worth retrying
};

template <class T>
using result = tl::expected<T, error>;

[[nodiscard]] inline tl::unexpected<error> fail(errc code, std::string message) {
  return tl::unexpected<error>(error{code, std::move(message), 0, 0});
}

[[nodiscard]] inline tl::unexpected<error> fail(error e) { return tl::unexpected<error>(std::move(e)); }

constexpr std::string_view name(errc code) noexcept {
  switch (code) {
#define BULKMSG_NAME(x) \
  case errc::x:         \
    return #x;
    BULKMSG_NAME(ok)
    BULKMSG_NAME(invalid_argument)
    BULKMSG_NAME(wrong_state)
    BULKMSG_NAME(not_found)
    BULKMSG_NAME(conflict)
    BULKMSG_NAME(closed)
    BULKMSG_NAME(forked)
    BULKMSG_NAME(unknown_option)
    BULKMSG_NAME(bad_option_value)
    BULKMSG_NAME(read_only)
    BULKMSG_NAME(secret_missing)
    BULKMSG_NAME(file_unreadable)
    BULKMSG_NAME(csv_empty)
    BULKMSG_NAME(csv_no_phone_column)
    BULKMSG_NAME(csv_bad_header)
    BULKMSG_NAME(text_not_utf8)
    BULKMSG_NAME(row_too_long)
    BULKMSG_NAME(row_has_extra_cells)
    BULKMSG_NAME(row_has_missing_cells)
    BULKMSG_NAME(csv_unclosed_quote)
    BULKMSG_NAME(phone_missing)
    BULKMSG_NAME(phone_has_letters)
    BULKMSG_NAME(phone_too_short)
    BULKMSG_NAME(phone_too_long)
    BULKMSG_NAME(phone_unknown_country)
    BULKMSG_NAME(phone_needs_country)
    BULKMSG_NAME(address_malformed)
    BULKMSG_NAME(address_not_for_channel)
    BULKMSG_NAME(row_malformed)
    BULKMSG_NAME(duplicate_recipient)
    BULKMSG_NAME(recipient_suppressed)
    BULKMSG_NAME(consent_missing)
    BULKMSG_NAME(recipient_for_tests)
    BULKMSG_NAME(window_closed)
    BULKMSG_NAME(parameter_missing)
    BULKMSG_NAME(parameter_not_allowed)
    BULKMSG_NAME(parameter_too_long)
    BULKMSG_NAME(column_missing)
    BULKMSG_NAME(template_malformed)
    BULKMSG_NAME(template_not_approved)
    BULKMSG_NAME(template_not_supported)
    BULKMSG_NAME(message_malformed)
    BULKMSG_NAME(content_blocked)
    BULKMSG_NAME(json_malformed)
    BULKMSG_NAME(segment_malformed)
    BULKMSG_NAME(channel_malformed)
    BULKMSG_NAME(attribute_mismatch)
    BULKMSG_NAME(signature_mismatch)
    BULKMSG_NAME(too_large)
    BULKMSG_NAME(media_not_supported)
    BULKMSG_NAME(credits_short)
    BULKMSG_NAME(queue_full)
    BULKMSG_NAME(rate_limited)
    BULKMSG_NAME(connect_failed)
    BULKMSG_NAME(tls_failed)
    BULKMSG_NAME(timed_out)
    BULKMSG_NAME(connection_lost)
    BULKMSG_NAME(provider_refused)
    BULKMSG_NAME(provider_unreadable)
    BULKMSG_NAME(token_rejected)
    BULKMSG_NAME(store_failed)
    BULKMSG_NAME(store_newer)
    BULKMSG_NAME(store_in_use)
    BULKMSG_NAME(store_foreign)
    BULKMSG_NAME(store_corrupt)
    BULKMSG_NAME(internal)
    BULKMSG_NAME(out_of_memory)
#undef BULKMSG_NAME
  }
  return "unknown";
}

}  // namespace bulkmsg
