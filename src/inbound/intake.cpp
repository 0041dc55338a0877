#include "inbound/intake.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "inbound/inbox_row.hpp"

namespace bulkmsg::inbound {

namespace {

// A merge takes whole rows, and should not take much more than its share.
constexpr std::size_t row_bytes_full = std::size_t{64} * 1024;

void append_row(store::database& db, std::string_view row, std::size_t bodies, std::int64_t now_ms) {
  db.run("INSERT INTO inbox(received_at_ms, bodies, said) VALUES (?1, ?2, ?3)", now_ms, bodies, store::blob{row});
}

}  // namespace

void append(store::database& db, std::string_view body, std::int64_t now_ms) {
  std::string row;
  row_maker().add(body, row);
  append_row(db, row, 1, now_ms);
}

// Open until its job begins, or it is full; then nobody but the job changes it.
struct intake::group {
  std::int64_t began_ms;
  std::string row = {};
  std::vector<store::writer::done> owed = {};
};

struct intake::gathering {
  const std::function<void()> stored;
  std::mutex mutex = {};
  row_maker maker = {};
  std::shared_ptr<group> open = nullptr;

  void close(const std::shared_ptr<group>& one) {
    const std::lock_guard lock(mutex);
    if (open == one) open.reset();
  }
  void settle(const std::shared_ptr<group>& one, const error* failed) {
    close(one);  // its job did not begin where the store let nobody
    for (auto& done : one->owed) done(failed);
    if (!failed && stored) stored();
  }
};

intake::intake(std::function<void()> stored) : gathering_(new gathering{std::move(stored)}) {}
intake::~intake() = default;

void intake::take(store::writer& writer, std::string_view body, std::int64_t now_ms, store::writer::done done) {
  std::shared_ptr<group> begun;
  {
    const std::lock_guard lock(gathering_->mutex);
    const bool joins = gathering_->open && gathering_->open->row.size() < row_bytes_full;
    const auto to = joins ? gathering_->open : std::make_shared<group>(group{now_ms});
    if (to->owed.size() == to->owed.capacity()) to->owed.reserve(std::max<std::size_t>(16, to->owed.size() * 2));
    gathering_->maker.add(body, to->row);
    to->owed.push_back(std::move(done));
    if (joins) return;
    begun = gathering_->open = to;
  }
  try {
    writer.submit(
        [all = gathering_, begun](store::database& db) {
          all->close(begun);
          append_row(db, begun->row, begun->owed.size(), begun->began_ms);
        },
        [all = gathering_, begun](const error* failed) { all->settle(begun, failed); });
  } catch (const std::bad_alloc&) {
    // Others may have joined it.
    const error why{errc::out_of_memory, "out of memory", 0, 0};
    gathering_->settle(begun, &why);
  }
}

}  // namespace bulkmsg::inbound
