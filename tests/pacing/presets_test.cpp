#include "bulkmsg/pacing/presets.hpp"

#include <gtest/gtest.h>

#include "bulkmsg/pacing/limit.hpp"

namespace bulkmsg::pacing {
namespace {

TEST(presets, each_is_written_in_the_grammar_as_it_prints) {
  for (const preset& p : presets) {
    auto r = parse_limits(p.limits);
    ASSERT_TRUE(r.has_value()) << p.name;
    EXPECT_EQ(to_string(*r), p.limits);
    EXPECT_EQ(find_preset(p.name), &p);
  }
  EXPECT_EQ(find_preset("unheard_of"), nullptr);
}

TEST(presets, a_name_stands_for_its_limits_among_others) {
  EXPECT_EQ(with_presets("whatsapp_standard"), "80/s");
  EXPECT_EQ(with_presets(" ceiling ;in-flight=64"), "256/s; 100000/24h; in-flight=64");
  EXPECT_EQ(with_presets("80/s; unheard_of"), "80/s; unheard_of");
  EXPECT_EQ(with_presets(""), "");
}

}  // namespace
}  // namespace bulkmsg::pacing
