// Files that the provider keeps for a sender's number: uploaded once, known by their bytes, renewed before they expire.
#include "store/media.hpp"

#include <simdjson.h>

#include <random>

#include "bulkmsg/channels/whatsapp_cloud_json.hpp"
#include "engine/impl.hpp"
#include "engine/media_file.hpp"

namespace bulkmsg {

namespace {

std::string random_boundary() {
  std::random_device source;
  std::string out = "bulkmsg";
  for (int i = 0; i < 4; ++i) {
    for (auto bits = static_cast<std::uint32_t>(source()), n = 0U; n < 8; ++n, bits >>= 4) {
      out += "0123456789abcdef"[bits & 15];
    }
  }
  return out;
}

// {"id":"..."}
result<std::string> read_uploaded(int http_status, const std::string& body) {
  channels::answer_reader reader;
  if (http_status >= 200 && http_status < 300) {
    simdjson::dom::parser parser;
    std::string_view id;
    const bool plain = parser.parse(body)["id"].get(id) == simdjson::SUCCESS && !id.empty() && id.size() <= 64 &&
                       id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                           std::string_view::npos;
    if (plain) return std::string(id);
  }
  return fail(reader.explain(http_status, body));
}

result<std::string> upload(call_desk& desk, const sender_settings& sender, const media_source& source) {
  auto encoder = make_encoder(sender);
  if (!encoder) return fail(encoder.error());
  auto call = provider_call::begin(desk, sender, {.upload_bytes = source.bytes});
  if (!call) return fail(call.error());
  const auto form = channels::make_upload_form(source.mime, source.name, random_boundary());
  const auto body_bytes = form.before.size() + source.bytes + form.after.size();
  auto got = (*call)->ask([&](std::string& into) -> result<void> {
    if (!encoder->encode_post_head(into, encoder->media_path(), form.content_type, body_bytes)) {
      return fail(errc::internal, "an upload's head holds what it cannot; please report it");
    }
    into.reserve(into.size() + body_bytes);
    into += form.before;
    if (auto read = source.append_to(into); !read) return read;
    into += form.after;
    return {};
  });
  if (!got) return fail(got.error());
  auto id = read_uploaded(got->status, got->body);
  if (!id) {
    auto why = without_token(*encoder, id.error());
    why.message = source.name + ": " + why.message;
    return fail(why);
  }
  return id;
}

}  // namespace

result<media_info> engine::impl::put_media(const sender_settings& sender, const media_source& source,
                                           std::int64_t needed_until_ms) {
  const std::lock_guard one_at_a_time(uploading_);  // two of the same bytes are one upload
  const store::media_key key{sender.origin, sender.phone_number_id, source.sha256, source.mime};
  auto known = read([&](store::database& db) { return store::find_media(db, key); });
  if (!known) return fail(known.error());
  const bool of_use = *known && !channels::media_is_due((*known)->uploaded_at_ms, now_ms(), needed_until_ms);
  if (of_use && (source.path.empty() || source.path == (*known)->path)) return **known;
  std::string id = of_use ? (*known)->provider_id : std::string();
  auto uploaded_at_ms = of_use ? (*known)->uploaded_at_ms : now_ms();
  if (!of_use) {
    auto made = upload(desk_, sender, source);
    if (!made) return fail(made.error());
    id = std::move(*made);
  }
  media_info kept;
  auto stored = writer_->run([&](store::database& db) {
    kept = store::keep_media(db, key, static_cast<std::int64_t>(source.bytes), source.path, id, uploaded_at_ms);
  });
  if (!stored) return fail(stored.error());
  kept.uploaded = !of_use;
  return kept;
}

result<media_info> engine::put_media(sender_id sender, const std::string& path, const media_options& options) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto settings = self_->read([&](store::database& db) { return store::read_sender(db, sender.value); });
  if (!settings) return fail(settings.error());
  auto source = media_source::from_file(path, options);
  if (!source) return fail(source.error());
  return self_->put_media(*settings, *source);
}

result<media_info> engine::put_media_bytes(sender_id sender, std::string_view bytes, const media_options& options) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto settings = self_->read([&](store::database& db) { return store::read_sender(db, sender.value); });
  if (!settings) return fail(settings.error());
  auto source = media_source::from_bytes(bytes, options);
  if (!source) return fail(source.error());
  return self_->put_media(*settings, *source);
}

result<std::vector<media_info>> engine::media(std::int64_t after_number, std::size_t limit) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (limit < 1 || limit > 10'000) return fail(errc::invalid_argument, "media: a limit is 1 to 10,000");
  return self_->read([&](store::database& db) { return store::list_media(db, after_number, limit); });
}

}  // namespace bulkmsg
