#include "net/response_reader.hpp"

#include <time.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <optional>
#include <string>

namespace bulkmsg::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

constexpr nanoseconds_t retry_after_max = 24 * 3600 * second;
// More interim responses than this before one answer is a peer that plays with us.
constexpr int interim_max = 8;

bool two_digits(std::string_view text, std::size_t at, int& to) {
  const auto [end, bad] = std::from_chars(text.data() + at, text.data() + at + 2, to);
  return bad == std::errc() && end == text.data() + at + 2;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that a server may generate (RFC 9110, 5.6.7). By hand, because
// strptime reads the names of the host's locale.
std::optional<std::int64_t> http_date(std::string_view text) {
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  tm t{};
  int century = 0;
  int year = 0;
  const std::size_t month = months.find(text.substr(8, 3));
  if (month == std::string_view::npos || month % 3 != 0) return std::nullopt;
  if (!two_digits(text, 5, t.tm_mday) || !two_digits(text, 12, century) || !two_digits(text, 14, year) ||
      !two_digits(text, 17, t.tm_hour) || !two_digits(text, 20, t.tm_min) || !two_digits(text, 23, t.tm_sec)) {
    return std::nullopt;
  }
  t.tm_mon = static_cast<int>(month / 3);
  t.tm_year = century * 100 + year - 1900;
  return static_cast<std::int64_t>(::timegm(&t));
}

nanoseconds_t read_retry_after(std::string_view text, const clock& now) {
  std::int64_t seconds = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (bad == std::errc::result_out_of_range) return retry_after_max;
  if (bad != std::errc() || end != text.data() + text.size()) {
    const auto date = http_date(text);
    if (!date) return 0;
    seconds = *date - now.wall() / second;
  }
  return std::clamp<std::int64_t>(seconds, 0, retry_after_max / second) * second;
}

struct response {
  int status = 0;
  nanoseconds_t retry_after = 0;
  std::string body;
};

// Beast's parser without its message container: `basic_fields` would allocate once for every header field.
class parser final : public http::basic_parser<false> {
 public:
  parser(const response_limits& limits, response& to, const clock*& now) : to_(to), now_(now) {
    // Beast's bound is a second line of defence: it starts anew with every field that ends where the input ends.
    header_limit(limits.head_bytes_max);
    body_limit(limits.body_bytes_max);
  }

 private:
  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view, int, error_code& ec) override {
    to_.status = code;
    if (code < 100) ec = http::error::bad_status;  // Beast takes any three digits; RFC 9110, 15: from 100 on
  }
  void on_field_impl(http::field name, string_view, string_view value, error_code&) override {
    // Fields after the head are a chunked body's trailer: they may not speak for the head.
    if (name == http::field::retry_after && !in_body_)
      to_.retry_after = read_retry_after({value.data(), value.size()}, *now_);
  }
  void on_header_impl(error_code&) override { in_body_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view body, error_code&) override {
    to_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) override {
    return on_body_impl(body, ec);
  }
  void on_finish_impl(error_code&) override {}

  response& to_;
  const clock*& now_;
  bool in_body_ = false;
};

}  // namespace

struct response_reader::impl {
  explicit impl(response_limits l) : limits(l) {}

  void begin() {
    current.emplace(limits, answer, now);
    answer.status = 0;
    answer.retry_after = 0;
    answer.body.clear();
    head_bytes = 0;
  }

  response_limits limits;
  response answer;
  const clock* now = nullptr;
  std::optional<parser> current;
  std::size_t head_bytes = 0;
  int interim = 0;
  read_state state = read_state::done;
};

response_reader::response_reader(response_limits limits) : impl_(std::make_unique<impl>(limits)) {}
response_reader::~response_reader() = default;

std::size_t response_reader::put(std::string_view bytes, const clock& now) {
  impl& i = *impl_;
  i.now = &now;
  if (i.state == read_state::done) {
    i.begin();
    i.interim = 0;
    i.state = read_state::reading;
  }
  std::size_t used = 0;
  while (i.state == read_state::reading) {
    error_code ec;
    const bool in_head = !i.current->is_header_done();
    const std::size_t n = i.current->put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), ec);
    used += n;
    if (in_head) {
      i.head_bytes += n;
      const std::size_t waiting = i.current->is_header_done() ? 0 : bytes.size() - used;
      if (i.head_bytes + waiting > i.limits.head_bytes_max) {
        i.state = read_state::oversized;
        break;
      }
    }
    if (ec == http::error::need_more) {
      // What cannot be used yet is a head, a chunk's header or a trailer: none may grow without bound.
      if (bytes.size() - used >= std::size_t{i.limits.head_bytes_max} + 4096) i.state = read_state::oversized;
      break;
    }
    if (ec) {
      const bool over =
          ec == http::error::body_limit || ec == http::error::header_limit || ec == http::error::buffer_overflow;
      i.state = over ? read_state::oversized : read_state::garbage;
    } else if (i.current->is_done()) {
      if (i.answer.status / 100 != 1) {
        i.state = read_state::done;
      } else if (i.answer.status == 101 || ++i.interim > interim_max) {
        i.state = read_state::garbage;
      } else {
        i.begin();
        if (used == bytes.size()) break;
      }
    } else if (used == bytes.size()) {
      break;
    } else if (n == 0) {
      i.state = read_state::garbage;  // no progress and no reason: never spin on what a peer sent
    }
  }
  return used;
}

void response_reader::put_eof() {
  impl& i = *impl_;
  if (i.state != read_state::reading) {
    if (i.state == read_state::done) i.state = read_state::truncated;  // not a byte of the next response came
    return;
  }
  error_code ec;
  if (!i.current->got_some()) {
    i.state = read_state::truncated;
    return;
  }
  i.current->put_eof(ec);
  i.state = !ec && i.current->is_done() ? read_state::done : read_state::truncated;
}

void response_reader::restart() noexcept { impl_->state = read_state::done; }

read_state response_reader::state() const noexcept { return impl_->state; }
int response_reader::status() const noexcept { return impl_->answer.status; }
bool response_reader::keep_alive() const noexcept {
  return impl_->current && impl_->current->is_done() && impl_->current->keep_alive();
}
nanoseconds_t response_reader::retry_after() const noexcept { return impl_->answer.retry_after; }
std::string_view response_reader::body() const noexcept { return impl_->answer.body; }

}  // namespace bulkmsg::net
