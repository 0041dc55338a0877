// Rendering a message of about 400 bytes with four values, all of them JSON-escaped, against building the same bytes
// with absl::StrAppend and with fmt into its memory_buffer. The peers get an escape function of the same care that
// appends into their buffer: runs of clean bytes at once. One JSON line a peer on stdout.
#include <absl/strings/str_cat.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "bulkmsg/channels/whatsapp_body.hpp"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* made = std::malloc(size)) return made;
  throw std::bad_alloc();
}
// Both are replaced together, which the compiler does not see.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void operator delete(void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace {

namespace content = bulkmsg::content;

constexpr int rows = 1000;
constexpr int rounds = 41;
constexpr std::string_view callback = "b1.1f2e3d4c5b6a7988.12.1.1000.1";

struct row {
  std::string to;
  std::array<std::string, 4> values;
};

// Names and texts as they are; every tenth has something to escape.
std::vector<row> made_rows() {
  std::vector<row> made;
  for (int i = 0; i < rows; ++i) {
    const std::string n = std::to_string(i);
    made.push_back({"+1555" + std::to_string(1000000 + i),
                    {"A-" + n, i % 10 == 0 ? "Ana \"" + n + "\" B\xc3\xa4r" : "Anastasia Meyer " + n,
                     "the blue lamp with the long cable, no. " + n, "orders/" + n + "?from=message"}});
  }
  return made;
}

template <class Append>
void escape(std::string_view text, Append&& append) {
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    append(text.substr(done, i - done));
    done = i + 1;
    switch (c) {
      case '"':
        append("\\\"");
        break;
      case '\\':
        append("\\\\");
        break;
      case '\n':
        append("\\n");
        break;
      case '\r':
        append("\\r");
        break;
      case '\t':
        append("\\t");
        break;
      default: {
        constexpr std::string_view hex = "0123456789abcdef";
        const char code[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        append(std::string_view(code, sizeof code));
      }
    }
  }
  append(text.substr(done));
}

// abseil's way: all pieces in few calls. fmt's way: the fixed text in the format strings.
constexpr std::string_view piece[] = {
    R"({"messaging_product":"whatsapp","recipient_type":"individual","to":")",
    R"(","type":"template","biz_opaque_callback_data":")",
    R"(","template":{"name":"order_ready","language":{"code":"en_US"},"components":[{"type":"header","parameters":[{"type":"text","text":")",
    R"("}]},{"type":"body","parameters":[{"type":"text","text":")",
    R"("},{"type":"text","text":")",
    R"("}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":")",
    R"("}]}]}})"};

// Debian's abseil has a string_view of its own.
absl::string_view view(std::string_view text) { return {text.data(), text.size()}; }

void with_str_append(std::string& out, const row& r) {
  const auto append = [&out](std::string_view text) { absl::StrAppend(&out, view(text)); };
  absl::StrAppend(&out, view(piece[0]), r.to, view(piece[1]), view(callback), view(piece[2]));
  for (std::size_t i = 0; i < 4; ++i) {
    escape(r.values[i], append);
    absl::StrAppend(&out, view(piece[3 + i]));
  }
}

void with_fmt(fmt::memory_buffer& out, const row& r) {
  const auto append = [&out](std::string_view text) { out.append(text.data(), text.data() + text.size()); };
  const auto to = std::back_inserter(out);
  fmt::format_to(to,
                 R"({{"messaging_product":"whatsapp","recipient_type":"individual","to":"{}","type":"template",)"
                 R"("biz_opaque_callback_data":"{}","template":{{"name":"order_ready","language":{{"code":"en_US"}},)"
                 R"("components":[{{"type":"header","parameters":[{{"type":"text","text":")",
                 r.to, callback);
  escape(r.values[0], append);
  fmt::format_to(to, R"("}}]}},{{"type":"body","parameters":[{{"type":"text","text":")");
  escape(r.values[1], append);
  fmt::format_to(to, R"("}},{{"type":"text","text":")");
  escape(r.values[2], append);
  fmt::format_to(to, R"("}}]}},{{"type":"button","sub_type":"url","index":"0","parameters":[{{"type":"text","text":")");
  escape(r.values[3], append);
  fmt::format_to(to, R"("}}]}}]}}}})");
}

// The same with the fixed text as arguments: less usual, and faster.
void with_fmt_pieces(fmt::memory_buffer& out, const row& r) {
  const auto append = [&out](std::string_view text) { out.append(text.data(), text.data() + text.size()); };
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}{}{}{}{}", piece[0], r.to, piece[1], callback, piece[2]);
  for (std::size_t i = 0; i < 4; ++i) {
    escape(r.values[i], append);
    fmt::format_to(to, "{}", piece[3 + i]);
  }
}

template <class F>
double nanoseconds_a_row(F&& all) {
  // The processor's time: one thread each, and the machine may be shared.
  const auto now = [] {
    timespec at{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) * 1e9 + static_cast<double>(at.tv_nsec);
  };
  const double begin = now();
  for (int i = 0; i < 20; ++i) all();
  return (now() - begin) / (20.0 * rows);
}

double median(std::vector<double> of) {
  std::nth_element(of.begin(), of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2), of.end());
  return of[of.size() / 2];
}

}  // namespace

int main() {
  content::message_template said;
  said.name = "order_ready";
  said.language = "en_US";
  said.header = {content::header_kind::text, "Order {{1}}"};
  said.body = "Hi {{1}}, {{2}} is ready";
  said.buttons = {{content::button_kind::url, "Track", "https://x.example/{{1}}", ""}};
  const std::vector<std::string> columns{"header_param1", "param1", "param2", "button0_param"};
  const auto ready = bulkmsg::channels::compile_whatsapp(said, columns);
  if (!ready) return 1;

  const auto people = made_rows();
  std::vector<std::array<std::string_view, 4>> cells;
  for (const row& r : people) cells.push_back({r.values[0], r.values[1], r.values[2], r.values[3]});

  std::string ours, theirs;
  fmt::memory_buffer buffer;
  const auto render = [&] {
    for (int i = 0; i < rows; ++i) {
      ours.clear();
      ready->render(ours, people[static_cast<std::size_t>(i)].to, callback, cells[static_cast<std::size_t>(i)]);
    }
  };
  const auto str_append = [&] {
    for (const row& r : people) {
      theirs.clear();
      with_str_append(theirs, r);
    }
  };
  const auto format = [&] {
    for (const row& r : people) {
      buffer.clear();
      with_fmt(buffer, r);
    }
  };

  const auto format_pieces = [&] {
    for (const row& r : people) {
      buffer.clear();
      with_fmt_pieces(buffer, r);
    }
  };

  render(), str_append(), format(), format_pieces();
  if (ours != theirs || ours != std::string_view(buffer.data(), buffer.size())) {
    std::fprintf(stderr, "the peers render other bytes:\n%s\n%s\n", ours.c_str(), theirs.c_str());
    return 1;
  }
  std::vector<double> us, absl_times, fmt_times, pieces_times;
  us.reserve(rounds);
  std::size_t allocated = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::size_t before = allocations;
    us.push_back(nanoseconds_a_row(render));
    allocated += allocations - before;
    absl_times.push_back(nanoseconds_a_row(str_append));
    fmt_times.push_back(nanoseconds_a_row(format));
    pieces_times.push_back(nanoseconds_a_row(format_pieces));
  }
  const auto print = [&](const char* name, double peer, const char* target) {
    std::printf(R"({"name":"%s","unit":"ns","ours":%.1f,"peer":%.1f,"ratio":%.3f,"target":"%s"})"
                "\n",
                name, median(us), peer, median(us) / peer, target);
  };
  print("render a message, time against absl::StrAppend", median(absl_times), "<= 0.8");
  print("render a message, time against fmt memory_buffer, fixed text in the format", median(fmt_times), "<= 0.35");
  print("render a message, time against fmt memory_buffer, fixed text as arguments", median(pieces_times), "<= 0.35");
  std::printf(R"({"name":"allocations a message","ours":%zu,"peer":0,"ratio":%zu,"target":"0"})"
              "\n",
              allocated, allocated);
  return 0;
}
