// Every way in ends in the same judgement; and what was rejected comes back as a file that can be corrected.
#include "bulkmsg/recipients/csv.hpp"
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

using strings = std::vector<std::string>;

// "2 phone_has_letters@1:phone_number x"
strings rejected_of(host& h, campaign_id campaign) {
  strings out;
  for (const auto& r : must(h->rejected(campaign))) {
    out.push_back(std::to_string(r.line) + ' ' + std::string(name(r.code)) + '@' + std::to_string(r.column) + ':' +
                  r.column_name + ' ' + r.address);
  }
  return out;
}

std::string rejected_csv(host& h, campaign_id campaign) {
  std::string text;
  must(h->write_rejected_csv(campaign, [&](std::string_view part) -> result<void> {
    text += part;
    return {};
  }));
  return text;
}

strings addresses(host& h, campaign_id campaign) {
  must(h->start(campaign));
  strings out;
  for (const auto& m : must(h->messages(campaign))) out.push_back(m.address);
  return out;
}

campaign_id draft_without_parameters(host& h) {
  h.draft(0);
  const auto words = must(h->put_template(
      R"({"name":"hello","language":"en","status":"APPROVED","components":[{"type":"BODY","text":"Hi"}]})"));
  return must(h->create_campaign({.name = "hello", .sender = h.sender, .content = words}));
}

// The same five rows in each form: good, good, no parameter, not a number, the first person again.
struct way {
  const char* name;
  std::function<result<import_report>(engine&, campaign_id)> import;
  int first_line;
};
class every_way_in : public ::testing::TestWithParam<way> {};

const std::string rows_ndjson =
    "{\"phone_number\":\"+15551000001\",\"param1\":\"Ana\"}\n{\"param1\":7,\"phone_number\":15551000002}\n"
    "{\"phone_number\":\"+15551000003\"}\n{\"phone_number\":\"x\",\"param1\":true}\n"
    "{\"phone_number\":\"+1 555 100 0001\",\"param1\":\"Ana\"}\n";
std::string as_array(std::string ndjson) {
  ndjson.back() = ']';
  std::replace(ndjson.begin(), ndjson.end(), '\n', ',');
  return '[' + ndjson;
}
const std::string rows_csv =
    "phone_number,param1\n+15551000001,Ana\n15551000002,7\n+15551000003,\nx,true\n+1 555 100 0001,Ana\n";

INSTANTIATE_TEST_SUITE_P(
    import, every_way_in,
    ::testing::Values(way{"csv", [](engine& e, campaign_id c) { return e.import_csv_text(c, rows_csv); }, 2},
                      way{"csv_with_a_delimiter",
                          [](engine& e, campaign_id c) {
                            std::string text = rows_csv;
                            std::replace(text.begin(), text.end(), ',', '|');
                            return e.import_csv_text(c, text, {.delimiter = '|'});
                          },
                          2},
                      way{"csv_in_utf16",
                          [](engine& e, campaign_id c) {
                            std::string wide = "\xff\xfe";
                            for (const char each : rows_csv) wide += {each, '\0'};
                            return e.import_csv_text(c, wide);
                          },
                          2},
                      way{"ndjson", [](engine& e, campaign_id c) { return e.import_json_text(c, rows_ndjson); }, 1},
                      way{"json_array",
                          [](engine& e, campaign_id c) { return e.import_json_text(c, as_array(rows_ndjson)); }, 1},
                      way{"json_with_chosen_columns",
                          [](engine& e, campaign_id c) {
                            return e.import_json_text(c, rows_ndjson, {.columns = {"phone_number", "param1"}});
                          },
                          1},
                      way{"rows_in_memory",
                          [](engine& e, campaign_id c) {
                            const strings columns = {"phone_number", "param1"};
                            const std::vector<strings> rows = {{"+15551000001", "Ana"},
                                                               {"15551000002", "7"},
                                                               {"+15551000003", ""},
                                                               {"x", "true"},
                                                               {"+1 555 100 0001", "Ana"}};
                            return e.add_recipients(c, columns, rows);
                          },
                          1},
                      way{"rows_in_one_run_of_bytes",
                          [](engine& e, campaign_id c) {
                            std::string bytes;
                            std::vector<std::uint64_t> offsets = {0};
                            for (const char* cell : {"phone_number", "param1", "+15551000001", "Ana", "15551000002",
                                                     "7", "+15551000003", "", "x", "true", "+1 555 100 0001", "Ana"}) {
                              bytes += cell;
                              offsets.push_back(bytes.size());
                            }
                            return e.add_recipients(c, {.bytes = bytes, .offsets = offsets, .cells_per_row = 2});
                          },
                          1}),
    [](const ::testing::TestParamInfo<way>& each) { return each.param.name; });

TEST_P(every_way_in, gives_the_same_recipients_and_rejections) {
  host h;
  const auto campaign = h.draft(0);
  const auto report = must(GetParam().import(*h, campaign));
  EXPECT_EQ(report.rows, 5);
  EXPECT_EQ(report.added, 2);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(report.rejected, 2);
  const int at = GetParam().first_line;
  const auto line = [&](int n) { return std::to_string(at + n); };
  EXPECT_EQ(rejected_of(h, campaign), (strings{line(2) + " parameter_missing@2:param1 +15551000003",
                                               line(3) + " phone_has_letters@1:phone_number x",
                                               line(4) + " duplicate_recipient@1:phone_number +1 555 100 0001"}));
  EXPECT_EQ(addresses(h, campaign), (strings{"+15551000001", "+15551000002"}));
}

TEST_P(every_way_in, knows_who_is_in_the_draft_already) {
  host h;
  const auto campaign = h.draft(0);
  must(h->import_csv_text(campaign, "phone_number,param1\n+15551000002,Bob\n"));
  const auto report = must(GetParam().import(*h, campaign));
  EXPECT_EQ(report.added, 1);
  EXPECT_EQ(report.duplicates, 2);
}

TEST_P(every_way_in, takes_only_drafts) {
  host h;
  const auto campaign = h.start(1);
  EXPECT_EQ(code_of(GetParam().import(*h, campaign)), errc::wrong_state);
}

TEST(import_report, counts_by_reason_the_most_frequent_first) {
  host h;
  const auto campaign = h.draft(0);
  const auto report = must(
      h->import_csv_text(campaign, "phone_number,param1\nx,1\n+15551000001,1\n+15551000001,2\ny,1\n+15551000002,\n"));
  ASSERT_EQ(report.by_reason.size(), 3u);
  EXPECT_EQ(report.by_reason[0].code, static_cast<std::int32_t>(errc::phone_has_letters));
  EXPECT_EQ(report.by_reason[0].count, 2);
  EXPECT_FALSE(report.by_reason[0].reason.empty());
  std::int64_t all = 0;
  for (const auto& each : report.by_reason) all += each.count;
  EXPECT_EQ(all, report.duplicates + report.rejected);
}

TEST(import_list, takes_numbers_and_ids) {
  host h;
  const auto campaign = draft_without_parameters(h);
  const auto report = must(h->import_list(campaign, "+1 555 100 0001, group:abc;user:US.1\nx,+15551000001,chat:5"));
  EXPECT_EQ(report.added, 3);
  EXPECT_EQ(rejected_of(h, campaign),
            (strings{"4 phone_has_letters@1:address x", "5 duplicate_recipient@1:address +15551000001",
                     "6 address_not_for_channel@1:address chat:5"}));
  EXPECT_EQ(must(h->import_list(campaign, "group:abc,+15551000002")).duplicates, 1) << "also in the next list";
  EXPECT_EQ(addresses(h, campaign), (strings{"+15551000001", "group:abc", "user:US.1", "+15551000002"}));
}

TEST(import_list, is_refused_for_a_message_with_parameters) {
  host h;
  EXPECT_EQ(code_of(h->import_list(h.draft(0), "+15551000001")), errc::column_missing);
}

TEST(import_json, that_is_unusable_adds_nothing) {
  host h;
  const auto campaign = h.draft(0);
  std::string good;
  for (int i = 0; i < 9'000; ++i) good += ",{\"phone_number\":\"" + number(i) + "\",\"param1\":\"x\"}";
  good[0] = '[';
  EXPECT_EQ(code_of(h->import_json_text(campaign, good)), errc::json_malformed);
  EXPECT_EQ(code_of(h->import_json_text(campaign, good + "] x")), errc::json_malformed);
  EXPECT_EQ(code_of(h->import_json_text(campaign, good + ",{\"a\":\"\xff\"}]")), errc::text_not_utf8);
  EXPECT_EQ(code_of(h->import_json_text(campaign, "")), errc::csv_empty);
  EXPECT_EQ(code_of(h->import_json_text(campaign, "{\"name\":\"Ana\"}")), errc::csv_no_phone_column);
  EXPECT_EQ(code_of(h->import_json_text(campaign, "{\"phone_number\":\"1\"}")), errc::column_missing);
  EXPECT_EQ(code_of(h->import_json_file(campaign, h.folder.file("nowhere.json"))), errc::file_unreadable);
  EXPECT_TRUE(h.told(campaign) == counters{});
  write_file(h.folder.file("good.json"), good + "]");
  EXPECT_EQ(must(h->import_json_file(campaign, h.folder.file("good.json"))).added, 9'000);
}

TEST(add_recipients, judges_rows_as_a_reader_of_text_would) {
  host h;
  const auto campaign = h.draft(0);
  const strings columns = {" param1 ", "PHONE_NUMBER"};
  const std::vector<strings> rows = {{"a", "+15551000001"},
                                     {},
                                     {"a"},
                                     {"a", "+15551000002", "more"},
                                     {"\xff", "+15551000002"},
                                     {std::string(recipients::row_bytes_max, 'x'), "+15551000002"},
                                     {"a\x1f", "+15551000002"},
                                     {" ", ""},
                                     {"b", "+15551000003", " "}};
  EXPECT_EQ(must(h->add_recipients(campaign, columns, rows)).added, 2);
  EXPECT_EQ(
      rejected_of(h, campaign),
      (strings{"2 row_has_missing_cells@0: ", "3 row_has_missing_cells@0: ", "4 row_has_extra_cells@3: +15551000002",
               "5 text_not_utf8@1:param1 ", "6 row_too_long@0: ", "7 parameter_not_allowed@1:param1 +15551000002"}));
  EXPECT_EQ(code_of(h->add_recipients(campaign, {}, rows)), errc::csv_empty);
  EXPECT_EQ(code_of(h->add_recipients(campaign, strings{"\xe9"}, rows)), errc::text_not_utf8);
}

TEST(add_recipients, refuses_offsets_that_are_none) {
  host h;
  const auto campaign = h.draft(0);
  const std::string bytes = "phone_number+15551000001";
  using offsets = std::vector<std::uint64_t>;
  for (const auto& [at, cells] : std::vector<std::pair<offsets, std::size_t>>{
           {{}, 1}, {{0}, 1}, {{0, 12, 25}, 1}, {{12, 0, 24}, 1}, {{0, 12, 24}, 0}, {{0, 5, 12, 24}, 2}}) {
    EXPECT_EQ(code_of(h->add_recipients(campaign, {.bytes = bytes, .offsets = at, .cells_per_row = cells})),
              errc::invalid_argument);
  }
}

TEST(import_options, that_make_no_sense_are_refused) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(code_of(h->import_csv_text(campaign, csv(1), {.delimiter = '"'})), errc::bad_option_value);
  EXPECT_EQ(code_of(h->import_csv_text(campaign, csv(1), {.default_region = "Germany"})), errc::bad_option_value);
  EXPECT_EQ(code_of(h->import_csv_text(campaign, csv(1), {.default_region = "4"})), errc::bad_option_value);
  EXPECT_EQ(must(h->import_csv_text(campaign, csv(1), {.default_region = "DE"})).added, 1);
}

TEST(rejected_csv, can_be_corrected_and_imported_again) {
  host h;
  const auto campaign = h.draft(0);
  must(h->import_csv_text(
      campaign, "note;param1;Phone_Number\n\"a;\"\"b\"\"\n,c\";Ana;x1\nplain;;+15551000002\nok;Eva;+15551000003\n"));
  std::string text = rejected_csv(h, campaign);
  EXPECT_TRUE(text.starts_with("bulkmsg_reason,bulkmsg_line,phone_number,note,param1\r\n")) << text;
  EXPECT_NE(text.find(",2,x1,\"a;\"\"b\"\"\n,c\",Ana\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find(",4,+15551000002,plain,\r\n"), std::string::npos) << text;

  EXPECT_EQ(must(h->import_csv_text(campaign, text)).rejected, 2) << "as it is, it is rejected again";
  const auto correct = [&](std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
  };
  correct(",x1,", ",+15551000001,");
  correct("plain,", "plain,Bob");
  const auto again = must(h->import_csv_text(campaign, text));
  EXPECT_EQ(again.added, 2);
  EXPECT_EQ(again.rejected, 0);
  EXPECT_EQ(addresses(h, campaign), (strings{"+15551000003", "+15551000001", "+15551000002"}));
}

TEST(rejected_csv, of_many_rows_and_of_none_is_complete) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(rejected_csv(h, campaign), "bulkmsg_reason,bulkmsg_line,phone_number\r\n");
  std::string text = "phone_number,param1\n";
  for (int i = 0; i < 1'000; ++i) text += "no" + std::string(static_cast<std::size_t>(i % 5), 'x') + ",n\n";
  must(h->import_csv_text(campaign, text));
  const auto told = rejected_csv(h, campaign);
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1'001);
  EXPECT_EQ(code_of(h->write_rejected_csv({99}, [](std::string_view) -> result<void> { return {}; })), errc::not_found);
  const auto stopped = h->write_rejected_csv(
      campaign, [](std::string_view) -> result<void> { return fail(errc::file_unreadable, "the disk is full"); });
  EXPECT_EQ(refused(stopped).message, "the disk is full");
}

TEST(rejected_csv, of_inputs_with_different_address_columns_says_what_each_address_is) {
  host h;
  const auto campaign = draft_without_parameters(h);
  must(h->import_csv_text(campaign, "phone_number\n123\n"));
  must(h->import_csv_text(campaign, "group_id\na b\ngroup:c d\n"));
  must(h->import_list(campaign, "chat:9"));
  const auto text = rejected_csv(h, campaign);
  EXPECT_TRUE(text.starts_with("bulkmsg_reason,bulkmsg_line,address\r\n")) << text;
  for (const char* row : {",2,123\r\n", ",2,group:a b\r\n", ",3,group:c d\r\n", ",1,chat:9\r\n"}) {
    EXPECT_NE(text.find(row), std::string::npos) << row << " in " << text;
  }
}

TEST(template_csv, names_what_the_template_needs_and_gives_an_example) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(must(h->template_csv(campaign)), "phone_number,param1\r\n+15550001111,Ana\r\n");
  const std::string named =
      R"({"name":"n","language":"en","status":"APPROVED","parameter_format":"NAMED","components":[)"
      R"({"type":"HEADER","format":"DOCUMENT"},{"type":"BODY","text":"{{first}}, {{other}}",)"
      R"("example":{"body_text_named_params":[{"param_name":"first","example":"A, \"B\""}]}}]})";
  EXPECT_EQ(
      must(template_csv(named)),
      "phone_number,header_media,first,other\r\n+15550001111,https://example.com/file,\"A, \"\"B\"\"\",(other)\r\n");
  EXPECT_EQ(must(template_csv(template_json(), {{"body.1", "name"}})), "phone_number,name\r\n+15550001111,Ana\r\n");
  EXPECT_EQ(must(h->template_csv(must(h->put_template(template_json())))), must(h->template_csv(campaign)));
  EXPECT_EQ(code_of(h->template_csv(template_id{99})), errc::not_found);
  EXPECT_EQ(code_of(template_csv(R"({"components":1})")), errc::template_malformed);
  EXPECT_EQ(code_of(template_csv("{}")), errc::message_malformed);
  EXPECT_EQ(must(template_csv(R"({"type":"text","text":{"body":"Hi {{first_name}}"}})")).substr(0, 23),
            "phone_number,first_name");
}

TEST(template_csv, is_accepted_as_it_is) {
  host h;
  const auto campaign = h.draft(0);
  EXPECT_EQ(must(h->import_csv_text(campaign, must(h->template_csv(campaign)))).added, 1);
}

}  // namespace
}  // namespace bulkmsg::testing
