// A copied store file is noticed, adopted, and made safely while the engine runs.
#include <filesystem>

#include "engine/hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

using enum campaign_state;

void copy(const std::string& from, const std::string& to) { std::filesystem::copy_file(from, to); }

TEST(copies, a_copied_file_opens_for_reading_only_and_says_what_to_do) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(5);
  must(h->pause(campaign));
  p.let_go();
  h.close();
  const auto copied = h.folder.file("copy");
  copy(h.path(), copied);
  for (const auto mode : {open_mode::run, open_mode::post, open_mode::read}) {
    auto e = must(engine::open(copied, {.mode = mode}));
    EXPECT_TRUE(e.is_copy());
    EXPECT_EQ(must(e.status(campaign)).state, paused);
    for (const auto& why : {refused(e.resume(campaign)), refused(e.create_campaign({.name = "x"}))}) {
      EXPECT_EQ(why.code, errc::read_only);
      EXPECT_NE(why.message.find("adopt"), std::string::npos) << why.message;
    }
    EXPECT_EQ(code_of(ingest(e, reply("r"))), errc::read_only);
  }
  h.open();
  EXPECT_FALSE(h->is_copy());
}

TEST(copies, renaming_the_file_makes_no_copy) {
  host h;
  h.close();
  const auto moved = h.folder.file("moved");
  std::filesystem::rename(h.path(), moved);
  EXPECT_FALSE(must(engine::open(moved, {.send = false})).is_copy());
  EXPECT_EQ(code_of(engine::adopt(moved)), errc::conflict);
}

TEST(copies, an_adopted_copy_is_a_store_of_its_own_with_its_campaigns_paused) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(50);
  ASSERT_TRUE(p.wait_for(1));
  const auto waiting = h.draft(1);
  must(h->schedule(waiting, {.at = "2027-12-01 09:00 Z"}));
  const auto copied = h.folder.file("copy");
  must(h->backup(copied, "ana"));
  p.let_go();
  const auto done = must(engine::adopt(copied, "ben"));
  EXPECT_NE(done.new_id, done.old_id);
  EXPECT_EQ(done.paused, 1);
  EXPECT_GT(done.last_entry_ms, 0);
  auto e = must(engine::open(copied));
  EXPECT_FALSE(e.is_copy());
  const auto status = must(e.status(campaign));
  EXPECT_EQ(status.state, paused);
  EXPECT_NE(status.reason.find("copy whose last entry is 0 minutes old"), std::string::npos) << status.reason;
  EXPECT_EQ(must(e.status(waiting)).state, draft) << "it must not fire in both";
  const auto told = must(e.history());
  EXPECT_TRUE(
      std::any_of(told.begin(), told.end(), [](const auto& r) { return r.action == "adopt" && r.actor == "ben"; }));
  EXPECT_EQ(code_of(engine::adopt(copied)), errc::store_in_use);
}

// It has the original's place and number then, and does not know what was sent since.
TEST(copies, a_backup_that_was_written_over_the_store_is_a_copy_too) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(5);
  ASSERT_TRUE(p.wait_for(5));
  const auto saved = h.folder.file("backup");
  must(h->backup(saved));
  p.let_go();
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  h.close();
  std::filesystem::copy_file(saved, h.path(), std::filesystem::copy_options::overwrite_existing);
  h.open({});
  EXPECT_TRUE(h->is_copy());
  EXPECT_EQ(code_of(h->resume(campaign)), errc::read_only);
  h.close();
  EXPECT_EQ(must(engine::adopt(h.path())).paused, 1);
  h.open({});
  EXPECT_FALSE(h->is_copy());
}

// The copy lays that start anew, over lanes of the same numbers: what the original sends over its own is not the
// copy's.
TEST(copies, receipts_of_a_start_that_the_original_ends_are_foreign) {
  host h({}, nowhere);
  const auto campaign = h.draft(1);
  h.close();
  {
    store::database db(h.path(), store::database::access::write);
    db.run("UPDATE campaigns SET state = 3 WHERE id = ?1", campaign.value);
    db.run("INSERT INTO lanes(campaign, sender, size) VALUES (?1, 1, 1)", campaign.value);
  }
  const auto copied = h.folder.file("copy");
  copy(h.path(), copied);
  must(engine::adopt(copied));
  store::database db(copied, store::database::access::read);
  EXPECT_EQ(db.number("SELECT count(*) FROM lanes"), 0);
  EXPECT_EQ(db.number("SELECT lanes_to FROM former_stores"), 0);
}

// What would go on by itself, or was told to by somebody before the copy was made, goes on in the original only.
TEST(copies, what_the_provider_holds_waits_for_people_in_the_copy) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(50);
  ASSERT_TRUE(p.wait_for(1));
  must(ingest(*h, R"({"object":"whatsapp_business_account","entry":[{"id":"1","time":1,"changes":[{"field":)"
                  R"("message_template_status_update","value":{"event":"PAUSED","message_template_name":"t",)"
                  R"("message_template_language":"en_US"}}]}]})"));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == paused; }));
  const auto copied = h.folder.file("copy");
  must(h->backup(copied));
  p.let_go();
  h.close();
  EXPECT_EQ(must(engine::adopt(copied)).paused, 1);
  const auto sent = p.count();
  auto e = must(engine::open(copied));
  EXPECT_NE(must(e.status(campaign)).reason.find("adopted"), std::string::npos) << must(e.status(campaign)).reason;
  must(ingest(e, R"({"object":"whatsapp_business_account","entry":[{"id":"1","time":2,"changes":[{"field":)"
                 R"("message_template_status_update","value":{"event":"APPROVED","message_template_name":"t",)"
                 R"("message_template_language":"en_US"}}]}]})"));
  ASSERT_TRUE(host::until(e, [&] { return must(e.events({}, 100)).back().kind == event_kind::notice; }));
  EXPECT_EQ(must(e.status(campaign)).state, paused);
  EXPECT_EQ(p.count(), sent);
}

TEST(copies, commands_that_waited_are_for_the_original) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(50);
  ASSERT_TRUE(p.wait_for(1));
  must(h->pause(campaign));
  p.let_go();
  const auto waiting = h.draft(1);
  h.close();
  const auto copied = h.folder.file("copy");
  {
    auto poster = must(engine::open(h.path(), {.mode = open_mode::post}));
    EXPECT_EQ(code_of(poster.resume(campaign, std::chrono::milliseconds(1))), errc::timed_out);
    EXPECT_EQ(code_of(poster.schedule(waiting, {.at = "2027-12-01 09:00 Z"}, std::chrono::milliseconds(1))),
              errc::timed_out);
    must(poster.backup(copied));
  }
  must(engine::adopt(copied));
  const auto sent = p.count();
  auto e = must(engine::open(copied));
  must(e.pause(campaign));  // what waited is taken up before it
  EXPECT_EQ(must(e.status(waiting)).state, draft);
  EXPECT_EQ(p.count(), sent);
  EXPECT_EQ(store::database(copied, store::database::access::read)
                .number("SELECT count(*) FROM commands WHERE "
                        "done_at_ms = 0"),
            0);
  h.open({});
  EXPECT_TRUE(h.until([&] { return h.state(campaign) == completed; })) << "the original has them still";
}

TEST(copies, a_copy_of_a_store_that_never_sent_can_be_adopted) {
  host h({}, "http://127.0.0.1:1");
  const auto copied = h.folder.file("copy");
  must(h->backup(copied));
  EXPECT_EQ(must(engine::adopt(copied)).paused, 0);
  EXPECT_FALSE(must(engine::open(copied)).is_copy());
}

TEST(copies, receipts_for_what_was_sent_before_are_still_taken_and_for_later_lanes_are_foreign) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.start(2);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  const auto before = p.requests();
  const auto copied = h.folder.file("copy");
  must(h->backup(copied));
  const auto second = h.start(1);
  ASSERT_TRUE(h.until([&] { return h.state(second) == completed; }));
  const auto after = p.requests().back().key;
  h.close();
  must(engine::adopt(copied));
  auto e = must(engine::open(copied, {.send = false}));
  must(ingest(e, statuses({{before[0].key, "delivered"}, {after, "delivered"}})));
  ASSERT_TRUE(host::until(e, [&] { return must(e.status(campaign)).counters.delivered == 1; }));
  store::database db(copied, store::database::access::read);
  EXPECT_EQ(db.number("SELECT foreign_receipts FROM store"), 1);
}

TEST(copies, a_backup_is_whole_while_sending_and_names_no_file_that_is_there) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.start(400);
  const auto to = h.folder.file("backup");
  must(h->backup(to, "ana"));
  EXPECT_EQ(code_of(h->backup(to)), errc::conflict);
  EXPECT_EQ(code_of(h->backup(h.folder.file("no/such/folder/backup"))), errc::store_failed);
  {
    store::database db(to, store::database::access::read);
    EXPECT_EQ(db.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    EXPECT_EQ(db.number("SELECT count(*) FROM recipients"), 400);
    EXPECT_EQ(db.number("SELECT total - sent - failed - unconfirmed - skipped FROM campaigns"),
              400 - db.number("SELECT count(*) FROM messages WHERE state IN (2, 3, 4)"));
  }
  EXPECT_FALSE(std::filesystem::exists(to + ".new"));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).sent, 400);
  const auto told = must(h->history());
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [&](const auto& r) {
    return r.action == "backup" && r.actor == "ana" && r.reason == to && !r.campaign;
  }));
  auto looker = must(engine::open(h.path(), {.mode = open_mode::read}));
  must(looker.backup(h.folder.file("by reader")));
}

}  // namespace
}  // namespace bulkmsg::testing
