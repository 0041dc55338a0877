// Small files that people name on the command line.
#pragma once

#include <string>
#include <utility>

#include "bulkmsg/engine.hpp"
#include "exit.hpp"
#include "options.hpp"

namespace cli {

// A small file, whole. Fails when it is missing, unreadable, or far too large for what it should be.
std::string file_text(const std::string& path, const char* what);

// The template or the own message that was named.
std::string content_text(const options& given);

bulkmsg::sender_settings read_sender_file(const std::string& path);

// The library says "line 1: ..."; the person wants to know of which file.
template <class T>
T need_of(const std::string& path, bulkmsg::result<T>&& r) {
  if (!r && r.error().message.find(path) == std::string::npos) r.error().message = path + ": " + r.error().message;
  return need(std::move(r));
}

// "NAME" or "NAME:LANGUAGE".
struct template_name {
  std::string name, language;
};
template_name template_name_of(const std::string& written);

}  // namespace cli
