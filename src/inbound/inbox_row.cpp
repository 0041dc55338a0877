#include "inbound/inbox_row.hpp"

#include <algorithm>
#include <type_traits>

namespace bulkmsg::inbound {

namespace {

constexpr std::size_t number_bytes_max = 10;

template <class T>
std::size_t bytes_max(const T& field) {
  if constexpr (std::is_convertible_v<T, std::string_view>) {
    return number_bytes_max + std::string_view(field).size();
  } else {
    return number_bytes_max;
  }
}

char* put_number(char* to, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) *to++ = static_cast<char>(n | 0x80U);
  *to++ = static_cast<char>(n);
  return to;
}

template <class T>
char* put(char* to, const T& field) {
  if constexpr (std::is_convertible_v<T, std::string_view>) {
    const std::string_view text = field;
    return std::copy(text.begin(), text.end(), put_number(to, text.size()));
  } else {
    return put_number(to, static_cast<std::uint64_t>(field));
  }
}

template <class... Fields>
void add_record(std::string& row, char letter, const Fields&... fields) {
  const auto begin = row.size();
  row.resize(begin + 1 + (bytes_max(fields) + ...));
  char* to = row.data() + begin;
  *to++ = letter;
  ((to = put(to, fields)), ...);
  row.resize(static_cast<std::size_t>(to - row.data()));
}

}  // namespace

// Takes whatever the sink of merging takes (merge.cpp): what that one would be told must be noticed here.
struct row_maker::receipts_only {
  std::string& row;
  std::string& head;
  bool only = true;
  void begin_change(const channels::change_head& h) {
    const auto begin = row.size();
    add_record(row, 'h', h.account, h.field, h.phone_number_id, h.display_phone_number, h.time_unix_s);
    const auto made = std::string_view(row).substr(begin);
    if (made == head) {
      row.resize(begin);
    } else {
      head = made;
    }
  }
  void receipt(const channels::receipt& r) {
    add_record(row, 'r', r.status, r.timestamp_unix_s, r.error_code, r.message_id, r.recipient_id, r.recipient_user_id,
               r.callback, r.participant, r.error_title, r.error_details);
  }
  void reply(const channels::reply&) { only = false; }
  void preference(const channels::preference&) { only = false; }
  void other(std::string_view, std::string_view) { only = false; }
};

void row_maker::add(std::string_view body, std::string& row) {
  const auto begin = row.size();
  if (begin == 0) head_.clear();
  try {
    if (body.size() <= parsed_bytes_max) {
      receipts_only sink{row, head_};
      if (parser_.parse(body, sink) && sink.only) return;
      row.resize(begin);
    }
    head_.clear();
    add_record(row, 'b', body);
  } catch (...) {
    row.resize(begin);
    head_.clear();
    throw;
  }
}

}  // namespace bulkmsg::inbound
