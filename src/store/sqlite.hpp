// SQLite, as thin as it can be: prepared statements by literal, typed binding, rows by column.
//
// Inside src/store/ a failing SQLite call throws `store_error`; it never leaves the store: the writer and the engine's
// readers turn it into an `error` value (see writer.hpp, guarded()).
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include "bulkmsg/base/result.hpp"

namespace bulkmsg::store {

struct store_error {
  error what;
};

// Bytes that are no text.
struct blob {
  std::string_view bytes;
};

class rows;

// One connection. Thread: one at a time.
class database {
 public:
  enum class access {
    read,
    write,
    create
  };
  // Opens with synchronous FULL; WAL is a property of the file (schema.cpp). Throws store_error.
  database(const std::string& path, access mode);

  // Runs SQL without results or arguments; several statements allowed.
  void exec(const std::string& sql);
  // Runs one statement; `sql` must be a literal (statements are kept by its address). Returns the rows changed.
  template <class... A>
  int run(const char* sql, const A&... args);
  // Like run(), for a number of arguments known at run time: `give(put)` calls `put(value)` for each of them, in order.
  template <class F>
  int run_with(const char* sql, F&& give);
  // Starts a query; one at a time per literal.
  template <class... A>
  rows select(const char* sql, const A&... args);
  // The first column of the first row, or `otherwise`.
  template <class... A>
  std::int64_t number(const char* sql, const A&... args);

  [[nodiscard]] std::int64_t last_id() const noexcept { return sqlite3_last_insert_rowid(db_.get()); }
  [[nodiscard]] sqlite3* handle() const noexcept { return db_.get(); }
  [[noreturn]] void raise(const char* doing) const;

 private:
  friend class rows;
  struct close_db {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };
  struct finalize {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  sqlite3_stmt* prepare(const char* sql);
  template <class T>
  void bind(sqlite3_stmt* s, int at, const T& v, sqlite3_destructor_type text_lifetime) const {
    int code;
    if constexpr (std::is_same_v<T, std::nullptr_t>) {
      code = sqlite3_bind_null(s, at);
    } else if constexpr (std::is_same_v<T, blob>) {
      code = sqlite3_bind_blob(s, at, v.bytes.data() ? v.bytes.data() : "", static_cast<int>(v.bytes.size()),
                               text_lifetime);
    } else if constexpr (std::is_convertible_v<T, std::string_view>) {
      const std::string_view text = v;
      code = sqlite3_bind_text(s, at, text.data() ? text.data() : "", static_cast<int>(text.size()), text_lifetime);
    } else {
      static_assert(std::is_integral_v<T> || std::is_enum_v<T>);
      code = sqlite3_bind_int64(s, at, static_cast<sqlite3_int64>(v));
    }
    if (code != SQLITE_OK) raise("bind a value");
  }
  template <class... A>
  sqlite3_stmt* bound([[maybe_unused]] sqlite3_destructor_type text_lifetime, const char* sql, const A&... args) {
    sqlite3_stmt* s = prepare(sql);
    int at = 0;
    (bind(s, ++at, args, text_lifetime), ...);
    return s;
  }

  int finish(sqlite3_stmt* s, const char* sql);

  std::string path_;
  std::unique_ptr<sqlite3, close_db> db_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, finalize>> statements_;
};

// A running query. Text views are valid until the next call of next().
class rows {
 public:
  rows(database& db, sqlite3_stmt* s) : db_(db), s_(s) {}
  rows(const rows&) = delete;
  ~rows() { sqlite3_reset(s_); }
  bool next() {
    int code = sqlite3_step(s_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) db_.raise("read a row");
    return false;
  }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(s_, column); }
  [[nodiscard]] std::string_view text(int column) const {
    const auto* p = reinterpret_cast<const char*>(sqlite3_column_text(s_, column));
    return {p ? p : "", static_cast<std::size_t>(sqlite3_column_bytes(s_, column))};
  }
  [[nodiscard]] std::string_view bytes(int column) const {
    const auto* p = static_cast<const char*>(sqlite3_column_blob(s_, column));
    return {p ? p : "", static_cast<std::size_t>(sqlite3_column_bytes(s_, column))};
  }
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(s_, column) == SQLITE_NULL; }

 private:
  database& db_;
  sqlite3_stmt* s_;
};

template <class... A>
int database::run(const char* sql, const A&... args) {
  return finish(bound(SQLITE_STATIC, sql, args...), sql);
}

template <class F>
int database::run_with(const char* sql, F&& give) {
  sqlite3_stmt* s = prepare(sql);
  give([this, s, at = 0](const auto& value) mutable { bind(s, ++at, value, SQLITE_STATIC); });
  return finish(s, sql);
}

template <class... A>
rows database::select(const char* sql, const A&... args) {
  return rows(*this, bound(SQLITE_TRANSIENT, sql, args...));  // rows outlive the arguments
}

template <class... A>
std::int64_t database::number(const char* sql, const A&... args) {
  auto r = select(sql, args...);
  return r.next() ? r.integer(0) : 0;
}

// Runs `body` and turns a store_error into a value.
template <class F>
auto guarded(F&& body) -> result<decltype(body())> {
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return {};
    } else {
      return body();
    }
  } catch (store_error& e) {
    return fail(std::move(e.what));
  }
}

}  // namespace bulkmsg::store
