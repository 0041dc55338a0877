// A million contacts: how long counting and choosing them by an attribute takes.
//
//   contacts_bench [--contacts N] [--rounds N]
//
//   count      engine::count_contacts of a stored segment, an attribute of 100 values   milliseconds
//   select     engine::contacts, page by page, all of that segment                      milliseconds
// The peer of both is the same question in SQL by hand, sqlite3 on a plain table with a column and an index for it. The
// ratio is ours / peer; the target is on our milliseconds.
//   scan       the same count where the attribute has no index; the peer scans its table, too
//   import     engine::import_contacts_csv into an empty store, rows a second; the peer inserts its rows, 1000 a commit
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bulkmsg/engine.hpp"

namespace {

using steady = std::chrono::steady_clock;

double ms_of(const std::function<void()>& work) {
  const auto from = steady::now();
  work();
  return std::chrono::duration<double, std::milli>(steady::now() - from).count();
}

double median(std::vector<double> list) {
  std::sort(list.begin(), list.end());
  return list[list.size() / 2];
}

template <class T>
T must(bulkmsg::result<T> r) {
  if (!r) {
    std::fprintf(stderr, "contacts_bench: %s\n", r.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*r);
}

// The peer's store: a column for each attribute.
class plain_table {
 public:
  explicit plain_table(const std::string& path) {
    check(sqlite3_open(path.c_str(), &db_));
    exec("PRAGMA journal_mode=WAL");
    exec("PRAGMA synchronous=FULL");
    exec("PRAGMA cache_size=-16000");
    exec(
        "CREATE TABLE people(id INTEGER PRIMARY KEY, phone INTEGER UNIQUE, address TEXT, city TEXT COLLATE NOCASE, "
        "plan TEXT COLLATE NOCASE, spent REAL)");
    exec("CREATE INDEX people_city ON people(city)");
  }
  ~plain_table() { sqlite3_close(db_); }
  void exec(const char* sql) { check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }
  void insert(const std::function<bool(long long&, std::string&, std::string&, std::string&, double&)>& next) {
    sqlite3_stmt* s = prepare("INSERT INTO people(phone, address, city, plan, spent) VALUES (?1, ?2, ?3, ?4, ?5)");
    long long phone = 0;
    std::string address, city, plan;
    double spent = 0;
    int in_commit = 0;
    exec("BEGIN");
    while (next(phone, address, city, plan, spent)) {
      sqlite3_bind_int64(s, 1, phone);
      sqlite3_bind_text(s, 2, address.data(), static_cast<int>(address.size()), SQLITE_STATIC);
      sqlite3_bind_text(s, 3, city.data(), static_cast<int>(city.size()), SQLITE_STATIC);
      sqlite3_bind_text(s, 4, plan.data(), static_cast<int>(plan.size()), SQLITE_STATIC);
      sqlite3_bind_double(s, 5, spent);
      if (sqlite3_step(s) != SQLITE_DONE) check(SQLITE_ERROR);
      sqlite3_reset(s);
      if (++in_commit % 1000 == 0) {
        exec("COMMIT");
        exec("BEGIN");
      }
    }
    exec("COMMIT");
    sqlite3_finalize(s);
  }
  // Reads every row; returns how many, or the first column of the only one.
  long long ask(const char* sql, const char* value) {
    sqlite3_stmt* s = prepare(sql);
    sqlite3_bind_text(s, 1, value, -1, SQLITE_STATIC);
    long long rows = 0, first = 0;
    std::string copy;
    while (sqlite3_step(s) == SQLITE_ROW) {
      first = sqlite3_column_int64(s, 0);
      for (int i = 1; i < sqlite3_column_count(s); ++i) {
        copy = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
      }
      ++rows;
    }
    sqlite3_finalize(s);
    return rows == 1 ? first : rows;
  }

 private:
  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* s = nullptr;
    check(sqlite3_prepare_v2(db_, sql, -1, &s, nullptr));
    return s;
  }
  void check(int code) {
    if (code == SQLITE_OK) return;
    std::fprintf(stderr, "contacts_bench: %s\n", sqlite3_errmsg(db_));
    std::exit(1);
  }
  sqlite3* db_ = nullptr;
};

struct row_maker {
  long long i = 0;
  [[nodiscard]] std::string city() const { return "City " + std::to_string(i * 7919 % 100); }
  [[nodiscard]] std::string plan() const { return "plan " + std::to_string(i % 10); }
  // In no order, as lists are.
  [[nodiscard]] long long phone() const { return 4915100000000 + i * 7'368'787 % 10'000'000; }
};

void print(const char* name, double ours, double peer, const char* target) {
  std::printf(R"({"name":"%s","ours":%.3f,"peer":%.3f,"ratio":%.3f,"target":"%s"})"
              "\n",
              name, ours, peer, ours / peer, target);
}

}  // namespace

int main(int argc, char** argv) {
  long long contacts = 1'000'000;
  int rounds = 5;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--contacts") == 0) contacts = std::atoll(argv[i + 1]);
    if (std::strcmp(argv[i], "--rounds") == 0) rounds = std::atoi(argv[i + 1]);
  }
  const auto folder = std::filesystem::temp_directory_path() / "bulkmsg-contacts-bench";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  {
    auto engine = must(bulkmsg::engine::open((folder / "store").string(), {.send = false}));
    must(engine.declare_attribute("city", bulkmsg::recipients::attribute_type::text, true));
    must(engine.declare_attribute("spent", bulkmsg::recipients::attribute_type::number));
    plain_table peer((folder / "peer").string());

    row_maker ours;
    std::string text = "phone_number,city,plan,spent\n";
    const double import_ms = ms_of([&] {
      must(engine.import_contacts_csv([&](char* to, std::size_t capacity) -> bulkmsg::result<std::size_t> {
        while (text.size() < capacity && ours.i < contacts) {
          text += "+" + std::to_string(ours.phone()) + "," + ours.city() + "," + ours.plan() + "," +
                  std::to_string(ours.i % 1000) + "\n";
          ++ours.i;
        }
        const auto n = text.copy(to, capacity);
        text.erase(0, n);
        return n;
      }));
    });
    row_maker theirs;
    const double insert_ms = ms_of([&] {
      peer.insert([&](long long& phone, std::string& address, std::string& city, std::string& plan, double& spent) {
        if (theirs.i == contacts) return false;
        phone = theirs.phone();
        address = "+" + std::to_string(phone);
        city = theirs.city();
        plan = theirs.plan();
        spent = static_cast<double>(theirs.i % 1000);
        ++theirs.i;
        return true;
      });
    });
    print("contacts: import of a CSV file, rows/s; peer: bare inserts by sqlite3",
          static_cast<double>(contacts) / import_ms * 1000, static_cast<double>(contacts) / insert_ms * 1000, "");

    must(engine.put_segment("lisbon", R"({"attribute":"city","is":"City 42"})"));
    must(engine.put_segment("plan", R"({"attribute":"plan","is":"plan 4"})"));
    std::vector<double> count, peer_count, select, peer_select, scan, peer_scan;
    for (int i = 0; i < rounds; ++i) {
      long long n = 0, rows = 0;
      count.push_back(ms_of([&] { n = must(engine.count_contacts("lisbon")); }));
      peer_count.push_back(ms_of([&] {
        if (peer.ask("SELECT count(*) FROM people WHERE city = ?1", "City 42") != n) std::exit(1);
      }));
      select.push_back(ms_of([&] {
        for (std::int64_t after = 0;;) {
          const auto page = must(engine.contacts("lisbon", after, 10'000));
          if (page.empty()) break;
          after = page.back().id;
          rows += static_cast<long long>(page.size());
        }
      }));
      peer_select.push_back(ms_of([&] {
        if (peer.ask("SELECT id, address, city, plan, spent FROM people WHERE city = ?1", "City 42") != rows)
          std::exit(1);
      }));
      scan.push_back(ms_of([&] { n = must(engine.count_contacts("plan")); }));
      peer_scan.push_back(ms_of([&] {
        if (peer.ask("SELECT count(*) FROM people WHERE plan = ?1", "plan 4") != n) std::exit(1);
      }));
    }
    print("contacts: count by an indexed attribute, ms; peer: sqlite3 by hand, an indexed column", median(count),
          median(peer_count), "ours well under 1000");
    print("contacts: select by an indexed attribute, ms; peer: sqlite3 by hand, an indexed column", median(select),
          median(peer_select), "ours well under 1000");
    print("contacts: count by an attribute without index, ms; peer: sqlite3 scans a column", median(scan),
          median(peer_scan), "");
    must(engine.close());
  }
  std::filesystem::remove_all(folder);
  return 0;
}
