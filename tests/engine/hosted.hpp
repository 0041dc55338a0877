// A host's view of the engine: one store in a folder of its own, a provider on loopback, and nothing but the public
// header in between.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <ostream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/scratch_folder.hpp"
#include "bulkmsg/engine.hpp"
#include "net/test_server.hpp"

namespace bulkmsg {
inline void PrintTo(errc code, std::ostream* to) { *to << name(code); }  // found by GoogleTest
}  // namespace bulkmsg

namespace bulkmsg::testing {

// A deadline for tests that would otherwise hang; nothing waits for it when all is well.
inline constexpr std::chrono::seconds patience{120};

// Values that must be nowhere but in memory and on the wire.
inline const std::string token_value = "EAAGm0PX4ZCpsBAKtokentokentoken";
inline const std::string app_secret_value = "a94f5374fce5edbc8e2a8697c1533167";
inline const std::string verify_token_value = "verify-7e240de74fb1ed08fa08d380";

// Named once, before any thread runs.
inline const bool secrets_are_set = [] {
  ::setenv("BULKMSG_TEST_TOKEN", token_value.c_str(), 1);
  ::setenv("BULKMSG_TEST_APP_SECRET", app_secret_value.c_str(), 1);
  ::setenv("BULKMSG_TEST_VERIFY_TOKEN", verify_token_value.c_str(), 1);
  return true;
}();

// The value, or the end of the test.
template <class T>
T must(result<T> r) {
  if (!r) throw std::runtime_error(std::string(name(r.error().code)) + ": " + r.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}
// The error, which must be there.
template <class T>
error refused(const result<T>& r) {
  if (!r) return r.error();
  ADD_FAILURE() << "nothing was refused";
  return {errc::ok, "", 0, 0};
}
template <class T>
errc code_of(const result<T>& r) {
  return r ? errc::ok : r.error().code;
}

inline std::string sign(const std::string& body, const std::string& secret = app_secret_value) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac;
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac.data(), &size);
  std::string hex = "sha256=";
  for (unsigned int i = 0; i < size; ++i) {
    hex += "0123456789abcdef"[mac[i] >> 4];
    hex += "0123456789abcdef"[mac[i] & 15];
  }
  return hex;
}

inline std::string template_json(const std::string& status = "APPROVED", const std::string& name = "t") {
  return R"({"name":")" + name + R"(","language":"en_US","status":")" + status +
         R"(","category":"UTILITY","components":[{"type":"BODY","text":"Hi {{1}}",)"
         R"("example":{"body_text":[["Ana"]]}}]})";
}
inline std::string number(int n) { return "+1555" + std::to_string(1'000'000 + n); }
// Rows from..from+count-1.
inline std::string csv(int count, int from = 0) {
  std::string text = "phone_number,param1\n";
  for (int i = from; i < from + count; ++i) text += number(i) + ",n" + std::to_string(i) + '\n';
  return text;
}

// One request as the provider got it.
struct request {
  std::string to, key, token, body;
  std::string line;  // "POST /v23.0/... HTTP/1.1"
};
inline std::string field(const std::string& body, const std::string& before, char end = '"') {
  const auto at = body.find(before);
  if (at == std::string::npos) return {};
  const auto from = at + before.size();
  return body.substr(from, body.find(end, from) - from);
}

// A provider that takes what it is sent, and answers as told. `answer` gets the number of the request, from 0.
class provider {
 public:
  using script = std::function<std::string(const request&, int nth)>;
  static std::string http(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
  }
  static std::string accepted(int nth) {
    return http(200, R"({"messages":[{"id":"wamid.)" + std::to_string(nth) + R"("}]})");
  }
  static std::string refused(int code, int status = 400, const std::string& words = "no") {
    return http(status, R"({"error":{"message":")" + words + R"(","type":"OAuthException","code":)" +
                            std::to_string(code) + R"(,"fbtrace_id":"AbC123"}})");
  }

  explicit provider(script answer = [](const request&, int nth) { return accepted(nth); })
      : answer_(std::move(answer)), server_([this](peer& p) { serve(p); }) {}
  ~provider() { let_go(); }

  [[nodiscard]] std::string origin() const { return server_.origin(); }
  std::vector<request> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(requests_.size());
  }
  // True when `n` requests have come.
  bool wait_for(int n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return static_cast<int>(requests_.size()) >= n; });
  }
  // From now on requests get no answer until let_go().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }

 private:
  void serve(peer& p) {
    for (;;) {
      const std::string text = p.request();
      if (text.empty()) return;
      const request r{field(text, R"("to":")"), field(text, R"("biz_opaque_callback_data":")"),
                      field(text, "Authorization: Bearer ", '\r'), text.substr(text.find("\r\n\r\n") + 4),
                      text.substr(0, text.find("\r\n"))};
      std::string answer;
      {
        std::unique_lock lock(mutex_);
        const auto nth = static_cast<int>(requests_.size());
        requests_.push_back(r);
        changed_.notify_all();
        changed_.wait(lock, [this] { return !held_; });
        answer = answer_(r, nth);
      }
      if (answer.empty()) return p.reset();
      if (!p.write(answer)) return;
    }
  }

  script answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<request> requests_;
  bool held_ = false;
  test_server server_;
};

inline sender_settings sender_at(const std::string& origin) {
  return {.name = "shop",
          .origin = origin,
          .phone_number_id = "106540352242922",
          .token = "env:BULKMSG_TEST_TOKEN",
          .app_secret = "env:BULKMSG_TEST_APP_SECRET",
          .verify_token = "env:BULKMSG_TEST_VERIFY_TOKEN",
          .agent = "ana",
          .limits = "1000/s; in-flight=8",
          .connections_max = 8};
}
inline const std::string nowhere = "http://127.0.0.1:9";

// A store, and the engine on it. The sender is there from the first draft on, at `origin`.
class host {
 public:
  explicit host(engine_options options = {.send = false}, std::string at = nowhere) : origin(std::move(at)) {
    open(options);
  }

  engine& open(const engine_options& options = {.send = false}) {
    running.reset();
    running.emplace(must(engine::open(path(), options)));
    return *running;
  }
  void close() { running.reset(); }
  engine* operator->() { return &*running; }
  engine& operator*() { return *running; }
  [[nodiscard]] std::string path() const { return folder.file("store"); }

  // A draft of `count` recipients.
  campaign_id draft(int count, account_id account = {}) {
    if (!sender) sender = must(running->put_sender(sender_at(origin)));
    const auto words = must(running->put_template(template_json()));
    const auto made =
        must(running->create_campaign({.name = "spring", .sender = sender, .content = words, .account = account}));
    if (count > 0) must(running->import_csv_text(made, csv(count)));
    return made;
  }
  campaign_id start(int count, account_id account = {}) {
    const auto made = draft(count, account);
    must(running->start(made));
    return made;
  }
  counters told(campaign_id campaign) { return must(running->status(campaign)).counters; }
  campaign_state state(campaign_id campaign) { return must(running->status(campaign)).state; }

  // Polls until it is so; what was polled on the way is kept in `seen`.
  bool until(const std::function<bool()>& so) { return until(*running, so, &seen); }
  static bool until(engine& e, const std::function<bool()>& so, std::vector<event>* keep = nullptr) {
    const auto end = std::chrono::steady_clock::now() + patience;
    std::array<event, 64> some;
    while (!so()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      const auto n = must(e.poll(some, std::chrono::milliseconds(20)));
      if (keep != nullptr) keep->insert(keep->end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(n));
    }
    return true;
  }
  // Of what was seen: the durable events of one kind.
  [[nodiscard]] std::vector<event> seen_of(event_kind kind) const {
    std::vector<event> list;
    for (const auto& e : seen) {
      if (e.kind == kind) list.push_back(e);
    }
    return list;
  }

  scratch_folder folder;
  std::string origin;
  std::optional<engine> running;
  sender_id sender;
  std::vector<event> seen;
};

inline std::string statuses(const std::vector<std::pair<std::string, std::string>>& key_and_status) {
  std::string list;
  int n = 0;
  for (const auto& [key, status] : key_and_status) {
    list += (list.empty() ? "" : ",") + (R"({"id":"wamid.r)" + std::to_string(n++) + R"(","status":")" + status +
                                         R"(","timestamp":"1800000000","biz_opaque_callback_data":")" + key + R"("})");
  }
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[)" +
         list + "]}}]}]}";
}
inline std::string reply(const std::string& id, const std::string& words = "hello") {
  return R"({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[)"
         R"({"id":")" +
         id + R"(","from":"15551000000","timestamp":"1800000000","type":"text","text":{"body":")" + words +
         R"("}}]}}]}]})";
}
inline result<void> ingest(engine& e, const std::string& body) { return e.ingest(body, sign(body)); }

// What waits now; durable ones only, or all.
inline std::vector<event> waiting(engine& e, bool durable_only = true) {
  std::vector<event> all;
  std::array<event, 16> some;
  for (int turn = 0; turn < 10'000; ++turn) {
    const auto n = must(e.poll(some, std::chrono::milliseconds(0)));
    if (n == 0) return all;
    for (std::size_t i = 0; i < n; ++i) {
      if (!durable_only || some[i].id) all.push_back(some[i]);
    }
  }
  throw std::runtime_error("the events do not end");
}

}  // namespace bulkmsg::testing
