// Tells a process from its fork() children: threads do not survive a fork, so handles from before it must not be used.
#pragma once

#include <cstdint>

namespace bulkmsg::capi {

// How many forks lie between this process and the one that first called watch_forks(). Thread: any.
std::uint64_t fork_generation() noexcept;

// Starts counting, once for the whole process. Throws std::bad_alloc.
void watch_forks();

}  // namespace bulkmsg::capi
