// Any bytes, perhaps with a region behind them, as "0151 23456789@DE": a verdict, the same without the short cuts, and
// an accepted number reads back as itself wherever it is read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "bulkmsg/recipients/phone.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  using namespace bulkmsg::recipients;
  std::string written(reinterpret_cast<const char*>(data), size);
  region where;
  if (size > 2 && written[size - 3] == '@') {
    where = region::parse(written.substr(size - 2)).value_or(region());
    written.resize(size - 3);
  }
  const phone_verdict verdict = parse_phone(written, where);
  const phone_verdict slow = detail::read_phone(written, where);
  if (verdict.code != slow.code || verdict.number != slow.number || verdict.where != slow.where) std::abort();
  if (verdict.code != errc::ok) {
    if (phone_advice(verdict.code).empty() || phone_advice(verdict).empty()) std::abort();
    return 0;
  }
  if (!verdict.where.empty() || !phone_advice(verdict).empty()) std::abort();
  std::string text;
  append_e164(text, verdict.number);
  if (text.size() < phone_digits_min + 1 || text.size() > phone_digits_max + 1) std::abort();
  for (const region anywhere : {region(), where, region::at(verdict.number.digits % std::size(numbering_plan))}) {
    const phone_verdict again = parse_phone(text, anywhere);
    if (again.code != errc::ok || again.number != verdict.number) std::abort();
  }
  if (country_of(verdict.number).calling_code == 0) std::abort();
  const std::uint64_t key = deduplication_key(verdict.number);
  if (key == 0 || key > verdict.number.digits || deduplication_key({key}) != key) std::abort();
  return 0;
}
