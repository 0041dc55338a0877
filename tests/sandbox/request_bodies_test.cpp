// Every message type: the rendered request is the one in tests/channels/expected/ (written by hand from the facts,
// WhatsApp, sending), byte for byte, and the sandbox, which shares no code with the renderer, accepts it.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/message_json.hpp"
#include "bulkmsg/content/template_json.hpp"
#include "message_check.hpp"
#include "refusal.hpp"

namespace {

namespace content = bulkmsg::content;
using simdjson::dom::element;

std::vector<std::string> texts(element list) {
  std::vector<std::string> made;
  for (const element each : list) made.emplace_back(std::string_view(each));
  return made;
}

std::vector<std::string> all_files() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(EXPECTED_BODIES)) {
    names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// One file: the content, its columns and cells, and the request that must come of it.
struct expected_body {
  explicit expected_body(const std::string& name) {
    std::ifstream in(std::string(EXPECTED_BODIES) + "/" + name + ".json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const element file = parser.parse(text);
    content = file["content"];
    is_template = content["category"].error() == simdjson::SUCCESS;
    request = simdjson::minify(element(file["request"]));
    columns = texts(file["columns"]);
    cells = texts(file["cells"]);
    to = std::string_view(file["to"]);
    marketing = file["endpoint"].error() == simdjson::SUCCESS;
    if (element lines; file["mapping"].get(lines) == simdjson::SUCCESS) {
      for (const auto& line : texts(lines)) map.sources.push_back(*content::parse_mapping(line));
    }
  }

  [[nodiscard]] bulkmsg::result<content::compiled_message> compile() const {
    const std::string json = simdjson::minify(content);
    content::message said;
    if (is_template) {
      auto read = content::parse_template_json(json);
      if (!read) return bulkmsg::fail(read.error());
      said = std::move(*read);
    } else {
      auto read = content::parse_message_json(json);
      if (!read) return bulkmsg::fail(read.error());
      said = std::move(*read);
    }
    return bulkmsg::channels::compile_whatsapp(said, columns, map, {.marketing_messages = marketing});
  }

  // What the sandbox answers to `body`; empty when it accepts.
  [[nodiscard]] std::string judged(const std::string& body) const {
    sandbox::template_catalogue catalogue;
    if (is_template) catalogue.add_json(simdjson::minify(content));
    simdjson::dom::parser reader;
    try {
      const auto where = marketing ? sandbox::endpoint::marketing_messages : sandbox::endpoint::messages;
      const auto checked =
          sandbox::check_message(reader.parse(body), where, "15550783881", catalogue, 1'790'000'000'000);
      return checked.callback == "b1.a.1.1.7.1" ? "" : "the callback key is " + checked.callback;
    } catch (const sandbox::refusal& no) {
      return std::to_string(no.code) + ' ' + no.details;
    }
  }

  simdjson::dom::parser parser;
  element content;
  bool is_template = false;
  bool marketing = false;
  std::string request, to;
  std::vector<std::string> columns, cells;
  content::mapping map;
};

class request_bodies : public testing::TestWithParam<std::string> {};

TEST_P(request_bodies, are_as_expected_and_accepted_by_the_sandbox) {
  const expected_body expected(GetParam());
  const auto ready = expected.compile();
  ASSERT_TRUE(ready) << ready.error().message;
  const std::vector<std::string_view> cells(expected.cells.begin(), expected.cells.end());
  const auto problem = ready->check(cells);
  ASSERT_EQ(problem.code, bulkmsg::errc::ok) << problem.reason;
  std::string body;
  ready->render(body, expected.to, "b1.a.1.1.7.1", cells);
  EXPECT_EQ(body, expected.request);
  EXPECT_EQ(expected.judged(body), "");

  // The preview shows every value that goes on the wire, but for what only the provider reads.
  const auto shown = to_json(ready->card_of(cells));
  simdjson::dom::parser reader;
  EXPECT_EQ(reader.parse(shown).error(), simdjson::SUCCESS) << shown;
}

// The judge must be able to say no: without one of its members no request passes.
TEST_P(request_bodies, are_refused_without_what_they_say) {
  const expected_body expected(GetParam());
  const auto type_at = expected.request.find("\"type\":\"");
  const auto said_at = expected.request.find("\"b1.a.1.1.7.1\",") + 15;
  ASSERT_LT(type_at, said_at);
  EXPECT_NE(expected.judged(expected.request.substr(0, said_at - 1) + "}"), "");
}

INSTANTIATE_TEST_SUITE_P(expected, request_bodies, testing::ValuesIn(all_files()),
                         [](const auto& instance) { return instance.param; });

TEST(request_bodies_files, there_is_one_for_every_kind) {
  const auto files = all_files();
  for (auto kind = content::message_kind::text; kind <= content::message_kind::interactive;
       kind = static_cast<content::message_kind>(static_cast<int>(kind) + 1)) {
    const bool found =
        std::any_of(files.begin(), files.end(), [&](const std::string& file) { return file.starts_with(word(kind)); });
    EXPECT_TRUE(found) << word(kind);
  }
}

}  // namespace
