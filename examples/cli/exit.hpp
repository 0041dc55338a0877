// How the program ends: its exit codes, and the one way an error travels to main().
#pragma once

#include <utility>

#include "bulkmsg/base/result.hpp"

namespace cli {

// Scripts depend on these; --help lists them.
namespace exit_code {
inline constexpr int ok = 0;           // every message is accounted for
inline constexpr int error = 1;        // the command did not do what it was asked
inline constexpr int unconfirmed = 3;  // finished, but some messages may or may not have gone
inline constexpr int ended_early = 4;  // paused or stopped before the end
}  // namespace exit_code

// Thrown by commands, caught once in main(), printed as one line.
struct failure {
  bulkmsg::error why;
};

// The value, or the end of the command. A command is a straight line of steps, and each guard on its way (a draft to
// discard, a line to clear) is undone by leaving its scope: that is why this program throws where the library returns.
template <class T>
T need(bulkmsg::result<T>&& r) {
  if (!r) throw failure{std::move(r.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

[[noreturn]] inline void give_up(bulkmsg::errc code, std::string message) {
  throw failure{bulkmsg::error{code, std::move(message)}};
}

}  // namespace cli
