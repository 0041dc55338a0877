#include "sim/library.hpp"

#include <array>

#include "bulkmsg/channels/media.hpp"
#include "sim/provider.hpp"
#include "sim/world.hpp"

namespace bulkmsg::sim {

namespace {

constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;

std::string entry(const std::string& name, const library::standing& t) {
  return R"({"id":"7","name":")" + name + R"(","language":"en_US","status":")" + t.status +
         R"(","category":"UTILITY","components":[)" +
         (name == library::picture ? R"({"type":"HEADER","format":"IMAGE"},)" : "") + R"({"type":"BODY","text":")" +
         (t.words == 1 ? "Hello" : "Good bye") + R"( {{1}}","example":{"body_text":[["Ana"]]}}]})";
}

// What follows `before`, up to `end`; empty: it is not there.
std::string after(const std::string& text, const std::string& before, const std::string& end) {
  const auto at = text.find(before);
  if (at == std::string::npos) return {};
  const auto from = at + before.size();
  return text.substr(from, text.find(end, from) - from);
}

}  // namespace

std::int64_t library::wall_ms() const { return in_.clock().wall() / millisecond; }

library::change library::disturb() {
  auto& d = in_.dice();
  auto& [name, t] = *std::next(templates_.begin(), d.between(0, 1));
  constexpr std::array states{"APPROVED", "PAUSED", "DISABLED", "REJECTED"};
  const bool of_words = d.chance(400);
  if (of_words) {
    t.words = 3 - t.words;
  } else {
    t.status = states[static_cast<std::size_t>(d.between(0, states.size() - 1))];
  }
  in_.say("template " + name + ": words " + std::to_string(t.words) + ", " + t.status);
  return {name, t, of_words};
}

void library::restore() {
  for (auto& [name, t] : templates_) t = {};
}

library::reply library::serve(const std::string& request) {
  if (request.starts_with("GET ")) {
    if (request.find(std::string("/") + account + "/message_templates?") == std::string::npos) {
      throw broken{"a request for something that the provider does not have: " + request.substr(0, 80)};
    }
    listed_ = templates_;
    std::string all;
    for (const auto& [name, t] : templates_) all += (all.empty() ? "" : ",") + entry(name, t);
    return {200, R"({"data":[)" + all + "]}"};
  }
  const auto number = number_of_request(request);
  const auto boundary = after(request, "boundary=", "\r");
  const auto part = request.find(R"(name="file")");
  if (boundary.empty() || part == std::string::npos) throw broken{"an upload without a file"};
  const auto bytes = after(request.substr(part), "\r\n\r\n", "\r\n--" + boundary);
  if (const auto known = known_.find({number, bytes}); known != known_.end()) {
    if (const auto age = wall_ms() - known->second; age >= 0 && age < a_day_ms) {
      throw broken{"a file was uploaded again whose id is known"};
    }
  }
  const auto id = std::to_string(1000 + files_.size());
  files_[id] = {number, bytes, wall_ms()};
  return {200, R"({"id":")" + id + "\"}"};
}

int library::against(const std::string& request, std::int64_t campaign, const std::string& number) const {
  const auto t = templates_.find(after(request, R"("template":{"name":")", "\""));
  if (t == templates_.end()) return 0;
  const auto of = "a message of campaign " + std::to_string(campaign);
  if (t->first == picture) {
    const auto id = after(request, R"("image":{"id":")", "\"");
    const auto shown = files_.find(id);
    if (shown == files_.end() || shown->second.number != number) throw broken{of + " shows a file that is not there"};
    if (shown->second.bytes != shown_.at(campaign)) throw broken{of + " shows another file than its own"};
    if (wall_ms() - shown->second.wall_ms >= channels::media_life_ms)
      throw broken{of + " shows a file that has expired"};
  }
  if (t->second.status == "PAUSED") return 132015;
  if (t->second.status == "DISABLED") return 132016;
  return t->second.status == "APPROVED" ? 0 : 132001;
}

void library::keep(const std::string& number, std::int64_t campaign) {
  const auto bytes = shown_.find(campaign);
  if (bytes == shown_.end()) return;
  for (const auto& [id, f] : files_) {
    auto& since = known_[{number, bytes->second}];
    if (f.number == number && f.bytes == bytes->second) since = std::max(since, f.wall_ms);
  }
}

}  // namespace bulkmsg::sim
