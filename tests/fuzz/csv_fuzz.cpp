// Any bytes in any chunks: the same rows as in one piece, the same rows as the naive reader with the delimiter told or
// found, the same rows when the text comes as UTF-16, and an audience that adds up. The first byte chooses how the rest
// is cut, and the delimiter.
#include "bulkmsg/recipients/csv.hpp"

#include "reader_laws.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkmsg;
  using namespace bulkmsg::recipients;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const char told = ",;\t|"[data[0] % 4];
  fuzz::check_reader([] { return csv_reader(); }, text, data[0]);
  fuzz::check_reader([told] { return csv_reader(told); }, text, data[0]);

  const bool marked = text.starts_with("\xef\xbb\xbf") || text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  if (marked || text.find("sep=") != std::string_view::npos) return 0;
  for (const char delimiter : {told, '\0'}) {
    fuzz::collector rows;
    csv_reader reader(delimiter);
    const error why = fuzz::read(reader, rows, text, 0);
    if (why.code == errc::text_not_utf8) continue;
    const naive::file expected =
        naive::read_csv(text, delimiter == 0 ? naive::delimiter_of(text) : delimiter, row_bytes_max);
    fuzz::require(expected.rows == rows.rows);
    fuzz::require(expected.unclosed_quote_line.has_value() == (why.code == errc::csv_unclosed_quote));

    fuzz::collector wide;
    csv_reader wide_reader(delimiter);
    const error wide_why =
        fuzz::read(wide_reader, wide, naive::to_utf16(text, data[0] % 2 == 0), data[0] % 3 == 0 ? 0 : data[0]);
    fuzz::require(wide.rows == rows.rows && wide_why.code == why.code && wide_why.message == why.message);
  }
  return 0;
}
