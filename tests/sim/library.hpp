// What the simulated provider keeps beside messages: an account's templates, which it changes, pauses and disables as
// it likes, and the files of its numbers, each under an id that lives 30 days.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace bulkmsg::sim {

class world;

class library {
 public:
  explicit library(world& in) : in_(in) {}

  static constexpr const char* account = "77";
  static constexpr const char* plain = "plain";      // a template with a body alone
  static constexpr const char* picture = "picture";  // and one with a picture above it

  struct standing {
    int words = 1;
    std::string status = "APPROVED";
    bool operator==(const standing&) const = default;
  };
  using listing = std::map<std::string, standing>;  // by name
  struct change {
    std::string words;  // the template's name
    standing now;
    bool of_words = false;
  };
  // What the provider does to a template, as drawn.
  change disturb();
  // Every template as it was at first.
  void restore();
  // As they were when they were asked for the last time.
  [[nodiscard]] const listing& listed() const { return listed_; }

  struct reply {
    int status = 200;
    std::string body;
  };
  // A request that is no message: for the templates, or with a file. Throws broken when a file comes again whose id is
  // known to be kept.
  reply serve(const std::string& request);

  // Of a message over that number: the code with which it is refused, or 0. Throws broken when it shows a file that
  // has expired, is not the number's, or not the campaign's.
  [[nodiscard]] int against(const std::string& request, std::int64_t campaign, const std::string& number) const;

  // The host's word: the campaign shows the file of these bytes.
  void shows(std::int64_t campaign, const std::string& bytes) { shown_[campaign] = bytes; }
  // It is durable that the number has an id for it.
  void keep(const std::string& number, std::int64_t campaign);

 private:
  struct file {
    std::string number, bytes;
    std::int64_t wall_ms = 0;  // of its coming
  };
  [[nodiscard]] std::int64_t wall_ms() const;

  world& in_;
  listing templates_{{plain, {}}, {picture, {}}}, listed_;
  std::map<std::string, file> files_;                                  // by id
  std::map<std::pair<std::string, std::string>, std::int64_t> known_;  // number and bytes -> since when
  std::map<std::int64_t, std::string> shown_;                          // campaign -> bytes
};

}  // namespace bulkmsg::sim
