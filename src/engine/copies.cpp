// Copies of a store file are noticed; adopting one, and making a safe one.
#include "store/copies.hpp"
#include "engine/impl.hpp"
#include "store/schema.hpp"

namespace bulkmsg {

result<void> engine::impl::look_for_copy() {
  const auto is = store::identity_of(path_);
  if (is.inode == 0) return {};  // not there yet, or no real file
  return store::guarded([&] {
    store::database db(path_, store::database::access::read);
    store::check_schema(db, path_);
    copied_ = store::is_copy(db, is);
  });
}

bool engine::is_copy() const noexcept { return self_->copied_; }

result<adoption> engine::adopt(const std::string& path, const std::string& actor) {
  const impl looked(path, {.mode = open_mode::read, .create = false});  // for the file's one name and the clock
  const auto lock = store::run_lock::take(looked.path_);
  if (!lock) return fail(lock.error());
  return store::guarded([&] {
    store::database db(looked.path_, store::database::access::write);
    store::check_schema(db, looked.path_);
    const auto is = store::identity_of(looked.path_);
    if (!store::is_copy(db, is)) {
      throw store::store_error{
          error{errc::conflict, looked.path_ + ": the store is no copy; open it, there is nothing to adopt", 0, 0}};
    }
    const auto new_id = static_cast<std::uint64_t>(looked.around_->random_id());
    db.exec("BEGIN IMMEDIATE");
    auto done = store::adopt(db, is, new_id, looked.now_ms(), actor);
    db.exec("COMMIT");
    return done;
  });
}

result<void> engine::backup(const std::string& to, const std::string& actor) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto made = store::guarded([&] {
    // A connection of its own: the snapshot is held for as long as the copying takes, and nobody waits for it.
    store::database db(self_->path_, store::database::access::read);
    store::back_up(db, to);
  });
  if (!made || !self_->writer_) return made;
  return self_->writer_->run(
      [&](store::database& db) { store::note_history(db, 0, "backup", to, self_->now_ms(), actor); });
}

}  // namespace bulkmsg
