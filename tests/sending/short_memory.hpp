// Memory that runs short: one allocation of this thread fails. Not under a sanitizer, which has its own operator new.
#pragma once

#include <utility>

namespace bulkmsg::testing {

// So many succeed before one fails; after that, and where negative, all do. In allocation_test.cpp.
extern thread_local long allocations_left;

// What a test's own parts ask for meanwhile is there.
class spared {
 public:
  spared() : left_(std::exchange(allocations_left, -1)) {}
  ~spared() { allocations_left = left_; }
  spared(const spared&) = delete;

 private:
  const long left_;
};

}  // namespace bulkmsg::testing
