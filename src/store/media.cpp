#include "store/media.hpp"

namespace bulkmsg::store {

namespace {

// From the columns of the queries below.
media_info read_media(const rows& r) {
  return {.number = r.integer(0),
          .phone_number_id = std::string(r.text(1)),
          .provider_id = std::string(r.text(2)),
          .sha256 = std::string(r.text(3)),
          .mime = std::string(r.text(4)),
          .bytes = r.integer(5),
          .path = std::string(r.text(6)),
          .uploaded_at_ms = r.integer(7)};
}

}  // namespace

std::optional<media_info> find_media(database& db, const media_key& key) {
  auto r = db.select(
      "SELECT id, phone_number_id, media_id, sha256, mime, bytes, path, uploaded_at_ms FROM media "
      "WHERE origin = ?1 AND phone_number_id = ?2 AND sha256 = ?3 AND mime = ?4",
      key.origin, key.phone_number_id, key.sha256, key.mime);
  if (!r.next()) return std::nullopt;
  return read_media(r);
}

media_info keep_media(database& db, const media_key& key, std::int64_t bytes, const std::string& path,
                      const std::string& media_id, std::int64_t now_ms) {
  db.run(
      "INSERT INTO media(origin, phone_number_id, sha256, mime, bytes, path, media_id, uploaded_at_ms) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT(origin, phone_number_id, sha256, mime) DO UPDATE SET "
      "path = CASE WHEN ?6 = '' THEN path ELSE ?6 END, media_id = ?7, uploaded_at_ms = ?8",
      key.origin, key.phone_number_id, key.sha256, key.mime, bytes, path, media_id, now_ms);
  return *find_media(db, key);
}

void put_campaign_media(database& db, std::int64_t campaign, std::int64_t sender, const std::string& value,
                        std::int64_t media) {
  db.run("INSERT OR REPLACE INTO campaign_media(campaign, sender, value, media) VALUES (?1, ?2, ?3, ?4)", campaign,
         sender, value, media);
}

std::vector<campaign_file> campaign_media(database& db, std::int64_t campaign, std::int64_t sender) {
  std::vector<campaign_file> list;
  auto r = db.select(
      "SELECT c.value, m.media_id, m.uploaded_at_ms FROM campaign_media c JOIN media m ON m.id = c.media "
      "WHERE c.campaign = ?1 AND c.sender = ?2",
      campaign, sender);
  while (r.next()) list.push_back({std::string(r.text(0)), std::string(r.text(1)), r.integer(2)});
  return list;
}

std::vector<old_media> media_in_use(database& db, std::int64_t before_ms) {
  std::vector<old_media> list;
  auto r = db.select(
      "SELECT m.id, m.phone_number_id, m.media_id, m.sha256, m.mime, m.bytes, m.path, m.uploaded_at_ms, c.id, f.sender "
      "FROM campaigns c JOIN campaign_media f ON f.campaign = c.id JOIN media m ON m.id = f.media "
      "WHERE c.state = 4 AND m.uploaded_at_ms <= ?1",
      before_ms);
  while (r.next()) list.push_back({read_media(r), r.integer(8), r.integer(9)});
  return list;
}

std::vector<media_info> list_media(database& db, std::int64_t after, std::size_t limit) {
  std::vector<media_info> list;
  auto r = db.select(
      "SELECT id, phone_number_id, media_id, sha256, mime, bytes, path, uploaded_at_ms FROM media WHERE id > ?1 "
      "ORDER BY id LIMIT ?2",
      after, limit);
  while (r.next()) list.push_back(read_media(r));
  return list;
}

}  // namespace bulkmsg::store
