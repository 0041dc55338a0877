#include "bulkmsg/recipients/audience.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bulkmsg::recipients {
namespace {

struct collector {
  std::vector<std::string> rows;  // "2 +1555 Ana|x" or "3!code@column:name row_address"
  void accepted(const accepted_row& row) {
    std::string text = std::to_string(row.line) + ' ' + std::string(row.address);
    for (const auto cell : row.parameters) text += '|' + std::string(cell);
    EXPECT_EQ(row.key, person_key(row.address));
    rows.push_back(text);
  }
  void rejected(const rejected_row& row) {
    EXPECT_FALSE(row.reason.empty());
    rows.push_back(std::to_string(row.line) + '!' + std::string(name(row.code)) + '@' + std::to_string(row.column) +
                   ':' + std::string(row.column_name) + ' ' + std::string(row.row_address));
  }
};

struct outcome {
  std::vector<std::string> rows;
  audience_counts counts;
  errc code = errc::ok;
  std::string message;
};

outcome build(audience_builder builder, std::string_view text, std::size_t chunk = 1 << 20) {
  collector sink;
  outcome out;
  result<void> state;
  while (!text.empty() && state) {
    const std::string part(text.substr(0, chunk));
    state = builder.feed(part, sink);
    text.remove_prefix(part.size());
  }
  if (state) state = builder.finish(sink);
  if (!state) {
    out.code = state.error().code;
    out.message = state.error().message;
  }
  out.rows = sink.rows;
  out.counts = builder.judge().counts();
  return out;
}

using lines = std::vector<std::string>;

TEST(audience, every_row_is_accepted_or_rejected_with_a_reason) {
  const std::string text =
      "first_name, Phone_Number ,city\r\n"
      "Ana,+1 555 000 1111,\"Sao Paulo, SP\"\r\n"  // 2
      "Bob,abc,X\r\n"                              // 3
      "Eve,,X\r\n"                                 // 4
      "Joe,+15550002222\r\n"                       // 5
      "Sue,+15550003333,X,more\r\n"                // 6
      "Tim,+15550004444,X,,\r\n"                   // 7 trailing blanks are harmless
      "Ana2,0015550001111,X\r\n"                   // 8
      ",,\r\n"                                     // 9
      "Max,+15550005555,a\x01z\r\n";               // 10
  const lines expected = {"2 +15550001111|Ana|Sao Paulo, SP",
                          "3!phone_has_letters@2:phone_number abc",
                          "4!phone_missing@2:phone_number ",
                          "5!row_has_missing_cells@0: +15550002222",
                          "6!row_has_extra_cells@4: +15550003333",
                          "7 +15550004444|Tim|X",
                          "8!duplicate_recipient@2:phone_number 0015550001111",
                          "10!parameter_not_allowed@3:city +15550005555"};
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, text.size()}) {
    const outcome out = build(audience_builder(), text, chunk);
    EXPECT_EQ(out.code, errc::ok) << out.message;
    EXPECT_EQ(out.rows, expected);
    EXPECT_EQ(out.counts.rows, 8u);
    EXPECT_EQ(out.counts.accepted, 2u);
    EXPECT_EQ(out.counts.duplicates, 1u);
    EXPECT_EQ(out.counts.rejected, 5u);
  }
}

TEST(audience, cells_are_trimmed) {
  EXPECT_EQ(build(audience_builder(), "phone_number,a\n +15550001111 ,\"  x y\n\"\n").rows,
            (lines{"2 +15550001111|x y"}));
}

TEST(audience, header_faults_refuse_the_file) {
  const struct {
    std::string_view text;
    errc code;
    std::string_view says;
  } cases[] = {
      {"", errc::csv_empty, "empty"},
      {"\n\r\n ,\n", errc::csv_empty, "empty"},
      {"name,phone\nAna,+15550001111\n", errc::csv_no_phone_column, "name, phone"},
      {"phone_number,,b\n", errc::csv_bad_header, "column 2"},
      {"a,group_id,chat_id\n", errc::csv_bad_header, "'group_id' and 'chat_id'"},
      {"phone_number,b,B\n", errc::csv_bad_header, "column 3"},
      {"phone_number,PHONE_NUMBER\n", errc::csv_bad_header, "column 2"},
      {"phone_number,\"a\nb\"\n", errc::csv_bad_header, "column 2"},
      {"phone_number\n\"x\n", errc::csv_unclosed_quote, "line 2"},
      {"phone_number,n\n+15550001111,\xe9\n", errc::text_not_utf8, "line 2"},
  };
  for (const auto& each : cases) {
    const outcome out = build(audience_builder(), each.text, 3);
    EXPECT_EQ(name(out.code), name(each.code)) << each.text;
    EXPECT_NE(out.message.find(each.says), std::string::npos) << out.message;
    EXPECT_TRUE(out.rows.empty());
  }
}

TEST(audience, header_only_is_an_empty_audience) {
  const outcome out = build(audience_builder(), "phone_number,a\n");
  EXPECT_EQ(out.code, errc::ok);
  EXPECT_EQ(out.counts.rows, 0u);
}

audience_builder with_rules(address_rules rules) { return audience_builder({}, std::move(rules)); }

TEST(audience, one_column_holds_the_addresses) {
  EXPECT_EQ(build(audience_builder(), "a,Group_ID\nx, 120363 \ny,group:120363\nz,a b\n").rows,
            (lines{"2 group:120363|x", "3!duplicate_recipient@2:group_id group:120363",
                   "4!address_malformed@2:group_id a b"}));
  EXPECT_EQ(build(audience_builder(), "user_id\nUS.1\n").rows, (lines{"2 user:US.1"}));
  EXPECT_EQ(build(audience_builder(), "CHAT_ID\n-100\n").rows, (lines{"2 chat:-100"}));
  EXPECT_EQ(build(audience_builder(), "Address,n\n+15550001111,1\ngroup:a,2\nchat:a,3\nuser:US.1,4\n(555) x,5\n").rows,
            (lines{"2 +15550001111|1", "3 group:a|2", "4 chat:a|3", "5 user:US.1|4",
                   "6!phone_has_letters@1:address (555) x"}));
  EXPECT_EQ(build(with_rules({.bare = address_kind::chat}), "address\n42\n").rows, (lines{"2 chat:42"}));
}

TEST(audience, beside_a_column_of_numbers_a_postal_address_is_a_parameter) {
  EXPECT_EQ(build(audience_builder(), "address,phone_number\nMain St 1,+15550001111\n").rows,
            (lines{"2 +15550001111|Main St 1"}));
}

TEST(audience, two_columns_of_addresses_are_refused_with_advice) {
  const outcome out = build(audience_builder(), "phone_number,user_id\n+15550001111,US.1\n");
  EXPECT_EQ(out.code, errc::csv_bad_header);
  EXPECT_NE(out.message.find("'phone_number' and 'user_id'"), std::string::npos) << out.message;
}

TEST(audience, what_the_channel_cannot_reach_is_rejected) {
  EXPECT_EQ(
      build(with_rules({.allowed = address_kinds::only(address_kind::chat)}), "address\nchat:1\n+15550001111\n").rows,
      (lines{"2 chat:1", "3!address_not_for_channel@1:address +15550001111"}));
}

TEST(audience, columns_that_are_blank_at_the_end_are_passed_over) {
  EXPECT_EQ(
      build(audience_builder(), "phone_number,a, ,,\n+15550001111,x,,,\n+15550002222,y\n+15550003333,z,,more\n").rows,
      (lines{"2 +15550001111|x", "3 +15550002222|y", "4!row_has_extra_cells@3: +15550003333"}));
}

TEST(audience, columns_that_the_report_of_rejected_rows_added_are_not_read) {
  EXPECT_EQ(
      build(audience_builder(), "BULKMSG_reason,bulkmsg_line,a,phone_number,b\nwhy,7,x,+15550001111,y\n,,z,1,w\n").rows,
      (lines{"2 +15550001111|x|y", "3!phone_too_short@4:phone_number 1"}));
}

struct row_texts {
  lines rows;
  void accepted(const accepted_row&) {}
  void rejected(const rejected_row& row) { rows.emplace_back(row.row); }
};

TEST(audience, a_rejected_row_is_told_whole_as_csv) {
  audience_builder builder;
  row_texts sink;
  const std::string text = "a,phone_number,bulkmsg_line,b\n\"x, \"\"y\"\"\",12,9,\"z\n\x01\"\nx\n1,2,3,4,5;6\n" +
                           std::string(row_bytes_max, ',') + "x\n";
  ASSERT_TRUE(builder.feed(text, sink));
  ASSERT_TRUE(builder.finish(sink));
  EXPECT_EQ(sink.rows, (lines{"12,\"x, \"\"y\"\"\",\"z\n\x01\"", ",x,", "2,1,4,\"5;6\"", ""}));
}

TEST(audience, known_recipients_are_duplicates) {
  audience_builder builder;
  builder.judge().reserve_known(deduplication_key(phone{15550001111}));
  const outcome out = build(std::move(builder), "phone_number\n+15550001111\n+15550002222\n");
  EXPECT_EQ(out.counts.duplicates, 1u);
  EXPECT_EQ(out.counts.accepted, 1u);
}

struct no_x {
  struct problem {
    errc code = errc::ok;
    std::size_t column = 0;
    std::string_view reason;
  };
  problem check(std::span<const std::string_view> cells) const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i] == "x") return {errc::parameter_missing, i, "no x here"};
    }
    return {};
  }
};

TEST(audience, row_check_sees_the_parameters_and_its_column_is_placed_in_the_file) {
  const no_x checker;
  const outcome out = build(audience_builder([&](auto) -> result<row_check> { return row_check::of(checker); }),
                            "a,phone_number,b\n1,+15550001111,x\n1,+15550001111,2\nx,+15550002222,2\n");
  EXPECT_EQ(out.rows, (lines{"2!parameter_missing@3:b +15550001111", "3 +15550001111|1|2",
                             "4!parameter_missing@1:a +15550002222"}));
}

TEST(audience, header_hook_sees_the_columns_and_may_refuse) {
  std::vector<std::string> seen;
  const no_x checker;
  const outcome fine = build(audience_builder([&](std::span<const std::string> columns) -> result<row_check> {
                               seen.assign(columns.begin(), columns.end());
                               return row_check::of(checker);
                             }),
                             "Name,phone_number,City\nx,+15550001111,b\n");
  EXPECT_EQ(seen, (std::vector<std::string>{"Name", "City"}));
  EXPECT_EQ(fine.counts.rejected, 1u);

  const outcome refused = build(audience_builder([](std::span<const std::string>) -> result<row_check> {
                                  return fail(errc::column_missing, "needs param1");
                                }),
                                "phone_number\n+15550001111\n");
  EXPECT_EQ(refused.code, errc::column_missing);
  EXPECT_TRUE(refused.rows.empty());
}

TEST(audience, an_over_long_row_is_rejected_by_line) {
  const outcome out = build(audience_builder(),
                            "phone_number,a\n+15550001111," + std::string(row_bytes_max, 'x') + "\n+15550002222,b\n");
  EXPECT_EQ(out.rows, (lines{"2!row_too_long@0: ", "3 +15550002222|b"}));
}

TEST(cells, joined_and_split_again) {
  const std::vector<std::string_view> cells = {"Ana", "", "A-17"};
  std::string joined;
  append_joined(joined, cells);
  std::vector<std::string_view> back(3);
  ASSERT_TRUE(split_cells(joined, back));
  EXPECT_EQ(back, cells);
  std::vector<std::string_view> other(2);
  EXPECT_FALSE(split_cells(joined, other));
  other.resize(4);
  EXPECT_FALSE(split_cells(joined, other));
  EXPECT_TRUE(split_cells("", {}));
  EXPECT_FALSE(split_cells("a", {}));
}

TEST(seen_set, knows_what_was_inserted) {
  seen_set seen;
  for (std::uint64_t i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(15550000000 + i));
  EXPECT_FALSE(seen.insert(15550000007));
  EXPECT_TRUE(seen.contains(15550009999));
  EXPECT_FALSE(seen.contains(15550010000));
  EXPECT_EQ(seen.size(), 10'000u);
}

// Groups run over into the next ones, the last into the first, and all is found again after every growth.
TEST(seen_set, finds_all_after_growth) {
  seen_set seen;
  for (std::uint64_t i = 0; i < 300'000; ++i) ASSERT_TRUE(seen.insert(i * 0x9e3779b97f4a7c15U)) << i;
  for (std::uint64_t i = 0; i < 300'000; ++i) ASSERT_FALSE(seen.insert(i * 0x9e3779b97f4a7c15U)) << i;
  EXPECT_EQ(seen.size(), 300'000u);
}

}  // namespace
}  // namespace bulkmsg::recipients
