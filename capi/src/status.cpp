// Version, status codes, error objects, texts; and the pins that keep the C constants and their C++ twins the same.
#include <cstddef>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "bulkmsg/version.hpp"
#include "guard.hpp"

// Every code with its C constant and a sentence for bulkmsg_status_message().
#define BULKMSG_STATUSES(X)                                                                                       \
  X(invalid_argument, INVALID_ARGUMENT, "an argument is NULL or out of its stated range")                         \
  X(wrong_state, WRONG_STATE, "the object is in a state that does not allow this")                                \
  X(not_found, NOT_FOUND, "there is no object with this id or name")                                              \
  X(conflict, CONFLICT, "the same key was used before with other contents")                                       \
  X(closed, CLOSED, "the engine was closed")                                                                      \
  X(forked, FORKED, "the handle comes from before fork(); open a new one in the child")                           \
  X(unknown_option, UNKNOWN_OPTION, "there is no option of this name")                                            \
  X(bad_option_value, BAD_OPTION_VALUE, "the option's value is missing, malformed or out of range")               \
  X(read_only, READ_ONLY, "the store is open for reading; open it in mode \"run\"")                               \
  X(secret_missing, SECRET_MISSING, "the named secret (env:NAME, file:PATH) has no value")                        \
  X(file_unreadable, FILE_UNREADABLE, "the file is missing or may not be read")                                   \
  X(csv_empty, CSV_EMPTY, "the list has not even a header row")                                                   \
  X(csv_no_phone_column, CSV_NO_PHONE_COLUMN, "the header row has no phone_number")                               \
  X(csv_bad_header, CSV_BAD_HEADER, "the header row has an empty or repeated column name")                        \
  X(text_not_utf8, TEXT_NOT_UTF8, "the text has bytes that are not UTF-8")                                        \
  X(row_too_long, ROW_TOO_LONG, "the row is longer than allowed")                                                 \
  X(row_has_extra_cells, ROW_HAS_EXTRA_CELLS, "the row has more cells than there are columns")                    \
  X(row_has_missing_cells, ROW_HAS_MISSING_CELLS, "the row has fewer cells than there are columns")               \
  X(csv_unclosed_quote, CSV_UNCLOSED_QUOTE, "a quoted field never ends")                                          \
  X(phone_missing, PHONE_MISSING, "the phone number is empty")                                                    \
  X(phone_has_letters, PHONE_HAS_LETTERS, "the phone number has characters that are not digits")                  \
  X(phone_too_short, PHONE_TOO_SHORT, "the phone number has too few digits for its country")                      \
  X(phone_too_long, PHONE_TOO_LONG, "the phone number has too many digits for its country")                       \
  X(phone_unknown_country, PHONE_UNKNOWN_COUNTRY, "the phone number has no known country code")                   \
  X(phone_needs_country, PHONE_NEEDS_COUNTRY, "the number is a national one, and no default region was given")    \
  X(address_malformed, ADDRESS_MALFORMED, "the address is not of the form that its column or prefix says")        \
  X(address_not_for_channel, ADDRESS_NOT_FOR_CHANNEL, "the sender's channel cannot reach this kind of address")   \
  X(row_malformed, ROW_MALFORMED, "a JSON recipient is not an object of plain values")                            \
  X(duplicate_recipient, DUPLICATE_RECIPIENT, "the recipient is in the list already")                             \
  X(recipient_suppressed, RECIPIENT_SUPPRESSED, "this person is not to be written to")                            \
  X(consent_missing, CONSENT_MISSING, "marketing needs consent, and none is known")                               \
  X(recipient_for_tests, RECIPIENT_FOR_TESTS, "a test or sandbox contact")                                        \
  X(window_closed, WINDOW_CLOSED, "free-form content outside the customer service window")                        \
  X(parameter_missing, PARAMETER_MISSING, "the row lacks a value that the template needs")                        \
  X(parameter_not_allowed, PARAMETER_NOT_ALLOWED, "the value has characters that may not be sent")                \
  X(parameter_too_long, PARAMETER_TOO_LONG, "the filled-in text would pass the provider's limit")                 \
  X(column_missing, COLUMN_MISSING, "the template needs a column that the list does not have")                    \
  X(template_malformed, TEMPLATE_MALFORMED, "the text is not the provider's template JSON")                       \
  X(template_not_approved, TEMPLATE_NOT_APPROVED, "only APPROVED templates are sent")                             \
  X(template_not_supported, TEMPLATE_NOT_SUPPORTED, "the template has a component that this version cannot fill") \
  X(message_malformed, MESSAGE_MALFORMED, "the message is not of a known type, or a field is wrong")              \
  X(content_blocked, CONTENT_BLOCKED, "the content check found a word or link that is not to be sent")            \
  X(json_malformed, JSON_MALFORMED, "the text is not the JSON expected here")                                     \
  X(segment_malformed, SEGMENT_MALFORMED, "a segment's condition is malformed")                                   \
  X(channel_malformed, CHANNEL_MALFORMED, "the channel description is malformed")                                 \
  X(attribute_mismatch, ATTRIBUTE_MISMATCH, "a contact's attribute is of another type than declared")             \
  X(signature_mismatch, SIGNATURE_MISMATCH, "the webhook's signature does not match")                             \
  X(too_large, TOO_LARGE, "the input is larger than allowed")                                                     \
  X(media_not_supported, MEDIA_NOT_SUPPORTED, "the provider does not take this file as this kind of media")       \
  X(credits_short, CREDITS_SHORT, "there are not enough credits")                                                 \
  X(queue_full, QUEUE_FULL, "a bounded queue is full; try again when it has drained")                             \
  X(rate_limited, RATE_LIMITED, "a limit does not allow this now")                                                \
  X(connect_failed, CONNECT_FAILED, "the connection could not be made; nothing was sent")                         \
  X(tls_failed, TLS_FAILED, "the certificate was not accepted or the handshake failed; nothing was sent")         \
  X(timed_out, TIMED_OUT, "a deadline passed")                                                                    \
  X(connection_lost, CONNECTION_LOST, "the connection was closed or reset")                                       \
  X(provider_refused, PROVIDER_REFUSED, "the provider refused; its own code says why")                            \
  X(provider_unreadable, PROVIDER_UNREADABLE, "the provider's answer proves nothing")                             \
  X(token_rejected, TOKEN_REJECTED, "the access token is wrong or expired")                                       \
  X(store_failed, STORE_FAILED, "the store could not be read or written")                                         \
  X(store_newer, STORE_NEWER, "the store was written by a newer bulkmsg")                                         \
  X(store_in_use, STORE_IN_USE, "another process runs this store")                                                \
  X(store_foreign, STORE_FOREIGN, "the file is not a bulkmsg store")                                              \
  X(store_corrupt, STORE_CORRUPT, "the store's contents contradict each other")                                   \
  X(internal, INTERNAL, "a bug in bulkmsg; please report it")                                                     \
  X(out_of_memory, OUT_OF_MEMORY, "there was not enough memory; nothing was done")

namespace bulkmsg::capi {

namespace {

#define BULKMSG_PIN(cpp_name, c_name, sentence) \
  static_assert(static_cast<bulkmsg_status>(errc::cpp_name) == BULKMSG_E_##c_name);
BULKMSG_STATUSES(BULKMSG_PIN)
#undef BULKMSG_PIN

static_assert(BULKMSG_VERSION_NUMBER ==
              (BULKMSG_VERSION_MAJOR << 16 | BULKMSG_VERSION_MINOR << 8 | BULKMSG_VERSION_PATCH));

template <class Enum>
constexpr bool is(Enum value, int number) {
  return static_cast<int>(value) == number;
}
static_assert(is(campaign_state::draft, BULKMSG_CAMPAIGN_DRAFT));
static_assert(is(campaign_state::scheduled, BULKMSG_CAMPAIGN_SCHEDULED));
static_assert(is(campaign_state::starting, BULKMSG_CAMPAIGN_STARTING));
static_assert(is(campaign_state::sending, BULKMSG_CAMPAIGN_SENDING));
static_assert(is(campaign_state::paused, BULKMSG_CAMPAIGN_PAUSED));
static_assert(is(campaign_state::completed, BULKMSG_CAMPAIGN_COMPLETED));
static_assert(is(campaign_state::stopped, BULKMSG_CAMPAIGN_STOPPED));
static_assert(is(campaign_state::failed, BULKMSG_CAMPAIGN_FAILED));
static_assert(is(message_state::queued, BULKMSG_MESSAGE_QUEUED));
static_assert(is(message_state::retry, BULKMSG_MESSAGE_RETRY));
static_assert(is(message_state::accepted, BULKMSG_MESSAGE_ACCEPTED));
static_assert(is(message_state::refused, BULKMSG_MESSAGE_REFUSED));
static_assert(is(message_state::unconfirmed, BULKMSG_MESSAGE_UNCONFIRMED));
static_assert(is(message_state::skipped, BULKMSG_MESSAGE_SKIPPED));
static_assert(is(message_state::attempting, BULKMSG_MESSAGE_ATTEMPTING));
static_assert(is(receipt_rank::none, BULKMSG_RECEIPT_NONE));
static_assert(is(receipt_rank::sent, BULKMSG_RECEIPT_SENT));
static_assert(is(receipt_rank::failed, BULKMSG_RECEIPT_FAILED));
static_assert(is(receipt_rank::delivered, BULKMSG_RECEIPT_DELIVERED));
static_assert(is(receipt_rank::read, BULKMSG_RECEIPT_READ));
static_assert(is(event_kind::campaign_changed, BULKMSG_EVENT_CAMPAIGN_CHANGED));
static_assert(is(event_kind::reply, BULKMSG_EVENT_REPLY));
static_assert(is(event_kind::message, BULKMSG_EVENT_MESSAGE));
static_assert(is(event_kind::resync, BULKMSG_EVENT_RESYNC));
static_assert(is(event_kind::opt_out, BULKMSG_EVENT_OPT_OUT));
static_assert(is(event_kind::notice, BULKMSG_EVENT_NOTICE));

static_assert(sizeof(bulkmsg_event) == 64 && alignof(bulkmsg_event) == 8);
static_assert(offsetof(bulkmsg_event, id) == 0 && offsetof(bulkmsg_event, campaign) == 8);
static_assert(offsetof(bulkmsg_event, message) == 16 && offsetof(bulkmsg_event, at_unix_ms) == 24);
static_assert(offsetof(bulkmsg_event, kind) == 32 && offsetof(bulkmsg_event, state) == 36);
static_assert(offsetof(bulkmsg_event, receipt) == 40 && offsetof(bulkmsg_event, code) == 44);
static_assert(offsetof(bulkmsg_event, reserved) == 48);

// No default branch: the compiler names a code that is missing above.
const char* sentence(errc code) noexcept {
  switch (code) {
    case errc::ok:
      return "success";
#define BULKMSG_SENTENCE(cpp_name, c_name, sentence) \
  case errc::cpp_name:                               \
    return sentence;
      BULKMSG_STATUSES(BULKMSG_SENTENCE)
#undef BULKMSG_SENTENCE
  }
  return "a code that this version does not know";
}

bool worth_retrying(const bulkmsg::error& e) noexcept {
  switch (e.code) {
    case errc::queue_full:
    case errc::rate_limited:
    case errc::connect_failed:
    case errc::timed_out:
    case errc::connection_lost:
    case errc::provider_unreadable:
    case errc::store_in_use:
    case errc::out_of_memory:
      return true;
    default:
      return e.retry_after_ms > 0;
  }
}

const char* borrow(const std::string& text, std::size_t* out_len) noexcept {
  if (out_len != nullptr) *out_len = text.size();
  return text.c_str();
}

const char* borrow_nothing(std::size_t* out_len) noexcept {
  if (out_len != nullptr) *out_len = 0;
  return "";
}

}  // namespace

}  // namespace bulkmsg::capi

using namespace bulkmsg::capi;

extern "C" {

uint32_t bulkmsg_version_number(void) { return BULKMSG_VERSION_NUMBER; }

#define BULKMSG_QUOTE_(x) #x
#define BULKMSG_QUOTE(x) BULKMSG_QUOTE_(x)
const char* bulkmsg_version_text(void) {
  return BULKMSG_QUOTE(BULKMSG_VERSION_MAJOR) "." BULKMSG_QUOTE(BULKMSG_VERSION_MINOR) "." BULKMSG_QUOTE(
      BULKMSG_VERSION_PATCH);
}

bulkmsg_status bulkmsg_abi_check(uint32_t version_number, size_t event_size) {
  const bool fits = version_number >> 8 == BULKMSG_VERSION_NUMBER >> 8 && event_size == sizeof(bulkmsg_event);
  return fits ? BULKMSG_OK : BULKMSG_E_INVALID_ARGUMENT;
}

const char* bulkmsg_status_name(bulkmsg_status status) {
  return bulkmsg::name(static_cast<bulkmsg::errc>(status)).data();  // views of literals, so they end in NUL
}

const char* bulkmsg_status_message(bulkmsg_status status) { return sentence(static_cast<bulkmsg::errc>(status)); }

bulkmsg_status bulkmsg_error_code(const bulkmsg_error* error) {
  return error == nullptr ? static_cast<bulkmsg_status>(BULKMSG_E_OUT_OF_MEMORY)
                          : static_cast<bulkmsg_status>(error->value.code);
}

const char* bulkmsg_error_message(const bulkmsg_error* error, size_t* out_len) {
  return error == nullptr ? borrow_nothing(out_len) : borrow(error->value.message, out_len);
}

int32_t bulkmsg_error_retryable(const bulkmsg_error* error) {
  return error == nullptr || worth_retrying(error->value) ? 1 : 0;
}

int64_t bulkmsg_error_retry_after_ms(const bulkmsg_error* error) {
  return error == nullptr ? 0 : error->value.retry_after_ms;
}

int32_t bulkmsg_error_provider_code(const bulkmsg_error* error) {
  return error == nullptr ? 0 : error->value.provider_code;
}

void bulkmsg_error_destroy(bulkmsg_error* error) { delete error; }

const char* bulkmsg_text_data(const bulkmsg_text* text, size_t* out_len) {
  return text == nullptr ? borrow_nothing(out_len) : borrow(text->value, out_len);
}

void bulkmsg_text_destroy(bulkmsg_text* text) { delete text; }

}  // extern "C"
