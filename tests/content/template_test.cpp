#include "bulkmsg/content/template.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bulkmsg::content {
namespace {

std::string pieces(std::string_view text) {
  std::string out;
  for (const text_piece& piece : split_variables(text)) {
    out += '<' + std::string(piece.fixed) + '>';
    if (!piece.variable.empty()) out += '$' + std::string(piece.variable);
  }
  return out;
}

TEST(template_text, variables_are_found_and_other_braces_are_text) {
  EXPECT_EQ(pieces(""), "<>");
  EXPECT_EQ(pieces("Hi {{1}}, {{ first_name }}!"), "<Hi >$1<, >$first_name<!>");
  EXPECT_EQ(pieces("{{1}}{{2}}"), "<>$1<>$2<>");
  EXPECT_EQ(pieces("{{}} {{A}} {{a b}} {{a} } {{"), "<{{}} {{A}} {{a b}} {{a} } {{>");
  EXPECT_EQ(pieces("{{{1}}}"), "<{>$1<}>");
  EXPECT_EQ(pieces("{{1"), "<{{1>");
  EXPECT_EQ(pieces("{{1}"), "<{{1}>");
}

TEST(template_text, positional_variables_come_in_order_without_gaps) {
  using names = std::vector<std::string>;
  EXPECT_EQ(*variables_of("{{2}} {{1}} {{2}}", parameter_format::positional, "body"), (names{"1", "2"}));
  EXPECT_EQ(
      variables_of("{{11}}{{10}}{{9}}{{8}}{{7}}{{6}}{{5}}{{4}}{{3}}{{2}}{{1}}", parameter_format::positional, "body")
          ->back(),
      "11");
  EXPECT_EQ(variables_of("{{1}} {{3}}", parameter_format::positional, "body").error().code, errc::template_malformed);
  EXPECT_EQ(variables_of("{{0}}", parameter_format::positional, "body").error().code, errc::template_malformed);
  EXPECT_EQ(variables_of("{{name}}", parameter_format::positional, "body").error().code, errc::template_malformed);
  EXPECT_EQ(*variables_of("{{b}} {{a}} {{b}}", parameter_format::named, "body"), (names{"b", "a"}));
}

TEST(template_text, lengths_are_code_points) {
  EXPECT_EQ(code_points(""), 0u);
  EXPECT_EQ(code_points("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 4u);
}

}  // namespace
}  // namespace bulkmsg::content
