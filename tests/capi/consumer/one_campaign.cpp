// The same from C++, over the engine's own door.
#include <bulkmsg/bulkmsg.hpp>
#include <cstdio>

int main(int argc, char** argv) {
  auto opened = bulkmsg::engine::open(argc == 2 ? argv[1] : "");
  if (!opened) return 1;
  const auto account = opened->put_account("shop", {});
  if (!account) return 1;
  std::printf("%d credits\n", static_cast<int>(opened->account(*account)->balances.available_monthly));
}
