// Which of a campaign's senders writes to whom. The same person gets the same sender in every campaign that names it:
// there is no table of who belongs to whom, the choice follows from the person and the senders alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bulkmsg/pacing/limit.hpp"
#include "store/sqlite.hpp"

namespace bulkmsg {

// How many messages to as many people the limits let through in 24 hours, at most; at least 1.
double messages_a_day(const std::vector<pacing::limit>& limits);

class sender_choice {
 public:
  // One sender after the other; phone_number_id: of WhatsApp only.
  void add(std::int64_t sender, const std::string& phone_number_id, const std::vector<pacing::limit>& limits) {
    senders_.push_back({sender, messages_a_day(limits), phone_number_id});
  }

  // The place of the sender for this address (its one text form): the number that they wrote to last, if it is one of
  // these; else by weighted rendezvous: each sender draws a number from (person, sender), weighted by what it may send
  // in a day, and the highest wins. So who gets a sender keeps it until that one is not named, or another one grows.
  [[nodiscard]] std::size_t of(store::database& db, std::string_view address) const;

 private:
  struct known {
    std::int64_t id = 0;
    double weight = 1;
    std::string phone_number_id;
  };
  std::vector<known> senders_;
};

}  // namespace bulkmsg
