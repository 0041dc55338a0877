// Recipients come in: what is told of them, and that an unusable file leaves no trace.
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

TEST(import, good_rows_go_on_and_bad_ones_are_told_by_line_column_code_and_reason) {
  host h;
  const auto campaign = h.draft(0);
  const auto report = must(h->import_csv_text(campaign,
                                              "phone_number,param1\n"
                                              "+15551000001,Ana\n"     // 2
                                              "+15551000002,\n"        // 3: no parameter
                                              "not-a-number,Bob\n"     // 4
                                              "+1 555 100 0001,Cid\n"  // 5: the same person
                                              ",Dora\n"                // 6
                                              "\n"                     // no row at all
                                              "+15551000003,Eva\n"));  // 8
  EXPECT_EQ(report.rows, 6);
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(report.rejected, 3);

  const auto rows = must(h->rejected(campaign));
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].line, 3);
  EXPECT_EQ(rows[0].code, errc::parameter_missing);
  EXPECT_EQ(rows[0].column, 2);
  EXPECT_EQ(rows[0].column_name, "param1");
  EXPECT_EQ(rows[1].line, 4);
  EXPECT_EQ(rows[1].code, errc::phone_has_letters);
  EXPECT_EQ(rows[1].column_name, "phone_number");
  EXPECT_EQ(rows[1].address, "not-a-number");
  EXPECT_EQ(rows[2].line, 5);
  EXPECT_EQ(rows[2].code, errc::duplicate_recipient);
  EXPECT_EQ(rows[3].line, 6);
  EXPECT_EQ(rows[3].code, errc::phone_missing);
  for (const auto& r : rows) EXPECT_FALSE(r.reason.empty());

  const auto c = h.told(campaign);
  EXPECT_EQ(c.total, 6);
  EXPECT_EQ(c.skipped, 4);
  EXPECT_EQ(c.queued(), 2);
  std::int64_t skipped = 0;
  for (const auto& r : must(h->skipped_by_reason(campaign))) skipped += r.count;
  EXPECT_EQ(skipped, 4);
}

TEST(import, any_chunking_of_the_file_gives_the_same_rows) {
  const std::string text = csv(200) + "+15551000003,again\nx,y\n";
  std::string whole;
  for (const std::size_t step : {text.size(), std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    host h;
    const auto campaign = h.draft(0);
    std::string_view rest = text;
    const auto report = must(h->import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
      const auto n = rest.copy(to, std::min(step, capacity));
      rest.remove_prefix(n);
      return n;
    }));
    EXPECT_EQ(report.added, 200) << step;
    EXPECT_EQ(report.duplicates, 1) << step;
    EXPECT_EQ(report.rejected, 1) << step;
    const auto hash = must(h->dry_run(campaign)).hash;
    if (whole.empty()) whole = hash;
    EXPECT_EQ(hash, whole) << step;
  }
}

TEST(import, a_person_of_an_earlier_file_is_a_duplicate_in_the_next) {
  host h;
  const auto campaign = h.draft(5);
  const auto report = must(h->import_csv_text(campaign, csv(5, 3)));
  EXPECT_EQ(report.added, 3);
  EXPECT_EQ(report.duplicates, 2);
  EXPECT_EQ(h.told(campaign).queued(), 8);
}

TEST(import, of_many_rows_loses_none) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(must(h->import_csv_text(campaign, csv(20'000))).added, 20'000);
  EXPECT_EQ(must(h->import_csv_text(campaign, csv(20'000))).duplicates, 20'000);
  EXPECT_EQ(must(h->dry_run(campaign)).messages, 20'000);
  must(h->start(campaign));
  std::set<std::string> addresses;
  message_filter filter{.limit = 7'000};
  for (;;) {
    const auto page = must(h->messages(campaign, filter));
    if (page.empty()) break;
    for (const auto& m : page) addresses.insert(m.address);
    filter.after = page.back().id;
  }
  EXPECT_EQ(addresses.size(), 20'000u);
}

struct unusable {
  const char* name;
  std::string text;
  errc code;
};
class unusable_file : public ::testing::TestWithParam<unusable> {};
std::string name_of(const ::testing::TestParamInfo<unusable>& each) { return each.param.name; }
INSTANTIATE_TEST_SUITE_P(
    import, unusable_file,
    ::testing::Values(unusable{"empty", "", errc::csv_empty},
                      unusable{"no_phone_column", "name,param1\nAna,x\n", errc::csv_no_phone_column},
                      unusable{"unnamed_column", "phone_number,,param1\n", errc::csv_bad_header},
                      unusable{"column_twice", "phone_number,param1,Param1\n", errc::csv_bad_header},
                      unusable{"column_missing", "phone_number,name\n+15551000009,Ana\n", errc::column_missing},
                      unusable{"not_utf8_after_many_good_rows", csv(9'000, 100) + "+15552000000,\xff\xfe\n",
                               errc::text_not_utf8},
                      unusable{"unclosed_quote_after_many_good_rows", csv(9'000, 100) + "+15552000000,\"Ana\n",
                               errc::csv_unclosed_quote}),
    name_of);

TEST_P(unusable_file, adds_nothing_to_a_new_draft) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(refused(h->import_csv_text(campaign, GetParam().text)).code, GetParam().code);
  EXPECT_TRUE(h.told(campaign) == counters{});
  EXPECT_TRUE(must(h->rejected(campaign)).empty());
  EXPECT_EQ(must(h->import_csv_text(campaign, csv(3))).added, 3) << "a good one may follow";
}

TEST_P(unusable_file, adds_nothing_to_what_is_there) {
  host h;
  const auto campaign = h.draft(5);
  must(h->import_csv_text(campaign, "phone_number,param1\nx,y\n"));
  const auto before = h.told(campaign);
  const auto hash = must(h->dry_run(campaign)).hash;
  EXPECT_EQ(refused(h->import_csv_text(campaign, GetParam().text)).code, GetParam().code);
  EXPECT_TRUE(h.told(campaign) == before);
  EXPECT_EQ(must(h->dry_run(campaign)).hash, hash);
  EXPECT_EQ(must(h->rejected(campaign)).size(), 1u);
}

TEST(import, a_source_that_fails_on_the_way_adds_nothing_and_is_told_as_it_failed) {
  host h;
  const auto campaign = h.draft(2);
  const auto text = csv(9'000, 100);
  std::size_t given = 0;
  const auto got = h->import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
    if (given == text.size()) return fail(errc::file_unreadable, "the disk is gone");
    const auto n = std::string_view(text).substr(given).copy(to, capacity);
    given += n;
    return n;
  });
  EXPECT_EQ(refused(got).code, errc::file_unreadable);
  EXPECT_EQ(refused(got).message, "the disk is gone");
  EXPECT_EQ(h.told(campaign).total, 2);
}

TEST(import, a_missing_file_is_named) {
  host h;
  const auto campaign = h.draft(0);
  const auto got = h->import_csv_file(campaign, h.folder.file("nowhere.csv"));
  EXPECT_EQ(refused(got).code, errc::file_unreadable);
  EXPECT_NE(refused(got).message.find(h.folder.file("nowhere.csv")), std::string::npos);
}

TEST(import, what_is_wrong_with_a_file_is_told_with_its_name) {
  host h;
  const auto campaign = h.draft(0);
  write_file(h.folder.file("bad.csv"), "name\nAna\n");
  const auto got = h->import_csv_file(campaign, h.folder.file("bad.csv"));
  EXPECT_EQ(refused(got).code, errc::csv_no_phone_column);
  EXPECT_NE(refused(got).message.find(h.folder.file("bad.csv")), std::string::npos);
}

TEST(import, files_with_other_columns_do_not_mix) {
  host h;
  const auto campaign = h.draft(2);
  const auto got = h->import_csv_text(campaign, "phone_number,param1,city\n+15551000077,Ana,Berlin\n");
  EXPECT_EQ(refused(got).code, errc::conflict);
  EXPECT_EQ(h.told(campaign).total, 2);
}

TEST(import, only_a_draft_takes_recipients) {
  host h;
  const auto campaign = h.start(2);
  EXPECT_EQ(code_of(h->import_csv_text(campaign, csv(1, 50))), errc::wrong_state);
  EXPECT_EQ(code_of(h->import_csv_text({99}, csv(1))), errc::not_found);
  EXPECT_EQ(h.told(campaign).total, 2);
}

// While one import is in the middle of its file, another call comes in on the same draft. `meanwhile` runs there.
result<import_report> import_with(engine& e, campaign_id campaign, const std::string& text,
                                  const std::function<void()>& meanwhile) {
  int turn = 0;
  std::size_t given = 0;
  return e.import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
    if (++turn == 2) std::thread(meanwhile).join();
    // The first turn gives the first half.
    const auto until = turn == 1 ? text.size() / 2 : text.size();
    const auto n = std::string_view(text).substr(given, until - given).copy(to, capacity);
    given += n;
    return n;
  });
}

TEST(import, two_at_once_never_add_a_person_twice) {
  host h;
  const auto campaign = h.draft(0);
  result<import_report> other;
  const auto one = import_with(*h, campaign, csv(10'000), [&] { other = h->import_csv_text(campaign, csv(10'000)); });
  EXPECT_EQ(must(one).added, 10'000);
  EXPECT_EQ(code_of(other), errc::conflict);
  EXPECT_EQ(h.told(campaign).queued(), 10'000);
  EXPECT_EQ(must(h->import_csv_text(campaign, csv(10'000))).duplicates, 10'000) << "later it may";
}

TEST(import, a_start_or_discard_in_its_middle_is_refused_and_takes_nothing_from_it) {
  host h;
  const auto campaign = h.draft(0);
  errc started = errc::ok, discarded = errc::ok;
  const auto report = must(import_with(*h, campaign, csv(10'000), [&] {
    started = code_of(h->start(campaign));
    discarded = code_of(h->discard(campaign));
  }));
  EXPECT_EQ(started, errc::conflict);
  EXPECT_EQ(discarded, errc::conflict);
  EXPECT_EQ(report.added, 10'000);
  EXPECT_EQ(must(h->start(campaign)).messages, 10'000);
}

TEST(import, into_two_drafts_at_once_goes_side_by_side) {
  host h;
  const auto one = h.draft(0), two = h.draft(0);
  result<import_report> other;
  must(import_with(*h, one, csv(5'000), [&] { other = h->import_csv_text(two, csv(5'000)); }));
  EXPECT_EQ(must(std::move(other)).added, 5'000);
  EXPECT_EQ(h.told(one).queued(), 5'000);
  EXPECT_EQ(h.told(two).queued(), 5'000);
}

TEST(discard, removes_a_draft_with_all_its_rows) {
  host h;
  const auto campaign = h.draft(12'000);
  const auto other = h.draft(3);
  must(h->discard(campaign));
  EXPECT_EQ(code_of(h->status(campaign)), errc::not_found);
  EXPECT_EQ(must(h->list()).size(), 1u);
  EXPECT_EQ(h.told(other).queued(), 3);
}

TEST(discard, is_seen_by_whoever_reads_the_history_on_from_the_last_entry) {
  host h;
  const auto campaign = h.draft(0);
  const auto last = must(h->history()).back().id;
  must(h->discard(campaign));
  const auto news = must(h->history({.after = last}));
  ASSERT_EQ(news.size(), 1u);
  EXPECT_EQ(news[0].action, "discard");
}

TEST(discard, of_what_was_started_is_refused) {
  host h;
  const auto campaign = h.start(3);
  EXPECT_EQ(code_of(h->discard(campaign)), errc::wrong_state);
  EXPECT_EQ(h.told(campaign).queued(), 3);
}

}  // namespace
}  // namespace bulkmsg::testing
