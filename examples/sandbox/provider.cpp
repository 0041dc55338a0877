#include "provider.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>

#include "crypto.hpp"
#include "json_text.hpp"
#include "multipart.hpp"
#include "phone.hpp"
#include "url.hpp"

namespace sandbox {
namespace {

constexpr nanos service_window = 24 * 3600 * one_second;
constexpr std::size_t most_media_kept = 10'000;
constexpr std::int64_t media_life_ms = std::int64_t{30} * 24 * 3600 * 1000;
constexpr std::size_t most_reached = 16'000'000;
constexpr std::size_t most_windows = 1'000'000;

constexpr std::string_view bad_gateway =
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "</body>\r\n</html>\r\n";
constexpr std::string_view unavailable =
    "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n"
    "<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::invalid_argument("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

template_catalogue load_templates(const std::vector<std::string>& files) {
  template_catalogue catalogue;
  if (files.empty()) catalogue.add_built_in();
  for (const auto& path : files) {
    try {
      catalogue.add_json(read_file(path));
    } catch (const std::invalid_argument& why) {
      throw std::invalid_argument(path + ": " + why.what());
    }
  }
  return catalogue;
}

bool is_throttling(int code) {
  return code == 4 || code == 80007 || code == 130429 || code == 131048 || code == 131056;
}

bool is_version(std::string_view segment) {
  return segment.size() >= 4 && segment[0] == 'v' && segment.find('.') != segment.npos &&
         segment.find_first_not_of("0123456789.", 1) == segment.npos;
}

answer html(unsigned status, std::string_view body) {
  return {status, "text/html", std::string(body), 0, answer::delivery::whole};
}

answer ok(std::string body) { return {200, answer{}.content_type, std::move(body), 0, answer::delivery::whole}; }

[[noreturn]] void unknown_object(std::string_view id) {
  throw refusal{100,
                "Unsupported request. Object with ID '" + std::string(id.substr(0, 64)) +
                    "' does not exist, cannot be loaded due to missing permissions, or does not support this operation",
                33};
}

std::string listed_fields(std::string_view wanted, const std::vector<std::pair<std::string, std::string>>& have,
                          std::initializer_list<std::string_view> known) {
  std::vector<std::string_view> names;
  for (auto rest = wanted; !rest.empty();) {
    const auto name = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const bool exists = std::find(known.begin(), known.end(), name) != known.end() ||
                        std::any_of(have.begin(), have.end(), [&](const auto& field) { return field.first == name; });
    if (!exists) throw refusal{100, "Tried accessing nonexisting field (" + std::string(name.substr(0, 64)) + ")"};
    names.push_back(name);
  }
  std::string out = "{";
  for (const auto& [name, value] : have) {
    const bool asked = wanted.empty() || name == "id" || std::find(names.begin(), names.end(), name) != names.end();
    if (asked) out += (out.size() > 1 ? "," : "") + json_string(name) + ':' + value;
  }
  return out + '}';
}

std::uint64_t key_of(std::string_view recipient) { return std::hash<std::string_view>{}(recipient); }

price_category category_of(const checked_message& message) {
  if (message.filled == nullptr) return price_category::service;
  if (message.filled->category == "MARKETING") return price_category::marketing;
  if (message.filled->category == "AUTHENTICATION") return price_category::authentication;
  return price_category::utility;
}

}  // namespace

provider::provider(const settings& configured)
    : settings_(configured),
      faults_(configured.misbehaviour),
      token_(configured.token),
      webhook_url_(configured.webhook_url),
      catalogue_(load_templates(configured.template_files)),
      log_(configured.log_file),
      webhooks_(configured.waba_id, configured.phone_number_id, configured.display_phone_number, configured.seed),
      rate_(configured.rate),
      unique_(configured.unique_limit) {}

std::size_t provider::body_limit(std::string_view target) {
  return target.substr(0, target.find('?')).ends_with("/media") ? most_media : most_body;
}

answer provider::handle(const request& asked) {
  try {
    return route(asked);
  } catch (const refusal& why) {
    return refused(why);
  } catch (const simdjson::simdjson_error& why) {
    return refused({100, why.what()});
  }
}

answer provider::refused(const refusal& why) {
  ++refused_[why.code];
  answer out;
  out.status =
      static_cast<unsigned>(is_throttling(why.code) ? settings_.throttle_status : kind_of(why.code).http_status);
  out.body = error_envelope(why, ++traces_);
  return out;
}

void provider::check_token(const request& asked) const {
  constexpr std::string_view scheme = "Bearer ";
  if (!asked.authorization.starts_with(scheme))
    throw refusal{190, "An access token is required to request this resource"};
  if (!equal_secret(asked.authorization.substr(scheme.size()), token_))
    throw refusal{190, "Invalid OAuth access token"};
  if (settings_.expire_token_after != 0 && token_uses_ >= settings_.expire_token_after) {
    throw refusal{190, "The session has expired", 463};
  }
}

answer provider::route(const request& asked) {
  const auto question = asked.target.find('?');
  const auto path = asked.target.substr(0, question);
  const query options = question == path.npos ? query{} : parse_query(asked.target.substr(question + 1));

  std::vector<std::string_view> way;
  for (auto rest = path; !rest.empty() && way.size() < 5;) {
    rest.remove_prefix(1);
    way.push_back(rest.substr(0, rest.find('/')));
    rest.remove_prefix(way.back().size());
  }
  if (way.size() == 2 && way[0] == "_sandbox") return control(asked, way[1], options);
  if (!way.empty() && is_version(way[0])) way.erase(way.begin());

  const bool post = asked.method == "POST";
  const bool get = asked.method == "GET";
  if (post && way.size() == 2 && way[1] == "messages") return post_message(asked, way[0], endpoint::messages);
  if (post && way.size() == 2 && way[1] == "marketing_messages") {
    return post_message(asked, way[0], endpoint::marketing_messages);
  }

  check_token(asked);
  forget_old_media(asked.unix_ms);
  const auto option = [&](std::string_view name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string_view{} : std::string_view(found->second);
  };
  if (way.size() == 2 && way[0] == settings_.phone_number_id && way[1] == "media" && post) return post_media(asked);
  if (way.size() == 2 && way[0] == settings_.waba_id && way[1] == "message_templates" && get) {
    return ok(list_templates(options, asked));
  }
  if (way.size() == 2 && way[0] == settings_.waba_id && way[1] == "message_templates" && asked.method == "DELETE") {
    if (!catalogue_.remove(option("name"))) throw refusal{100, "There is no template of this name"};
    return ok(R"({"success":true})");
  }
  if (way.size() == 2 && way[0] == settings_.waba_id && way[1] == "phone_numbers" && get) {
    return ok(R"({"data":[)" + phone_number(option("fields")) +
              R"(],"paging":{"cursors":{"before":"MQ","after":"MQ"}}})");
  }
  if (way.size() == 1 && get) {
    if (way[0] == settings_.phone_number_id) return ok(phone_number(option("fields")));
    if (const auto* one = catalogue_.find_id(way[0])) return ok(listed_fields(option("fields"), one->raw, {}));
    if (const auto found = media_.find(way[0]); found != media_.end()) {
      const auto& [id, kept] = *found;
      return ok(R"({"messaging_product":"whatsapp","url":)" + json_string("https://lookaside.example/" + id) +
                R"(,"mime_type":)" + json_string(kept.mime_type) + R"(,"sha256":")" + kept.sha256 +
                R"(","file_size":)" + std::to_string(kept.size) + R"(,"id":)" + json_string(id) + '}');
    }
  }
  if (way.size() == 1 && asked.method == "DELETE") {
    const auto found = media_.find(way[0]);
    if (found == media_.end()) unknown_object(way[0]);
    media_.erase(found);
    return ok(R"({"success":true})");
  }
  if (way.empty() || way.size() > 2 || (!get && !post))
    throw refusal{2500, "Unknown path components: " + std::string(path.substr(0, 128))};
  unknown_object(way[0]);
}

// Messages.

answer provider::post_message(const request& asked, std::string_view id, endpoint where) {
  const std::uint64_t number = ++requests_;
  const auto chance = [&](purpose why) { return draw(settings_.seed, number, why); };
  arrivals_.add(asked.arrived);

  answer out;
  const auto delay_ms = draw_delay(faults_.latency, chance(purpose::latency));
  if (chance(purpose::drop_before) < faults_.drop_before) {
    ++dropped_before_;
    out.how = answer::delivery::reset;
    return out;
  }
  try {
    if (chance(purpose::html_503) < faults_.html_503) {
      ++answered_503_;
      out = html(503, unavailable);
    } else {
      check_token(asked);
      ++token_uses_;
      if (id != settings_.phone_number_id) unknown_object(id);
      json document;
      if (const auto error = parser_.parse(asked.body.data(), asked.body.size()).get(document);
          error != simdjson::SUCCESS) {
        throw refusal{100, std::string("The request body is not valid JSON: ") + simdjson::error_message(error)};
      }
      if (!document.is_object()) throw refusal{100, "The request body must be a JSON object"};
      const auto message = check_message(document, where, settings_.display_phone_number, catalogue_, asked.unix_ms);
      if (message.read_mark) return ok(R"({"success":true})");
      const auto recipient = key_of(message.wa_id);
      check_limits(asked, message, recipient);
      if (const int code = draw_code(faults_.errors, chance(purpose::error)); code != 0) {
        throw refusal{code, "The sandbox was told to answer this."};
      }
      rate_.take(asked.arrived);
      if (settings_.pair_limit) pairs_.take(recipient, asked.arrived);
      unique_.take(recipient, asked.arrived);
      if (reached_.size() < most_reached) reached_.insert(recipient);
      out.body = accept(asked, message, number);

      if (chance(purpose::drop_after) < faults_.drop_after) {
        ++dropped_after_;
        out.how = answer::delivery::reset;
      } else if (chance(purpose::accept_then_502) < faults_.accept_then_502) {
        ++answered_502_;
        out = html(502, bad_gateway);
      } else if (chance(purpose::truncate) < faults_.truncate) {
        ++truncated_;
        out.how = answer::delivery::cut_short;
      }
    }
  } catch (const refusal& why) {
    out = refused(why);
  }
  out.delay_ms = delay_ms;
  return out;
}

void provider::check_limits(const request& asked, const checked_message& message, std::uint64_t recipient) {
  const auto window = windows_.find(recipient);
  const bool open = window != windows_.end() && asked.arrived - window->second < service_window;
  if (settings_.strict_window && message.filled == nullptr && message.kind != recipient_kind::group && !open) {
    throw refusal{131047, "More than 24 hours have passed since the recipient last replied; send a template"};
  }
  if (!rate_.admits(asked.arrived)) throw refusal{130429, "Message throughput of the number has been reached", 2494055};
  if (settings_.pair_limit && !pairs_.admits(recipient, asked.arrived)) {
    throw refusal{131056, "Too many messages from this number to the same recipient"};
  }
  if (!open && !unique_.admits(recipient, asked.arrived)) {
    throw refusal{131048, "The limit of unique recipients in 24 hours has been reached"};
  }
}

std::string provider::accept(const request& asked, const checked_message& message, std::uint64_t number) {
  const bool listening = !webhook_url_.empty();
  const auto wamid = webhooks_.add({.recipient = message.wa_id,
                                    .callback = message.callback,
                                    .request = number,
                                    .unix_ms = asked.unix_ms,
                                    .category = category_of(message),
                                    .group = message.kind == recipient_kind::group,
                                    .user = message.kind == recipient_kind::user},
                                   faults_, listening);
  const std::string_view template_name = message.filled == nullptr ? std::string_view{} : message.filled->name;
  log_.append(asked.unix_ms, message.input, wamid, message.callback, asked.body, template_name);
  ++accepted_;

  std::string out = R"({"messaging_product":"whatsapp","contacts":[{"input":)";
  append_quoted(out, message.input);
  out += message.kind == recipient_kind::user ? R"(,"user_id":)" : R"(,"wa_id":)";
  append_quoted(out, message.wa_id);
  out += R"(}],"messages":[{"id":)";
  append_quoted(out, wamid);
  if (message.kind == recipient_kind::group) {
    out += R"(,"group_id":)";
    append_quoted(out, message.address);
  }
  if (message.filled != nullptr) out += R"(,"message_status":"accepted")";
  out += "}]}";
  return out;
}

// Media, templates and the number.

answer provider::post_media(const request& asked) {
  struct kind {
    std::string_view mime;
    std::size_t most;
  };
  constexpr std::size_t mib = 1024 * 1024;
  constexpr kind kinds[] = {
      {"image/jpeg", 5 * mib},  {"image/png", 5 * mib},  {"image/webp", 500 * 1024}, {"video/mp4", 16 * mib},
      {"video/3gpp", 16 * mib}, {"audio/aac", 16 * mib}, {"audio/amr", 16 * mib},    {"audio/mpeg", 16 * mib},
      {"audio/mp4", 16 * mib},  {"audio/ogg", 16 * mib}, {"text/plain", 100 * mib},
  };
  const auto form = parse_form(asked.content_type, asked.body);
  if (!form) throw refusal{100, "The request body is not a well-formed multipart/form-data body"};
  const form_part* file = nullptr;
  std::string_view product;
  std::string_view type;
  for (const auto& part : *form) {
    if (part.name == "file")
      file = &part;
    else if (part.name == "messaging_product")
      product = part.value;
    else if (part.name == "type")
      type = part.value;
    else
      throw refusal{100, "Unexpected field \"" + std::string(part.name.substr(0, 64)) + '"'};
  }
  if (product != "whatsapp") throw refusal{100, "Param messaging_product must be \"whatsapp\""};
  if (file == nullptr || file->value.empty()) throw refusal{131008, "Param file is required"};
  const auto declared = file->content_type.empty() ? type : file->content_type;
  const auto mime = declared.substr(0, declared.find(';'));
  std::size_t most = mime.starts_with("application/") ? 100 * mib : 0;
  for (const auto& known : kinds) {
    if (known.mime == mime) most = known.most;
  }
  if (most == 0) throw refusal{100, "Param file has the unsupported type \"" + std::string(mime.substr(0, 64)) + '"'};
  if (file->value.size() > most) throw refusal{131053, "The file is larger than its type allows"};
  if (media_.size() >= most_media_kept) media_.erase(media_.begin());
  const std::string id = std::to_string(1'000'000'000'000'000 + ++traces_);
  media_[id] = {std::string(mime), sha256_hex(file->value), file->value.size(), asked.unix_ms};
  return ok(R"({"id":")" + id + "\"}");
}

void provider::forget_old_media(std::int64_t unix_ms) {
  while (!media_.empty() && unix_ms - media_.begin()->second.uploaded_ms >= media_life_ms) media_.erase(media_.begin());
}

std::string provider::list_templates(const query& asked, const request& whole) {
  const auto option = [&](std::string_view name) {
    const auto found = asked.find(name);
    return found == asked.end() ? std::string_view{} : std::string_view(found->second);
  };
  std::size_t limit = 25;
  if (const auto text = option("limit"); !text.empty()) {
    const auto number = parse_count(text);
    if (!number || *number == 0 || *number > 1000) throw refusal{100, "Param limit must be a number from 1 to 1000"};
    limit = static_cast<std::size_t>(*number);
  }
  // A cursor is the id of the last template shown, so that it survives changes to the catalogue.
  std::size_t first = 0;
  const auto& all = catalogue_.all();
  if (const auto after = option("after"); !after.empty()) {
    if (faults_.expire_cursors > 0) {
      --faults_.expire_cursors;
      throw refusal{131059, "The cursor has expired"};
    }
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& each) { return base64_url(each->id) == after; });
    if (found == all.end()) throw refusal{131059, "The cursor is not one of ours or has expired"};
    first = static_cast<std::size_t>(found - all.begin()) + 1;
  }
  const auto matches = [&](const message_template& one) {
    const auto is = [&](std::string_view name, std::string_view value) {
      return option(name).empty() || option(name) == value;
    };
    return is("name", one.name) && is("language", one.language) && is("status", one.status) &&
           is("category", one.category);
  };
  std::string data;
  std::string before;
  std::string after;
  std::size_t shown = 0;
  bool more = false;
  for (std::size_t i = first; i < all.size(); ++i) {
    if (!matches(*all[i])) continue;
    if (shown == limit) {
      more = true;
      break;
    }
    if (shown++ != 0) data += ',';
    data +=
        listed_fields(option("fields"), all[i]->raw,
                      {"id", "name", "status", "category", "sub_category", "language", "components", "parameter_format",
                       "quality_score", "rejected_reason", "message_send_ttl_seconds", "previous_category"});
    after = base64_url(all[i]->id);
    if (before.empty()) before = after;
  }
  std::string out = R"({"data":[)" + data + ']';
  if (shown != 0) {
    out += R"(,"paging":{"cursors":{"before":")" + before + R"(","after":")" + after + "\"}";
    if (more) {
      std::string next = std::string(settings_.tls_cert.empty() ? "http" : "https") + "://" + std::string(whole.host) +
                         std::string(whole.target.substr(0, whole.target.find('?'))) +
                         "?limit=" + std::to_string(limit);
      for (const auto& [name, value] : asked) {
        if (name != "limit" && name != "after" && name != "before") next += '&' + name + '=' + escape_query(value);
      }
      out += R"(,"next":)" + json_string(next + "&after=" + after);
    }
    out += '}';
  }
  return out + '}';
}

std::string provider::phone_number(std::string_view fields) const {
  const auto tier = [&]() -> std::string_view {
    constexpr std::pair<std::uint32_t, std::string_view> tiers[] = {
        {100'000, "TIER_100K"}, {10'000, "TIER_10K"}, {2'000, "TIER_2K"}, {1'000, "TIER_1K"}, {250, "TIER_250"}};
    if (settings_.unique_limit == 0) return "TIER_UNLIMITED";
    for (const auto& [most, name] : tiers) {
      if (settings_.unique_limit >= most) return name;
    }
    return "TIER_50";
  }();
  const auto entity = [](std::string_view type, std::string_view id) {
    return R"({"entity_type":")" + std::string(type) + R"(","id":)" + json_string(id) +
           R"(,"can_send_message":"AVAILABLE"})";
  };
  const std::vector<std::pair<std::string, std::string>> have = {
      {"verified_name", "\"Sandbox\""},
      {"code_verification_status", "\"VERIFIED\""},
      {"display_phone_number", json_string(settings_.display_phone_number)},
      {"quality_rating", "\"GREEN\""},
      {"platform_type", "\"CLOUD_API\""},
      {"throughput", std::string(R"({"level":")") + (settings_.rate > 80 ? "HIGH" : "STANDARD") + "\"}"},
      {"status", "\"CONNECTED\""},
      {"name_status", "\"APPROVED\""},
      {"is_on_biz_app", "false"},
      {"account_mode", "\"SANDBOX\""},
      {"whatsapp_business_manager_messaging_limit", json_string(tier)},
      {"messaging_limit_tier", json_string(tier)},
      {"health_status", R"({"can_send_message":"AVAILABLE","entities":[)" +
                            entity("PHONE_NUMBER", settings_.phone_number_id) + ',' +
                            entity("WABA", settings_.waba_id) + "]}"},
      {"id", json_string(settings_.phone_number_id)},
  };
  constexpr std::string_view by_default =
      "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,throughput";
  return listed_fields(fields.empty() ? by_default : fields, have, {});
}

// Control.

answer provider::control(const request& asked, std::string_view command, const query& options) {
  const bool post = asked.method == "POST";
  if (command == "stats" && asked.method == "GET") return ok(stats());
  if (!post) throw refusal{2500, "Unknown path components: /_sandbox/" + std::string(command.substr(0, 64))};
  if (command == "replay") {
    const auto only = options.find("only");
    if (only != options.end() && only->second != "lost") throw refusal{100, "Param only must be \"lost\""};
    webhooks_.replay(only != options.end());
  } else if (command == "webhook-url") {
    if (!asked.body.empty() && !parse_loopback_url(asked.body)) {
      throw refusal{100, "A webhook URL is http://127.0.0.1:PORT/path; an empty body switches webhooks off"};
    }
    webhook_url_ = asked.body;
  } else if (command == "token") {
    if (asked.body.empty()) throw refusal{100, "The body is the new token"};
    token_ = asked.body;
    token_uses_ = 0;
  } else if (command == "templates") {
    try {
      catalogue_.put_json(asked.body);
    } catch (const std::invalid_argument& why) {
      throw refusal{100, why.what()};
    }
  } else if (command == "template-status") {
    set_template_status(asked);
  } else if (command == "inbound") {
    inbound(asked);
  } else if (command == "webhook") {
    const fields change(parser_.parse(asked.body.data(), asked.body.size()).value(), {}, {"field", "value"});
    webhooks_.add_change(change.text("field"), simdjson::minify(change.need("value")), asked.unix_ms);
  } else if (command == "faults") {
    set_faults(asked.body);
  } else {
    throw refusal{2500, "Unknown path components: /_sandbox/" + std::string(command.substr(0, 64))};
  }
  return ok(R"({"success":true})");
}

std::string provider::stats() const {
  std::string out = "{";
  const auto add = [&](std::string_view name, std::uint64_t value) {
    out += (out.size() > 1 ? ",\"" : "\"") + std::string(name) + "\":" + std::to_string(value);
  };
  add("requests", requests_);
  add("accepted", accepted_);
  add("unique_to", reached_.size());
  out += R"(,"refused":{)";
  for (const auto& [code, count] : refused_) {
    out += (out.back() == '{' ? "\"" : ",\"") + std::to_string(code) + "\":" + std::to_string(count);
  }
  out += '}';
  add("dropped_before", dropped_before_);
  add("dropped_after", dropped_after_);
  add("answered_502", answered_502_);
  add("answered_503", answered_503_);
  add("truncated", truncated_);
  add("connections", gauges_.connections);
  add("connections_open", gauges_.open);
  add("malformed", gauges_.malformed);
  add("webhooks_sent", webhooks_.delivered());
  add("webhooks_pending", webhooks_.pending());
  add("webhooks_lost", webhooks_.lost());
  add("in_flight", gauges_.in_flight);
  add("max_per_second", arrivals_.peak());
  return out + '}';
}

void provider::inbound(const request& asked) {
  const fields told(parser_.parse(asked.body.data(), asked.body.size()).value(), {},
                    {"from", "text", "context", "button", "list", "name", "user_id"});
  const auto digits = phone_digits(told.text("from"));
  if (!digits) refuse(100, told.at("from"), "is not a valid phone number.");
  const auto from = wa_id_of(*digits);
  if (windows_.size() >= most_windows) windows_.clear();
  windows_[key_of(from)] = asked.arrived;

  std::string user;
  if (const auto id = told.optional_text("user_id")) user = R"(,"from_user_id":)" + json_string(*id);
  std::string inner = R"("contacts":[{"profile":{"name":)" +
                      json_string(told.optional_text("name").value_or("Sandbox User")) + R"(},"wa_id":)" +
                      json_string(from) + R"(}],"messages":[{"from":)" + json_string(from) + user + R"(,"id":)" +
                      json_string(make_wamid(from, static_cast<std::uint64_t>(asked.unix_ms), ++inbound_)) +
                      R"(,"timestamp":")" + std::to_string(asked.unix_ms / 1000) + '"';
  if (const auto context = told.optional_text("context")) {
    inner += R"(,"context":{"from":)" + json_string(settings_.display_phone_number) + R"(,"id":)" +
             json_string(*context) + '}';
  }
  if (const auto button = told.optional_text("button")) {
    inner += R"(,"type":"button","button":{"payload":)" + json_string(*button) + R"(,"text":)" +
             json_string(told.text("text")) + "}}]";
  } else if (const auto choice = told.optional_text("list")) {
    inner += R"(,"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":)" + json_string(*choice) +
             R"(,"title":)" + json_string(told.text("text")) + "}}}]";
  } else {
    inner += R"(,"type":"text","text":{"body":)" + json_string(told.text("text")) + "}}]";
  }
  webhooks_.add_change("messages", webhooks_.messages_value(inner), asked.unix_ms);
}

void provider::set_template_status(const request& asked) {
  const fields told(parser_.parse(asked.body.data(), asked.body.size()).value(), {}, {"name", "status"});
  const auto changed = catalogue_.set_status(told.text("name"), told.text("status"));
  if (changed.empty()) throw refusal{100, "There is no template of this name"};
  for (const auto* one : changed) {
    webhooks_.add_change("message_template_status_update",
                         R"({"event":)" + json_string(one->status) + R"(,"message_template_id":)" + one->id +
                             R"(,"message_template_name":)" + json_string(one->name) +
                             R"(,"message_template_language":)" + json_string(one->language) + R"(,"reason":"NONE"})",
                         asked.unix_ms);
  }
}

void provider::set_faults(std::string_view body) {
  simdjson::dom::object told;
  if (parser_.parse(body.data(), body.size()).get(told) != simdjson::SUCCESS)
    throw refusal{100, "The body must be a JSON object"};
  faults changed = faults_;
  try {
    for (const auto [name, value] : told) {
      std::string_view text;
      if (name == "off") {
        if (bool off = false; value.get(off) != simdjson::SUCCESS || !off)
          throw std::invalid_argument("off must be true");
        changed.switch_off();
      } else if (value.get(text) == simdjson::SUCCESS) {
        changed.set(name, text);
      } else {
        changed.set(name, simdjson::minify(value));
      }
    }
  } catch (const std::invalid_argument& why) {
    throw refusal{100, why.what()};
  }
  faults_ = std::move(changed);
}

}  // namespace sandbox
