// How a store is opened: to run, to read, to post; by one process and by several.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using std::chrono::milliseconds;

void change(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}
errc opening(const std::string& path, const engine_options& options = {.send = false}) {
  return code_of(engine::open(path, options));
}

TEST(open, run_a_second_time_the_store_is_in_use) {
  host h;
  const auto again = engine::open(h.path(), {.send = false});
  EXPECT_EQ(refused(again).code, errc::store_in_use);
  EXPECT_NE(refused(again).message.find(h.path()), std::string::npos);
}

TEST(open, by_another_name_of_the_same_file_it_is_in_use_too) {
  host h;
  std::filesystem::create_symlink(h.path(), h.folder.file("link"));
  std::filesystem::create_directory(h.folder.file("sub"));
  EXPECT_EQ(opening(h.folder.file("link")), errc::store_in_use);
  EXPECT_EQ(opening(h.folder.file("sub/../store")), errc::store_in_use);
}

TEST(open, what_was_closed_or_dropped_can_be_run_again) {
  host h;
  must(h->close());
  EXPECT_EQ(opening(h.path()), errc::ok) << "closed, and dropped at once";
  EXPECT_EQ(opening(h.path()), errc::ok);
}

TEST(open, without_create_a_missing_store_is_refused_and_not_made) {
  scratch_folder folder;
  for (const engine_options& options :
       {engine_options{.send = false, .create = false}, engine_options{.mode = open_mode::read},
        engine_options{.mode = open_mode::post}}) {
    const auto got = engine::open(folder.file("store"), options);
    EXPECT_EQ(refused(got).code, errc::store_failed);
    EXPECT_NE(refused(got).message.find(folder.file("store")), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder.file("store")));
  }
}

TEST(open, another_programs_file_is_refused_in_every_mode_and_untouched) {
  for (const bool database : {true, false}) {
    scratch_folder folder;
    const auto path = folder.file("theirs");
    if (database) {
      change(path, "CREATE TABLE songs(title); INSERT INTO songs VALUES ('one')");
    } else {
      write_file(path, std::string(10'000, 'x'));
    }
    const auto before = bytes_of(path);
    for (const auto mode : {open_mode::run, open_mode::read, open_mode::post}) {
      EXPECT_EQ(opening(path, {.mode = mode}), errc::store_foreign);
      EXPECT_TRUE(bytes_of(path) == before);
    }
  }
}

TEST(open, an_empty_file_is_refused_and_stays_empty) {
  scratch_folder folder;
  write_file(folder.file("store"), "");
  EXPECT_EQ(opening(folder.file("store")), errc::store_foreign);
  EXPECT_EQ(std::filesystem::file_size(folder.file("store")), 0u);
}

TEST(open, a_store_of_a_newer_version_is_refused_in_every_mode) {
  host h;
  h.close();
  change(h.path(), "PRAGMA user_version = 1000");
  const auto before = bytes_of(h.path());
  for (const auto mode : {open_mode::run, open_mode::read, open_mode::post}) {
    EXPECT_EQ(opening(h.path(), {.mode = mode}), errc::store_newer);
    EXPECT_TRUE(bytes_of(h.path()) == before);
  }
}

TEST(open, what_was_refused_leaves_no_lock_behind) {
  host h;
  h.close();
  change(h.path(), "PRAGMA user_version = 1000");
  EXPECT_EQ(opening(h.path()), errc::store_newer);
  change(h.path(), "PRAGMA user_version = 1");
  EXPECT_EQ(opening(h.path()), errc::ok);
}

TEST(open, a_new_store_has_nothing_to_recover) {
  host h;
  EXPECT_EQ(h->recovered().unconfirmed, 0);
  EXPECT_EQ(h->recovered().window, 0);
  EXPECT_TRUE(must(h->list()).empty());
}

TEST(reading, sees_what_the_runner_does_while_it_does_it) {
  host h;
  const auto campaign = h.draft(3);
  engine reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(must(reader.status(campaign)).counters.total, 3);
  EXPECT_EQ(must(reader.status(campaign)).state, campaign_state::draft);
  must(h->start(campaign));
  EXPECT_EQ(must(reader.status(campaign)).state, campaign_state::sending);
  EXPECT_EQ(must(reader.messages(campaign)).size(), 3u);
  must(h->pause(campaign, "lunch"));
  EXPECT_EQ(must(reader.status(campaign)).reason, "lunch");
  EXPECT_EQ(must(reader.dry_run(campaign)).hash, must(reader.status(campaign)).plan_hash);
}

TEST(reading, goes_on_when_nobody_runs_the_store) {
  host h;
  const auto campaign = h.draft(3);
  h.close();
  engine reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  EXPECT_EQ(must(reader.status(campaign)).counters.total, 3);
  EXPECT_EQ(opening(h.path()), errc::ok) << "a reader keeps nobody from running it";
}

// What only the runner may do, called on an engine of another mode.
std::vector<std::pair<const char*, errc>> changes_refused(engine& e, campaign_id campaign, account_id account,
                                                          const sender_settings& sender) {
  return {{"put_sender", code_of(e.put_sender(sender))},
          {"put_template", code_of(e.put_template(template_json()))},
          {"put_account", code_of(e.put_account("b", {}))},
          {"top_up", code_of(e.top_up(account, 1, ""))},
          {"create_campaign", code_of(e.create_campaign({.name = "c"}))},
          {"discard", code_of(e.discard(campaign))},
          {"import", code_of(e.import_csv_text(campaign, csv(1, 50)))},
          {"start", code_of(e.start(campaign))},
          {"ack", code_of(e.ack({1}))}};
}

TEST(reading, every_change_is_refused) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.draft(1, account);
  engine reader = must(engine::open(h.path(), {.mode = open_mode::read}));
  for (const auto& [call, code] : changes_refused(reader, campaign, account, sender_at(nowhere))) {
    EXPECT_EQ(code, errc::read_only) << call;
  }
  EXPECT_EQ(code_of(reader.pause(campaign)), errc::read_only);
  EXPECT_EQ(code_of(reader.resume(campaign)), errc::read_only);
  EXPECT_EQ(code_of(reader.stop(campaign)), errc::read_only);
  EXPECT_EQ(code_of(ingest(reader, reply("wamid.1"))), errc::read_only);
  EXPECT_EQ(code_of(reader.listen("127.0.0.1:0")), errc::read_only);
  EXPECT_EQ(h.told(campaign).total, 1);
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
}

TEST(posting, what_only_the_runner_may_do_is_refused) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.draft(1, account);
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  for (const auto& [call, code] : changes_refused(poster, campaign, account, sender_at(nowhere))) {
    EXPECT_EQ(code, errc::read_only) << call;
  }
  EXPECT_EQ(must(poster.status(campaign)).state, campaign_state::draft) << "looking is always possible";
}

TEST(posting, a_webhook_is_merged_by_the_runner) {
  host h;
  static_cast<void>(h.draft(1));
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  must(ingest(poster, reply("wamid.posted")));
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
  EXPECT_NE(must(h->payload(h.seen_of(event_kind::reply)[0].id)).find("wamid.posted"), std::string::npos);
}

TEST(posting, a_webhook_waits_for_the_next_runner_when_there_is_none) {
  host h;
  static_cast<void>(h.draft(1));
  h.close();
  {
    engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
    must(ingest(poster, reply("wamid.posted")));
  }
  h.open();
  EXPECT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
}

TEST(posting, a_command_is_carried_out_by_the_runner_before_the_call_returns) {
  host h;
  const auto campaign = h.start(3);
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  must(poster.pause(campaign, "from afar", patience));
  EXPECT_EQ(h.state(campaign), campaign_state::paused);
  EXPECT_EQ(must(h->status(campaign)).reason, "from afar");
  must(poster.resume(campaign, patience));
  EXPECT_EQ(h.state(campaign), campaign_state::sending);
  must(poster.stop(campaign, "enough", patience));
  EXPECT_EQ(h.state(campaign), campaign_state::stopped);
}

TEST(posting, what_the_runner_refuses_is_told_with_its_reason) {
  host h;
  const auto campaign = h.draft(1);
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  for (const auto& [verb, got] : {std::pair{"pause", poster.pause(campaign, "", patience)},
                                  std::pair{"resume", poster.resume(campaign, patience)},
                                  std::pair{"stop", poster.stop(campaign, "", patience)}}) {
    EXPECT_EQ(refused(got).code, errc::wrong_state) << verb;
    EXPECT_EQ(refused(got).message, std::string("cannot ") + verb + " a campaign that is draft");
  }
  EXPECT_EQ(code_of(poster.pause({99}, "", patience)), errc::not_found);
}

TEST(posting, a_command_that_was_refused_is_not_taken_up_again_later) {
  host h;
  const auto campaign = h.draft(2);
  engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
  EXPECT_EQ(code_of(poster.resume(campaign, patience)), errc::wrong_state);
  must(h->start(campaign));
  must(h->pause(campaign));
  // Whatever was posted before this is taken up before it.
  EXPECT_EQ(code_of(poster.pause(campaign, "again", patience)), errc::ok);
  EXPECT_EQ(h.state(campaign), campaign_state::paused);
}

TEST(posting, without_a_runner_a_command_times_out_and_is_kept_for_the_next_one) {
  host h;
  const auto campaign = h.start(3);
  h.close();
  {
    engine poster = must(engine::open(h.path(), {.mode = open_mode::post}));
    EXPECT_EQ(code_of(poster.pause(campaign, "later", milliseconds(1))), errc::timed_out);
  }
  h.open();
  EXPECT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  EXPECT_EQ(must(h->status(campaign)).reason, "later");
}

// A process of its own that is killed in the middle of sending. Forked before this test has any thread.
class doomed_process {
 public:
  explicit doomed_process(const std::function<void(const std::string& told)>& body) {
    int down[2];
    if (::pipe2(down, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(down[1]);
      std::string told;
      for (char c; ::read(down[0], &c, 1) == 1 && c != '\n';) told += c;
      try {
        if (!told.empty()) body(told);
      } catch (...) {
      }
      ::_exit(1);
    }
    ::close(down[0]);
    tell_ = down[1];
  }
  ~doomed_process() { kill(); }
  void begin(const std::string& told) {
    const auto line = told + '\n';
    if (::write(tell_, line.data(), line.size()) < 0) throw std::runtime_error("the process is gone");
  }
  void kill() {
    if (pid_ <= 0) return;
    ::close(tell_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int tell_ = -1;
};

TEST(crash, what_was_on_the_wire_is_unconfirmed_the_rest_is_sent_and_receipts_settle_it) {
  scratch_folder folder;
  const auto path = folder.file("store");
  doomed_process doomed([&](const std::string& origin) {
    engine e = must(engine::open(path));
    const auto account = must(e.put_account("a", {}));
    const auto sender = must(e.put_sender(sender_at(origin)));
    const auto words = must(e.put_template(template_json()));
    const auto campaign =
        must(e.create_campaign({.name = "spring", .sender = sender, .content = words, .account = account}));
    must(e.import_csv_text(campaign, csv(100)));
    must(e.start(campaign));
    ::pause();
  });
  std::atomic<bool> lost = true;
  provider p([&](const request&, int nth) { return lost ? std::string() : provider::accepted(nth); });
  p.hold();
  doomed.begin(p.origin());
  ASSERT_TRUE(p.wait_for(8)) << "in-flight=8";
  doomed.kill();
  const auto before = p.requests();
  ASSERT_EQ(before.size(), 8u);
  p.let_go();
  lost = false;

  engine e = must(engine::open(path));
  const campaign_id campaign{1};
  EXPECT_GE(e.recovered().unconfirmed, 8);
  EXPECT_GE(e.recovered().window, e.recovered().unconfirmed);
  const auto doubted = e.recovered().unconfirmed;
  EXPECT_TRUE(host::until(e, [&] { return must(e.status(campaign)).state == campaign_state::completed; }));

  auto c = must(e.status(campaign)).counters;
  EXPECT_EQ(c.unconfirmed, doubted);
  EXPECT_EQ(c.sent, 100 - doubted);
  std::multiset<std::string> seen;
  for (const auto& r : p.requests()) seen.insert(r.to);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(8 + 100 - doubted));
  for (const auto& to : seen) EXPECT_EQ(seen.count(to), 1u) << to << " was sent to twice";
  EXPECT_EQ(must(e.account({1})).balances.reserved, doubted);

  std::vector<std::pair<std::string, std::string>> receipts;
  for (const auto& r : before) receipts.emplace_back(r.key, "delivered");
  must(ingest(e, statuses(receipts)));
  EXPECT_TRUE(host::until(e, [&] { return must(e.status(campaign)).counters.delivered == 8; }));
  c = must(e.status(campaign)).counters;
  EXPECT_EQ(c.unconfirmed, doubted - 8);
  EXPECT_EQ(must(e.status(campaign)).settled_by_receipt, 8);
  EXPECT_EQ(must(e.audit({1})).spent, c.sent);
}

// A process that ended between two commits: the file as it was after the first.

TEST(crash, a_start_that_it_interrupted_is_a_draft_again_and_can_be_started) {
  host h;
  const auto campaign = h.start(5);
  h.close();
  change(h.path(), "UPDATE campaigns SET state = 3; DELETE FROM plan WHERE id & 0xffffffff >= 3");
  h.open();
  EXPECT_EQ(h.state(campaign), campaign_state::draft);
  EXPECT_EQ(h.told(campaign).queued(), 5);
  EXPECT_EQ(must(h->start(campaign)).messages, 5);
  EXPECT_EQ(must(h->messages(campaign)).size(), 5u);
}

TEST(crash, a_stop_that_it_interrupted_gives_its_credits_back_at_the_next_opening) {
  host h;
  const auto account = must(h->put_account("a", {}));
  const auto campaign = h.start(5, account);
  h.close();
  change(h.path(), "UPDATE campaigns SET state = 7");
  h.open();
  EXPECT_EQ(h.state(campaign), campaign_state::stopped);
  EXPECT_EQ(must(h->audit(account)).reserved, 0);
  EXPECT_EQ(must(h->audit(account)).available(), 3'000);
}

TEST(crash, a_campaign_whose_last_message_was_settled_just_before_is_completed_at_the_next_opening) {
  provider p;
  host h({.send = true}, p.origin());
  const auto campaign = h.start(5);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  h.close();
  change(h.path(), "UPDATE campaigns SET state = 4");
  h.open({.send = true});
  EXPECT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::completed; }));
  EXPECT_EQ(p.count(), 5);
}

TEST(crash, a_killed_process_frees_the_store) {
  scratch_folder folder;
  const auto path = folder.file("store");
  int up[2];
  ASSERT_EQ(::pipe2(up, O_CLOEXEC), 0);
  doomed_process doomed([&](const std::string&) {
    engine e = must(engine::open(path, {.send = false}));
    if (::write(up[1], "k", 1) == 1) ::pause();
  });
  ::close(up[1]);
  doomed.begin("go");
  char c = 0;
  ASSERT_EQ(::read(up[0], &c, 1), 1);
  ::close(up[0]);
  EXPECT_EQ(opening(path), errc::store_in_use);
  doomed.kill();
  EXPECT_EQ(opening(path), errc::ok);
}

}  // namespace
}  // namespace bulkmsg::testing
