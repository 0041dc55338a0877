// The batch sender: sends the lanes of one sender, each message once, never above its limits.
//
// For every message: claim (a durable intent opens a range of the lane) -> render -> permit -> first byte -> answer ->
// settle (outcome, ledger and counters in one commit). Intents and outcomes gather while the last commit runs, so the
// store sets its own group size.
//
// Place: one per sender, on one executor; the store's writer runs beside it. Thread: the executor's only, but for the
// constructor. Must outlive the writer's last job and the transport's last callback.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bulkmsg/base/executor.hpp"
#include "bulkmsg/base/ids.hpp"
#include "bulkmsg/channels/channel.hpp"
#include "bulkmsg/net/transport.hpp"
#include "bulkmsg/pacing/breaker.hpp"
#include "bulkmsg/pacing/fair_queue.hpp"
#include "bulkmsg/pacing/pauses.hpp"
#include "bulkmsg/pacing/permit.hpp"
#include "bulkmsg/pacing/sending_window.hpp"
#include "store/intents.hpp"
#include "store/outcomes.hpp"
#include "store/writer.hpp"

namespace bulkmsg::sending {

// What the sender tells its owner. Called on the executor.
class observer {
 public:
  virtual ~observer() = default;
  // A group of outcomes is durable.
  virtual void on_settled(campaign_id campaign, const store::outcomes& batch) = 0;
  // Every message that was opened has a durable outcome, and no more will be opened: the lane is held, or at its end.
  virtual void on_idle(campaign_id campaign) = 0;
  // Sending on makes no sense until somebody has seen to it; the lanes concerned are held already. campaign none: all
  // of the sender's. `reason` is a sentence for people.
  virtual void on_brake(campaign_id campaign, const std::string& reason) = 0;
  // The same, of everything that the sender's account or token sends, through other senders, too.
  virtual void on_account_brake(const std::string& reason) { on_brake({}, reason); }
  // The provider refused what left at `sent_at` because all that the account or token sends is too fast: this sender is
  // slowed already, the others want slow_down(). retry_after: as it said; 0: it did not.
  virtual void on_account_slow(nanoseconds_t sent_at, nanoseconds_t retry_after) {
    static_cast<void>(sent_at), static_cast<void>(retry_after);
  }
  // The provider wants to be left alone for a while: until then, Unix milliseconds, nothing of the campaign (none: of
  // the sender) is sent. It ends by itself, or with lift_pauses().
  virtual void on_pause(campaign_id campaign, std::int64_t until_ms, const std::string& reason) {
    static_cast<void>(campaign), static_cast<void>(until_ms), static_cast<void>(reason);
  }
  // The provider cannot be reached (again and again while it stays so), or the store refuses to write.
  virtual void on_trouble(const error& why) = 0;
};

class batch_sender final : public net::listener {
 public:
  struct lane_settings {
    std::int32_t lane = 0;
    campaign_id campaign;
    std::shared_ptr<const content::compiled_message> content;
    std::uint32_t route = 0;                                         // of the channel, for this content
    pacing::fair_share share = {};                                   // the campaign's: the same for all of its lanes
    std::shared_ptr<const pacing::sending_window> window = nullptr;  // when its messages may leave; null: always
  };

  batch_sender(executor& on, net::transport& over, store::writer& to, std::unique_ptr<channels::channel> by,
               pacing::permits permits, std::uint64_t store_id, observer& owner);

  // From now on every message needs leave from these limits, too. Before the first lane.
  void share(std::shared_ptr<pacing::shared_limits> limits);
  void add(const lane_settings& settings);
  // Other words from the next message on, for the same columns.
  void set_content(campaign_id campaign, const std::shared_ptr<const content::compiled_message>& content);
  void remove(campaign_id campaign);  // its lanes must be idle
  // From now on no request of the campaign leaves (none: of any campaign). What was opened and not handed to the
  // network is taken back; what is on the wire settles. on_idle follows.
  void hold(campaign_id campaign);
  // Breakers that tripped watch anew; pauses go on.
  void release(campaign_id campaign);
  // Nothing of the campaign (none: of any) is sent before `until_ms`, Unix milliseconds: a pause of an earlier run.
  void pause(campaign_id campaign, std::int64_t until_ms);
  // Ends what pause() and the provider's own pauses began, for the campaign and for the whole sender.
  void lift_pauses(campaign_id campaign);
  // Somebody may not be written to any more, or turned out to have been reached already: what was opened of the
  // campaign (none: of any) and not handed to the network is taken back, and whoever claims it again finds out whom.
  void screen_again(campaign_id campaign = {});
  void lift_pause(campaign_id campaign);  // for the campaign only
  // Another sender of the account was told that it is too fast, for what left at `sent_at`.
  void slow_down(nanoseconds_t sent_at, nanoseconds_t retry_after);
  // Messages of the campaign (none: of any) became retries that are due, without its lanes' doing.
  void look_again(campaign_id campaign);
  // Nothing on the wire, nothing waiting for a commit. campaign none: all of them.
  [[nodiscard]] bool idle(campaign_id campaign = {}) const noexcept;
  [[nodiscard]] bool has(campaign_id campaign) const noexcept;

  void on_end(const net::exchange_end& end) override;
  void on_ready() override;
  void on_unreachable(const error& why) override;

 private:
  // A claimed range while any of its messages lacks an outcome.
  struct open_claim {
    store::claim range;
    std::size_t next = 0;         // the first message not handed over yet
    std::size_t outstanding = 0;  // messages without an outcome
    bool retries = false;
  };
  struct place {
    open_claim* claim = nullptr;
    std::size_t index = 0;
    [[nodiscard]] const store::claimed& message() const { return claim->range.messages[index]; }
  };
  struct lane {
    lane_settings settings;
    bool held = false;
    std::uint32_t claiming = 0;  // messages of the claim that is being committed
    bool unwanted = false;       // what that claim brings is to be taken back
    bool settling = false;       // outcomes are being committed
    bool at_end = false;         // the lane has no message left that was never opened
    bool told_idle = false;
    std::deque<std::unique_ptr<open_claim>> open;
    std::size_t waiting = 0;   // claimed and not handed over
    std::vector<place> again;  // handed over, but proved unsent: first in line
    int in_flight = 0;
    int takes_back = 0;              // jobs under way that take back
    store::outcomes done;            // waiting for the next settle
    nanoseconds_t retry_at = 0;      // when the store's next retry is due; 0: none
    nanoseconds_t claimed_at = 0;    // the last claim, for its size
    nanoseconds_t claim_took = 0;    // until it was durable
    std::uint32_t handed_since = 0;  // messages handed over since
    std::uint32_t claim_size;
    bool starved = false;             // had nothing to send although it might have
    nanoseconds_t moved_at = 0;       // the last message handed over, or the last claim
    nanoseconds_t blocked_until = 0;  // a `recipients` limit has no room for its people
    std::uint32_t new_in_a_row = 0;   // messages set aside because of it, one after the other
    bool only_new = false;            // so many that all are taken for new: no more are tried while there is no room
    nanoseconds_t hours_from = 0, hours_until = 0;  // wall times between which `in_hours` holds
    bool in_hours = true;
    std::vector<std::string_view> cells;
  };
  // A campaign's lanes here.
  struct group {
    campaign_id campaign;
    pacing::fair_share share;
    std::vector<lane*> lanes;
    std::size_t turn = 0;  // whose lane is next
    pacing::breaker watch;
    explicit group(const lane_settings& s);
  };
  struct flight {
    lane* of = nullptr;
    place at;
    nanoseconds_t permit_at = 0;
    nanoseconds_t left_by = 0;  // that, or later
    std::int64_t first_byte_ms = 0;
    pacing::addressee to;  // as the permit was taken for
    std::uint32_t screenings = 0;
  };

  static bool settled_all(const lane& l) noexcept;
  void pump();
  void send_what_may_go(nanoseconds_t& now);
  lane* next_ready(nanoseconds_t now);
  lane* ready_lane(group& g, nanoseconds_t now);
  group& group_of(const lane& l);
  bool may_send(lane& l, nanoseconds_t now);
  bool within_hours(lane& l, nanoseconds_t now);
  static bool at_work(const lane& l) noexcept;
  [[nodiscard]] bool urgent_at_work() const noexcept;
  [[nodiscard]] std::uint32_t claim_count(const lane& l, std::uint64_t allowed);
  void take_back_what_urgent_ones_displace(nanoseconds_t now);
  bool send_one(lane& l, int slot, nanoseconds_t& now);
  [[nodiscard]] pacing::addressee addressee_of(const store::claimed& m) const;
  void no_room_for(lane& l, place p, nanoseconds_t next, nanoseconds_t now);
  void look_for_room();
  static place next_of(lane& l);
  static void hand_over(lane& l, place p);
  void set_aside(lane& l, place p, message_state as, std::int64_t next_at_ms, errc why);
  void claim_more(lane& l, nanoseconds_t now);
  void claimed(lane& l, std::unique_ptr<open_claim> made, std::int64_t retry_at_ms);
  void settle(lane& l, const store::outcome& o, place p, std::string_view provider_id, std::string_view detail);
  void flush(lane& l);
  // Hands a job to the store until it is durable; `then` runs on the executor. Only the end of the engine drops it.
  template <class Job, class Then>
  void store_surely(const Job& job, const Then& then);
  void submit(const std::function<void(store::database&)>& job, const std::function<void()>& then);
  void stalled(const error& why);
  bool reachable();
  void retry_due(lane& l, std::int64_t at_ms);
  void take_back(lane& l);
  void tell_if_idle(lane& l);
  void act_on(lane& l, const flight& f, const channels::answer& answer, nanoseconds_t retry_after);
  void brake(campaign_id campaign, bool whole_account, const std::string& reason);
  void pause_for(campaign_id campaign, nanoseconds_t time, const std::string& reason);
  // How a message ended, for the breakers: 0 well, else an error class.
  void watch(lane& l, const flight& f, std::uint8_t error_class, std::string_view last);
  void wake_at(nanoseconds_t at);
  [[nodiscard]] std::int64_t wall_ms(nanoseconds_t at) const { return (at + wall_offset_) / millisecond; }

  executor& executor_;
  net::transport& transport_;
  store::writer& writer_;
  std::unique_ptr<channels::channel> channel_;
  pacing::permits permits_;
  std::uint64_t store_id_;
  observer& owner_;

  std::vector<std::unique_ptr<lane>> lanes_;
  std::vector<std::unique_ptr<group>> groups_;
  pacing::fair_queue turns_;      // of the campaigns
  pacing::pauses pauses_;         // that end by themselves: of campaigns, and of number 0, this sender
  pacing::breaker watch_;         // over all campaigns
  std::uint32_t screenings_ = 0;  // how often screen_again() was called
  std::vector<flight> flights_;
  std::vector<std::uint32_t> free_flights_;
  std::unique_ptr<timer> timer_;
  nanoseconds_t wake_ = 0;
  nanoseconds_t wall_offset_ = 0;
  nanoseconds_t wall_read_at_ = -second;
  bool pumping_ = false;
  bool paced_ = false;  // what waits does so for a permit, not for a connection
  bool reachable_ = true;
  // Jobs that the store refused, to be tried again together; until then nothing new is opened.
  std::vector<std::function<void()>> stalled_;
  std::unique_ptr<timer> stalled_timer_;
  nanoseconds_t stalled_step_ = 0;
  std::string callback_;
};

}  // namespace bulkmsg::sending
