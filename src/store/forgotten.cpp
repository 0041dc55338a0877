#include "store/forgotten.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "bulkmsg/recipients/cells.hpp"
#include "store/campaigns.hpp"

namespace bulkmsg::store {

namespace {

constexpr std::size_t key_bytes = 32;

std::string key_of(database& db) {
  auto r = db.select("SELECT forget_key FROM store");
  return r.next() ? std::string(r.text(0)) : std::string();
}

std::string hex(std::int64_t value) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 15];
  return text;
}

}  // namespace

void need_forget_key(database& db) {
  if (!key_of(db).empty()) return;
  std::array<unsigned char, key_bytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    throw store_error{error{errc::internal, "no random bytes for the key of forgotten persons", 0, 0}};
  }
  std::string text;
  for (const auto byte : random) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  db.run("UPDATE store SET forget_key = ?1", text);
}

std::int64_t forgotten_key(database& db, std::int64_t person) {
  const auto key = key_of(db);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(&person),
       sizeof person, mac.data(), &size);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | mac[static_cast<std::size_t>(i)];
  return static_cast<std::int64_t>(value >> 1) | 1;
}

bool is_forgotten(database& db, std::int64_t person) {
  return db.number("SELECT forgotten FROM store") != 0 &&
         db.number("SELECT EXISTS(SELECT 1 FROM forgotten_names WHERE person = ?1)", forgotten_key(db, person)) != 0;
}

std::string forgotten_address(database& db, std::int64_t person) {
  return std::string(forgotten_prefix) + hex(forgotten_key(db, person));
}

std::int64_t key_of_forgotten(std::string_view address) {
  if (!address.starts_with(forgotten_prefix)) return 0;
  address.remove_prefix(forgotten_prefix.size());
  std::int64_t key = 0;
  std::from_chars(address.data(), address.data() + address.size(), key, 16);
  return key;
}

void clear_recipient(database& db, std::int64_t recipient, std::int64_t person, const std::string& cells) {
  db.run("UPDATE recipients SET address = ?2, parameters = ?3 WHERE id = ?1", recipient, forgotten_address(db, person),
         cells);
}

void clear_rejects(database& db, std::int64_t first, std::int64_t last) {
  db.run("UPDATE rejects SET address = '', row = '' WHERE id >= ?1 AND id < ?2", first, last);
}

void clear_messages(database& db, std::int64_t first, std::int64_t last) {
  db.run(
      "UPDATE messages SET provider_id = NULL, detail = NULL WHERE id >= ?1 AND id < ?2 AND (provider_id IS NOT NULL "
      "OR detail IS NOT NULL)",
      first, last);
}

void clear_when_answered(database& db, std::int64_t message) {
  db.run(
      "INSERT OR IGNORE INTO forgotten_on_the_way(message) SELECT ?1 FROM lanes l LEFT JOIN messages m ON m.id = ?1 "
      "WHERE l.id = ?1 >> 32 AND l.position > (?1 & 0xffffffff) AND (m.id IS NULL OR m.state = 6 OR "
      "(m.state = 2 AND m.left_by_ms IS NOT NULL))",  // the last: a receipt came before the answer
      message);
}

void clear_answered(database& db, std::span<const outcome> settled) {
  if (db.number("SELECT EXISTS(SELECT 1 FROM forgotten_on_the_way)") == 0) return;
  const overwriting zeros(db);
  for (const auto& o : settled) {
    const auto id = o.id.key();
    if (db.run("DELETE FROM forgotten_on_the_way WHERE message = ?1", id) > 0) clear_messages(db, id, id + 1);
  }
}

std::string empty_cells(database& db, std::int64_t campaign) {
  const auto columns = read_campaign(db, campaign).columns;
  return std::string(static_cast<std::size_t>(std::count(columns.begin(), columns.end(), recipients::cell_separator)),
                     recipients::cell_separator);
}

}  // namespace bulkmsg::store
