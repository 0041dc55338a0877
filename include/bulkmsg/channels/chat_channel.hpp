// A described chat platform as a channel. Costs a simdjson include.
//
//   auto described = parse_chat_description(text);
//   auto channel = chat_channel::make(*described, "chat.example.com", token);
#pragma once

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/channels/channel.hpp"
#include "bulkmsg/channels/chat.hpp"
#include "bulkmsg/channels/http_text.hpp"
#include "bulkmsg/channels/kept_parser.hpp"
#include "bulkmsg/content/template.hpp"

namespace bulkmsg::channels {

class chat_channel final : public channel {
 public:
  // host: for the Host header, with `:port` when it is not the default. Errors: secret_missing (the description wants a
  // token and there is none), invalid_argument (host or token could not stand where they must). The token is never in
  // a message.
  static result<std::unique_ptr<chat_channel>> make(chat_description description, std::string_view host,
                                                    std::string_view token) {
    if (!head_safe(host) || host.find('/') != std::string_view::npos) {
      return fail(errc::invalid_argument, "sender: 'host' must be a host name with an optional :port");
    }
    if (description.uses_token()) {
      if (token.empty()) return fail(errc::secret_missing, "sender: the access token is empty");
      if (!head_safe(token))
        return fail(errc::invalid_argument, "sender: the access token has blanks or line breaks in it");
    } else {
      token = {};
    }
    std::unique_ptr<chat_channel> made(new chat_channel(std::move(description), token));
    const auto& d = made->description_;
    bool fits = made->add_head(d.method, d.request.path, host, false);
    for (const auto& [type, to] : d.types) fits = made->add_head(d.method, to.path, host, false) && fits;
    if (!d.health_path.empty()) fits = made->add_head("GET", d.health_path, host, true) && fits;
    if (!fits) {
      return fail(errc::invalid_argument, "sender: the access token goes into the URL of channel '" + d.name +
                                              "' and has characters that cannot stand there");
    }
    return made;
  }

  // Routes: chat_description::endpoint_of.
  void encode(std::string& buffer, const outgoing& m) override {
    buffer.clear();
    append_head(buffer, heads_[m.route], wire_address(m.address), m.callback);
    append_length_and_body(buffer, length_digits_,
                           [&](std::string& out) { m.content.render(out, m.address, m.callback, m.cells); });
  }

  answer classify(int http_status, std::string_view body) override {
    answer read;
    simdjson::dom::element root;
    if (!read_json(body, root)) return read;
    if (http_status >= 200 && http_status < 300 && ok_is(root, true)) {
      read.message_id = words(root, description_.id, id_);
      if (!read.message_id.empty()) {
        read.what = answer::kind::accepted;
        return read;
      }
    }
    read_refusal(root, http_status, read);
    return read;
  }

  [[nodiscard]] bool encode_health(std::string& buffer) const override {
    buffer.clear();
    if (description_.health_path.empty()) return false;
    append_head(buffer, heads_.back(), {}, {});
    return true;
  }

  result<account_health> read_health(int http_status, std::string_view body) override {
    simdjson::dom::element root;
    const bool json = read_json(body, root);
    if (json && http_status >= 200 && http_status < 300 && ok_is(root, true)) {
      return account_health{.name = std::string(words(root, description_.health_name, id_)), .status = "answers"};
    }
    answer read;
    if (json) read_refusal(root, http_status, read);
    const bool refused = read.what == answer::kind::refused;
    if (http_status == 401 || (refused && read.next == action::pause_account)) {
      return fail(error{errc::token_rejected, said(read) + "; set a new access token", read.provider_code, 0});
    }
    if (refused) return fail(error{errc::provider_refused, said(read), read.provider_code, 0});
    return fail(errc::provider_unreadable, "provider: HTTP " + std::to_string(http_status) +
                                               " with a body that is not what channel '" + description_.name +
                                               "' describes; check the address of the API");
  }

  [[nodiscard]] std::string without_token(std::string_view text) const override { return without_secret(text, token_); }

 private:
  enum class hole : std::uint8_t {
    none,
    address,
    callback
  };
  // Fixed bytes of a request head, and what is filled in after them.
  struct piece {
    std::string fixed;
    hole then = hole::none;
  };
  using head = std::vector<piece>;

  static constexpr std::string_view unreserved = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

  chat_channel(chat_description description, std::string_view token)
      : description_(std::move(description)), token_(token) {}

  // False: the token cannot stand in the path.
  bool add_head(std::string_view method, std::string_view path, std::string_view host, bool empty_body) {
    head made(1);
    bool fits = true;
    const auto add = [&](std::string_view text, bool in_path) {
      for (const auto& each : content::split_variables(text)) {
        made.back().fixed += each.fixed;
        if (each.variable == "token") {
          fits = fits && !(in_path && token_.find_first_not_of(std::string(unreserved) + ':') != std::string::npos);
          made.back().fixed += token_;
        } else if (!each.variable.empty()) {
          made.back().then = each.variable == "address" ? hole::address : hole::callback;
          made.emplace_back();
        }
      }
    };
    made.back().fixed.append(method).append(" ");
    add(path, true);
    made.back().fixed.append(" HTTP/1.1\r\nHost: ").append(host).append("\r\n");
    for (const auto& [key, value] : description_.headers) {
      if (empty_body && value.find("{{callback}}") != std::string::npos) continue;  // names a message; there is none
      made.back().fixed.append(key).append(": ");
      add(value, false);
      made.back().fixed.append("\r\n");
    }
    made.back().fixed += empty_body ? "\r\n" : "Content-Type: application/json\r\nContent-Length: ";
    heads_.push_back(std::move(made));
    return fits;
  }

  static void append_head(std::string& out, const head& from, std::string_view address, std::string_view callback) {
    for (const auto& p : from) {
      out.append(p.fixed);
      if (p.then == hole::callback) out.append(callback);
      if (p.then != hole::address) continue;
      for (const char c : address) {
        constexpr std::string_view hex = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        if (unreserved.find(c) != std::string_view::npos) {
          out.push_back(c);
        } else {
          out.append({'%', hex[byte >> 4], hex[byte & 15]});
        }
      }
    }
  }

  bool read_json(std::string_view body, simdjson::dom::element& root) {
    return !body.empty() && parser_.parse(body).get(root) == simdjson::SUCCESS;
  }

  // Without a described flag the status alone tells.
  [[nodiscard]] bool ok_is(simdjson::dom::element root, bool wanted) const noexcept {
    bool told = false;
    return description_.ok.empty() ||
           (root.at_pointer(description_.ok).get(told) == simdjson::SUCCESS && told == wanted);
  }

  // A string, or a whole number as text (kept in `number`); empty when it is neither.
  static std::string_view words(simdjson::dom::element root, const std::string& at, std::string& number) {
    simdjson::dom::element value;
    if (at.empty() || root.at_pointer(at).get(value) != simdjson::SUCCESS) return {};
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) return text;
    if (std::int64_t n = 0; value.get(n) == simdjson::SUCCESS) return number = std::to_string(n);
    if (std::uint64_t n = 0; value.get(n) == simdjson::SUCCESS) return number = std::to_string(n);
    return {};
  }

  // Proved only when all that the description says of an error is there, at a status that it names.
  void read_refusal(simdjson::dom::element root, int http_status, answer& read) {
    const auto& d = description_;
    const bool named =
        std::find(d.refusal_statuses.begin(), d.refusal_statuses.end(), http_status) != d.refusal_statuses.end();
    if (!named || !ok_is(root, false)) return;
    const auto code = words(root, d.error_code, code_);
    const auto text = words(root, d.error_text, text_);
    if ((!d.error_code.empty() && code.empty()) || (!d.error_text.empty() && text.empty())) return;
    read.what = answer::kind::refused;
    read.message_id = {};
    const auto [end, problem] = std::from_chars(code.data(), code.data() + code.size(), read.provider_code);
    if (code.empty() || problem != std::errc() || end != code.data() + code.size()) read.provider_code = http_status;
    read.title = text.empty() ? code : text;
    read.next = http_status == 429 ? action::slow : d.otherwise;
    for (const auto& rule : d.actions) {
      if ((rule.status != 0 && rule.status != http_status) || (!rule.code.empty() && rule.code != code) ||
          text.find(rule.text) == std::string_view::npos) {
        continue;
      }
      read.next = rule.what;
      break;
    }
    read.retry_after = seconds(root, d.retry_after_s);
  }

  static nanoseconds_t seconds(simdjson::dom::element root, const std::string& at) {
    constexpr double a_day = 24 * 3600;
    double told = 0;
    if (at.empty() || root.at_pointer(at).get(told) != simdjson::SUCCESS || !(told > 0)) return 0;
    return static_cast<nanoseconds_t>(std::min(told, a_day) * static_cast<double>(second));
  }

  [[nodiscard]] static std::string said(const answer& read) {
    return "provider: " + std::string(read.title.empty() ? "refused" : read.title) + " (code " +
           std::to_string(read.provider_code) + ")";
  }

  chat_description description_;
  std::string token_;
  std::vector<head> heads_;  // by route; the last one asks for health, when that is described
  std::size_t length_digits_ = 3;
  kept_parser parser_;
  std::string id_, code_, text_;
};

}  // namespace bulkmsg::channels
