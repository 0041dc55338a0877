// Lists of recipients coming in, against named peers in the same run:
//
//   csv to cells       our reader against libcsv, both streaming the same file (warm) in chunks of 256 KiB
//   csv to recipients  the same to rows that are validated and deduplicated, against libcsv's bare parse
//   import             a file into the engine's store, against SQLite's bare insert of the same bytes: a plain loop
//   over
//                      one prepared statement, one transaction per 4096 rows, the same pragmas
//   memory             peak memory of an import of 10,000,000 rows above that of a small one, per recipient
//
//   recipients_bench [--rows N] [--rounds N] [--memory-rows N (0: not measured)]
//
// Prints a line of JSON for each: {"name","ours","peer","ratio","target"}.
#include <csv.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"
#include "bulkmsg/recipients/audience.hpp"

namespace {

using namespace bulkmsg;

constexpr std::size_t chunk_bytes = 256 * 1024;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "recipients_bench: %s\n", why.c_str());
  std::exit(1);
}
template <class T>
T must(result<T> r) {
  if (!r) give_up(r.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

double seconds_of(const std::function<void()>& work) {
  const auto from = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}
// The processor's time: both sides of a comparison run on one thread, and the machine may be shared.
double cpu_seconds_of(const std::function<void()>& work) {
  const auto now = [] {
    timespec at{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) * 1e-9;
  };
  const double from = now();
  work();
  return now() - from;
}
double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Rates by turns, so that a slow moment of the machine meets both.
void compare(const char* name, const char* target, double units, int rounds, const std::function<void()>& ours,
             const std::function<void()>& peer) {
  std::vector<double> mine, theirs, ratios;
  for (int i = 0; i < rounds; ++i) {
    theirs.push_back(units / cpu_seconds_of(peer));
    mine.push_back(units / cpu_seconds_of(ours));
    ratios.push_back(mine.back() / theirs.back());
  }
  std::printf("{\"name\":\"%s\",\"ours\":%.4g,\"peer\":%.4g,\"ratio\":%.3f,\"target\":\"%s\"}\n", name, median(mine),
              median(theirs), median(ratios), target);
  std::fflush(stdout);
}

const char* const header = "phone_number,header_param1,param1,param2,button0_param\n";
// A row like those of bench.py; numbers in no order, as in real lists.
std::size_t write_row(char* to, std::size_t capacity, std::uint64_t i) {
  const auto n = (i * 7'368'787) % 10'000'000;
  return static_cast<std::size_t>(std::snprintf(
      to, capacity, "+1555%07llu,A-%llu,Ana Mar\u00eda %llu,the order number %llu of this week,track-%llu\n",
      static_cast<unsigned long long>(n), static_cast<unsigned long long>(i), static_cast<unsigned long long>(i),
      static_cast<unsigned long long>(i), static_cast<unsigned long long>(i)));
}

void write_file(const std::string& path, std::uint64_t rows) {
  std::FILE* out = std::fopen(path.c_str(), "wb");
  if (out == nullptr) give_up("cannot write " + path);
  std::fputs(header, out);
  char row[256];
  for (std::uint64_t i = 0; i < rows; ++i) std::fwrite(row, 1, write_row(row, sizeof row, i), out);
  std::fclose(out);
}

void each_chunk(const std::string& path, const std::function<void(std::string_view)>& take) {
  static std::vector<char> chunk(chunk_bytes);
  std::FILE* in = std::fopen(path.c_str(), "rb");
  if (in == nullptr) give_up("cannot read " + path);
  std::setvbuf(in, nullptr, _IONBF, 0);
  while (const std::size_t n = std::fread(chunk.data(), 1, chunk.size(), in)) take({chunk.data(), n});
  std::fclose(in);
}

struct cell_counter {
  std::uint64_t cells = 0, bytes = 0, rows = 0;
  void row(const recipients::csv_row& row) {
    ++rows;
    cells += row.cells.size();
    for (const auto cell : row.cells) bytes += cell.size();
  }
  void problem(const recipients::csv_problem& problem) { give_up(problem.reason); }
};

struct recipient_counter {
  std::uint64_t accepted_rows = 0, bytes = 0;
  void accepted(const recipients::accepted_row& row) {
    ++accepted_rows;
    bytes += row.address.size();
  }
  void rejected(const recipients::rejected_row& row) { give_up(std::string(row.reason)); }
};

void libcsv_parse(const std::string& path, std::uint64_t rows) {
  cell_counter count;
  csv_parser parser;
  csv_init(&parser, CSV_APPEND_NULL);
  const auto on_cell = [](void*, std::size_t size, void* to) {
    auto& c = *static_cast<cell_counter*>(to);
    ++c.cells;
    c.bytes += size;
  };
  const auto on_row = [](int, void* to) { ++static_cast<cell_counter*>(to)->rows; };
  each_chunk(path,
             [&](std::string_view chunk) { csv_parse(&parser, chunk.data(), chunk.size(), on_cell, on_row, &count); });
  csv_fini(&parser, on_cell, on_row, &count);
  csv_free(&parser);
  if (count.rows != rows + 1 || count.cells != 5 * (rows + 1)) give_up("libcsv read other rows");
}

void our_parse(const std::string& path, std::uint64_t rows) {
  cell_counter count;
  recipients::csv_reader reader;
  each_chunk(path, [&](std::string_view chunk) { must(reader.feed(chunk, count)); });
  must(reader.finish(count));
  if (count.rows != rows + 1 || count.cells != 5 * (rows + 1)) give_up("our reader read other rows");
}

void our_recipients(const std::string& path, std::uint64_t rows) {
  recipient_counter count;
  recipients::audience_builder builder;
  each_chunk(path, [&](std::string_view chunk) { must(builder.feed(chunk, count)); });
  must(builder.finish(count));
  if (count.accepted_rows != rows) give_up("the audience has other recipients");
}

// --- into the store ---

const char* const template_json =
    R"({"name":"order_update","language":"en_US","status":"APPROVED","components":[)"
    R"({"type":"HEADER","format":"TEXT","text":"Order {{1}} is on its way"},)"
    R"({"type":"BODY","text":"Hi {{1}}, we have just sent you {{2}}."},)"
    R"({"type":"BUTTONS","buttons":[{"type":"URL","text":"Track it","url":"https://shop.example/track/{{1}}"}]}]})";

struct draft {
  engine host;
  campaign_id campaign;
};
draft make_draft(const std::string& store) {
  ::setenv("BULKMSG_BENCH_TOKEN", "x", 1);
  draft made{must(engine::open(store, {.send = false, .progress_max = 0})), {}};
  const auto sender = must(made.host.put_sender({.name = "bench",
                                                 .origin = "http://127.0.0.1:9",
                                                 .phone_number_id = "1",
                                                 .token = "env:BULKMSG_BENCH_TOKEN",
                                                 .agent = "ana"}));
  const auto content = must(made.host.put_template(template_json));
  made.campaign = must(made.host.create_campaign({.name = "bench", .sender = sender, .content = content}));
  return made;
}
void remove_store(const std::string& store) {
  for (const char* end : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(store + end);
}

struct stored_row {
  std::int64_t line;
  std::string address, parameters;
};
struct row_keeper {
  std::vector<stored_row>& rows;
  void accepted(const recipients::accepted_row& row) {
    auto& kept = rows.emplace_back(stored_row{static_cast<std::int64_t>(row.line), std::string(row.address), {}});
    recipients::append_joined(kept.parameters, row.parameters);
  }
  void rejected(const recipients::rejected_row& row) { give_up(std::string(row.reason)); }
};

void sqlite_insert(const std::string& path, const std::vector<stored_row>& rows) {
  sqlite3* db = nullptr;
  const auto check = [&](int code) {
    if (code != SQLITE_OK && code != SQLITE_DONE) give_up(std::string("sqlite: ") + sqlite3_errmsg(db));
  };
  const auto run = [&](const char* sql) { check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr)); };
  check(sqlite3_open(path.c_str(), &db));
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16000");
  run("CREATE TABLE recipients(id INTEGER PRIMARY KEY, line INTEGER NOT NULL, address TEXT NOT NULL, parameters TEXT "
      "NOT NULL)");
  sqlite3_stmt* insert = nullptr;
  check(sqlite3_prepare_v2(db, "INSERT INTO recipients(id, line, address, parameters) VALUES (?1, ?2, ?3, ?4)", -1,
                           &insert, nullptr));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i % 4096 == 0) run("BEGIN IMMEDIATE");
    const stored_row& row = rows[i];
    sqlite3_bind_int64(insert, 1, (std::int64_t{1} << 32) + static_cast<std::int64_t>(i));
    sqlite3_bind_int64(insert, 2, row.line);
    sqlite3_bind_text(insert, 3, row.address.data(), static_cast<int>(row.address.size()), SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, row.parameters.data(), static_cast<int>(row.parameters.size()), SQLITE_STATIC);
    check(sqlite3_step(insert));
    sqlite3_reset(insert);
    if (i % 4096 == 4095 || i + 1 == rows.size()) run("COMMIT");
  }
  sqlite3_finalize(insert);
  sqlite3_close(db);
}

// --- memory ---

// In a process of its own: the import's peak, in bytes.
std::uint64_t peak_of_import(const std::string& store, std::uint64_t rows) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) give_up("no pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    auto into = make_draft(store);
    std::uint64_t next = 0;
    const auto report =
        must(into.host.import_csv(into.campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
          std::size_t used = 0;
          if (next == 0) {
            used = std::strlen(header);
            std::memcpy(to, header, used);
          }
          while (next < rows && capacity - used > 256) used += write_row(to + used, 256, next++);
          return used;
        }));
    if (report.added != static_cast<std::int64_t>(rows)) give_up("not all were added");
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const std::uint64_t bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
    if (::write(pipe_ends[1], &bytes, sizeof bytes) != sizeof bytes) std::_Exit(1);
    std::_Exit(0);
  }
  std::uint64_t bytes = 0;
  int status = 1;
  ::waitpid(child, &status, 0);
  if (status != 0 || ::read(pipe_ends[0], &bytes, sizeof bytes) != sizeof bytes)
    give_up("the importing process failed");
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  remove_store(store);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t rows = 1'000'000, memory_rows = 10'000'000;
  int rounds = 5;
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const auto value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--rows") rows = value;
    if (name == "--rounds") rounds = static_cast<int>(value);
    if (name == "--memory-rows") memory_rows = value;
    if (name == "--only") only = argv[i + 1];
  }
  const auto wanted = [&](const char* part) { return only.empty() || only == part; };
  char folder[] = "/tmp/bulkmsg-recipients-XXXXXX";
  if (::mkdtemp(folder) == nullptr) give_up("no temporary folder");
  const std::string base = folder;

  // First, while this process is small: a child begins with its parent's memory.
  if (memory_rows != 0 && wanted("memory")) {
    const auto small = peak_of_import(base + "/small", 20'000);
    const auto large = peak_of_import(base + "/large", memory_rows);
    const double each = static_cast<double>(large - small) / static_cast<double>(memory_rows);
    std::printf(
        "{\"name\":\"import memory, bytes a recipient of %llu vs the bound of 24\",\"ours\":%.1f,\"peer\":24,"
        "\"ratio\":%.3f,\"target\":\"<= 1.0\"}\n",
        static_cast<unsigned long long>(memory_rows), each, each / 24);
    std::fflush(stdout);
  }

  const std::string csv = base + "/contacts.csv";
  write_file(csv, rows);
  const double megabytes = static_cast<double>(std::filesystem::file_size(csv)) / 1e6;
  our_parse(csv, rows);
  if (wanted("cells")) {
    compare(
        "csv to cells, MB/s vs libcsv", ">= 6", megabytes, rounds, [&] { our_parse(csv, rows); },
        [&] { libcsv_parse(csv, rows); });
  }
  if (wanted("recipients")) {
    compare(
        "csv to validated, deduplicated rows, MB/s vs libcsv's bare parse", ">= 2", megabytes, rounds,
        [&] { our_recipients(csv, rows); }, [&] { libcsv_parse(csv, rows); });
  }
  if (wanted("import")) {
    std::vector<stored_row> kept;
    recipients::audience_builder builder;
    row_keeper keeper{kept};
    each_chunk(csv, [&](std::string_view chunk) { must(builder.feed(chunk, keeper)); });
    must(builder.finish(keeper));
    std::vector<double> mine, theirs, ratios;
    for (int i = 0; i < std::min(rounds, 3); ++i) {
      theirs.push_back(static_cast<double>(rows) / seconds_of([&] { sqlite_insert(base + "/plain", kept); }));
      remove_store(base + "/plain");
      auto into = make_draft(base + "/store");
      mine.push_back(static_cast<double>(rows) /
                     seconds_of([&] { must(into.host.import_csv_file(into.campaign, csv)); }));
      must(into.host.close());
      remove_store(base + "/store");
      ratios.push_back(mine.back() / theirs.back());
    }
    std::printf(
        "{\"name\":\"import of %llu rows into the store, rows/s vs SQLite's bare insert\",\"ours\":%.0f,"
        "\"peer\":%.0f,\"ratio\":%.3f,\"target\":\">= 0.5\"}\n",
        static_cast<unsigned long long>(rows), median(mine), median(theirs), median(ratios));
  }
  std::filesystem::remove_all(base);
  return 0;
}
