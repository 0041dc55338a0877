// Several campaigns over several senders on virtual time: the shipped batch senders, limits, SQL and writer, opened as
// the engine opens them, and killed wherever a test likes.
#pragma once

#include <string>
#include <vector>

#include "bulkmsg/pacing/sending_window.hpp"
#include "sending/restored_permits.hpp"
#include "store/campaigns.hpp"
#include "store/lanes.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"
#include "virtual_world.hpp"

namespace bulkmsg::testing {

struct sender_spec {
  std::string limits;
  std::string portfolio = {};
  std::string time_zone = {};
};

struct campaign_spec {
  int count = 0;
  int first_person = 0;  // +1555(1000000 + first_person) and so on
  std::size_t sender = 0;
  pacing::fair_share share = {};
  std::string hours = {};
  std::vector<std::string> zones = {};  // a lane each, recipients dealt in turn; empty: one lane, in UTC
  std::vector<std::size_t> over = {};   // instead of `sender`: a lane each, recipients dealt in turn
};

class pacing_world {
 public:
  pacing_world(std::vector<sender_spec> senders, std::vector<campaign_spec> campaigns, int slots = 8)
      : senders_(std::move(senders)), campaigns_(std::move(campaigns)), slots_(slots) {
    char name[] = "/tmp/bulkmsg-pacing-XXXXXX";
    dir_ = ::mkdtemp(name);
    path_ = dir_ + "/store";
    const auto now_ms = time.wall() / millisecond;
    store::create_if_missing(path_, now_ms, 7);
    store::database db(path_, store::database::access::write);
    db.exec("PRAGMA synchronous=OFF");
    db.exec("BEGIN");
    for (std::size_t i = 0; i < senders_.size(); ++i) {
      store::put_sender(db, {.name = "s" + std::to_string(i),
                             .phone_number_id = "1",
                             .token = "env:T",
                             .limits = senders_[i].limits,
                             .time_zone = senders_[i].time_zone,
                             .portfolio = senders_[i].portfolio});
    }
    store::put_template(db, "t", "en_US",
                        R"({"name":"t","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
                        R"({"type":"BODY","text":"Hi {{1}}","example":{"body_text":[["Ana"]]}}]})");
    for (const auto& c : campaigns_) {
      const auto id = store::insert_campaign(db,
                                             {.name = "c",
                                              .sender = static_cast<std::int64_t>(c.sender) + 1,
                                              .content = 1,
                                              .weight = c.share.weight,
                                              .urgent = c.share.urgent,
                                              .hours = c.hours},
                                             now_ms);
      store::recipient_batch batch;
      for (int i = 0; i < c.count; ++i) {
        batch.added.push_back({i + 2, world::number(c.first_person + i), "n" + std::to_string(i)});
      }
      store::append_recipients(db, id, batch, "param1");
      store::change_state(db, id, campaign_state::starting, "start", "", now_ms);
      std::vector<std::int32_t> lanes;
      for (const auto s : c.over) lanes.push_back(store::insert_lane(db, id, 0, {}, static_cast<std::int64_t>(s) + 1));
      for (const auto& z : c.zones) lanes.push_back(store::insert_lane(db, id, 0, z));
      if (lanes.empty()) lanes.push_back(store::insert_lane(db, id, 0, c.hours.empty() ? "" : "UTC"));
      std::size_t next = 0;
      store::lay(
          db, id, [&](std::int64_t, std::string_view, std::string_view) { return lanes[next++ % lanes.size()]; }, 0,
          c.count, {}, 0);
      store::change_state(db, id, campaign_state::sending, "start", "", now_ms);
    }
    db.exec("COMMIT");
  }
  ~pacing_world() {
    life_.reset();
    std::filesystem::remove_all(dir_);
  }

  // A new process on the same store; `only`: the campaigns that send, all when empty.
  void open(const std::vector<std::size_t>& only = {}) {
    life_.reset();
    life_ = std::make_unique<life>(*this);
    for (std::size_t c = 0; c < campaigns_.size(); ++c) {
      if (only.empty() || std::find(only.begin(), only.end(), c) != only.end()) begin(c);
    }
  }
  void begin(std::size_t campaign) { life_->begin(campaign, campaigns_[campaign]); }
  void crash() { life_.reset(); }
  // Between two processes.
  void edit(const std::string& sql) {
    store::database db(path_, store::database::access::write);
    db.exec(sql.c_str());
  }

  void run_for(nanoseconds_t length) {
    const auto until = time.now() + length;
    run(until);
    time.advance_to(until);
  }
  int run(nanoseconds_t until, int steps = 1 << 30) {
    int done = 0;
    for (; done < steps; ++done) {
      life_->plan_commit();
      if (life_->executor.run_task()) continue;
      if (!life_->executor.run_timer(until)) break;
      ++timers;
    }
    return done;
  }

  counters count(std::size_t campaign) {
    return store::read_status(life_->reader, static_cast<std::int64_t>(campaign) + 1).counters;
  }
  store::database& reader() { return life_->reader; }
  sending::batch_sender& sender(std::size_t i) { return *life_->senders[i]->work; }
  // Everything the senders' owner was told.
  std::vector<std::string>& told() { return life_->told; }

  // The times of all arrivals, or of one campaign's.
  [[nodiscard]] std::vector<nanoseconds_t> times(int campaign = -1) const {
    std::vector<nanoseconds_t> all;
    for (const auto& a : books.arrivals) {
      if (campaign < 0 || a.key.campaign == campaign + 1) all.push_back(a.at);
    }
    return all;
  }
  void expect_nobody_twice() const {
    std::set<std::pair<std::int64_t, std::string>> seen;
    for (const auto& a : books.arrivals) {
      if (a.key.attempt == 1) {
        EXPECT_TRUE(seen.emplace(a.key.campaign, a.to).second) << a.to;
      }
    }
  }

  manual_clock time;
  provider_books books;
  std::int64_t timers = 0;  // timers that fired: answers, commits, and whatever the senders woke up for

 private:
  struct life;
  struct one_sender final : sending::observer {
    one_sender(life& in, pacing_world& w, std::size_t place) : of(in), wire(in.executor, w.books, w.slots_) {
      const auto& spec = w.senders_[place];
      std::shared_ptr<pacing::shared_limits> shared;
      if (!spec.portfolio.empty()) {
        auto& known = in.portfolios[spec.portfolio];
        if (!known) known = sending::restored_portfolio(in.reader, spec.portfolio, w.time);
        shared = known;
      }
      absl::TimeZone zone = absl::UTCTimeZone();
      if (!spec.time_zone.empty()) absl::LoadTimeZone(spec.time_zone, &zone);
      auto encoder = channels::request_encoder::make(
          {.host = "provider", .api_version = "v23.0", .phone_number_id = "1", .access_token = "t"});
      const auto limits = sending::not_shared(*pacing::parse_limits(spec.limits), shared.get());
      work = std::make_unique<sending::batch_sender>(
          in.executor, wire, in.writer, std::make_unique<channels::whatsapp_channel>(std::move(*encoder)),
          sending::restored_permits(in.reader, static_cast<std::int64_t>(place) + 1, limits, zone, w.time), 7, *this);
      if (shared) work->share(shared);
      wire.set_listener(work.get());
    }
    void on_settled(campaign_id, const store::outcomes&) override {}
    void on_idle(campaign_id campaign) override { of.told.push_back("idle " + std::to_string(campaign.value)); }
    void on_brake(campaign_id campaign, const std::string& reason) override {
      of.told.push_back("brake " + std::to_string(campaign.value) + ": " + reason);
    }
    void on_account_brake(const std::string& reason) override { of.told.push_back("account: " + reason); }
    void on_account_slow(nanoseconds_t, nanoseconds_t) override { of.told.push_back("account slow"); }
    void on_pause(campaign_id campaign, std::int64_t until_ms, const std::string& reason) override {
      of.told.push_back("pause " + std::to_string(campaign.value) + " until " + std::to_string(until_ms) + ": " +
                        reason);
    }
    void on_trouble(const error& why) override { of.told.push_back("trouble: " + why.message); }

    life& of;
    virtual_transport wire;
    std::unique_ptr<sending::batch_sender> work;
  };

  struct life {
    explicit life(pacing_world& w)
        : world_of(w),
          executor(w.time),
          writer(open(w), store::writer::runs::by_step),
          reader(w.path_, store::database::access::read) {
      for (std::size_t i = 0; i < w.senders_.size(); ++i) senders.push_back(std::make_unique<one_sender>(*this, w, i));
    }
    static store::database open(pacing_world& w) {
      store::database db(w.path_, store::database::access::write);
      db.exec("PRAGMA synchronous=OFF");
      db.exec("BEGIN IMMEDIATE");
      static_cast<void>(store::recover(db, w.time.wall() / millisecond));
      db.exec("COMMIT");
      return db;
    }
    void begin(std::size_t place, const campaign_spec& c) {
      const auto id = static_cast<std::int64_t>(place) + 1;
      const auto message = content::parse_template_json(store::read_template(reader, 1));
      const std::vector<std::string> columns{"param1"};
      auto content = std::make_shared<const content::compiled_message>(*channels::compile_whatsapp(*message, columns));
      for (const auto lane : store::lanes_of(reader, id)) {
        sending::batch_sender::lane_settings settings{lane, {id}, content, 0, c.share};
        if (const auto zones = store::zones_of_lane(reader, lane); !zones.empty()) {
          settings.window = std::make_shared<const pacing::sending_window>(
              *pacing::sending_window::make(*pacing::parse_hours(c.hours), zones));
        }
        senders[static_cast<std::size_t>(store::sender_of_lane(reader, lane)) - 1]->work->add(settings);
      }
    }
    void plan_commit() {
      if (commit_planned || !writer.waiting()) return;
      commit_planned = true;
      executor.at(world_of.time.now() + static_cast<nanoseconds_t>(dice() % 12) * millisecond, [this] {
        commit_planned = false;
        writer.step();
      });
    }

    pacing_world& world_of;
    std::mt19937 dice{static_cast<unsigned>(world_of.time.now())};
    bool commit_planned = false;
    virtual_executor executor;
    store::writer writer;
    store::database reader;
    std::map<std::string, std::shared_ptr<pacing::shared_limits>> portfolios;
    std::vector<std::string> told;
    std::vector<std::unique_ptr<one_sender>> senders;
  };

  const std::vector<sender_spec> senders_;
  const std::vector<campaign_spec> campaigns_;
  const int slots_;
  std::string dir_, path_;
  std::unique_ptr<life> life_;
};

}  // namespace bulkmsg::testing
