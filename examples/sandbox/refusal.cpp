#include "refusal.hpp"

#include "crypto.hpp"
#include "json_text.hpp"

namespace sandbox {
namespace {

constexpr error_kind kinds[] = {
    {0, 401, "AuthException"},
    {1, 400, "API Unknown"},
    {2, 503, "API Service"},
    {3, 500, "API Method"},
    {4, 400, "API Too Many Calls"},
    {10, 403, "Permission Denied"},
    {17, 400, "User request limit reached"},
    {32, 403, "Page request limit reached"},
    {33, 400, "Parameter value is not valid"},
    {100, 400, "Invalid parameter"},
    {190, 401, "Error validating access token"},
    {368, 403, "Temporarily blocked for policies violations"},
    {613, 400, "Calls to this api have exceeded the rate limit."},
    {2500, 400, "Unknown path components"},
    {80007, 400, "Rate limit issues"},
    {80008, 400, "There have been too many calls to this WhatsApp Business account"},
    {130403, 403, "Business has blocked this user"},
    {130429, 400, "Rate limit hit"},
    {130472, 400, "User's number is part of an experiment"},
    {130497, 403, "Business account is restricted from messaging users in this country."},
    {131000, 500, "Something went wrong"},
    {131005, 403, "Access denied"},
    {131008, 400, "Required parameter is missing"},
    {131009, 400, "Parameter value is not valid"},
    {131016, 500, "Service unavailable"},
    {131021, 400, "Recipient cannot be sender"},
    {131026, 400, "Message undeliverable"},
    {131030, 400, "Recipient phone number not in allowed list"},
    {131031, 403, "Account has been locked"},
    {131037, 400, "Display name approval needed"},
    {131042, 400, "Business eligibility payment issue"},
    {131045, 500, "Incorrect certificate"},
    {131047, 400, "Re-engagement message"},
    {131048, 400, "Spam rate limit hit"},
    {131049, 400, "Meta chose not to deliver."},
    {131050, 400, "User has stopped marketing messages from this business"},
    {131051, 400, "Unsupported message type"},
    {131052, 400, "Media download error"},
    {131053, 400, "Media upload error"},
    {131055, 400, "Only marketing templates are supported on this endpoint"},
    {131056, 400, "(Business Account, Consumer Account) pair rate limit hit"},
    {131057, 500, "Account in maintenance mode"},
    {131059, 400, "Invalid paging cursor"},
    {131062, 400, "Message type not supported for this recipient id"},
    {131063, 400, "Marketing messages are turned off on Cloud API"},
    {131064, 400, "Limited for template mis-categorisation"},
    {131208, 429, "Group rate limit hit"},
    {132000, 400, "Number of parameters does not match the expected number of params"},
    {132001, 404, "Template name does not exist in the translation"},
    {132005, 400, "Translated text too long"},
    {132007, 400, "Template format character policy violated"},
    {132008, 400, "Template parameter value is not valid"},
    {132012, 400, "Parameter format does not match format in the created template"},
    {132015, 400, "Template is paused"},
    {132016, 400, "Template is disabled"},
    {132018, 400, "Template parameters failed validation"},
    {132068, 400, "Flow is blocked"},
    {132069, 400, "Flow is throttled"},
    {133000, 500, "Incomplete deregistration"},
    {133004, 503, "Server temporarily unavailable"},
    {133010, 400, "Phone number not registered"},
    {134011, 400, "WhatsApp Pay terms of service not accepted"},
    {134100, 400, "Only marketing messages are supported"},
    {134101, 400, "Template is syncing"},
    {134102, 500, "Template is unavailable"},
    {135000, 400, "Generic user error"},
    {137000, 400, "Recipient identity key hash mismatch"},
};

}  // namespace

error_kind kind_of(int code) {
  for (const auto& kind : kinds) {
    if (kind.code == code) return kind;
  }
  return {code, code >= 200 && code <= 299 ? 403 : 400, "Unknown error"};
}

std::string error_envelope(const refusal& why, std::uint64_t trace) {
  const auto kind = kind_of(why.code);
  const auto number = std::to_string(why.code);
  std::string out = R"({"error":{"message":)";
  append_quoted(out, "(#" + number + ") " + std::string(kind.title));
  out += R"(,"type":"OAuthException","code":)" + number;
  out += R"(,"error_data":{"messaging_product":"whatsapp","details":)";
  append_quoted(out, why.details);
  out += '}';
  if (why.subcode != 0) out += R"(,"error_subcode":)" + std::to_string(why.subcode);
  out += R"(,"fbtrace_id":"A)" + base64_url("sandbox-" + std::to_string(trace)) + "\"}}";
  return out;
}

}  // namespace sandbox
