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

}  // namespace
}  // namespace bulkmsg::pacing
