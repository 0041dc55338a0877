// Any bytes as a list of addresses: the same items in any chunks; and each item as an address of any rules: a verdict
// with its advice, and an accepted one reads back as itself and as the same person.
#include "bulkmsg/recipients/list.hpp"
#include "reader_laws.hpp"

namespace {

using namespace bulkmsg;
using namespace bulkmsg::recipients;

void check_address(std::string_view written, const address_rules& rules) {
  const address_verdict verdict = parse_address(written, rules);
  if (verdict.code != errc::ok) {
    fuzz::require(!address_advice(verdict.code, verdict.kind).empty());
    return;
  }
  const std::string text(verdict.text());
  fuzz::require(text.starts_with(address_prefix(verdict.kind)) && text.find_first_of(" ,;\"\n") == std::string::npos);
  fuzz::require(rules.allowed.has(verdict.kind));
  const address_verdict again = parse_address(text);
  fuzz::require(again.code == errc::ok && again.kind == verdict.kind && again.text() == text);
  fuzz::require(person_key(again) == person_key(text));
  fuzz::require((person_key(text) >> 63 != 0) == (verdict.kind != address_kind::phone));
}

struct address_checker {
  void row(const source_row& row) {
    for (const auto cell : row.cells) {
      check_address(cell, {});
      check_address(cell, {.bare = address_kind::chat});
      check_address(cell, {.allowed = address_kinds::only(address_kind::group)});
      for (const address_kind kind : {address_kind::group, address_kind::user, address_kind::chat}) {
        const address_verdict verdict = parse_address_of(kind, cell, {});
        if (verdict.code == errc::ok) check_address(verdict.text(), {});
      }
    }
  }
  void problem(const row_problem&) {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  fuzz::check_reader([] { return list_reader(); }, text, data[0]);
  address_checker checker;
  list_reader reader;
  if (reader.feed(text, checker)) static_cast<void>(reader.finish(checker));
  return 0;
}
