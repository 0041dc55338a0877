// The engine's inside, shared by the files of this folder: engine.cpp (open, close, the small calls), campaigns.cpp
// (steps, history), copies.cpp, import.cpp, import_report.cpp, content.cpp, plan.cpp (freezing), schedule.cpp,
// test_send.cpp, privacy.cpp, metrics.cpp, unconfirmed.cpp (rules and resolve), children.cpp (retry), senders.cpp,
// running.cpp (senders at work), sender_choice.cpp, holding.cpp, commands.cpp (pause, resume), renewal.cpp (changed
// senders), webhooks.cpp, replies.cpp, accounts.cpp (credits), provider_calls.cpp, templates.cpp and media.cpp (what is
// asked of the provider beside sending).
#pragma once

#include <array>
#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "bulkmsg/channels/channel.hpp"
#include "bulkmsg/channels/chat.hpp"
#include "bulkmsg/channels/whatsapp_cloud.hpp"
#include "bulkmsg/content/compiled_message.hpp"
#include "bulkmsg/content/message.hpp"
#include "bulkmsg/engine.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "bulkmsg/recipients/address.hpp"
#include "engine/earliest_clock.hpp"
#include "engine/events.hpp"
#include "engine/media_file.hpp"
#include "engine/provider_calls.hpp"
#include "engine/surroundings.hpp"
#include "inbound/intake.hpp"
#include "inbound/merge.hpp"
#include "inbound/receiver.hpp"
#include "net/io_thread.hpp"
#include "sending/batch_sender.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/run_lock.hpp"
#include "store/unconfirmed.hpp"
#include "store/writer.hpp"

namespace bulkmsg::store {
class screen;
}

namespace bulkmsg {

class running_sender;
class campaign_hours;

// A message as its channel takes it.
struct laid_out {
  std::shared_ptr<const content::compiled_message> content;
  std::uint32_t route = 0;  // of the channel
  consent_rules rules = {};
  bool needs_window = false;  // only for persons whose customer service window is open
};

// What goes over one of the plan's senders.
struct planned_sender {
  std::int64_t id = 0;
  sender_settings settings;
  std::vector<pacing::limit> limits;  // as they hold now
  laid_out ready;
  std::shared_ptr<campaign_hours> hours;
  std::vector<std::pair<std::string, std::int64_t>> files = {};  // uploaded for it: value -> row of `media`
};

// A plan that is not frozen yet.
struct planned {
  plan_summary summary;
  store::left_out out;
  consent_rules rules;
  std::int64_t screened_at = 0;  // the last change of suppressions and consent that it knows
  std::vector<planned_sender> senders;
  std::vector<std::uint8_t> sender_of;  // by recipient's row: the place of its sender; empty: all have the first
  std::int64_t repeat_ms = 0;           // so long the channel takes a request with a known key for the same; 0: never
};

struct engine::impl final : inbound::receiver_handler {
  impl(const std::string& path, const engine_options& options);
  ~impl() override;

  result<void> open();
  result<void> look_for_copy();
  result<void> close(std::chrono::milliseconds drain);
  [[nodiscard]] result<void> leave_loop_free() const;  // wrong_state on the host's loop

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
  // What the store is really open for: a copy only for reading.
  [[nodiscard]] open_mode mode() const { return copied_ ? open_mode::read : options_.mode; }
  // read_only unless open to post or to run.
  [[nodiscard]] result<void> may_post(std::string_view what) const;
  [[nodiscard]] std::int64_t now_ms() const { return clock_.wall() / millisecond; }

  // The campaign's content made ready for its columns and its sender's channel.
  result<laid_out> compiled(const store::campaign_row& row);
  static result<laid_out> compile(const store::campaign_row& row, const sender_settings& sender, std::string_view json,
                                  const content::file_ids& files = {});
  static result<laid_out> lay_out(const sender_settings& sender, const content::message& message,
                                  const std::vector<std::string>& columns, const content::mapping& map,
                                  const channels::chat_origin& from, const content::file_ids& files = {});
  // Takes recipients into a draft; make(header hook, address rules) gives the input. In import.cpp only.
  template <class Make>
  result<import_report> take_in(campaign_id campaign, const import_options& how, Make make);
  template <class Reader>
  result<import_report> take_in_from(campaign_id campaign, const import_options& how, Reader reader,
                                     const byte_source& source);
  // The kept id of these bytes, or a new one; also new when the kept one would expire before it is needed no more.
  result<media_info> put_media(const sender_settings& sender, const media_source& source,
                               std::int64_t needed_until_ms = 0);
  // template_not_approved or conflict when the provider is known to have it otherwise.
  result<void> check_template(const store::campaign_row& row, const sender_settings& sender);
  // The files of ours that the campaign sends, by the value in its columns; judged and hashed, not uploaded.
  using files_of = std::map<std::string, media_source, std::less<>>;
  result<files_of> own_files(const store::campaign_row& row, const content::compiled_message& content);
  // Uploads them, or finds them uploaded; value -> row of `media`.
  using uploaded_files = decltype(planned_sender::files);
  result<uploaded_files> upload_files(const sender_settings& sender, const files_of& files, std::int64_t until_ms);
  // Whether a plan made now takes this recipient, the campaign's `at`-th: ok, or why not.
  // from: our number that it would come from.
  errc takes(store::database& db, store::screen& screened, const laid_out& ready, std::string_view address,
             std::int64_t at, std::string_view from) const;
  // Screens, hashes, prices, previews; what it finds of files goes into `files`.
  result<planned> plan(const store::campaign_row& row, files_of& files);
  // The campaign's senders, ready to be planned for. Errors: of their content, their limits, their templates.
  result<std::vector<planned_sender>> ready_senders(const store::campaign_row& row, files_of& files);
  // What fails leaves a draft, or what `back_to` says.
  result<void> freeze(const store::campaign_row& row, const planned& plan, const std::string& start_key,
                      const std::string& actor = {}, campaign_state back_to = campaign_state::draft);
  result<std::vector<missing_step>> missing(const store::campaign_row& row);
  result<void> complete(const store::campaign_row& row);  // wrong_state: names the first that is missing
  // Plan, freeze, reserve, begin to send: the campaign is a draft, or scheduled and its time has come.
  result<plan_summary> begin(const store::campaign_row& row, const start_options& options);

  // Work that takes long and answers nobody at once, on a thread of its own; dropped once the engine closes.
  void beside(std::function<void()> work);                    // on the I/O thread
  bool fire(std::int64_t campaign, std::int64_t noticed_ms);  // beside; true: not now, but later
  result<plan_summary> check_schedule(std::int64_t campaign, const schedule_options& when, std::int64_t& at_ms);
  result<plan_summary> schedule_now(std::int64_t campaign, const schedule_options& when);
  result<void> cancel_now(std::int64_t campaign, const std::string& actor);
  // A command that is no matter of sending: "schedule", "cancel"; beside.
  void carry_out_beside(const std::string& verb, std::int64_t campaign, const std::string& argument,
                        const std::string& actor, std::int64_t command_id);

  // A command for a campaign: "pause", "resume", "stop". In mode `run` it is done here; in mode `post` it goes through
  // the store to the runner.
  result<void> command(const std::string& verb, campaign_id campaign, const std::string& reason,
                       std::chrono::milliseconds wait, const std::string& actor = {});
  using command_done = std::function<void(result<void>)>;
  // On the I/O thread; `done` on any.
  void carry_out(const std::string& verb, std::int64_t campaign, const std::string& reason, std::int64_t command_id,
                 command_done done, const std::string& actor = "engine");
  result<void> carry_out_now(const std::string& verb, std::int64_t campaign, const std::string& reason,
                             const std::string& actor = {});  // waits
  result<void> post_command(const std::string& verb, std::int64_t campaign, const std::string& reason,
                            std::chrono::milliseconds wait, const std::string& actor = {},
                            const std::string& argument = {});
  void answer_command(std::int64_t command_id, const result<void>& how);

  // Brings the lanes of a campaign that is sending to work. Of several senders those that can send do; the others'
  // trouble is told by the status, and they are tried again until they can. Thread: any.
  void run_campaign(std::int64_t campaign);
  void begin_sending(std::int64_t campaign);         // the same on the I/O thread
  result<void> try_to_begin(std::int64_t campaign);  // once
  // What one sender has of it: added to its batch sender, or set free there. On the I/O thread.
  struct over_one_sender;
  result<void> begin_over(const store::campaign_row& row, const over_one_sender& part, const std::string& json);
  void hold(std::int64_t campaign);  // on the I/O thread
  // A sender's settings, secret or limits may have changed: it comes to rest and begins anew, and with it those that
  // share limits with it. On the I/O thread.
  void renew_sender(std::int64_t sender);
  void bring_forward(const std::set<std::int64_t>& senders, std::int64_t before_ms);
  // Only what goes over one of its senders, until it is told otherwise. On the I/O thread.
  void hold_over(std::int64_t campaign, std::int64_t sender, bool held);
  [[nodiscard]] bool idle(std::int64_t campaign);  // over all senders; on the I/O thread
  void on_idle(std::int64_t campaign);
  // Of one campaign, of all of the sender (campaign 0), or of all senders of its account.
  void on_brake(std::int64_t sender, std::int64_t campaign, bool whole_account, const std::string& reason);
  void on_pause(std::int64_t sender, std::int64_t campaign, std::int64_t until_ms, const std::string& reason);
  void on_account_slow(std::int64_t sender, nanoseconds_t sent_at, nanoseconds_t retry_after);
  // The limits that the sender shares with others; null: none. On the I/O thread.
  result<std::shared_ptr<pacing::shared_limits>> shared_with(const sender_settings& sender);
  void on_trouble(std::int64_t sender, const error& why);
  void on_settled(std::int64_t sender, std::int64_t campaign, const store::outcomes& batch);

  void tell_changed(const std::vector<store::settled_message>& changed);
  // Settles unconfirmed messages by a person's word, in steps; `done` is called on any thread with how many.
  using resolve_done = std::function<void(result<std::int64_t>)>;
  void resolve(std::int64_t campaign, const resolution& how, std::int64_t so_far, resolve_done done);
  void carry_out_resolve(const std::string& argument, std::int64_t campaign, const std::string& reason,
                         const std::string& actor, std::int64_t command_id);

  // The engine's chores (chores.cpp), all on the I/O thread. due(): it is to be done by then. Each ends with done().
  enum class chore : std::uint8_t {
    commands,
    webhooks,
    billing,
    media,
    rules,
    schedules,
    retention,
    senders,
  };
  static constexpr std::size_t chores = 8;
  static constexpr nanoseconds_t never = std::numeric_limits<nanoseconds_t>::max();
  // What cannot begin to send is tried again after a second, then less and less often.
  static constexpr nanoseconds_t begin_again_first = second, begin_again_last = 60 * second;
  void begin_chores();
  void end_chores();
  void housekeep();
  void due(chore what, nanoseconds_t at);
  void done(chore what, nanoseconds_t again_at);
  void sleep_until_due();
  [[nodiscard]] nanoseconds_t at_wall_ms(std::int64_t unix_ms) const;  // when to look for it; 0: never
  void posted();                                                       // another process left something in the store
  void take_up_commands();
  void merge_webhooks();
  void bill_accounts();  // those whose billing date has come
  void renew_media();    // old files of sending campaigns
  void keep_rules();     // of campaigns for their unconfirmed messages (unconfirmed.cpp)
  void fire_schedules();
  void expire_old();
  // Somebody may not be written to any more (of that campaign; 0: of any): nothing to them leaves after it has
  // returned.
  void screen_again(std::int64_t campaign = 0);
  void begin_renewed();  // senders that were to rest, and campaigns that could not begin (renewal.cpp)
  void look_at_rules();  // something changed that they may ask for
  void tell_merged(const inbound::merge_result& merged);
  result<void> take_webhook(std::string_view body, std::string_view signature, std::function<void(result<void>)> done);
  void webhooks_stored();  // on the store's thread
  void load_secrets();
  bool reload_secrets();
  bool known_token(std::string_view mode, std::string_view token);
  void go_on(std::int64_t campaign);  // on the I/O thread: a campaign that is sending again by the provider's word
  // What a recipient saw, for the reply to it. On the store's thread, as merging is.
  std::string words_of_message(store::database& db, std::int64_t campaign, std::int64_t recipient);
  void on_webhook(std::string body, std::string signature, std::function<void(int)> reply) override;
  std::string on_verify(std::string_view mode, std::string_view token, std::string_view challenge) override;

  const std::string path_;
  const engine_options options_;
  const std::unique_ptr<surroundings> around_ = make_surroundings();  // outlives everything below
  const clock& clock_ = around_->time();
  std::optional<store::run_lock> lock_;
  std::mutex reading_;
  std::unique_ptr<store::database> reader_;
  std::unique_ptr<store::writer> writer_;
  inbound::intake intake_{[this] { webhooks_stored(); }};
  std::unique_ptr<io_executor> io_;
  std::vector<std::unique_ptr<io_executor>> more_io_;  // for senders only, see io_threads
  call_desk desk_{*around_};
  std::mutex uploading_;
  std::mutex fetching_;  // two fetches of templates at once would take each other's for gone
  event_queue events_;
  std::int64_t polled_ = 0;  // the last durable event handed out; under reading_
  std::uint64_t store_id_ = 0;
  bool copied_ = false;  // the file is a copy of another store, and not adopted
  recovery recovered_;
  std::atomic<bool> closed_ = false;
  std::mutex verifying_;  // of signatures, one at a time
  std::map<std::int64_t, std::shared_ptr<const content::compiled_message>>
      answered_;  // by campaign; the store's thread
  std::shared_mutex calls_;

  // On the I/O thread only; it has a connection of its own, so that nobody's long look holds up sending.
  std::unique_ptr<store::database> io_reader_;
  std::map<std::int64_t, std::unique_ptr<running_sender>> senders_;
  std::set<std::int64_t> renewed_;   // senders that come to rest
  std::set<std::int64_t> to_begin_;  // campaigns that could not begin
  nanoseconds_t begin_again_after_ = begin_again_first;
  std::vector<std::unique_ptr<running_sender>> retired_;                      // what they were before, till the end
  std::size_t next_io_ = 0;                                                   // whose turn it is to get a sender
  std::map<std::string, std::shared_ptr<pacing::shared_limits>> portfolios_;  // by name
  struct chore_state {
    nanoseconds_t due = 0;
    bool under_way = false;
  };
  std::array<chore_state, chores> chores_;
  std::unique_ptr<timer> tick_;
  nanoseconds_t tick_at_ = never;    // what it is armed for
  std::shared_ptr<void> posts_;      // tells of other processes' posts; null: they are looked for
  std::int64_t last_command_ = 0;    // taken up in this run
  std::int64_t known_consent_ = 0;   // the last change of suppressions and consent that was looked at
  std::vector<std::int64_t> ended_;  // campaigns whose end the store refused to write
  bool has_rules_ = true;            // a campaign has a rule, as far as is known
  nanoseconds_t rules_kept_at_ = 0;
  std::int64_t opened_at_ms_ = 0;
  earliest_clock earliest_clock_{clock_};
  std::unique_ptr<io_executor> renewer_;                     // reads and uploads files; made when it is first needed
  std::unique_ptr<io_executor> beside_;                      // made when it is first needed
  std::map<std::int64_t, nanoseconds_t> not_to_fire_until_;  // scheduled campaigns that are beside, or not for now
  std::int64_t billed_up_to_ = 0;                            // the account after which to go on

  std::mutex notes_;  // guards what follows
  std::unique_ptr<inbound::receiver> receiver_;
  std::vector<std::string> app_secrets_, verify_tokens_;  // kept to see whether they changed
  std::shared_ptr<inbound::signature_checker> signatures_;
  nanoseconds_t secrets_loaded_at_ = 0;
  std::map<std::int64_t, std::string> trouble_;  // by sender: why it cannot send right now
  std::set<std::int64_t> busy_;                  // campaigns that are being imported, started or discarded
};

// One sender at work: its transport and its batch sender, on one of the I/O threads. What is told comes on that thread;
// run() goes there and waits, so nothing on it may wait for the engine's own I/O thread.
class running_sender final : public sending::observer {
 public:
  static result<std::unique_ptr<running_sender>> make(engine::impl& owner, std::int64_t id,
                                                      const sender_settings& settings);
  ~running_sender() override;
  // What of a sender makes it work as it does, secret included; as of now.
  static std::string made_from(store::database& db, const sender_settings& settings);
  [[nodiscard]] const std::string& made_from() const { return made_from_; }
  [[nodiscard]] const std::string& portfolio() const { return portfolio_; }
  void run(const std::function<void()>& task) { on_.call(task); }

  void on_settled(campaign_id campaign, const store::outcomes& batch) override;
  void on_idle(campaign_id campaign) override;
  void on_brake(campaign_id campaign, const std::string& reason) override;
  void on_account_brake(const std::string& reason) override;
  void on_account_slow(nanoseconds_t sent_at, nanoseconds_t retry_after) override;
  void on_pause(campaign_id campaign, std::int64_t until_ms, const std::string& reason) override;
  void on_trouble(const error& why) override;

  // Inside run() only.
  [[nodiscard]] sending::batch_sender& work() { return *work_; }
  [[nodiscard]] net::transport& wire() { return *wire_; }

 private:
  running_sender(engine::impl& owner, io_executor& on, std::int64_t id) : owner_(owner), on_(on), id_(id) {}
  engine::impl& owner_;
  io_executor& on_;
  const std::int64_t id_;
  std::string made_from_, portfolio_;
  std::unique_ptr<net::transport> wire_;
  std::unique_ptr<sending::batch_sender> work_;
};

// What a draft still needs; no sender: it has none.
std::vector<missing_step> missing_of(const store::campaign_row& row, const std::optional<sender_settings>& sender);

// The sender's time zone, known to exist: it was checked when the sender was put into the store.
absl::TimeZone zone_of(const sender_settings& settings);
// Whether its limits and its time zone can be understood. Errors: bad_option_value.
result<void> check_pacing(const sender_settings& settings);

// Of settings as stored, which are complete: what the host left empty is filled in from the channel, a description is
// there as JSON. Errors of completing: bad_option_value, file_unreadable, channel_malformed.
result<sender_settings> completed(sender_settings settings);
[[nodiscard]] bool speaks_whatsapp(const sender_settings& settings);
result<channels::chat_description> chat_description_of(const sender_settings& settings);  // not of WhatsApp
// Only the kinds of address that the channel reaches; a chat platform's are written without a prefix.
result<void> fit_to_channel(recipients::address_rules& rules, const sender_settings& settings);
result<std::unique_ptr<channels::channel>> make_channel(const sender_settings& settings);
result<channels::request_encoder> make_encoder(const sender_settings& settings);  // of WhatsApp only
net::transport_options wire_options(const sender_settings& settings);

// What the content asks of its recipients: marketing needs consent, unless the campaign says otherwise.
consent_rules rules_of(const store::campaign_row& row, const content::message& message);
result<content::mapping> mapping_of(const store::campaign_row& row);

// An address as people write it, in its canonical form. Errors: phone_*, address_malformed.
result<std::string> canonical_address(std::string_view written);

// Errors: invalid_argument (the rule for unconfirmed messages, or its wait).
result<void> check_rule(const campaign_settings& settings);

// Cells of `columns` and `mapping` as stored.
std::vector<std::string> split_list(std::string_view joined);
std::string join_list(const std::vector<std::string>& list);

}  // namespace bulkmsg
