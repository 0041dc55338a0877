#include "bulkmsg/content/window.hpp"

#include <gtest/gtest.h>

namespace bulkmsg::content {
namespace {

TEST(service_window, is_open_for_24_hours_after_a_persons_message) {
  constexpr std::int64_t now = 1'790'000'000'000;
  EXPECT_EQ(allowed_free_form("+15550001111", now, now), errc::ok);
  EXPECT_EQ(allowed_free_form("+15550001111", now - service_window_ms + 1, now), errc::ok);
  EXPECT_EQ(allowed_free_form("+15550001111", now - service_window_ms, now), errc::window_closed);
  EXPECT_EQ(allowed_free_form("+15550001111", 0, now), errc::window_closed);
  EXPECT_EQ(allowed_free_form("user:US.1", 0, now), errc::window_closed);
  EXPECT_EQ(allowed_free_form("group:1", 0, now), errc::ok);
  EXPECT_EQ(allowed_free_form("chat:1", 0, now), errc::ok);
}

}  // namespace
}  // namespace bulkmsg::content
