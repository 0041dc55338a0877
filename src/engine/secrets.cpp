#include "engine/secrets.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace bulkmsg {

namespace {

constexpr std::size_t secret_max = 4096;

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.back() == '\n' || s.back() == '\r' || s.back() == ' ')) s.remove_suffix(1);
  return s;
}

}  // namespace

result<std::string> resolve_secret(std::string_view name, std::string_view what) {
  std::string value;
  if (name.starts_with("env:")) {
    const std::string variable(name.substr(4));
    if (const char* v = std::getenv(variable.c_str())) value = v;
    if (value.empty()) {
      return fail(errc::secret_missing,
                  "the " + std::string(what) + " is missing: set the environment variable " + variable);
    }
  } else if (name.starts_with("file:")) {
    const std::string path(name.substr(5));
    std::ifstream in(path, std::ios::binary);
    value.resize(secret_max + 1);
    in.read(value.data(), static_cast<std::streamsize>(value.size()));
    value.resize(static_cast<std::size_t>(in.gcount()));
    value = trimmed(value);
    if (value.empty()) {
      return fail(errc::secret_missing,
                  "the " + std::string(what) + " is missing: " + path + " is empty or cannot be read");
    }
  } else {
    return fail(errc::bad_option_value,
                "the " + std::string(what) + " must be named as env:NAME or file:PATH; never write the secret itself");
  }
  if (value.size() > secret_max)
    return fail(errc::bad_option_value, "the " + std::string(what) + " is over 4096 bytes");
  return value;
}

std::vector<std::string> secret_names(std::string_view names) {
  std::vector<std::string> list;
  while (!names.empty()) {
    const auto end = std::min({names.find(" env:"), names.find(" file:"), names.size()});
    if (const auto one = trimmed(names.substr(0, end)); !one.empty()) list.emplace_back(one);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return list;
}

}  // namespace bulkmsg
