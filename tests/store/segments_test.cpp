#include "store/segments.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "bulkmsg/recipients/segment_json.hpp"
#include "scratch_store.hpp"
#include "store/contacts.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::testing {
namespace {

using recipients::attribute;
using recipients::attribute_type;
using recipients::condition;

constexpr std::int64_t today = noon_ms / (24LL * 3600 * 1000);  // 2027-01-15

// A contact as a test thinks of it: canonical values by attribute name, empty for none.
struct person {
  std::map<std::string, std::string> values;
  std::set<std::string> labels;
};

std::string lower(std::string text) {
  for (char& c : text) c = recipients::ascii_lower(c);
  return text;
}

// What a condition means, said slowly.
bool holds(const condition& c, const person& p) {
  using kind = condition::kind;
  using enum recipients::comparison;
  const auto part = [&](const condition& each) { return holds(each, p); };
  switch (c.what) {
    case kind::all:
      return std::all_of(c.parts.begin(), c.parts.end(), part);
    case kind::any:
      return std::any_of(c.parts.begin(), c.parts.end(), part);
    case kind::negation:
      return !part(c.parts[0]);
    case kind::label:
      return std::any_of(c.texts.begin(), c.texts.end(), [&](const auto& label) {
        return std::any_of(p.labels.begin(), p.labels.end(), [&](const auto& l) { return lower(l) == lower(label); });
      });
    case kind::attribute:
      break;
  }
  const auto found = p.values.find(c.attribute.name);
  const bool there = found != p.values.end();
  const std::string value = there ? found->second : "";
  const auto is_one = [&] {
    if (!there) return false;
    if (c.attribute.type == attribute_type::boolean) return (value == "true") == c.flag;
    if (c.attribute.type == attribute_type::number) {
      return std::find(c.numbers.begin(), c.numbers.end(), std::stod(value)) != c.numbers.end();
    }
    return std::any_of(c.texts.begin(), c.texts.end(), [&](const auto& t) { return lower(t) == lower(value); });
  };
  switch (c.how) {
    case is:
      return is_one();
    case is_not:
      return !is_one();
    case exists:
      return there == c.flag;
    case contains:
      return there && lower(value).find(lower(c.texts[0])) != std::string::npos;
    case starts_with:
      return there && lower(value).starts_with(lower(c.texts[0]));
    case greater:
      return there && std::stod(value) > c.numbers[0];
    case less:
      return there && std::stod(value) < c.numbers[0];
    case before:
      return there && value < c.texts[0];
    case after:
      return there && value > c.texts[0];
    case within_last_days:
      return there && value >= store::day_text(today - c.days) && value <= store::day_text(today);
  }
  return false;
}

class segments : public ::testing::TestWithParam<bool> {};  // whether attributes are indexed

class random_contacts {
 public:
  random_contacts(unsigned seed, bool indexed) : dice(seed) {
    for (const auto& [name, type] :
         std::vector<std::pair<std::string, attribute_type>>{{"city", attribute_type::text},
                                                             {"it's %_[odd]", attribute_type::text},
                                                             {"spent", attribute_type::number},
                                                             {"last order", attribute_type::date},
                                                             {"member", attribute_type::boolean}}) {
      ids.push_back(store::put_attribute(s.db(), name, type));
    }
    import(60);  // half of the contacts come before the index, half after it
    if (indexed) {
      for (const auto id : ids) {
        while (!store::index_more(s.db(), id, 7)) {
        }
      }
    }
    import(60);
    update(30);
    attributes = store::read_attributes(s.db());
  }

  std::uint32_t roll(std::uint32_t sides) { return static_cast<std::uint32_t>(dice() % sides); }
  std::string word() {
    static const std::vector<std::string> words{
        "Lisbon", "lisbon",         "LIS",    "Porto", "50%", "a_b", "a\\b", "'; DROP",
        "\"x\"",  "M\xc3\xbcnchen", "[a-z]*", "x",     "axb", "?",   "5",    "%"};
    return words[roll(static_cast<std::uint32_t>(words.size()))];
  }
  std::string value(attribute_type type) {
    switch (type) {
      case attribute_type::number:
        return std::to_string(static_cast<int>(roll(7)) - 3);
      case attribute_type::date:
        return store::day_text(today - 40 + roll(45));
      case attribute_type::boolean:
        return roll(2) == 0 ? "true" : "false";
      default:
        return word();
    }
  }
  std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  }
  std::string json_value(attribute_type type) {
    const auto v = value(type);
    return type == attribute_type::text || type == attribute_type::date ? quoted(v) : v;
  }

  std::string leaf() {
    if (roll(5) == 0) return R"({"label":[)" + quoted(label()) + (roll(2) != 0 ? "," + quoted(label()) : "") + "]}";
    const auto& a = attributes[roll(static_cast<std::uint32_t>(attributes.size()))];
    std::vector<std::string> all{"is", "is_not", "exists"};
    if (a.type == attribute_type::text) all.insert(all.end(), {"contains", "starts_with", "contains", "starts_with"});
    if (a.type == attribute_type::number) all.insert(all.end(), {"greater", "less"});
    if (a.type == attribute_type::date) all.insert(all.end(), {"before", "after", "within_last_days"});
    const auto how = all[roll(static_cast<std::uint32_t>(all.size()))];
    std::string operand = json_value(a.type);
    if (how == "exists") operand = roll(2) == 0 ? "true" : "false";
    if (how == "within_last_days") operand = std::to_string(roll(40));
    if ((how == "is" || how == "is_not") && a.type != attribute_type::boolean && roll(2) == 0) {
      operand = "[" + operand + "," + json_value(a.type) + "]";
    }
    return R"({"attribute":)" + quoted(a.name) + ",\"" + how + "\":" + operand + "}";
  }
  std::string tree(int depth) {
    if (depth == 0 || roll(3) == 0) return leaf();
    if (roll(4) == 0) return R"({"not":)" + tree(depth - 1) + "}";
    std::string list;
    for (auto n = roll(4); n > 0; --n) list += (list.empty() ? "" : ",") + tree(depth - 1);
    return std::string(roll(2) == 0 ? R"({"all":[)" : R"({"any":[)") + list + "]}";
  }

  std::set<std::string> picked(const condition& c) {
    std::set<std::string> out;
    for (const auto& each : store::list_contacts(s.db(), store::compile_segment(c, today), 0, 1000)) {
      out.insert(each.address);
    }
    return out;
  }
  std::set<std::string> expected(const condition& c) {
    std::set<std::string> out;
    for (const auto& [address, p] : people) {
      if (holds(c, p)) out.insert(address);
    }
    return out;
  }

  scratch_store s;
  std::mt19937 dice;
  std::vector<std::int64_t> ids;
  std::vector<attribute> attributes;
  std::map<std::string, person> people;

 private:
  std::string label() { return std::vector<std::string>{"vip", "VIP", "new", "o'ld", "%"}[roll(5)]; }

  void import(int count) {
    const int from = static_cast<int>(people.size());
    std::vector<std::string> addresses;
    for (int i = from; i < from + count; ++i) addresses.push_back("+1555" + std::to_string(1'000'000 + i));
    put(addresses);
  }
  void update(int count) {
    std::vector<std::string> addresses;
    for (int i = 0; i < count; ++i) {
      addresses.push_back("+1555" + std::to_string(1'000'000 + roll(static_cast<std::uint32_t>(people.size()))));
    }
    put(addresses);
  }
  void put(const std::vector<std::string>& addresses) {
    store::contact_batch batch;
    batch.attributes = ids;
    for (const auto& address : addresses) {
      auto& known = people[address];
      std::string json;
      for (const auto& a : store::read_attributes(s.db())) {
        if (roll(3) == 0) continue;
        const auto v = value(a.type);
        known.values[a.name] = v;
        const bool text = a.type == attribute_type::text || a.type == attribute_type::date;
        json += (json.empty() ? "" : ",") + quoted(a.name) + ":" + (text ? quoted(v) : v);
      }
      std::vector<std::string> labels;
      if (roll(2) == 0) labels.push_back(label());
      known.labels.insert(labels.begin(), labels.end());
      batch.rows.push_back({.address = address, .attributes = "{" + json + "}", .labels = labels});
    }
    store::put_contacts(s.db(), batch, {}, noon_ms);
  }
};

TEST_P(segments, sql_picks_whom_the_conditions_mean) {
  std::size_t picked = 0, left = 0;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    random_contacts world(seed, GetParam());
    for (int i = 0; i < 150; ++i) {
      const auto json = world.tree(4);
      const auto read = recipients::parse_segment_json(json, world.attributes);
      ASSERT_TRUE(read) << json << ": " << read.error().message;
      ASSERT_EQ(world.picked(*read), world.expected(*read)) << json;
      EXPECT_EQ(store::count_contacts(world.s.db(), store::compile_segment(*read, today)),
                static_cast<std::int64_t>(world.expected(*read).size()));
      picked += world.expected(*read).size();
      left += world.people.size() - world.expected(*read).size();
    }
  }
  EXPECT_GT(picked, 1000u);
  EXPECT_GT(left, 1000u);
}

INSTANTIATE_TEST_SUITE_P(with_and_without_index, segments, ::testing::Bool());

TEST(segments_store, the_largest_and_deepest_conditions_are_carried_out) {
  scratch_store s;
  store::put_attribute(s.db(), "city", attribute_type::text);
  const auto count_of = [&](const std::string& json) {
    const auto read = recipients::parse_segment_json(json, store::read_attributes(s.db()));
    EXPECT_TRUE(read) << read.error().message;
    return read ? store::count_contacts(s.db(), store::compile_segment(*read, today)) : -1;
  };
  std::string wide = R"({"attribute":"city","is":"x"})";
  for (int i = 0; i < 998; ++i) wide += R"(,{"attribute":"city","contains":"x"})";
  EXPECT_EQ(count_of(R"({"any":[)" + wide + "]}"), 0);
  // 16 deep, each level as wide as the bound on all of them allows.
  std::string deep = R"({"attribute":"city","is":"x"})";
  for (int level = 1; level < 16; ++level) {
    std::string list = level % 2 == 0 ? R"({"not":)" + deep + "}" : R"({"all":[)";
    if (level % 2 == 0) {
      deep = list;
      continue;
    }
    for (int i = 0; i < 120; ++i) list += R"({"attribute":"city","starts_with":"x"},)";
    deep = list + deep + "]}";
  }
  EXPECT_EQ(count_of(deep), 0);
  std::string values = "\"x\"";
  for (int i = 1; i < 4000; ++i) values += ",\"v" + std::to_string(i) + "\"";
  EXPECT_EQ(count_of(R"({"attribute":"city","is":[)" + values + "]}"), 0);
}

TEST(segments_store, a_stored_segment_follows_its_contacts) {
  scratch_store s;
  const auto city = store::put_attribute(s.db(), "city", attribute_type::text);
  store::contact_batch batch{.rows = {{.address = "+15551000001", .attributes = R"({"city":"Lisbon"})"}},
                             .attributes = {city}};
  store::put_contacts(s.db(), batch, {}, noon_ms);
  store::put_segment(s.db(), "Lisboetas", R"({"attribute":"city","is":"lisbon"})", noon_ms);
  EXPECT_EQ(store::count_contacts(s.db(), store::selection(s.db(), "lisboetas", today)), 1);
  batch.rows[0].attributes = R"({"city":"Porto"})";
  EXPECT_EQ(store::put_contacts(s.db(), batch, {}, noon_ms).updated, 1);
  EXPECT_EQ(store::count_contacts(s.db(), store::selection(s.db(), "lisboetas", today)), 0);
  EXPECT_EQ(refusal([&] { store::selection(s.db(), "nobody", today); }).code, errc::not_found);
}

TEST(segments_store, groups_and_segments_share_their_names) {
  scratch_store s;
  store::contact_batch batch{
      .rows = {{.address = "+15551000001", .attributes = "{}"}, {.address = "+15551000002", .attributes = "{}"}}};
  store::put_contacts(s.db(), batch, {}, noon_ms);
  const auto group = store::put_group(s.db(), "friends", noon_ms);
  store::add_to_group(s.db(), group, "+15551000002");
  store::add_to_group(s.db(), group, "+15551000002");
  EXPECT_EQ(store::count_contacts(s.db(), store::selection(s.db(), "friends", today)), 1);
  EXPECT_EQ(refusal([&] { store::add_to_group(s.db(), group, "+15551000009"); }).code, errc::not_found);
  EXPECT_EQ(refusal([&] { store::put_segment(s.db(), "Friends", "{}", noon_ms); }).code, errc::conflict);
  store::put_segment(s.db(), "all vips", R"({"label":"vip"})", noon_ms);
  EXPECT_EQ(refusal([&] { store::put_group(s.db(), "all vips", noon_ms); }).code, errc::conflict);
  store::remove_segment(s.db(), "friends");
  EXPECT_TRUE(store::sweep_members(s.db(), 100));
  EXPECT_EQ(count(s.db(), "SELECT count(*) FROM group_members"), 0);
  EXPECT_EQ(refusal([&] { store::remove_segment(s.db(), "friends"); }).code, errc::not_found);
}

}  // namespace
}  // namespace bulkmsg::testing
