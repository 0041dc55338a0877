// Any bytes: a verdict, and an accepted number reads back as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "bulkmsg/recipients/phone.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  using namespace bulkmsg::recipients;
  const std::string written(reinterpret_cast<const char*>(data), size);
  const phone_verdict verdict = parse_phone(written);
  // A blank changes nothing, but keeps the short cut for plain digits from being taken.
  const phone_verdict slow = parse_phone(' ' + written);
  if (verdict.code != slow.code || verdict.number != slow.number) std::abort();
  if (verdict.code != errc::ok) {
    if (phone_advice(verdict.code).empty()) std::abort();
    return 0;
  }
  std::string text;
  append_e164(text, verdict.number);
  const phone_verdict again = parse_phone(text);
  if (again.code != errc::ok || again.number != verdict.number || text.size() > phone_digits_max + 1) std::abort();
  const std::uint64_t key = deduplication_key(verdict.number);
  if (key == 0 || key > verdict.number.digits) std::abort();
  return 0;
}
