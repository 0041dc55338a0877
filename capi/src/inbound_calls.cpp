// What the provider and people say to us: webhooks, and until when an answer may be free.
#include <cstdint>
#include <string>

#include "bulkmsg/engine.hpp"
#include "engine_handle.hpp"
#include "guard.hpp"
#include "values.hpp"

using namespace bulkmsg::capi;

extern "C" {

bulkmsg_status bulkmsg_webhook_ingest(bulkmsg_engine* engine, const char* body, size_t body_len, const char* signature,
                                      size_t signature_len, bulkmsg_error** err) {
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.ingest(input(body, body_len, "body"), input(signature, signature_len, "signature"));
  });
}

bulkmsg_status bulkmsg_webhook_listen(bulkmsg_engine* engine, const char* address, size_t address_len,
                                      int32_t* out_port, bulkmsg_error** err) {
  clear(out_port);
  return call(engine, err, [&](bulkmsg::engine& e) {
    return e.listen(std::string(input(address, address_len, "address"))).map([&](std::uint16_t port) {
      if (out_port != nullptr) *out_port = port;
    });
  });
}

bulkmsg_status bulkmsg_webhook_handshake(bulkmsg_engine* engine, const char* mode, size_t mode_len, const char* token,
                                         size_t token_len, const char* challenge, size_t challenge_len,
                                         bulkmsg_text** out_body, bulkmsg_error** err) {
  clear(out_body);
  return call(engine, err, [&](bulkmsg::engine& e) {
    needed(out_body, "out_body");
    return e
        .verify(input(mode, mode_len, "mode"), input(token, token_len, "token"),
                input(challenge, challenge_len, "challenge"))
        .map([&](std::string&& body) { give(out_body, std::move(body)); });
  });
}

bulkmsg_status bulkmsg_window_closes(bulkmsg_engine* engine, int64_t sender, const char* address, size_t address_len,
                                     int64_t* out_unix_ms, bulkmsg_error** err) {
  clear(out_unix_ms);
  return call(engine, err, [&](bulkmsg::engine& e) {
    std::int64_t& out = needed(out_unix_ms, "out_unix_ms");
    const bulkmsg::sender_id number{in_range(sender, 0, any_number, "sender")};
    return e.window_closes_at(input(address, address_len, "address"), number).map([&](std::int64_t at) { out = at; });
  });
}

}  // extern "C"
