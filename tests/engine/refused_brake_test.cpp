// The store refuses just when the provider has stopped a campaign.
#include "hosted.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::testing {
namespace {

TEST(refused_brake, the_pause_is_stored_and_told_once_the_store_takes_it) {
  provider p([](const request&, int) { return provider::refused(190, 401); });
  host h({.send = true}, p.origin());
  p.hold();
  const auto campaign = h.start(3);
  ASSERT_TRUE(p.wait_for(1));
  store::database other(h.path(), store::database::access::write);
  other.exec("CREATE TRIGGER refuse BEFORE INSERT ON history BEGIN SELECT RAISE(ABORT, 'refused'); END");
  p.let_go();
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // it is refused at once
  EXPECT_EQ(must(h->status(campaign)).state, campaign_state::sending);
  other.exec("DROP TRIGGER refuse");
  EXPECT_TRUE(h.until([&] { return must(h->status(campaign)).state == campaign_state::paused; }));
}

}  // namespace
}  // namespace bulkmsg::testing
