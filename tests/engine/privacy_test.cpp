// Forgetting a person and keeping personal data for a time only: it is gone from every byte of the file, and what was
// counted, paid and barred stays as it was.
#include <filesystem>
#include <fstream>

#include "engine/hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

using enum campaign_state;

// The whole store in bytes, its log too.
std::string bytes_of(const std::string& path) {
  std::string all;
  for (const char* suffix : {"", "-wal"}) {
    std::ifstream in(path + suffix, std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

TEST(forget, nothing_of_a_person_stays_in_the_file_and_what_was_counted_does) {
  provider p;
  host h({}, p.origin());
  const auto account = must(h->put_account("shop", {.per_user_credits = 100, .users = 1}));
  const auto campaign = h.draft(0, account);
  must(h->import_csv_text(campaign, "phone_number,param1\n" + number(1) + ",Annabella\n" + number(2) + ",Benedict\n" +
                                        number(1) + ",Annabella twice\n"));
  must(h->start(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  must(h->import_contacts_csv([text = "phone_number,city\n" + number(1) + ",Annaberg\n"](
                                  char* to, std::size_t room) mutable -> result<std::size_t> {
    const auto n = text.copy(to, room);
    text.erase(0, n);
    return n;
  }));
  must(ingest(*h, reply("wamid.answer", "Annalise was here")));
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
  const auto before = h.told(campaign);
  const auto credits = must(h->account(account)).balances;
  const auto digits = number(1).substr(1);
  // The provider of these tests says "15551000000" wrote: the same person as number(0).
  const auto report = must(h->forget(number(1), "ana", "asked by mail"));
  EXPECT_EQ(report.recipients, 1);
  EXPECT_EQ(report.rejected, 1);
  EXPECT_TRUE(report.contact);
  EXPECT_EQ(must(h->forget(number(0))).replies, 1);
  EXPECT_EQ(h.told(campaign), before);
  EXPECT_EQ(must(h->account(account)).balances, credits);
  must(h->audit(account));
  const auto rows = must(h->messages(campaign));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].address.starts_with("forgotten:")) << rows[0].address;
  EXPECT_EQ(rows[0].provider_id, "");
  EXPECT_EQ(rows[0].state, message_state::accepted);
  EXPECT_EQ(rows[1].address, number(2));
  const auto told = must(h->history());
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](const auto& r) {
    return r.action == "forget" && r.actor == "ana" && r.reason == "asked by mail";
  }));
  h.close();
  const auto bytes = bytes_of(h.path());
  for (const std::string& gone : {digits, std::string("Annabella"), std::string("Annaberg"), std::string("Annalise")}) {
    EXPECT_EQ(bytes.find(gone), std::string::npos) << gone;
  }
  EXPECT_NE(bytes.find("Benedict"), std::string::npos);
}

TEST(forget, who_is_suppressed_stays_so_under_a_hash_until_it_is_lifted) {
  provider p;
  host h({}, p.origin());
  must(h->suppress(number(1)));
  must(h->forget(number(1)));
  ASSERT_EQ(must(h->suppressions()).size(), 1u);
  EXPECT_EQ(must(h->suppressions())[0].address, "");
  EXPECT_EQ(must(h->suppressions({.address = number(1)})).size(), 1u);
  EXPECT_EQ(must(h->suppressions({.address = number(2)})).size(), 0u);
  const auto campaign = h.draft(0);
  must(h->import_csv_text(campaign, csv(2, 1)));
  EXPECT_EQ(must(h->dry_run(campaign)).suppressed, 1);
  must(h->lift_suppression(number(1)));
  EXPECT_EQ(must(h->dry_run(campaign)).suppressed, 0);
}

TEST(forget, what_is_queued_for_the_person_is_skipped_and_the_others_go) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(200);
  ASSERT_TRUE(p.wait_for(1));
  must(h->pause(campaign));
  p.let_go();
  must(h->forget(number(199)));
  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).skipped, 1);
  EXPECT_EQ(h.told(campaign).sent, 199);
  for (const auto& r : p.requests()) {
    EXPECT_NE("+" + r.to, number(199));
    EXPECT_EQ(r.body.find("forgotten"), std::string::npos);
  }
}

TEST(forget, what_was_opened_for_the_person_and_has_not_left_is_taken_back) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(200);
  ASSERT_TRUE(p.wait_for(8));  // as many as may be in flight; the next ones are opened already
  for (int n = 8; n < 40; ++n) must(h->forget(number(n)));
  p.let_go();
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(p.count(), 168);
  EXPECT_EQ(h.told(campaign).skipped, 32);
}

// Whoever answers late answers for somebody whom we do not know any more.
TEST(forget, nothing_of_a_person_comes_back_with_answers_and_receipts) {
  provider p;
  host h({}, p.origin());
  p.hold();
  const auto campaign = h.start(2);
  ASSERT_TRUE(p.wait_for(2));
  must(h->forget(number(0)));
  p.let_go();
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  const auto requests = p.requests();
  must(ingest(*h, statuses({{requests[0].key, "read"}, {requests[1].key, "read"}})));
  ASSERT_TRUE(h.until([&] { return h.told(campaign).read == 2; }));
  const auto rows = must(h->messages(campaign));
  EXPECT_EQ(rows[0].provider_id, "");
  EXPECT_TRUE(rows[1].provider_id.starts_with("wamid.")) << rows[1].provider_id;
}

// Their other names are known from the log, so that must be forgotten last.
TEST(forget, what_failed_half_way_can_be_called_again) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(0);
  auto wrote = reply("in.1", "hi");
  wrote.insert(wrote.find(R"("timestamp")"), R"("from_user_id":"US.1",)");  // of number(0)
  must(ingest(*h, wrote));
  ASSERT_TRUE(h.until([&] { return !h.seen_of(event_kind::reply).empty(); }));
  must(h->import_csv_text(campaign, "address,param1\nuser:US.1,Ana\nuser:US.2,Ben\n"));
  {
    store::database db(h.path(), store::database::access::write);
    db.exec("CREATE TRIGGER full BEFORE UPDATE ON recipients BEGIN SELECT RAISE(ABORT, 'full'); END");
    EXPECT_EQ(code_of(h->forget(number(0))), errc::store_failed);
    db.exec("DROP TRIGGER full");
  }
  EXPECT_EQ(must(h->forget(number(0))).recipients, 1);
  EXPECT_EQ(must(h->dry_run(campaign)).suppressed, 1);
  store::database db(h.path(), store::database::access::read);
  EXPECT_EQ(db.number("SELECT count(*) FROM consent_log WHERE address LIKE '%US.1' OR new LIKE '%US.1'"), 0);
}

TEST(forget, a_draft_goes_on_without_the_person) {
  provider p;
  host h({}, p.origin());
  const auto campaign = h.draft(3);
  EXPECT_EQ(must(h->forget(number(1))).recipients, 1);
  EXPECT_EQ(must(h->forget(number(1))).recipients, 0) << "twice changes nothing";
  EXPECT_EQ(must(h->dry_run(campaign)).suppressed, 1);
  must(h->start(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  EXPECT_EQ(h.told(campaign).sent, 2);
  EXPECT_EQ(code_of(h->forget("12")), errc::phone_too_short);
}

TEST(retention, finished_campaigns_lose_what_is_personal_and_keep_their_counters) {
  provider p;
  host h({}, p.origin());
  const auto old = h.start(30);
  const auto fresh = h.start(2);
  ASSERT_TRUE(h.until([&] { return h.state(old) == completed && h.state(fresh) == completed; }));
  const auto before = h.told(old);
  {
    store::database db(h.path(), store::database::access::write);
    db.run("UPDATE campaigns SET finished_at_ms = finished_at_ms - 100 * 3600000 WHERE id = ?1", old.value);
  }
  EXPECT_EQ(must(h->retention()).count(), 0);
  EXPECT_EQ(code_of(h->set_retention(std::chrono::hours(24))), errc::bad_option_value) << "limits look back a day";
  must(h->set_retention(std::chrono::hours(48), "ana"));
  EXPECT_EQ(must(h->retention()), std::chrono::hours(48));
  const auto expired = [&] {
    const auto told = must(h->history({.campaign = old}));
    return told.back().action == "expire";
  };
  ASSERT_TRUE(h.until(expired));
  EXPECT_EQ(h.told(old), before);
  for (const auto& m : must(h->messages(old))) {
    EXPECT_TRUE(m.address.starts_with("forgotten:")) << m.address;
    EXPECT_EQ(m.provider_id, "");
    EXPECT_EQ(m.state, message_state::accepted);
  }
  for (const auto& m : must(h->messages(fresh))) EXPECT_TRUE(m.address.starts_with("+1555")) << m.address;
  // A late receipt is still counted.
  must(ingest(*h, statuses({{p.requests()[0].key, "delivered"}})));
  ASSERT_TRUE(h.until([&] { return h.told(old).delivered == 1 || h.told(fresh).delivered == 1; }));
}

TEST(metrics, tell_counters_in_prometheus_text) {
  provider p;
  host h({}, p.origin());
  must(h->put_account("a \"shop\"", {.per_user_credits = 100, .users = 1}));
  const auto campaign = h.start(7);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == completed; }));
  static_cast<void>(h.draft(1));
  const auto text = must(h->metrics());
  for (const char* line :
       {"# TYPE bulkmsg_messages_sent_total counter\nbulkmsg_messages_sent_total 7\n",
        "bulkmsg_campaigns{state=\"completed\"} 1\n", "bulkmsg_campaigns{state=\"draft\"} 1\n",
        "bulkmsg_messages{state=\"queued\"} 0\n", "bulkmsg_send_rate_per_second{sender=\"shop\"} ",
        "bulkmsg_credits{account=\"a \\\"shop\\\"\",kind=\"available\"} 100\n", "bulkmsg_info{version=\""}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  // Every line is a comment or `name{labels} number`, and every name has its help and type before it.
  std::string family;
  for (std::size_t from = 0; from < text.size();) {
    const auto end = text.find('\n', from);
    ASSERT_NE(end, std::string::npos);
    const auto line = text.substr(from, end - from);
    from = end + 1;
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      continue;
    }
    if (line.starts_with("# TYPE ")) continue;
    EXPECT_TRUE(line.starts_with(family + "{") || line.starts_with(family + " ")) << line;
    EXPECT_NE(line.substr(line.rfind(' ') + 1).find_first_of("0123456789"), std::string::npos) << line;
  }
}

TEST(status, rate_and_time_left_are_told_while_it_sends_and_by_every_process) {
  provider p;
  auto slow = sender_at(p.origin());
  slow.limits = "20/s; in-flight=8";
  host h({}, p.origin());
  h.sender = must(h->put_sender(slow));
  const auto campaign = h.start(200);
  ASSERT_TRUE(p.wait_for(30));
  auto looker = must(engine::open(h.path(), {.mode = open_mode::read}));
  const auto status = must(looker.status(campaign));
  EXPECT_GT(status.rate, 0);
  EXPECT_LE(status.rate, 60);
  EXPECT_GT(status.time_left().count(), 0);
  EXPECT_GT(status.counters.progress(), 0);
  EXPECT_LT(status.counters.progress(), 1);
  must(h->pause(campaign));
  EXPECT_EQ(must(looker.status(campaign)).time_left().count(), -1);
  must(h->stop(campaign));
  EXPECT_EQ(must(looker.status(campaign)).time_left().count(), 0);
}

}  // namespace
}  // namespace bulkmsg::testing
