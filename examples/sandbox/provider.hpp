// The provider without its network: a request in, an answer out, time passed in. Everything the sandbox knows is here.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "limits.hpp"
#include "message_check.hpp"
#include "receipts.hpp"
#include "refusal.hpp"
#include "send_log.hpp"
#include "settings.hpp"
#include "templates.hpp"

namespace sandbox {

struct request {
  std::string_view method;
  std::string_view target;
  std::string_view authorization;
  std::string_view content_type;
  std::string_view host;
  std::string_view body;
  nanos arrived = 0;         // on a steady clock
  std::int64_t unix_ms = 0;  // wall time, for what is shown
};

struct answer {
  enum class delivery {
    whole,
    cut_short,
    reset
  };

  unsigned status = 200;
  std::string_view content_type = "application/json; charset=UTF-8";
  std::string body;
  std::int64_t delay_ms = 0;
  delivery how = delivery::whole;
};

/// What only the server knows, for the statistics.
struct gauges {
  std::uint64_t connections = 0;  // ever opened
  std::uint64_t open = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t malformed = 0;
};

class provider {
 public:
  static constexpr std::size_t most_body = std::size_t{1} << 20;
  static constexpr std::size_t most_media = (std::size_t{100} << 20) + most_body;

  /// Throws std::exception when a template file or the log cannot be used.
  explicit provider(const settings& configured);

  /// Throws only std::system_error, when the log cannot be written: then nothing may be answered any more.
  answer handle(const request& asked);

  /// How large a body this target may have.
  static std::size_t body_limit(std::string_view target);

  receipts& webhooks() { return webhooks_; }
  const std::string& webhook_url() const { return webhook_url_; }
  const faults& misbehaviour() const { return faults_; }
  gauges& measured() { return gauges_; }

 private:
  using query = std::map<std::string, std::string, std::less<>>;

  answer refused(const refusal& why);
  void check_token(const request& asked) const;
  answer route(const request& asked);

  answer post_message(const request& asked, std::string_view id, endpoint where);
  std::string accept(const request& asked, const checked_message& message, std::uint64_t number);
  void check_limits(const request& asked, const checked_message& message, std::uint64_t recipient);
  answer post_media(const request& asked);
  void forget_old_media(std::int64_t unix_ms);
  std::string list_templates(const query& asked, const request& whole);
  std::string phone_number(std::string_view fields) const;

  answer control(const request& asked, std::string_view command, const query& options);
  std::string stats() const;
  void inbound(const request& asked);
  void set_template_status(const request& asked);
  void set_faults(std::string_view body);

  struct media {
    std::string mime_type;
    std::string sha256;
    std::size_t size;
    std::int64_t uploaded_ms;
  };

  settings settings_;
  faults faults_;
  std::string token_;
  std::string webhook_url_;
  template_catalogue catalogue_;
  send_log log_;
  receipts webhooks_;
  simdjson::dom::parser parser_;

  sliding_second arrivals_;
  rate_limit rate_;
  pair_limit pairs_;
  unique_limit unique_;
  absl::flat_hash_map<std::uint64_t, nanos> windows_;  // recipient -> last time it wrote in
  absl::flat_hash_set<std::uint64_t> reached_;
  std::map<std::string, media, std::less<>> media_;  // ids ascend, so the first is the oldest

  std::uint64_t requests_ = 0;
  std::uint64_t token_uses_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t traces_ = 0;
  std::uint64_t inbound_ = 0;
  std::uint64_t dropped_before_ = 0;
  std::uint64_t dropped_after_ = 0;
  std::uint64_t answered_502_ = 0;
  std::uint64_t answered_503_ = 0;
  std::uint64_t truncated_ = 0;
  std::map<int, std::uint64_t> refused_;
  gauges gauges_;
};

}  // namespace sandbox
