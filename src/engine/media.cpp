// Files that the provider keeps for a sender's number: uploaded once, known by their bytes, renewed before they expire.
#include "store/media.hpp"

#include <simdjson.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "bulkmsg/channels/whatsapp_cloud_json.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "engine/impl.hpp"
#include "engine/media_file.hpp"
#include "store/keys.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr std::size_t files_max = 1000;  // different ones of a campaign
constexpr std::int64_t rows_per_look = 4096;
constexpr nanoseconds_t look_every = 60 * second;

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

result<engine::impl::files_of> engine::impl::own_files(const store::campaign_row& row,
                                                       const content::compiled_message& content) {
  files_of files;
  const auto note = [&](std::string_view value, std::string_view kind, std::int64_t line) -> result<void> {
    if (!content::is_own_file(value) || files.contains(value)) return {};
    if (files.size() == files_max) {
      return fail(errc::too_large, "campaign '" + row.name + "' sends more than " + std::to_string(files_max) +
                                       " different files; put them on a web server and give https:// links");
    }
    auto source =
        media_source::from_file(std::string(value.substr(content::file_prefix.size())), {.kind = std::string(kind)});
    if (!source) {
      auto why = source.error();
      if (line > 0) why.message = "line " + std::to_string(line) + ": " + why.message;
      return fail(why);
    }
    files.emplace(value, std::move(*source));
    return {};
  };
  std::vector<std::pair<std::size_t, std::string_view>> columns;
  for (const auto& slot : content.slots()) {
    if (slot.kind != content::value_kind::media) continue;
    for (const std::string* fixed : {&slot.from.constant, &slot.from.fallback}) {
      if (auto noted = note(*fixed, slot.media, 0); !noted) return fail(noted.error());
    }
    if (slot.column != content::no_column) columns.emplace_back(slot.column, slot.media);
  }
  if (columns.empty()) return files;
  std::vector<std::string_view> cells(content.column_count());
  for (std::int64_t from = 0; from < row.recipients; from += rows_per_look) {
    auto looked = read([&](store::database& db) -> result<void> {
      auto r = db.select("SELECT line, parameters FROM recipients WHERE id >= ?1 AND id < ?2 ORDER BY id",
                         store::row_key(row.id, from),
                         store::row_key(row.id, std::min(from + rows_per_look, row.recipients)));
      while (r.next()) {
        if (!recipients::split_cells(r.text(1), cells)) continue;
        for (const auto& [column, kind] : columns) {
          if (auto noted = note(cells[column], kind, r.integer(0)); !noted) return noted;
        }
      }
      return {};
    });
    if (!looked) return fail(looked.error());
    if (!*looked) return fail(looked->error());
  }
  return files;
}

result<engine::impl::uploaded_files> engine::impl::upload_files(const sender_settings& sender, const files_of& files,
                                                                std::int64_t until_ms) {
  uploaded_files uploaded;
  for (const auto& [value, source] : files) {
    auto kept = put_media(sender, source, until_ms);
    if (!kept) return fail(kept.error());
    uploaded.emplace_back(value, kept->number);
  }
  return uploaded;
}

// Once a minute: what is old is read and uploaded again beside the sending, which takes the new ids from then on.
void engine::impl::renew_media() {
  if (!options_.send) return done(chore::media, never);
  const auto again = [this] { done(chore::media, clock_.now() + look_every); };
  struct job {
    store::old_media old;
    sender_settings sender;
  };
  auto jobs = store::guarded([&] {
    std::vector<job> all;
    for (auto& each : store::media_in_use(*io_reader_, now_ms() - channels::media_renewal_ms)) {
      auto sender = store::read_sender(*io_reader_, each.sender);
      all.push_back({std::move(each), std::move(sender)});
    }
    return all;
  });
  if (!jobs || jobs->empty()) return again();
  // What is about to expire is not sent any more; it goes on with the new id, whoever brings that about.
  const auto hold_old = [this](const std::vector<job>& all) {
    for (const auto& [old, sender] : all) {
      if (now_ms() - old.media.uploaded_at_ms < channels::media_use_ms) continue;
      hold(old.campaign);
      to_begin_.insert(old.campaign);
    }
    if (!to_begin_.empty()) due(chore::senders, clock_.now() + begin_again_after_);
  };
  hold_old(*jobs);
  if (!renewer_) renewer_ = around_->make_helper("bulkmsg-media");
  renewer_->post([this, again, hold_old, all = std::move(*jobs)] {
    std::set<std::int64_t> renewed;
    std::map<std::int64_t, std::string> lost;
    for (const auto& [old, sender] : all) {
      const auto& path = old.media.path;
      auto source = media_source::from_file(path, {});
      auto kept = !source ? result<media_info>(fail(source.error()))
                  : source->sha256 != old.media.sha256
                      ? result<media_info>(fail(errc::conflict, path + ": the file has changed"))
                      : put_media(sender, *source);
      if (kept) {
        renewed.insert(old.campaign);
      } else if (kept.error().code == errc::closed) {
        return;
      } else {
        on_trouble(old.sender, kept.error());
        io_->call([&] { hold_old(all); });  // many that fail take their time
        // Without a network it is tried again.
        const bool network = static_cast<int>(kept.error().code) / 1000 == 4;
        if (!network && now_ms() - old.media.uploaded_at_ms >= channels::media_life_ms) {
          lost[old.campaign] =
              "a file that it sends has expired at the provider and cannot be uploaded again: " + kept.error().message;
        }
      }
    }
    io_->post([this, again, renewed = std::move(renewed), lost = std::move(lost)] {
      again();
      for (const auto& [campaign, why] : lost) carry_out("pause", campaign, why, 0, [](const result<void>&) {});
      for (const auto campaign : renewed) {
        if (!lost.contains(campaign)) begin_sending(campaign);
      }
    });
  });
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
