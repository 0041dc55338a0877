// What campaigns say: stored content made ready for a file's columns.
#include "bulkmsg/channels/chat_body.hpp"
#include "bulkmsg/channels/whatsapp_body.hpp"
#include "bulkmsg/content/content_json.hpp"
#include "engine/impl.hpp"

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
                                       std::string_view json) {
  auto message = content::parse_content_json(json);
  if (!message) return fail(message.error());
  auto map = mapping_of(row);
  if (!map) return fail(map.error());
  auto made = lay_out(sender, *message, split_list(row.columns), *map, {row.agent, row.reply_to});
  if (made) made->rules = rules_of(row, *message);
  return made;
}

// In the JSON of the sender's channel.
result<laid_out> engine::impl::lay_out(const sender_settings& sender, const content::message& message,
                                       const std::vector<std::string>& columns, const content::mapping& map,
                                       const channels::chat_origin& from) {
  const auto shared = [](content::compiled_message&& made) {
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
  return laid_out{shared(std::move(*made)), static_cast<std::uint32_t>(route)};
}

}  // namespace bulkmsg
