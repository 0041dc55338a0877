// The engine's inside, shared by the files of this folder: engine.cpp (open, close, the small calls), import.cpp,
// plan.cpp (freezing), running.cpp (senders at work), webhooks.cpp, accounts.cpp (credits).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "bulkmsg/content/render.hpp"
#include "bulkmsg/engine.hpp"
#include "engine/events.hpp"
#include "inbound/merge.hpp"
#include "inbound/receiver.hpp"
#include "net/io_thread.hpp"
#include "sending/batch_sender.hpp"
#include "store/campaigns.hpp"
#include "store/run_lock.hpp"
#include "store/writer.hpp"

namespace bulkmsg {

class running_sender;

struct engine::impl final : inbound::receiver_handler {
  impl(const std::string& path, const engine_options& options);
  ~impl() override;

  result<void> open();
  result<void> close(std::chrono::milliseconds drain);

  // While it lives nobody else imports into, starts or discards the campaign. Errors: conflict.
  class exclusive {
   public:
    exclusive(impl& on, std::int64_t campaign) : on_(on), campaign_(campaign) {
      std::lock_guard lock(on_.notes_);
      mine_ = on_.busy_.insert(campaign_).second;
    }
    ~exclusive() {
      std::lock_guard lock(on_.notes_);
      if (mine_) on_.busy_.erase(campaign_);
    }
    exclusive(const exclusive&) = delete;
    [[nodiscard]] result<void> had() const {
      if (mine_) return {};
      return fail(errc::conflict, "another call is importing into this campaign or starting it; wait for it to end");
    }

   private:
    impl& on_;
    const std::int64_t campaign_;
    bool mine_ = false;
  };

  // Every public call begins with this, and holds what it gets until it ends: close() waits for the calls under way.
  [[nodiscard]] result<std::shared_lock<std::shared_mutex>> enter(bool needs_run);
  // Reads from the reading connection; `f` may throw store_error.
  template <class F>
  auto read(F&& f) -> result<decltype(f(std::declval<store::database&>()))> {
    std::lock_guard lock(reading_);
    return store::guarded([&] { return f(*reader_); });
  }
  [[nodiscard]] std::int64_t now_ms() const { return clock_.wall() / millisecond; }

  // The campaign's template made ready for its columns.
  result<std::shared_ptr<const content::compiled_template>> compiled(const store::campaign_row& row);
  static result<std::shared_ptr<const content::compiled_template>> compile(const store::campaign_row& row,
                                                                           std::string_view json);
  result<plan_summary> plan(const store::campaign_row& row);  // hashes, prices, previews
  result<void> freeze(const store::campaign_row& row, const plan_summary& planned, const std::string& start_key);

  // A command for a campaign: "pause", "resume", "stop". In mode `run` it is done here; in mode `post` it goes through
  // the store to the runner.
  result<void> command(const std::string& verb, campaign_id campaign, const std::string& reason,
                       std::chrono::milliseconds wait);
  using command_done = std::function<void(result<void>)>;
  // On the I/O thread; `done` on any.
  void carry_out(const std::string& verb, std::int64_t campaign, const std::string& reason, std::int64_t command_id,
                 command_done done);
  result<void> post_command(const std::string& verb, std::int64_t campaign, const std::string& reason,
                            std::chrono::milliseconds wait);

  // Brings the campaign's lanes to work. Thread: any.
  result<void> run_campaign(std::int64_t campaign);
  result<void> begin_sending(std::int64_t campaign);  // the same on the I/O thread
  void hold(std::int64_t campaign);                   // on the I/O thread
  void on_idle(std::int64_t campaign);
  void on_brake(std::int64_t sender, std::int64_t campaign, const std::string& reason);
  void on_trouble(std::int64_t sender, const error& why);
  void on_settled(std::int64_t sender, std::int64_t campaign, const store::outcomes& batch);

  void housekeep();
  void tidy_up();  // merges webhooks, takes up commands
  void take_up_commands();
  void bill_accounts();  // those whose billing date has come
  void tell_merged(const inbound::merge_result& merged);
  result<void> take_webhook(std::string_view body, std::string_view signature, std::function<void(result<void>)> done);
  void load_secrets();
  bool reload_secrets();
  void on_webhook(std::string body, std::string signature, std::function<void(int)> reply) override;
  std::string on_verify(std::string_view mode, std::string_view token, std::string_view challenge) override;

  const std::string path_;
  const engine_options options_;
  system_clock clock_;
  std::optional<store::run_lock> lock_;
  std::mutex reading_;
  std::unique_ptr<store::database> reader_;
  std::unique_ptr<store::writer> writer_;
  std::unique_ptr<net::io_thread> io_;
  event_queue events_;
  std::int64_t polled_ = 0;  // the last durable event handed out; under reading_
  std::uint64_t store_id_ = 0;
  recovery recovered_;
  std::atomic<bool> closed_ = false;
  std::shared_mutex calls_;

  // On the I/O thread only; it has a connection of its own, so that nobody's long look holds up sending.
  std::unique_ptr<store::database> io_reader_;
  std::map<std::int64_t, std::unique_ptr<running_sender>> senders_;
  std::unique_ptr<timer> tick_;
  bool tidying_ = false;
  bool billing_ = false;
  std::int64_t bill_at_ms_ = 0, billed_up_to_ = 0;  // when to look again, and after which account to go on

  std::mutex notes_;  // guards what follows
  std::unique_ptr<inbound::receiver> receiver_;
  std::vector<std::string> app_secrets_, verify_tokens_;
  nanoseconds_t secrets_loaded_at_ = 0;
  std::map<std::int64_t, std::string> trouble_;  // by sender: why it cannot send right now
  std::set<std::int64_t> busy_;                  // campaigns that are being imported, started or discarded
};

// One sender at work: its transport and its batch sender. I/O thread only, but for make().
class running_sender final : public sending::observer {
 public:
  static result<std::unique_ptr<running_sender>> make(engine::impl& owner, std::int64_t id,
                                                      const sender_settings& settings,
                                                      const std::vector<store::past_sends>& past);
  ~running_sender() override;

  void on_settled(campaign_id campaign, const store::outcomes& batch) override;
  void on_idle(campaign_id campaign) override;
  void on_brake(campaign_id campaign, const std::string& reason) override;
  void on_trouble(const error& why) override;

  [[nodiscard]] sending::batch_sender& work() { return *work_; }
  [[nodiscard]] net::transport& wire() { return *wire_; }

 private:
  running_sender(engine::impl& owner, std::int64_t id) : owner_(owner), id_(id) {}
  engine::impl& owner_;
  const std::int64_t id_;
  std::unique_ptr<net::transport> wire_;
  std::unique_ptr<sending::batch_sender> work_;
};

// The limits as parsed, or what is wrong with them.
result<pacing::permits> make_permits(const std::string& limits);
result<channels::request_encoder> make_encoder(const sender_settings& settings);
net::transport_options wire_options(const sender_settings& settings);

// Cells of `columns` and `mapping` as stored.
std::vector<std::string> split_list(std::string_view joined);
std::string join_list(const std::vector<std::string>& list);

}  // namespace bulkmsg
