#include "bulkmsg/pacing/in_flight.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::pacing {
namespace {

TEST(in_flight, only_a_release_makes_room) {
  in_flight f(2);
  f.take();
  EXPECT_EQ(f.next(5), 5);
  f.take();
  EXPECT_EQ(f.next(5), only_by_release);
  f.release();
  EXPECT_EQ(f.next(6), 6);
  EXPECT_EQ(f.open(), 1);
}

TEST(in_flight, a_release_too_many_is_survived) {
  in_flight f(1);
  f.release();
  EXPECT_EQ(f.open(), 0);
  f.take();
  EXPECT_EQ(f.next(0), only_by_release);
}

}  // namespace
}  // namespace bulkmsg::pacing
