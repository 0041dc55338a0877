// Recipients come in: read and judged on the caller's thread while the store writes the rows before.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <semaphore>
#include <utility>

#include "bulkmsg/recipients/audience.hpp"
#include "bulkmsg/recipients/list.hpp"
#include "bulkmsg/recipients/rows_json.hpp"
#include "engine/impl.hpp"
#include "store/keys.hpp"
#include "store/recipients.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t rows_per_batch = 4096;
constexpr std::size_t bytes_per_batch = std::size_t{1} << 20;  // of text: rows may be long
constexpr std::size_t chunk_bytes = 256 * 1024;

// Gathers rows and hands them to the writer, two batches ahead at most.
class row_sink {
 public:
  row_sink(surroundings& around, store::writer& to, std::int64_t campaign)
      : around_(around), writer_(to), campaign_(campaign) {}
  // What was handed over refers to this.
  ~row_sink() { wait_for_all(); }
  row_sink(const row_sink&) = delete;
  row_sink& operator=(const row_sink&) = delete;

  void accepted(const recipients::accepted_row& r) {
    auto& good = batch_->added.emplace_back();
    good.line = static_cast<std::int64_t>(r.line);
    good.address = r.address;
    recipients::append_joined(good.parameters, r.parameters);
    hand_over_if_full(good.parameters.size());
  }
  void rejected(const recipients::rejected_row& r) {
    batch_->rejected.push_back({.line = static_cast<std::int64_t>(r.line),
                                .column = r.column,
                                .column_name = std::string(r.column_name),
                                .code = r.code,
                                .reason = std::string(r.reason),
                                .address = std::string(r.row_address)});
    batch_->rejected_rows.emplace_back(r.row);
    count(r);
    hand_over_if_full(r.row.size() + r.row_address.size());
  }

  // What holds for all rows: the parameter columns, joined, and the column of addresses.
  void set_columns(std::string joined, std::string_view address_column) {
    columns_ = std::move(joined);
    batch_->address_column = address_column_ = address_column;
  }

  // All that was handed over is durable, or one of it failed.
  result<void> finish() {
    hand_over();
    wait_for_all();
    std::lock_guard lock(mutex_);
    return failure_ ? result<void>(fail(*failure_)) : result<void>();
  }

  [[nodiscard]] std::vector<reason_count> by_reason() {
    std::stable_sort(reasons_.begin(), reasons_.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    return std::move(reasons_);
  }

 private:
  static constexpr int ahead = 2;

  void count(const recipients::rejected_row& r) {
    const auto code = static_cast<std::int32_t>(r.code);
    auto at = std::find_if(reasons_.begin(), reasons_.end(), [&](const auto& each) { return each.code == code; });
    if (at == reasons_.end()) at = reasons_.insert(at, {.code = code, .reason = std::string(r.reason)});
    ++at->count;
  }

  void hand_over_if_full(std::size_t more_bytes) {
    bytes_ += more_bytes;
    if (batch_->added.size() + batch_->rejected.size() >= rows_per_batch || bytes_ >= bytes_per_batch) hand_over();
  }
  // False: the process is gone (see surroundings.hpp).
  bool wait_for_room() {
    bool mine = false;
    if (!around_.bring_about([&] { return mine = room_.try_acquire(); })) {
      std::lock_guard lock(mutex_);
      failure_ = error{errc::closed, "the engine is gone", 0, 0};
      return false;
    }
    if (!mine) room_.acquire();
    return true;
  }
  void wait_for_all() {
    int empty = 0;
    while (empty < ahead && wait_for_room()) ++empty;
    room_.release(empty);
  }
  void hand_over() {
    auto next = std::make_shared<store::recipient_batch>();
    next->address_column = address_column_;
    if (!wait_for_room()) return;
    try {
      submit(std::exchange(batch_, std::move(next)));
    } catch (...) {
      room_.release();
      throw;
    }
    bytes_ = 0;
  }
  void submit(std::shared_ptr<store::recipient_batch> batch) {
    writer_.submit([this, batch = std::move(batch)](
                       store::database& db) { store::append_recipients(db, campaign_, *batch, columns_); },
                   [this](const error* failed) {
                     if (failed) {
                       std::lock_guard lock(mutex_);
                       if (!failure_) failure_ = *failed;
                     }
                     room_.release();
                   });
  }

  surroundings& around_;
  store::writer& writer_;
  const std::int64_t campaign_;
  std::string columns_, address_column_;
  std::shared_ptr<store::recipient_batch> batch_ = std::make_shared<store::recipient_batch>();
  std::size_t bytes_ = 0;
  std::vector<reason_count> reasons_;
  std::counting_semaphore<ahead> room_{ahead};
  std::mutex mutex_;
  std::optional<error> failure_;
};

// Text that a reader turns into rows.
template <class Reader>
class text_input {
 public:
  text_input(Reader reader, const engine::byte_source& source, recipients::audience_judge::header_hook on_header,
             recipients::address_rules rules)
      : source_(source), audience_(std::move(on_header), std::move(rules), std::move(reader)) {}

  recipients::audience_judge& judge() { return audience_.judge(); }

  result<void> read(row_sink& sink) {
    std::string chunk(chunk_bytes, '\0');
    for (;;) {
      const auto n = source_(chunk.data(), chunk.size());
      if (!n) return fail(n.error());
      if (*n == 0) return audience_.finish(sink);
      if (auto fed = audience_.feed(std::string_view(chunk).substr(0, *n), sink); !fed) return fed;
    }
  }

 private:
  const engine::byte_source& source_;
  recipients::audience_from<Reader> audience_;
};

// Rows as vectors of cells, below their names.
struct vector_rows {
  std::span<const std::string> columns;
  std::span<const std::vector<std::string>> rows;

  [[nodiscard]] std::size_t size() const { return rows.size(); }
  void names(std::vector<std::string_view>& to) const { to.assign(columns.begin(), columns.end()); }
  void row(std::size_t i, std::vector<std::string_view>& to) const { to.assign(rows[i].begin(), rows[i].end()); }
};

struct table_rows {
  const cell_table& table;

  [[nodiscard]] std::size_t size() const { return (table.offsets.size() - 1) / table.cells_per_row - 1; }
  void names(std::vector<std::string_view>& to) const { cells(0, to); }
  void row(std::size_t i, std::vector<std::string_view>& to) const { cells(i + 1, to); }

 private:
  void cells(std::size_t row, std::vector<std::string_view>& to) const {
    to.clear();
    for (std::size_t i = row * table.cells_per_row; i < (row + 1) * table.cells_per_row; ++i) {
      to.push_back(table.bytes.substr(table.offsets[i], table.offsets[i + 1] - table.offsets[i]));
    }
  }
};

result<void> check(const cell_table& table) {
  const auto& at = table.offsets;
  const bool fits = table.cells_per_row >= 1 && table.cells_per_row <= 256 && at.size() > table.cells_per_row &&
                    (at.size() - 1) % table.cells_per_row == 0 && std::is_sorted(at.begin(), at.end()) &&
                    at.back() <= table.bytes.size();
  if (fits) return {};
  return fail(errc::invalid_argument,
              "recipients: offsets must be rows * cells_per_row + 1 ascending places within the bytes, the first row "
              "the names, and cells_per_row 1 to 256");
}

// Rows that the host has in memory.
template <class Rows>
class array_input {
 public:
  array_input(Rows rows, recipients::audience_judge::header_hook on_header, recipients::address_rules rules)
      : rows_(rows), judge_("recipients", std::move(on_header), std::move(rules)) {}

  recipients::audience_judge& judge() { return judge_; }

  result<void> read(row_sink& sink) {
    std::vector<std::string_view> cells;
    rows_.names(cells);
    for (const std::string_view name : cells) {
      if (!is_utf8(name)) return fail(errc::text_not_utf8, "recipients: a column's name is not UTF-8; convert it");
    }
    if (auto known = judge_.header(cells); !known) return known;
    if (!judge_.has_header()) return fail(errc::csv_empty, "recipients: no columns; name them");
    std::uint64_t line = 0;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      rows_.row(i, cells);
      if (auto problem = problem_of(cells)) {
        problem->line = ++line;
        judge_.problem(*problem, sink);
      } else {
        judge_.row({++line, cells}, sink);
      }
    }
    return {};
  }

 private:
  static bool is_utf8(std::string_view text) {
    recipients::utf8_checker checker;
    return checker.read(text) == text.size() && checker.complete();
  }

  // What a reader of text would have found.
  static std::optional<recipients::row_problem> problem_of(std::span<const std::string_view> cells) {
    if (cells.empty()) return {{0, 0, errc::row_has_missing_cells, "a row without cells"}};
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      bytes += cells[i].size();
      if (bytes > recipients::row_bytes_max) {
        return {{0, 0, errc::row_too_long,
                 "the row is longer than " + std::to_string(recipients::row_bytes_max) + " bytes"}};
      }
      if (!is_utf8(cells[i])) {
        return {{0, static_cast<std::uint32_t>(i + 1), errc::text_not_utf8, "bytes that are not UTF-8"}};
      }
    }
    return {};
  }

  const Rows rows_;
  recipients::audience_judge judge_;
};

result<recipients::address_rules> rules_of(const import_options& how) {
  recipients::address_rules rules;
  if (how.default_region.empty()) return rules;
  auto region = recipients::region::parse(how.default_region);
  if (!region) return fail(errc::bad_option_value, "default_" + region.error().message);
  rules.default_region = *region;
  return rules;
}

engine::byte_source source_of(std::string_view text) {
  return [text](char* to, std::size_t capacity) mutable -> result<std::size_t> {
    const auto n = text.copy(to, capacity);
    text.remove_prefix(n);
    return n;
  };
}

// The file's bytes for `import`, and its name in what that says.
result<import_report> with_file(const std::string& path, const char* kind,
                                const std::function<result<import_report>(const engine::byte_source&)>& import) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) {
    return fail(errc::file_unreadable,
                path + ": " + std::strerror(errno) + "; check the path of the " + kind + " file");
  }
  auto done = import([&](char* to, std::size_t capacity) -> result<std::size_t> {
    const auto n = std::fread(to, 1, capacity, file.get());
    if (n == 0 && std::ferror(file.get())) return fail(errc::file_unreadable, path + ": " + std::strerror(errno));
    return n;
  });
  if (!done && !done.error().message.starts_with(path)) {
    auto why = done.error();
    why.message = path + ": " + why.message;
    return fail(why);
  }
  return done;
}

}  // namespace

template <class Make>
result<import_report> engine::impl::take_in(campaign_id campaign, const import_options& how, Make make) {
  const auto call = enter(true);
  if (!call) return fail(call.error());
  auto rules = rules_of(how);
  if (!rules) return fail(rules.error());
  const exclusive importing(*this, campaign.value);
  if (auto mine = importing.had(); !mine) return fail(mine.error());
  auto row = read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  if (auto ok = check_call(row->state, campaign_call::add_recipients); !ok) return fail(ok.error());
  if (row->sender == 0 || row->content == 0) {
    return fail(errc::wrong_state, "campaign '" + row->name +
                                       "' needs its message and sender before its recipients, whose columns and "
                                       "addresses depend on them; choose them first (edit)");
  }
  auto sender = read([&](store::database& db) { return store::read_sender(db, row->sender); });
  if (!sender) return fail(sender.error());
  if (auto fitted = fit_to_channel(*rules, *sender); !fitted) return fail(fitted.error());

  row_sink sink(*around_, *writer_, campaign.value);
  std::shared_ptr<const content::compiled_message> content;
  recipients::audience_judge* judge = nullptr;
  auto input = make(
      [&](std::span<const std::string> columns) -> result<recipients::row_check> {
        auto with_columns = *row;
        with_columns.columns = join_list({columns.begin(), columns.end()});
        auto made = compiled(with_columns);
        if (!made) return fail(made.error());
        content = made->content;
        sink.set_columns(with_columns.columns, judge->address_column());
        return recipients::row_check::of(*content);
      },
      *rules);
  judge = &input.judge();
  for (std::int64_t from = 0; from < row->recipients; from += static_cast<std::int64_t>(rows_per_batch)) {
    auto known = read([&](store::database& db) {
      auto r =
          db.select("SELECT address FROM recipients WHERE id >= ?1 AND id < ?2", store::row_key(campaign.value, from),
                    store::row_key(campaign.value, from + static_cast<std::int64_t>(rows_per_batch)));
      while (r.next()) judge->reserve_known(recipients::person_key(r.text(0)));
      return true;
    });
    if (!known) return fail(known.error());
  }

  result<void> imported;
  try {
    imported = input.read(sink);
    auto stored = sink.finish();
    if (imported) imported = std::move(stored);
  } catch (const std::bad_alloc&) {
    imported = fail(error{errc::out_of_memory, "out of memory", 0, 0});
  }
  if (!imported) {
    // Nothing of an unusable input stays.
    for (bool undone = false; !undone;) {
      auto step = writer_->run(
          [&](store::database& db) { undone = store::undo_import(db, campaign.value, row->recipients, row->rejects); });
      if (!step) return fail(step.error());
    }
    return fail(imported.error());
  }
  const auto& counts = judge->counts();
  return import_report{.rows = static_cast<std::int64_t>(counts.rows),
                       .added = static_cast<std::int64_t>(counts.accepted),
                       .duplicates = static_cast<std::int64_t>(counts.duplicates),
                       .rejected = static_cast<std::int64_t>(counts.rejected),
                       .by_reason = sink.by_reason()};
}

template <class Reader>
result<import_report> engine::impl::take_in_from(campaign_id campaign, const import_options& how, Reader reader,
                                                 const byte_source& source) {
  return take_in(campaign, how, [&](auto hook, const recipients::address_rules& rules) {
    return text_input<Reader>(std::move(reader), source, std::move(hook), rules);
  });
}

result<import_report> engine::import_csv(campaign_id campaign, const byte_source& source, const import_options& how) {
  if (how.delimiter != 0 && std::strchr(",;|\t", how.delimiter) == nullptr) {
    return fail(errc::bad_option_value, "delimiter: not one that a CSV has; give , ; | or a tab");
  }
  return self_->take_in_from(campaign, how, recipients::csv_reader(how.delimiter), source);
}
result<import_report> engine::import_csv_text(campaign_id campaign, std::string_view text, const import_options& how) {
  return import_csv(campaign, source_of(text), how);
}
result<import_report> engine::import_csv_file(campaign_id campaign, const std::string& path,
                                              const import_options& how) {
  return with_file(path, "CSV", [&](const byte_source& source) { return import_csv(campaign, source, how); });
}

result<import_report> engine::import_json(campaign_id campaign, const byte_source& source, const import_options& how) {
  return self_->take_in_from(campaign, how, recipients::json_reader(how.columns), source);
}
result<import_report> engine::import_json_text(campaign_id campaign, std::string_view text, const import_options& how) {
  return import_json(campaign, source_of(text), how);
}
result<import_report> engine::import_json_file(campaign_id campaign, const std::string& path,
                                               const import_options& how) {
  return with_file(path, "JSON", [&](const byte_source& source) { return import_json(campaign, source, how); });
}

result<import_report> engine::import_list(campaign_id campaign, std::string_view addresses, const import_options& how) {
  return self_->take_in_from(campaign, how, recipients::list_reader(), source_of(addresses));
}

result<import_report> engine::add_recipients(campaign_id campaign, std::span<const std::string> columns,
                                             std::span<const std::vector<std::string>> rows,
                                             const import_options& how) {
  return self_->take_in(campaign, how, [&](auto hook, const recipients::address_rules& rules) {
    return array_input(vector_rows{columns, rows}, std::move(hook), rules);
  });
}
result<import_report> engine::add_recipients(campaign_id campaign, const cell_table& rows, const import_options& how) {
  if (auto good = check(rows); !good) return fail(good.error());
  return self_->take_in(campaign, how, [&](auto hook, const recipients::address_rules& rules) {
    return array_input(table_rows{rows}, std::move(hook), rules);
  });
}

}  // namespace bulkmsg
