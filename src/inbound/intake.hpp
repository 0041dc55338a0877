// Verified bodies become durable: what comes while the store's thread is busy shares a row of the inbox.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "store/sqlite.hpp"
#include "store/writer.hpp"

namespace bulkmsg::inbound {

// Appends one verified body. Durable with the running transaction.
void append(store::database& db, std::string_view body, std::int64_t now_ms);

class intake {
 public:
  // stored: called on the writer's thread when bodies became durable, after each one's `done`; may be null.
  explicit intake(std::function<void()> stored);
  ~intake();  // what was taken goes its way

  // Takes a verified body; `done` is called when it is durable, or cannot be, as by store::writer::submit (also with
  // out_of_memory). Throws std::bad_alloc; then nothing was taken. Thread: any. Blocks: no.
  void take(store::writer& writer, std::string_view body, std::int64_t now_ms, store::writer::done done);

 private:
  struct group;
  struct gathering;
  std::shared_ptr<gathering> gathering_;
};

}  // namespace bulkmsg::inbound
