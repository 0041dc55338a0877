// Files that the provider keeps for us, as rows: which id stands for which bytes, and how old it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bulkmsg/records/media.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg::store {

struct media_key {
  std::string origin, phone_number_id, sha256, mime;
};

std::optional<media_info> find_media(database& db, const media_key& key);
// The id of a new upload. A path, once known, stays unless another is given.
media_info keep_media(database& db, const media_key& key, std::int64_t bytes, const std::string& path,
                      const std::string& media_id, std::int64_t now_ms);
// The files of a campaign over one of its senders: the value in its columns, and the provider's id now.
void put_campaign_media(database& db, std::int64_t campaign, std::int64_t sender, const std::string& value,
                        std::int64_t media);
void erase_campaign_media(database& db, std::int64_t campaign);
struct campaign_file {
  std::string value, media_id;
  std::int64_t uploaded_at_ms = 0;
};
std::vector<campaign_file> campaign_media(database& db, std::int64_t campaign, std::int64_t sender);
// Files of campaigns that are sending, uploaded before `before_ms`.
struct old_media {
  media_info media;
  std::int64_t campaign = 0, sender = 0;
};
std::vector<old_media> media_in_use(database& db, std::int64_t before_ms);

std::vector<media_info> list_media(database& db, std::int64_t after, std::size_t limit);

}  // namespace bulkmsg::store
