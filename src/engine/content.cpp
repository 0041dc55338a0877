// What campaigns say: stored content made ready for a file's columns, previews, and the content rules.
#include "engine/content.hpp"

#include "bulkmsg/channels/chat_body.hpp"
#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/content_json.hpp"
#include "bulkmsg/content/message_json.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "engine/impl.hpp"
#include "store/keys.hpp"
#include "store/senders.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

consent_rules rules_of(const store::campaign_row& row, const content::message& message) {
  const bool marketing = !message.is_free_form() && message.approved.category == "MARKETING";
  // What is not a template has no category: who wants no marketing does not want it either.
  return {marketing || message.is_free_form(), row.require_consent.value_or(marketing)};
}

result<content::mapping> mapping_of(const store::campaign_row& row) {
  content::mapping map;
  const auto pairs = split_list(row.mapping);
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (auto added = map.add(pairs[i], pairs[i + 1]); !added) return fail(added.error());
  }
  return map;
}

result<laid_out> engine::impl::compiled(const store::campaign_row& row) {
  auto found = read([&](store::database& db) {
    return std::pair(store::read_sender(db, row.sender), store::read_template(db, row.content));
  });
  if (!found) return fail(found.error());
  return compile(row, found->first, found->second);
}

result<laid_out> engine::impl::compile(const store::campaign_row& row, const sender_settings& sender,
                                       std::string_view json, const content::file_ids& files) {
  auto message = content::parse_content_json(json);
  if (!message) return fail(message.error());
  auto map = mapping_of(row);
  if (!map) return fail(map.error());
  const auto columns = split_list(row.columns);
  const channels::chat_origin from{row.agent, row.reply_to};
  auto made = lay_out(sender, *message, columns, *map, from);
  if (made && !files.empty()) {
    // What is the same for everyone is laid out as fixed bytes: those are laid out again with the id.
    for (const auto& slot : made->content->slots()) {
      if (slot.kind != content::value_kind::media) continue;
      for (auto& [name, source] : map->sources) {
        if (name != slot.name) continue;
        for (std::string* value : {&source.constant, &source.fallback}) {
          if (const auto file = files.find(*value); file != files.end()) *value = file->second;
        }
      }
    }
    made = lay_out(sender, *message, columns, *map, from, files);
  }
  if (made) made->rules = rules_of(row, *message);
  return made;
}

// In the JSON of the sender's channel.
result<laid_out> engine::impl::lay_out(const sender_settings& sender, const content::message& message,
                                       const std::vector<std::string>& columns, const content::mapping& map,
                                       const channels::chat_origin& from, const content::file_ids& files) {
  const auto shared = [&files](content::compiled_message&& made) {
    made.set_files(files);
    return std::make_shared<const content::compiled_message>(std::move(made));
  };
  if (!speaks_whatsapp(sender)) {
    auto described = chat_description_of(sender);
    if (!described) return fail(described.error());
    auto made = channels::compile_chat(*described, message, columns, map, from);
    if (!made) return fail(made.error());
    return laid_out{shared(std::move(made->content)), made->route};
  }
  // Everything else goes over the usual endpoint: the other one takes nothing but these.
  const bool marketing =
      sender.marketing_endpoint && !message.is_free_form() && message.approved.category == "MARKETING";
  auto made = channels::compile_whatsapp(message, columns, map, {.marketing_messages = marketing});
  if (!made) return fail(made.error());
  const auto route = marketing ? channels::endpoint::marketing_messages : channels::endpoint::messages;
  laid_out ready{shared(std::move(*made)), static_cast<std::uint32_t>(route)};
  ready.needs_window = message.is_free_form();
  return ready;
}

result<template_id> engine::put_message(const std::string& name, std::string_view json) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  if (name.empty() || name.size() > 512) {
    return fail(errc::invalid_argument, "an own message is saved under a name of 1 to 512 bytes");
  }
  if (auto parsed = content::parse_message_json(json); !parsed) return fail(parsed.error());
  std::int64_t id = 0;
  auto stored = self_->writer_->run([&](store::database& db) { id = store::put_template(db, name, "", json, "own"); });
  if (!stored) return fail(stored.error());
  return template_id{id};
}

result<saved_message> engine::find_message(const std::string& name) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    const auto id = store::find_own_message(db, name);
    return saved_message{{id}, name, store::read_template(db, id)};
  });
}

result<std::vector<saved_message>> engine::saved_messages(const std::string& after, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (limit < 1 || limit > 10'000) return fail(errc::invalid_argument, "the limit of saved messages must be 1..10,000");
  return self_->read([&](store::database& db) {
    std::vector<saved_message> page;
    auto r = db.select(
        "SELECT max(id), name, json FROM templates WHERE kind = 'own' AND name > ?1 GROUP BY name ORDER BY name LIMIT "
        "?2",
        after, limit);
    while (r.next()) page.push_back({{r.integer(0)}, std::string(r.text(1)), std::string(r.text(2))});
    return page;
  });
}

result<content::card> engine::preview(campaign_id campaign, std::int64_t row) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto of = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!of) return fail(of.error());
  if (row < 0 || row >= of->recipients) {
    return fail(errc::not_found, "campaign '" + of->name + "' has " + std::to_string(of->recipients) +
                                     " recipients, and none in row " + std::to_string(row) +
                                     "; rows are counted from 0");
  }
  auto content = self_->compiled(*of);
  if (!content) return fail(content.error());
  return self_->read([&](store::database& db) {
    auto r = db.select("SELECT parameters FROM recipients WHERE id = ?1", store::row_key(campaign.value, row));
    std::vector<std::string_view> cells(content->content->column_count());
    if (!r.next() || !recipients::split_cells(r.text(0), cells)) {
      throw store::store_error{error{errc::store_corrupt, "a recipient's parameters do not fit the columns", 0, 0}};
    }
    return content->content->card_of(cells);
  });
}

result<content::card> preview_content(std::string_view json, std::span<const std::string> columns,
                                      std::span<const std::string_view> cells,
                                      std::span<const std::pair<std::string, std::string>> mapping) {
  auto message = content::parse_content_json(json);
  if (!message) return fail(message.error());
  content::mapping map;
  for (const auto& [slot, from] : mapping) {
    if (auto added = map.add(slot, from); !added) return fail(added.error());
  }
  auto ready = channels::compile_whatsapp(*message, columns, map);
  if (!ready) return fail(ready.error());
  if (const auto problem = ready->check(cells); problem.code != errc::ok) {
    std::string where = problem.column < columns.size() ? "column " + columns[problem.column] + ": " : "";
    return fail(problem.code, where + std::string(problem.reason));
  }
  return ready->card_of(cells);
}

// ---- content rules ----

result<void> content_inspection::load(std::string_view rules) {
  auto parsed = content::content_check::parse(rules);
  if (!parsed) return fail(parsed.error());
  check_ = std::move(*parsed);
  if (check_.rules().empty()) return {};
  check_.look(to_text(content_.fixed_card()),
              [&](const content::content_rule& rule) { met_[&rule].everywhere = true; });
  return {};
}

void content_inspection::row(std::span<const std::string_view> cells, std::int64_t line) {
  if (check_.rules().empty()) return;
  check_.look(content_.preview(cells), [&](const content::content_rule& rule) {
    met& where = met_[&rule];
    if (where.last_row == row_) return;
    if (where.rows++ == 0) where.first_line = line;
    where.last_row = row_;
  });
  ++row_;
}

std::string content_inspection::sentence(const content::content_rule& rule, const met& where) {
  const std::string what = "'" + rule.text + "' is in ";
  if (where.everywhere) return what + "the message's own text";
  return what + std::to_string(where.rows) + (where.rows == 1 ? " row, line " : " rows, the first is line ") +
         std::to_string(where.first_line);
}

result<void> content_inspection::verdict() const {
  std::string blocked;
  for (const auto& [rule, where] : met_) {
    if (rule->blocks) blocked += (blocked.empty() ? "" : ", ") + sentence(*rule, where);
  }
  if (blocked.empty()) return {};
  return fail(errc::content_blocked, "content rules: " + blocked + "; change the message or the rows, or the rules");
}

std::vector<std::string> content_inspection::warnings() const {
  std::vector<std::string> list;
  for (const auto& [rule, where] : met_) {
    if (!rule->blocks) list.push_back("content rules: " + sentence(*rule, where));
  }
  return list;
}

}  // namespace bulkmsg
