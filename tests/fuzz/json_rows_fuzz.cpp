// Any bytes as JSON recipients: the same rows in any chunks, each row as wide as the header, and an audience that adds
// up. The first byte chooses how the rest is cut, and whether the columns are told.
#include "bulkmsg/recipients/rows_json.hpp"
#include "reader_laws.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg::recipients;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto make = [&] {
    return data[0] % 2 == 0 ? json_reader() : json_reader({"phone_number", "first_name", "param1"});
  };
  fuzz::check_reader(make, text, data[0]);
  return 0;
}
