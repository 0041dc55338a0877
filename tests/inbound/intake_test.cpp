#include "inbound/intake.hpp"

#include <gtest/gtest.h>

#include "inbound/merge.hpp"
#include "webhook_bodies.hpp"

namespace bulkmsg::testing {
namespace {

using inbound::intake;
using store::writer;

struct rig {
  scratch_store s{};
  store::database reader = s.reader();
  writer w{s.take_database(), writer::runs::by_step};
  std::vector<std::string> told{};  // "n", "n failed", and "stored" after the bodies of a row
  intake in{[this] { told.emplace_back("stored"); }};

  void take(int n, const std::string& body = "{}") {
    in.take(w, body, noon_ms + n, [this, n](const error* e) {
      told.push_back(std::to_string(n) + (e ? ' ' + std::string(name(e->code)) : ""));
    });
  }
  std::string rows() { return table(reader, "SELECT bodies, received_at_ms - " + at + " FROM inbox ORDER BY id"); }
  const std::string at = std::to_string(noon_ms);
};
using strings = std::vector<std::string>;

TEST(intake, bodies_that_wait_together_share_a_row_and_are_told_when_it_is_durable) {
  rig r;
  for (int n = 1; n <= 3; ++n) r.take(n);
  EXPECT_EQ(r.told, strings());
  EXPECT_EQ(r.rows(), "");

  EXPECT_TRUE(r.w.step());
  EXPECT_EQ(r.rows(), "3|1 ");
  EXPECT_EQ(r.told, (strings{"1", "2", "3", "stored"}));

  EXPECT_FALSE(r.w.step());
  r.take(4);
  r.w.step();
  EXPECT_EQ(r.rows(), "3|1 1|4 ");
}

TEST(intake, what_comes_while_a_row_is_written_goes_into_the_next_one) {
  rig r;
  r.take(1);
  r.w.submit([&](store::database&) { r.take(2); }, nullptr);
  r.w.step();
  EXPECT_EQ(r.told, (strings{"1", "stored"}));
  r.w.step();
  EXPECT_EQ(r.rows(), "1|1 1|2 ");
  EXPECT_EQ(r.told, (strings{"1", "stored", "2", "stored"}));
}

TEST(intake, a_full_row_is_followed_by_another) {
  rig r;
  const std::string long_body(40'000, ' ');
  for (int n = 1; n <= 5; ++n) r.take(n, long_body);
  r.w.step();
  EXPECT_EQ(r.rows(), "2|1 2|3 1|5 ");
  EXPECT_EQ(r.told, (strings{"1", "2", "stored", "3", "4", "stored", "5", "stored"}));
}

TEST(intake, nobody_is_told_that_a_refused_row_is_durable) {
  rig r;
  store::database other(r.s.path(), store::database::access::write);
  other.exec("CREATE TRIGGER full BEFORE INSERT ON inbox BEGIN SELECT raise(FAIL, 'full'); END");
  r.take(1);
  r.take(2);
  r.w.step();
  EXPECT_EQ(r.told, (strings{"1 store_failed", "2 store_failed"}));
  other.exec("DROP TRIGGER full");
  r.take(3);
  r.w.step();
  EXPECT_EQ(r.rows(), "1|3 ");
}

TEST(intake, another_jobs_refusal_leaves_the_bodies_in_their_row_once) {
  rig r;
  r.w.submit([](store::database&) { throw store::store_error{error{errc::conflict, "mine alone", 0, 0}}; }, nullptr);
  r.take(1);
  r.take(2);
  r.w.submit([&](store::database&) { r.take(3); }, nullptr);
  r.w.step();
  EXPECT_EQ(r.rows(), "2|1 ");
  r.w.step();
  EXPECT_EQ(r.told.front(), "1");
  EXPECT_EQ(count(r.reader, "SELECT sum(bodies) FROM inbox WHERE received_at_ms < " + r.at + " + 3"), 2);
}

TEST(intake, after_the_writer_has_stopped_everybody_is_told) {
  rig r;
  r.take(1);
  r.w.step();
  r.w.stop();
  r.take(2);
  r.take(3);
  EXPECT_EQ(r.told, (strings{"1", "stored", "2 closed", "3 closed"}));
}

TEST(intake, bodies_of_one_row_are_merged_like_rows_of_their_own) {
  sending_store s(2);
  s.open(2);
  s.settle(0, message_state::accepted, "wamid.0");
  const auto sent = webhook({receipt(s, 0, "sent")}), read = webhook({receipt(s, 0, "read"), receipt(s, 1, "sent")});
  writer w(s.take_database(), writer::runs::by_step);
  intake in(nullptr);
  for (const auto& body : {read, sent, read, std::string("{")}) in.take(w, body, noon_ms, [](const error*) {});
  w.step();
  w.submit([](store::database& db) { inbound::merge(db, scratch_store_id, noon_ms); }, nullptr);
  w.step();
  auto db = s.reader();
  EXPECT_EQ(table(db, "SELECT state, receipt, provider_id FROM messages ORDER BY id"), "2|4|wamid.0 2|1|wamid.1 ");
  EXPECT_EQ(count(db, "SELECT count(*) FROM inbox"), 0);
}

}  // namespace
}  // namespace bulkmsg::testing
