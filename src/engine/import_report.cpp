// CSV for people: the rows that were left out, to be corrected; and the file to fill in for a template.
#include <algorithm>

#include "bulkmsg/content/content_json.hpp"
#include "bulkmsg/content/template_slots.hpp"
#include "bulkmsg/recipients/judge.hpp"
#include "engine/impl.hpp"
#include "store/recipients.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

using recipients::append_csv_cell;

constexpr std::string_view end_of_row = "\r\n";

// Columns that the template's JSON has an example for, under their default names.
class examples {
 public:
  explicit examples(std::string_view template_json) {
    simdjson::dom::parser parser;
    simdjson::dom::array components;
    if (parser.parse(template_json.data(), template_json.size())["components"].get(components)) return;
    for (const auto component : components) {
      add_all(component["example"]["header_text"], "header_param");
      simdjson::dom::array alternatives;
      if (component["example"]["body_text"].get(alternatives) == simdjson::SUCCESS && alternatives.size() != 0) {
        add_all(alternatives.at(0), "param");
      }
      for (const char* const key : {"header_text_named_params", "body_text_named_params"}) {
        simdjson::dom::array named;
        if (component["example"][key].get(named)) continue;
        for (const auto each : named) {
          std::string_view name;
          if (each["param_name"].get(name) == simdjson::SUCCESS) add(std::string(name), each["example"]);
        }
      }
      simdjson::dom::array buttons;
      if (component["buttons"].get(buttons)) continue;
      int index = 0;
      for (const auto button : buttons) add_button("button" + std::to_string(index++) + "_param", button);
    }
  }

  // slot: "body.1"; column: its default name, or what it is mapped to.
  [[nodiscard]] std::string of(const std::string& column) const {
    for (const auto& [name, value] : known_) {
      if (name == column) return value;
    }
    const auto ends_with = [&](std::string_view end) { return std::string_view(column).ends_with(end); };
    if (ends_with("_media")) return "https://example.com/file";
    if (ends_with("_filename")) return "file.pdf";
    if (ends_with("_latitude")) return "52.5200";
    if (ends_with("_longitude")) return "13.4050";
    return "(" + column + ")";
  }

  // A mapped column has the example of the slot that it fills.
  void map(const std::string& slot, const std::string& column) {
    std::string name = slot.substr(slot.find('.') + 1);
    if (!name.empty() && name[0] >= '0' && name[0] <= '9') {
      name = (slot.starts_with("header.") ? "header_param" : slot.starts_with("body.") ? "param" : "button") + name;
    }
    for (const auto& [known, value] : known_) {
      if (known == name) {
        known_.emplace_back(column, value);
        return;
      }
    }
  }

 private:
  template <class Value>
  void add(std::string column, const Value& value) {
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS && !text.empty()) known_.emplace_back(std::move(column), text);
  }
  // A URL's example is the whole address, of which the column holds the end.
  void add_button(std::string column, simdjson::dom::element button) {
    simdjson::dom::array list;
    std::string_view url, text;
    if (button["example"].get(list) || list.size() == 0 || list.at(0).get(text)) return;
    if (button["url"].get(url) == simdjson::SUCCESS) {
      const auto fixed = url.substr(0, url.find("{{"));
      if (text.starts_with(fixed)) text.remove_prefix(fixed.size());
    }
    if (!text.empty()) known_.emplace_back(std::move(column), text);
  }
  template <class List>
  void add_all(const List& list, const char* column) {
    simdjson::dom::array values;
    if (list.get(values)) return;
    int n = 0;
    for (const auto value : values) add(column + std::to_string(++n), value);
  }

  std::vector<std::pair<std::string, std::string>> known_;
};

}  // namespace

result<std::string> template_csv(std::string_view json,
                                 const std::vector<std::pair<std::string, std::string>>& mapping) {
  const auto message = content::parse_content_json(json);
  if (!message) return fail(message.error());
  examples known(json);
  content::mapping map;
  for (const auto& [slot, column] : mapping) {
    known.map(slot, column);
    if (auto added = map.add(slot, column); !added) return fail(added.error());
  }
  std::string header(recipients::address_column_names[0]);
  std::string example = "+15550001111";
  for (const std::string& column : content::needed_columns(*message, map)) {
    header += ',';
    append_csv_cell(header, column);
    example += ',';
    append_csv_cell(example, known.of(column));
  }
  return header.append(end_of_row) + example.append(end_of_row);
}

result<std::string> engine::template_csv(template_id content) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  const auto json = self_->read([&](store::database& db) { return store::read_template(db, content.value); });
  if (!json) return fail(json.error());
  return bulkmsg::template_csv(*json);
}

result<std::string> engine::template_csv(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  std::vector<std::pair<std::string, std::string>> mapping;
  const auto json = self_->read([&](store::database& db) {
    const auto row = store::read_campaign(db, campaign.value);
    const auto list = split_list(row.mapping);
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) mapping.emplace_back(list[i], list[i + 1]);
    return store::read_template(db, row.content);
  });
  if (!json) return fail(json.error());
  return bulkmsg::template_csv(*json, mapping);
}

result<void> engine::write_rejected_csv(campaign_id campaign, const byte_sink& to) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  // Inputs whose addresses stood in different columns come together under `address`, each address with its prefix.
  std::string address_column(recipients::any_address_column_name);
  std::string text =
      std::string(recipients::reason_column_name) + ',' + std::string(recipients::line_column_name) + ',';
  const auto header = self_->read([&](store::database& db) {
    const auto row = store::read_campaign(db, campaign.value);
    const auto columns = store::rejected_address_columns(db, campaign.value);
    if (columns.empty()) address_column = recipients::address_column_names[0];
    if (columns.size() == 1) address_column = columns.front();
    append_csv_cell(text, address_column);
    for (const std::string& column : split_list(row.columns)) {
      text += ',';
      append_csv_cell(text, column);
    }
    return true;
  });
  if (!header) return fail(header.error());
  text += end_of_row;

  // A page is at most 16 MiB: rows are bounded by recipients::row_bytes_max, twice that in quotes.
  constexpr std::size_t page_rows = 128;
  for (std::int64_t after = 0;;) {
    const auto page = self_->read(
        [&](store::database& db) { return store::list_rejected_text(db, campaign.value, after, page_rows); });
    if (!page) return fail(page.error());
    for (const auto& row : *page) {
      after = row.number;
      append_csv_cell(text, row.reason);
      text += ',' + std::to_string(row.line) + ',';
      if (row.address_column != address_column) {
        for (std::size_t kind = 1; kind < recipients::address_column_names.size(); ++kind) {
          const auto prefix = recipients::address_prefix(static_cast<recipients::address_kind>(kind));
          if (row.address_column == recipients::address_column_names[kind] && !row.row.starts_with(prefix) &&
              !row.row.starts_with('"')) {
            text += prefix;
          }
        }
      }
      text += row.row;
      text += end_of_row;
    }
    if (auto taken = to(text); !taken) return taken;
    text.clear();
    if (page->size() < page_rows) return {};
  }
}

}  // namespace bulkmsg
