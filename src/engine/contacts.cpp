// The stored contacts: files come in, segments and groups pick, and what is picked becomes the recipients of a draft.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "bulkmsg/content/content_json.hpp"
#include "bulkmsg/content/json_escape.hpp"
#include "bulkmsg/recipients/audience.hpp"
#include "bulkmsg/recipients/segment_json.hpp"
#include "engine/impl.hpp"
#include "store/contacts.hpp"
#include "store/lanes.hpp"
#include "store/recipients.hpp"
#include "store/segments.hpp"
#include "store/suppressions.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t contacts_per_job = 1000;  // no store job holds the writer over 20 ms
constexpr std::size_t chunk_bytes = 256 * 1024;
constexpr std::size_t problems_max = 1000;
constexpr std::int64_t day_ms = std::int64_t{24} * 3600 * 1000;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Judges the cells of a contacts file by what their columns are, and reads them.
class contact_reader {
 public:
  result<void> set_columns(std::span<const std::string> names, std::vector<recipients::attribute> known) {
    for (const std::string& name : names) {
      column made;
      if (recipients::same_word(name, "labels")) {
        made.is = kind::labels;
      } else if (recipients::same_word(name, "test")) {
        made.is = kind::test;
      } else if (recipients::same_word(name, "sandbox")) {
        made.is = kind::sandbox;
      } else if (!recipients::is_attribute_name(name)) {
        return fail(errc::csv_bad_header, "csv: the column '" + name.substr(0, 64) +
                                              "' cannot be an attribute: its name is over 64 bytes, or has quotes or "
                                              "backslashes; rename it");
      } else {
        const auto is = std::find_if(known.begin(), known.end(),
                                     [&](const auto& a) { return recipients::same_word(a.name, name); });
        if (is != known.end()) {
          made.attribute = *is;
        } else {
          made.attribute.name = name;
        }
      }
      columns_.push_back(std::move(made));
    }
    values_.resize(columns_.size());
    return {};
  }

  struct problem {
    errc code = errc::ok;
    std::size_t column = 0;
    std::string_view reason;
  };
  problem check(std::span<const std::string_view> cells) const {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto& c = columns_[i];
      std::string& value = values_[i];
      value.clear();
      if (cells[i].empty()) continue;
      if (recipients::has_control_character(cells[i])) {
        return {errc::attribute_mismatch, i, "holds a line break or another control character"};
      }
      switch (c.is) {
        case kind::labels:
          for (const auto label : labels_of(cells[i])) {
            if (!recipients::is_label(label)) return {errc::attribute_mismatch, i, "a label has at most 64 bytes"};
          }
          value = cells[i];
          break;
        case kind::test:
        case kind::sandbox:
          if (!recipients::read_boolean(cells[i], value)) {
            return {errc::attribute_mismatch, i, recipients::attribute_advice(recipients::attribute_type::boolean)};
          }
          break;
        case kind::attribute:
          if (!recipients::normalise_attribute(c.attribute.type, cells[i], value)) {
            return {errc::attribute_mismatch, i, recipients::attribute_advice(c.attribute.type)};
          }
      }
    }
    return {};
  }

  // The contact of these cells, which passed check(): rows are checked ahead of being taken.
  [[nodiscard]] store::contact_batch::one take(std::string_view address,
                                               std::span<const std::string_view> cells) const {
    static_cast<void>(check(cells));  // brings the values to their stored form
    store::contact_batch::one made{.address = std::string(address), .attributes = "{", .labels = {}};
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto& c = columns_[i];
      const std::string& value = values_[i];
      if (value.empty()) continue;
      switch (c.is) {
        case kind::labels:
          for (const auto label : labels_of(value)) made.labels.emplace_back(label);
          break;
        case kind::test:
          made.test = value == "true";
          break;
        case kind::sandbox:
          made.sandbox = value == "true";
          break;
        case kind::attribute: {
          using enum recipients::attribute_type;
          const bool quoted = c.attribute.type == text || c.attribute.type == date;
          made.attributes +=
              (made.attributes.size() > 1 ? ",\"" : "\"") + c.attribute.name + (quoted ? "\":\"" : "\":");
          content::append_json_escaped(made.attributes, value);
          if (quoted) made.attributes += '"';
        }
      }
    }
    made.attributes += '}';
    return made;
  }

  // Declares what is new as text. Returns the attributes of the columns.
  std::vector<std::int64_t> declare(store::database& db) {
    std::vector<std::int64_t> ids;
    for (auto& c : columns_) {
      if (c.is == kind::attribute) ids.push_back(store::put_attribute(db, c.attribute.name, c.attribute.type));
    }
    return ids;
  }

 private:
  enum class kind : std::uint8_t {
    attribute,
    labels,
    test,
    sandbox
  };
  struct column {
    kind is = kind::attribute;
    recipients::attribute attribute;
  };

  static std::vector<std::string_view> labels_of(std::string_view cell) {
    std::vector<std::string_view> list;
    while (!cell.empty()) {
      const auto end = std::min(cell.find(';'), cell.size());
      if (const auto label = trimmed(cell.substr(0, end)); !label.empty()) list.push_back(label);
      cell.remove_prefix(std::min(end + 1, cell.size()));
    }
    return list;
  }

  std::vector<column> columns_;
  mutable std::vector<std::string> values_;  // of the cells that check() saw last
};

result<void> check_name(std::string_view name) {
  if (recipients::is_label(name) && name != "all") return {};
  return fail(errc::invalid_argument,
              "a segment's or group's name has 1 to 64 bytes, no control characters, and no "
              "blanks at its ends");
}

// A file, read as a byte_source reads.
struct file_source {
  explicit file_source(const std::string& where) : path(where), file(std::fopen(where.c_str(), "rbe"), close) {}
  result<std::size_t> operator()(char* to, std::size_t capacity) const {
    if (!file)
      return fail(errc::file_unreadable, path + ": " + std::strerror(errno) + "; check the path of the CSV file");
    const auto n = std::fread(to, 1, capacity, file.get());
    if (n == 0 && std::ferror(file.get())) return fail(errc::file_unreadable, path + ": " + std::strerror(errno));
    return n;
  }
  std::string path;
  std::shared_ptr<std::FILE> file;

 private:
  // A shared_ptr calls this also for the file that could not be opened.
  static void close(std::FILE* opened) {
    if (opened != nullptr) std::fclose(opened);
  }
};

// Always in quotes, so that whatever a value holds tells nothing of delimiters.
void append_quoted(std::string& csv, std::string_view cell) {
  csv += '"';
  for (const char c : cell) {
    if (c == '"') csv += '"';
    csv += c;
  }
  csv += '"';
}

}  // namespace

result<contacts_report> engine::import_contacts_csv(const byte_source& source, const contacts_import& how) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  for (const auto& label : how.labels) {
    if (!recipients::is_label(label)) {
      return fail(errc::invalid_argument,
                  "a label has 1 to 64 bytes, no control characters, and no blanks at its ends");
    }
  }
  store::contact_batch batch;
  if (!how.group.empty()) {
    if (auto ok = check_name(how.group); !ok) return fail(ok.error());
    auto made = self_->writer_->run(
        [&](store::database& db) { batch.group = store::put_group(db, how.group, self_->now_ms()); });
    if (!made) return fail(made.error());
  }

  contacts_report report;
  contact_reader reader;
  result<void> stored;
  recipients::audience_builder builder([&](std::span<const std::string> columns) -> result<recipients::row_check> {
    auto known = self_->read([](store::database& db) { return store::read_attributes(db); });
    if (!known) return fail(known.error());
    if (auto ok = reader.set_columns(columns, *known); !ok) return fail(ok.error());
    auto declared = self_->writer_->run([&](store::database& db) { batch.attributes = reader.declare(db); });
    if (!declared) return fail(declared.error());
    return recipients::row_check::of(reader);
  });
  const auto store_batch = [&] {
    if (batch.rows.empty() || !stored) return;
    store::contact_counts counts;
    stored = self_->writer_->run(
        [&](store::database& db) { counts = store::put_contacts(db, batch, how, self_->now_ms()); });
    report.added += counts.added;
    report.updated += counts.updated;
    batch.rows.clear();
  };
  struct {
    const contact_reader& reader;
    contacts_report& report;
    store::contact_batch& batch;
    const std::function<void()> store_batch;
    void accepted(const recipients::accepted_row& r) {
      batch.rows.push_back(reader.take(r.address, r.parameters));
      if (batch.rows.size() >= contacts_per_job) store_batch();
    }
    void rejected(const recipients::rejected_row& r) {
      ++report.rejected;
      if (report.problems.size() >= problems_max) return;
      report.problems.push_back({.number = report.rejected,
                                 .line = static_cast<std::int64_t>(r.line),
                                 .column = r.column,
                                 .column_name = std::string(r.column_name),
                                 .code = r.code,
                                 .reason = std::string(r.reason),
                                 .address = std::string(r.row_address)});
    }
  } sink{reader, report, batch, store_batch};

  std::string chunk(chunk_bytes, '\0');
  for (bool more = true; more && stored;) {
    auto n = source(chunk.data(), chunk.size());
    if (!n) return fail(n.error());
    more = *n > 0;
    auto read = more ? builder.feed(std::string_view(chunk).substr(0, *n), sink) : builder.finish(sink);
    if (!read) return fail(read.error());
  }
  store_batch();
  if (!stored) return fail(stored.error());
  report.rows = static_cast<std::int64_t>(builder.judge().counts().rows);
  return report;
}

result<contacts_report> engine::import_contacts_csv_file(const std::string& path, const contacts_import& how) {
  auto done = import_contacts_csv(file_source(path), how);
  if (!done && !done.error().message.starts_with(path)) done.error().message = path + ": " + done.error().message;
  return done;
}

result<void> engine::declare_attribute(const std::string& name, recipients::attribute_type type, bool indexed) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  for (const std::string_view taken : {"labels", "test", "sandbox", "phone_number"}) {
    if (recipients::same_word(name, taken)) {
      return fail(errc::invalid_argument, "attribute: '" + name +
                                              "' has a meaning of its own in contacts files; "
                                              "choose another name");
    }
  }
  if (!recipients::is_attribute_name(name) || recipients::name(type).empty() || recipients::name(type) == "unknown") {
    return fail(errc::invalid_argument,
                "attribute: a name has 1 to 64 bytes without quotes, backslashes and control characters, and its type "
                "is text, number, date or boolean");
  }
  std::int64_t id = 0;
  auto done = self_->writer_->run([&](store::database& db) { id = store::put_attribute(db, name, type); });
  for (bool complete = !indexed; done && !complete;) {
    done = self_->writer_->run(
        [&](store::database& db) { complete = store::index_more(db, id, 2 * std::int64_t{contacts_per_job}); });
  }
  return done;
}

result<std::vector<recipients::attribute>> engine::attributes() {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([](store::database& db) { return store::read_attributes(db); });
}

result<void> engine::put_segment(const std::string& name, std::string_view conditions_json) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (auto ok = check_name(name); !ok) return ok;
  auto known = self_->read([](store::database& db) { return store::read_attributes(db); });
  if (!known) return fail(known.error());
  if (auto read = recipients::parse_segment_json(conditions_json, *known); !read) return fail(read.error());
  return self_->writer_->run(
      [&](store::database& db) { store::put_segment(db, name, conditions_json, self_->now_ms()); });
}

result<void> engine::add_to_group(const std::string& name, std::span<const std::string> addresses) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (auto ok = check_name(name); !ok) return ok;
  std::vector<std::string> canonical;
  for (const auto& each : addresses) {
    auto read = canonical_address(each);
    if (!read) return fail(read.error());
    canonical.push_back(std::move(*read));
  }
  for (std::size_t from = 0; from == 0 || from < canonical.size(); from += contacts_per_job) {
    auto done = self_->writer_->run([&](store::database& db) {
      const auto group = store::put_group(db, name, self_->now_ms());
      for (auto i = from; i < std::min(canonical.size(), from + contacts_per_job); ++i) {
        store::add_to_group(db, group, canonical[i]);
      }
    });
    if (!done) return done;
  }
  return {};
}

result<void> engine::remove_segment(const std::string& name) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto done = self_->writer_->run([&](store::database& db) { store::remove_segment(db, name); });
  for (bool swept = false; done && !swept;) {
    done = self_->writer_->run(
        [&](store::database& db) { swept = store::sweep_members(db, std::int64_t{contacts_per_job}); });
  }
  return done;
}

result<std::vector<segment_row>> engine::segments() {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([](store::database& db) { return store::list_segments(db); });
}

result<std::int64_t> engine::count_contacts(const std::string& selection) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    return store::count_contacts(db, store::selection(db, selection, self_->now_ms() / day_ms));
  });
}

result<std::vector<contact_row>> engine::contacts(const std::string& selection, std::int64_t after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    return store::list_contacts(db, store::selection(db, selection, self_->now_ms() / day_ms), after, limit);
  });
}

result<selection_report> engine::import_contacts(campaign_id campaign, const std::string& selection) {
  selection_report report;
  store::recipient_batch left_out;
  left_out.address_column = recipients::any_address_column_name;
  std::string columns;
  std::string declared;  // every attribute that contacts have
  std::string csv;
  {
    const auto call = self_->enter(true);
    if (!call) return fail(call.error());
  }
  // The chosen contacts as a file: so their rows are judged, deduplicated and, on failure, taken back as any other's.
  std::optional<store::database> db;
  std::optional<store::contact_cursor> cursor;
  std::optional<store::screen> screened;
  const auto open = [&] {
    const auto row = store::read_campaign(*db, campaign.value);
    const auto message = content::parse_content_json(store::read_template(*db, row.content));
    if (!message) throw store::store_error{message.error()};
    const auto map = mapping_of(row);
    if (!map) throw store::store_error{map.error()};
    std::vector<std::string> names;
    std::vector<recipients::attribute> attributes;
    const auto known = store::read_attributes(*db);
    for (const auto& a : known) declared += (declared.empty() ? "" : ", ") + a.name;
    append_quoted(csv, recipients::any_address_column_name);
    for (const auto& name : content::needed_columns(*message, *map)) {
      const auto is =
          std::find_if(known.begin(), known.end(), [&](const auto& a) { return recipients::same_word(a.name, name); });
      if (is == known.end()) continue;  // the header is refused with what is missing
      names.push_back(name);
      attributes.push_back(*is);
      csv += ',';
      append_quoted(csv, name);
    }
    csv += '\n';
    columns = join_list(names);
    cursor.emplace(*db, store::selection(*db, selection, self_->now_ms() / day_ms), attributes);
    screened.emplace(*db, campaign.value, rules_of(row, *message));
    return names.size();
  };
  std::size_t width = 0;
  const auto leave_out = [&](errc why, std::string_view reason) {
    left_out.rejected.push_back({.line = report.chosen + 1,
                                 .code = why,
                                 .reason = std::string(reason),
                                 .address = std::string(cursor->address())});
    auto& whole = left_out.rejected_rows.emplace_back(cursor->address());
    for (std::size_t i = 0; i < width; ++i) recipients::append_csv_cell(whole += ',', cursor->value(i));
    csv += '\n';  // so that line numbers are those of the selection
  };
  const auto store_left_out = [&]() -> result<void> {
    if (left_out.rejected.empty()) return {};
    auto done = self_->writer_->run(
        [&](store::database& to) { store::append_recipients(to, campaign.value, left_out, columns); });
    left_out.rejected.clear();
    left_out.rejected_rows.clear();
    return done;
  };
  bool ended = false;
  const auto read_some = [&] {
    if (!cursor) {
      db.emplace(self_->path_, store::database::access::read);
      width = open();
    }
    while (csv.size() < chunk_bytes && left_out.rejected.size() < contacts_per_job) {
      if (!cursor->next()) {
        ended = true;
        return;
      }
      ++report.chosen;
      if (cursor->sandbox()) {
        ++report.sandbox;
        leave_out(errc::recipient_for_tests, "a sandbox contact");
      } else if (cursor->test()) {
        ++report.tests;
        leave_out(errc::recipient_for_tests, "a test contact");
      } else if (const auto why = screened->check_person(cursor->person()); why != errc::ok) {
        ++(why == errc::recipient_suppressed ? report.suppressed : report.without_consent);
        leave_out(why, store::screening_reason(why));
      } else {
        append_quoted(csv, cursor->address());
        for (std::size_t i = 0; i < width; ++i) {
          csv += ',';
          append_quoted(csv, cursor->value(i));
        }
        csv += '\n';
      }
    }
  };
  std::size_t given = 0;
  auto imported = import_csv(campaign, [&](char* to, std::size_t capacity) -> result<std::size_t> {
    while (given == csv.size() && !ended) {
      csv.clear();
      given = 0;
      if (auto read = store::guarded(read_some); !read) return fail(read.error());
      if (auto stored = store_left_out(); !stored) return fail(stored.error());
    }
    const auto n = csv.copy(to, capacity, given);
    given += n;
    return n;
  });
  if (!imported && imported.error().code == errc::column_missing) {
    return fail(errc::column_missing, imported.error().message + "; the columns of contacts are their attributes: " +
                                          (declared.empty() ? "none yet" : declared));
  }
  if (!imported) return fail(imported.error());
  report.added = imported->added;
  report.duplicates = imported->duplicates;
  report.rejected = imported->rejected;
  return report;
}

}  // namespace bulkmsg
