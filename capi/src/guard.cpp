#include "guard.hpp"

#include <exception>
#include <new>

namespace bulkmsg::capi {

bulkmsg::error current_exception_as_error() noexcept {
  try {
    try {
      throw;
    } catch (const bad_argument& e) {
      return {errc::invalid_argument, std::string(e.argument) + " " + e.why};
    } catch (const std::bad_alloc&) {
      return {errc::out_of_memory, "out of memory"};  // short enough for a string without allocation
    } catch (const std::exception& e) {
      return {errc::internal, std::string("unexpected: ") + e.what()};
    } catch (...) {
      return {errc::internal, "unexpected: an unknown exception"};
    }
  } catch (...) {
    return {errc::out_of_memory, "out of memory"};
  }
}

bulkmsg_status report(bulkmsg::error&& e, bulkmsg_error** err) noexcept {
  if (e.code == errc::ok) e.code = errc::internal;  // an error without a code must not look like success
  const auto code = static_cast<bulkmsg_status>(e.code);
  if (err != nullptr) *err = new (std::nothrow) bulkmsg_error{std::move(e)};
  return code;
}

}  // namespace bulkmsg::capi
