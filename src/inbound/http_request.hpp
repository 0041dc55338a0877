// A request to the receiver: what Beast's parser tells is kept as far as webhooks need it, and bounded; the query of
// the provider's handshake; the words for a status.
#pragma once

#include <algorithm>
#include <array>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "inbound/receiver.hpp"

namespace bulkmsg::inbound {

namespace http = boost::beast::http;

inline constexpr std::size_t signature_bytes_max = 128;  // "sha256=" and 64 digits, with room

struct request {
  http::verb method = http::verb::unknown;
  std::string target;
  std::string signature;
  std::string body;
  bool has_signature = false;
  bool has_host = false;
  bool has_coding = false;
  bool expects_continue = false;
  bool is_1_1 = false;
  int refusal = 0;  // a status that the parser's error stands for
};

// Bodies are counted against a bound over all connections as they come.
class request_parser final : public http::basic_parser<true> {
 public:
  request_parser(const receiver_options& options, request& to, std::size_t& bodies_bytes)
      : options_(options), to_(to), bodies_bytes_(bodies_bytes) {
    header_limit(static_cast<std::uint32_t>(options.head_bytes_max));
    body_limit(options.body_bytes_max);
  }

 private:
  void on_request_impl(http::verb method, boost::beast::string_view, boost::beast::string_view target, int version,
                       boost::system::error_code&) override {
    to_.method = method;
    to_.target.assign(target.data(), target.size());
    to_.is_1_1 = version == 11;
  }
  void on_response_impl(int, boost::beast::string_view, int, boost::system::error_code&) override {}
  void on_field_impl(http::field name, boost::beast::string_view text, boost::beast::string_view value,
                     boost::system::error_code& ec) override {
    if (in_body_) return;  // a trailer may not add a signature after the fact
    if (name == http::field::host) {
      to_.has_host = true;
    } else if (name == http::field::transfer_encoding) {
      to_.has_coding = true;
    } else if (name == http::field::expect) {
      to_.expects_continue = boost::beast::iequals(value, "100-continue");
    } else if (name == http::field::unknown && boost::beast::iequals(text, "X-Hub-Signature-256")) {
      // Two signatures are a riddle, and riddles are how checks get bypassed.
      if (to_.has_signature || value.size() > signature_bytes_max) {
        refuse(400, ec);
        return;
      }
      to_.has_signature = true;
      to_.signature.assign(value.data(), value.size());
    }
  }
  void on_header_impl(boost::system::error_code&) override { in_body_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, boost::system::error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view body, boost::system::error_code& ec) override {
    if (bodies_bytes_ + body.size() > options_.bodies_bytes_max) {
      refuse(503, ec);
      return 0;
    }
    bodies_bytes_ += body.size();
    to_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, boost::system::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body,
                                 boost::system::error_code& ec) override {
    return on_body_impl(body, ec);
  }
  void on_finish_impl(boost::system::error_code&) override {}

  void refuse(int status, boost::system::error_code& ec) {
    to_.refusal = status;
    ec = http::error::bad_value;
  }

  const receiver_options& options_;
  request& to_;
  std::size_t& bodies_bytes_;
  bool in_body_ = false;
};

inline int status_of(const boost::system::error_code& ec) {
  if (ec == http::error::body_limit) return 413;
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) return 431;
  return 400;
}

inline std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return status < 300 ? "OK" : status < 500 ? "Refused" : "Failed";
  }
}

// ---- the handshake: GET ?hub.mode=subscribe&hub.verify_token=...&hub.challenge=... ----

inline std::optional<std::string> url_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      unsigned value = 0;
      if (text.size() - i < 3) return std::nullopt;
      const char* from = text.data() + i + 1;
      const auto [end, bad] = std::from_chars(from, from + 2, value, 16);
      if (bad != std::errc() || end != from + 2) return std::nullopt;
      out += static_cast<char>(value);
      i += 2;
    }
  }
  return out;
}

struct handshake {
  std::string mode, token, challenge;
};

// None when one of the three is missing, or the encoding is broken. The first of several of a name counts.
inline std::optional<handshake> parse_handshake(std::string_view target) {
  std::array<std::optional<std::string>, 3> found;
  static constexpr std::array<std::string_view, 3> names = {"hub.mode", "hub.verify_token", "hub.challenge"};
  const std::size_t question = target.find('?');
  std::string_view query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = url_decoded(pair.substr(0, equals));
    auto value = url_decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return std::nullopt;
    const auto which = std::find(names.begin(), names.end(), *name);
    if (which == names.end()) continue;
    auto& place = found[static_cast<std::size_t>(which - names.begin())];
    if (!place) place = std::move(*value);
  }
  if (!found[0] || !found[1] || !found[2]) return std::nullopt;
  return handshake{std::move(*found[0]), std::move(*found[1]), std::move(*found[2])};
}

}  // namespace bulkmsg::inbound
