// What ends something must happen, also when memory is short for a moment: there is nobody to try again.
#pragma once

#include <chrono>
#include <new>
#include <thread>

namespace bulkmsg::net {

// Blocks until `body`, which may be begun several times, finds the memory it needs.
template <class F>
decltype(auto) insist(F&& body) {
  for (;;) {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
}

}  // namespace bulkmsg::net
