// Everything the command line can set, as plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faults.hpp"

namespace sandbox {

struct settings {
  std::string listen_host = "127.0.0.1";
  std::uint16_t listen_port = 0;
  std::string port_file;
  std::string tls_cert;
  std::string tls_key;

  std::string token = "sandbox-token";
  std::string app_secret = "sandbox-secret";
  std::string phone_number_id = "106540352242922";
  std::string waba_id = "102290129340398";
  std::string display_phone_number = "15550783881";
  std::vector<std::string> template_files;

  std::uint64_t seed = 1;
  std::uint64_t expire_token_after = 0;  // 0: never
  std::uint32_t rate = 0;                // messages per second, 0: no limit
  int throttle_status = 400;
  bool pair_limit = false;
  std::uint32_t unique_limit = 0;  // recipients per 24 h, 0: no limit
  bool strict_window = false;

  std::string webhook_url;
  std::uint32_t webhook_batch = 50;
  std::uint32_t webhook_connections = 4;
  std::uint32_t webhook_attempts = 100;

  std::string log_file;
  bool minimal = false;
  faults misbehaviour;
};

}  // namespace sandbox
