// Recipients come in: CSV is parsed on the caller's thread while the store writes the rows before.
#include <cstdio>
#include <cstring>
#include <semaphore>

#include "bulkmsg/content/template_json.hpp"
#include "bulkmsg/recipients/audience.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t rows_per_batch = 4096;
constexpr std::size_t chunk_bytes = 256 * 1024;

// Gathers rows and hands them to the writer, two batches ahead at most.
class row_sink {
 public:
  row_sink(store::writer& to, std::int64_t campaign) : writer_(to), campaign_(campaign) {}

  void accepted(const recipients::accepted_row& r) {
    auto& good = batch_->added.emplace_back();
    good.line = static_cast<std::int64_t>(r.line);
    good.address = r.address;
    recipients::append_joined(good.parameters, r.parameters);
    hand_over_if_full();
  }
  void rejected(const recipients::rejected_row& r) {
    batch_->rejected.push_back({.line = static_cast<std::int64_t>(r.line),
                                .column = r.column,
                                .column_name = std::string(r.column_name),
                                .code = r.code,
                                .reason = std::string(r.reason),
                                .address = std::string(r.row_address)});
    hand_over_if_full();
  }

  void set_columns(std::string joined) { columns_ = std::move(joined); }

  // All that was handed over is durable, or one of it failed.
  result<void> finish() {
    hand_over();
    for (int i = 0; i < ahead; ++i) room_.acquire();
    for (int i = 0; i < ahead; ++i) room_.release();
    std::lock_guard lock(mutex_);
    return failure_ ? result<void>(fail(*failure_)) : result<void>();
  }

 private:
  static constexpr int ahead = 2;

  void hand_over_if_full() {
    if (batch_->added.size() + batch_->rejected.size() >= rows_per_batch) hand_over();
  }
  void hand_over() {
    room_.acquire();
    writer_.submit(
        [this, batch = batch_](store::database& db) { store::append_recipients(db, campaign_, *batch, columns_); },
        [this](const error* failed) {
          if (failed) {
            std::lock_guard lock(mutex_);
            if (!failure_) failure_ = *failed;
          }
          room_.release();
        });
    batch_ = std::make_shared<store::recipient_batch>();
  }

  store::writer& writer_;
  const std::int64_t campaign_;
  std::string columns_;
  std::shared_ptr<store::recipient_batch> batch_ = std::make_shared<store::recipient_batch>();
  std::counting_semaphore<ahead> room_{ahead};
  std::mutex mutex_;
  std::optional<error> failure_;
};

}  // namespace

result<import_report> engine::import_csv(campaign_id campaign, const byte_source& source) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const impl::exclusive importing(*self_, campaign.value);
  if (auto mine = importing.had(); !mine) return fail(mine.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  if (row->state != campaign_state::draft) {
    return fail(errc::wrong_state,
                "recipients are added to a draft only; this campaign is " + std::string(name(row->state)));
  }

  row_sink sink(*self_->writer_, campaign.value);
  std::shared_ptr<const content::compiled_message> content;
  recipients::audience_builder builder([&](std::span<const std::string> columns) -> result<recipients::row_check> {
    auto with_columns = *row;
    with_columns.columns = join_list({columns.begin(), columns.end()});
    auto made = self_->compiled(with_columns);
    if (!made) return fail(made.error());
    content = *made;
    sink.set_columns(with_columns.columns);
    return recipients::row_check::of(*content);
  });
  for (std::int64_t from = 0; from < row->recipients; from += static_cast<std::int64_t>(rows_per_batch)) {
    auto known = self_->read([&](store::database& db) {
      auto r = db.select("SELECT address FROM recipients WHERE id >= ?1 AND id < ?2", (campaign.value << 32) + from,
                         (campaign.value << 32) + from + static_cast<std::int64_t>(rows_per_batch));
      while (r.next()) builder.reserve_known(recipients::deduplication_key(recipients::parse_phone(r.text(0)).number));
      return true;
    });
    if (!known) return fail(known.error());
  }

  std::string chunk(chunk_bytes, '\0');
  result<void> imported;
  for (;;) {
    auto n = source(chunk.data(), chunk.size());
    if (!n) {
      imported = fail(n.error());
      break;
    }
    imported = *n == 0 ? builder.finish(sink) : builder.feed(std::string_view(chunk).substr(0, *n), sink);
    if (!imported || *n == 0) break;
  }
  const auto stored = sink.finish();
  if (imported) imported = stored;
  if (!imported) {
    // Nothing of an unusable file stays.
    for (bool undone = false; !undone;) {
      auto step = self_->writer_->run(
          [&](store::database& db) { undone = store::undo_import(db, campaign.value, row->recipients, row->rejects); });
      if (!step) return fail(step.error());
    }
    return fail(imported.error());
  }
  const auto& counts = builder.counts();
  return import_report{.rows = static_cast<std::int64_t>(counts.rows),
                       .added = static_cast<std::int64_t>(counts.accepted),
                       .duplicates = static_cast<std::int64_t>(counts.duplicates),
                       .rejected = static_cast<std::int64_t>(counts.rejected)};
}

result<import_report> engine::import_csv_text(campaign_id campaign, std::string_view text) {
  return import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
    const auto n = text.copy(to, capacity);
    text.remove_prefix(n);
    return n;
  });
}

result<import_report> engine::import_csv_file(campaign_id campaign, const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  if (!file) {
    return fail(errc::file_unreadable, path + ": " + std::strerror(errno) + "; check the path of the CSV file");
  }
  auto done = import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
    const auto n = std::fread(to, 1, capacity, file.get());
    if (n == 0 && std::ferror(file.get())) return fail(errc::file_unreadable, path + ": " + std::strerror(errno));
    return n;
  });
  if (!done) {
    auto why = done.error();
    if (!why.message.starts_with(path)) why.message = path + ": " + why.message;
    return fail(why);
  }
  return done;
}

}  // namespace bulkmsg
