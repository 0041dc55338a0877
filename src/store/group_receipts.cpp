#include "store/group_receipts.hpp"

#include "store/forgotten.hpp"
#include "store/opt_outs.hpp"
#include "store/suppressions.hpp"

namespace bulkmsg::store {

namespace {

std::int64_t key_of_participant(std::string_view participant) {
  return person_key(named_person(participant, participant).address());
}

}  // namespace

std::string forgotten_participant(database& db, std::string_view participant) {
  return forgotten_address(db, key_of_participant(participant));
}

std::string known_as(database& db, std::string_view participant) {
  if (is_forgotten(db, key_of_participant(participant))) return forgotten_participant(db, participant);
  return std::string(participant);
}

void put_group_receipt(database& db, message_id message, std::string_view participant, receipt_rank rank,
                       std::int64_t at_ms, std::int32_t code) {
  if (participant.size() > participant_bytes_max) return;
  const auto at = [&](receipt_rank of) { return rank == of ? at_ms : 0; };
  db.run(
      "INSERT INTO group_receipts(message, participant, receipt, sent_at_ms, delivered_at_ms, read_at_ms, "
      "failed_at_ms, code) VALUES (?1, ?2, ?3, nullif(?4, 0), nullif(?5, 0), nullif(?6, 0), nullif(?7, 0), "
      "nullif(?8, 0)) ON CONFLICT DO UPDATE SET receipt = max(receipt, ?3), "
      "sent_at_ms = min(coalesce(sent_at_ms, excluded.sent_at_ms), coalesce(excluded.sent_at_ms, sent_at_ms)), "
      "delivered_at_ms = min(coalesce(delivered_at_ms, excluded.delivered_at_ms), "
      "coalesce(excluded.delivered_at_ms, delivered_at_ms)), "
      "read_at_ms = min(coalesce(read_at_ms, excluded.read_at_ms), coalesce(excluded.read_at_ms, read_at_ms)), "
      "failed_at_ms = min(coalesce(failed_at_ms, excluded.failed_at_ms), coalesce(excluded.failed_at_ms, "
      "failed_at_ms)), code = min(coalesce(code, excluded.code), coalesce(excluded.code, code))",
      message.key(), known_as(db, participant), rank, at(receipt_rank::sent), at(receipt_rank::delivered),
      at(receipt_rank::read), at(receipt_rank::failed), code);
}

std::vector<participant_row> list_group_receipts(database& db, message_id message) {
  std::vector<participant_row> list;
  auto r = db.select(
      "SELECT participant, receipt, coalesce(code, 0), coalesce(sent_at_ms, 0), coalesce(delivered_at_ms, 0), "
      "coalesce(read_at_ms, 0), coalesce(failed_at_ms, 0) FROM group_receipts WHERE message = ?1 ORDER BY participant",
      message.key());
  while (r.next()) {
    list.push_back({.participant = std::string(r.text(0)),
                    .receipt = static_cast<receipt_rank>(r.integer(1)),
                    .code = static_cast<std::int32_t>(r.integer(2)),
                    .sent_at_ms = r.integer(3),
                    .delivered_at_ms = r.integer(4),
                    .read_at_ms = r.integer(5),
                    .failed_at_ms = r.integer(6)});
  }
  return list;
}

}  // namespace bulkmsg::store
