#include "net/response_reader.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkmsg::net {
namespace {

// Feeds `bytes` in slices of `step`, keeping what the reader leaves, as a connection does.
struct fed {
  read_state state = read_state::done;
  std::size_t left = 0;
};
fed feed(response_reader& r, std::string_view bytes, std::size_t step, const clock& c) {
  std::string kept;
  while (!bytes.empty()) {
    const std::size_t n = std::min(step, bytes.size());
    kept.append(bytes.substr(0, n));
    bytes.remove_prefix(n);
    kept.erase(0, r.put(kept, c));
    if (r.state() != read_state::reading) break;
  }
  return {r.state(), kept.size() + bytes.size()};
}

TEST(response_reader, any_slicing_gives_the_same_response) {
  const manual_clock c;
  const std::string bytes =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
      "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nRetry-After: 900\r\n\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    response_reader r({});
    const fed f = feed(r, bytes, step, c);
    ASSERT_EQ(f.state, read_state::done) << step;
    EXPECT_EQ(f.left, 0U) << step;
    EXPECT_EQ(r.status(), 429);
    EXPECT_EQ(r.body(), "hello world");
    EXPECT_EQ(r.retry_after(), 7 * second) << "a trailer must not speak for the head";
    EXPECT_TRUE(r.keep_alive());
  }
}

TEST(response_reader, responses_follow_one_another) {
  const manual_clock c;
  response_reader r({});
  for (int i = 0; i < 3; ++i) {
    const std::string body = "body " + std::to_string(i);
    const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n" + body;
    EXPECT_EQ(r.put(bytes, c), bytes.size());
    ASSERT_EQ(r.state(), read_state::done);
    EXPECT_EQ(r.body(), body);
  }
  const std::string two = "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\n";
  EXPECT_EQ(r.put(two, c), 19U);
  EXPECT_EQ(r.state(), read_state::done);
  EXPECT_EQ(r.status(), 204);
}

TEST(response_reader, the_end_of_the_stream_completes_only_a_body_without_length) {
  const manual_clock c;
  response_reader until_end({});
  (void)until_end.put("HTTP/1.1 200 OK\r\n\r\nabc", c);
  EXPECT_EQ(until_end.state(), read_state::reading);
  until_end.put_eof();
  EXPECT_EQ(until_end.state(), read_state::done);
  EXPECT_EQ(until_end.body(), "abc");
  EXPECT_FALSE(until_end.keep_alive());
  for (const char* part :
       {"HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    response_reader r({});
    (void)r.put(part, c);
    r.put_eof();
    EXPECT_EQ(r.state(), read_state::truncated) << part;
  }
  response_reader nothing({});
  nothing.put_eof();
  EXPECT_EQ(nothing.state(), read_state::truncated);
}

TEST(response_reader, head_is_bounded_at_exactly_its_limit_however_it_is_cut) {
  const manual_clock c;
  const std::string rest = "HTTP/1.1 204 No\r\nX: \r\n\r\n";
  for (const std::size_t step : {std::size_t{1}, std::size_t{100}, std::size_t{4096}}) {
    for (const std::size_t over : {std::size_t{0}, std::size_t{1}}) {
      response_reader r({.head_bytes_max = 1024, .body_bytes_max = 10});
      std::string bytes = rest;
      bytes.insert(20, 1024 - rest.size() + over, 'x');
      EXPECT_EQ(feed(r, bytes, step, c).state, over == 0 ? read_state::done : read_state::oversized)
          << step << ' ' << over;
    }
  }
}

TEST(response_reader, fields_that_end_where_a_read_ends_are_bounded_together) {
  const manual_clock c;
  std::string bytes = "HTTP/1.1 200 OK\r\n";
  while (bytes.size() < 20'000) bytes += "Field: value\r\n";
  for (std::size_t step = 1; step < 60; ++step) {
    response_reader r({.head_bytes_max = 1024, .body_bytes_max = 10});
    const fed f = feed(r, bytes, step, c);
    EXPECT_EQ(f.state, read_state::oversized) << step;
    EXPECT_LT(bytes.size() - f.left, 1200U) << step;
  }
}

TEST(response_reader, body_is_bounded_at_exactly_its_limit) {
  const manual_clock c;
  for (const int size : {0, 9, 10, 11}) {
    const std::string body(static_cast<std::size_t>(size), 'x');
    const std::string plain = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body;
    std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < size; ++i) chunked += "1\r\nx\r\n";
    chunked += "0\r\n\r\n";
    for (const std::string& bytes : {plain, chunked}) {
      response_reader r({.head_bytes_max = 1024, .body_bytes_max = 10});
      EXPECT_EQ(feed(r, bytes, 7, c).state, size <= 10 ? read_state::done : read_state::oversized) << bytes;
    }
  }
  response_reader r({.head_bytes_max = 1024, .body_bytes_max = 10});
  EXPECT_EQ(feed(r, "HTTP/1.1 200 OK\r\n\r\n" + std::string(11, 'x'), 4, c).state, read_state::oversized);
}

TEST(response_reader, garbage_is_an_answer_not_a_crash) {
  const manual_clock c;
  for (const char* bytes :
       {"hello\r\n\r\n", "HTTP/1.1 999999 X\r\n\r\n", "HTTP/1.1 000 OK\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n",
        "HTTP/1.1 101 Up\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "\x16\x03\x01 a TLS record\r\n\r\n"}) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{1000}}) {
      response_reader r({});
      EXPECT_EQ(feed(r, bytes, step, c).state, read_state::garbage) << bytes;
    }
  }
  response_reader r({});
  std::string endless;
  for (int i = 0; i < 100; ++i) endless += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(feed(r, endless, 1000, c).state, read_state::garbage);
}

TEST(response_reader, endless_chunk_extension_and_trailer_are_bounded) {
  const manual_clock c;
  for (const char* begin : {"1;", "0\r\nA: "}) {
    response_reader r({.head_bytes_max = 1024, .body_bytes_max = 10});
    const std::string bytes =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (begin + std::string(100'000, 'x'));
    EXPECT_NE(feed(r, bytes, 500, c).state, read_state::reading);
  }
}

TEST(response_reader, retry_after_is_seconds_or_a_date) {
  manual_clock c(784'111'777 * second - second);  // Sun, 06 Nov 1994 08:49:37 GMT by now()'s first reading
  const auto read = [&](const std::string& value) {
    response_reader r({});
    (void)r.put("HTTP/1.1 503 Busy\r\nRetry-After: " + value + "\r\nContent-Length: 0\r\n\r\n", c);
    EXPECT_EQ(r.state(), read_state::done);
    return r.retry_after();
  };
  EXPECT_EQ(read("0"), 0);
  EXPECT_EQ(read("120"), 120 * second);
  EXPECT_EQ(read("99999999999999999999999"), 24 * 3600 * second);
  EXPECT_EQ(read("-5"), 0);
  EXPECT_EQ(read("soon"), 0);
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:50:37 GMT"), 60 * second);
  EXPECT_EQ(read("Sun, 06 Nov 1994 08:00:00 GMT"), 0);
  EXPECT_EQ(read("Sun, 06 Nov 2094 08:00:00 GMT"), 24 * 3600 * second);
  EXPECT_EQ(read("Sun, xx Nov 1994 08:50:37 GMT"), 0);
}

}  // namespace
}  // namespace bulkmsg::net
