#include "bulkmsg/channels/callback_key.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace bulkmsg::channels {
namespace {

TEST(callback_key, written_and_read_back) {
  const callback_key key{35, 36, {1, 7}, 2};
  EXPECT_EQ(key.text(), "b1.z.10.1.7.2");
  EXPECT_EQ(callback_key::parse("b1.z.10.1.7.2"), key);
  EXPECT_EQ(callback_key::parse(callback_key{}.text()), callback_key{});
}

TEST(callback_key, the_largest_fits_its_bound) {
  const callback_key key{std::numeric_limits<std::uint64_t>::max(),
                         std::numeric_limits<std::int64_t>::max(),
                         {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::uint32_t>::max()},
                         std::numeric_limits<std::uint32_t>::max()};
  EXPECT_LE(key.text().size(), callback_key::size_max);
  EXPECT_EQ(callback_key::parse(key.text()), key);
}

TEST(callback_key, foreign_and_misspelt_keys_are_not_ours) {
  for (const std::string_view text :
       {"",
        "b1",
        "b1.",
        "c42/r1001",
        "b1.z.10.1.7",
        "b1.z.10.1.7.",
        "b1.z.10.1.7.2.3",
        "b1.z.10.1.7.2 ",
        "b2.z.10.1.7.2",
        "b1.Z.10.1.7.2",
        "b1.z.010.1.7.2",
        "b1.z.-1.1.7.2",
        "b1.z.+1.1.7.2",
        "b1.z..1.7.2",
        "b1.3w5e11264sgsg.1.1.1.1",
        "b1.1.1y2p0ij32e8e8.1.1.1",
        "b1.1.1.zik0zk.1.1",
        "b1.1.1.1.1z141z4.1",
        "b1.1.1.1.1.1z141z4",
        "b1.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz.1.1.1.1"}) {
    EXPECT_FALSE(callback_key::parse(text)) << text;
  }
}

}  // namespace
}  // namespace bulkmsg::channels
