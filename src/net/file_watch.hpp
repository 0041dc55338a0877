// Another process touches a file to tell us something (inotify): nobody has to look again and again.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/io_thread.hpp"

namespace bulkmsg::net {

// As long as what it returns lives, `told` runs on `on` after the file's times were changed; changes that come together
// are told once. Null where it cannot be watched. Thread, and of the returned thing's end: the I/O thread.
std::shared_ptr<void> watch_file(io_thread& on, const std::string& path, std::function<void()> told);

}  // namespace bulkmsg::net
