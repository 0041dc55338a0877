// What campaigns say: stored content made ready for a file's columns.
#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/template_json.hpp"
#include "engine/impl.hpp"

namespace bulkmsg {

result<std::shared_ptr<const content::compiled_message>> engine::impl::compiled(const store::campaign_row& row) {
  auto json = read([&](store::database& db) { return store::read_template(db, row.content); });
  if (!json) return fail(json.error());
  return compile(row, *json);
}

result<std::shared_ptr<const content::compiled_message>> engine::impl::compile(const store::campaign_row& row,
                                                                               std::string_view json,
                                                                               const content::file_ids& files) {
  auto message = content::parse_template_json(json);
  if (!message) return fail(message.error());
  content::mapping map;
  const auto pairs = split_list(row.mapping);
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    if (auto added = map.add(pairs[i], pairs[i + 1]); !added) return fail(added.error());
  }
  const auto columns = split_list(row.columns);
  auto made = channels::compile_whatsapp(*message, columns, map);
  if (!made) return fail(made.error());
  if (!files.empty()) {
    // What is the same for everyone is laid out as fixed bytes: those are laid out again with the id.
    for (const auto& slot : made->slots()) {
      if (slot.kind != content::value_kind::media) continue;
      for (auto& [name, from] : map.sources) {
        if (name != slot.name) continue;
        for (std::string* value : {&from.constant, &from.fallback}) {
          if (const auto file = files.find(*value); file != files.end()) *value = file->second;
        }
      }
    }
    made = channels::compile_whatsapp(*message, columns, map);
    if (!made) return fail(made.error());
    made->set_files(files);
  }
  return std::make_shared<const content::compiled_message>(std::move(*made));
}

}  // namespace bulkmsg
