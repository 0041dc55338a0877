// list, status, messages: nothing here changes the store.
#include <algorithm>
#include <functional>

#include "commands.hpp"
#include "doors.hpp"
#include "exit.hpp"
#include "report.hpp"
#include "text.hpp"

namespace cli {

namespace {

using bulkmsg::campaign_id;
using bulkmsg::campaign_status;
using bulkmsg::engine;
using bulkmsg::message_state;

void each_campaign(engine& reader, bulkmsg::campaign_filter filter,
                   const std::function<void(const campaign_status&)>& visit) {
  for (;;) {
    const auto page = need(reader.list(filter));
    if (page.empty()) return;
    for (const campaign_status& c : page) visit(c);
    filter.after = page.back().id;
  }
}

bulkmsg::campaign_filter campaigns_of(const options& given) {
  using enum bulkmsg::campaign_state;
  bulkmsg::campaign_filter filter;
  filter.agent = given.agent;
  filter.name = given.name;
  filter.tests = given.tests;
  for (const auto s : {draft, scheduled, starting, sending, paused, completed, stopped, failed}) {
    if (bulkmsg::name(s) == given.state) filter.state = s;
  }
  if (!given.state.empty() && !filter.state) {
    give_up(bulkmsg::errc::invalid_argument,
            "there is no campaign state \"" + one_line(given.state) +
                "\"; give draft, scheduled, starting, sending, paused, completed, stopped or failed");
  }
  return filter;
}

std::string row(const std::vector<std::string>& cells) {
  std::string out;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) out += ',';
    out += csv_cell(cell);
  }
  return out;
}

std::string count_cell(std::int64_t n) {
  const std::string text = grouped(n);
  return std::string(text.size() < 11 ? 11 - text.size() : 1, ' ') + text;
}

const bulkmsg::message_filter every_message{.limit = 10'000};

bulkmsg::message_filter filter_of(const std::string& state) {
  bulkmsg::message_filter filter = every_message;
  if (state == "undelivered") {
    filter.undelivered = true;
    return filter;
  }
  for (const auto r : {bulkmsg::receipt_rank::delivered, bulkmsg::receipt_rank::read}) {
    if (name(r) == state) {
      filter.receipt = r;
      return filter;
    }
  }
  using enum message_state;
  for (const message_state s : {queued, retry, accepted, refused, unconfirmed, skipped, attempting}) {
    if (name(s) == state) filter.state = s;
  }
  if (!filter.state) {
    give_up(bulkmsg::errc::invalid_argument,
            "there is no message state \"" + one_line(state) +
                "\"; give queued, retry, attempting, sent, failed, unconfirmed, skipped, "
                "undelivered, delivered or read, or several of them separated by commas");
  }
  return filter;
}

// One for each state of "failed,undelivered".
std::vector<bulkmsg::message_filter> filters_of(const std::string& states) {
  if (states.empty()) return {every_message};
  std::vector<bulkmsg::message_filter> filters;
  for (std::size_t from = 0; from <= states.size();) {
    const std::size_t end = std::min(states.find(',', from), states.size());
    filters.push_back(filter_of(states.substr(from, end - from)));
    from = end + 1;
  }
  return filters;
}

bool fits(const bulkmsg::message_row& m, const bulkmsg::message_filter& filter) {
  const bool undelivered = m.state == message_state::accepted && m.receipt == bulkmsg::receipt_rank::failed;
  return (!filter.state || m.state == *filter.state) && (!filter.undelivered || undelivered) &&
         (!filter.receipt || m.receipt == *filter.receipt);
}

std::string id_text(bulkmsg::message_id id) { return std::to_string(id.lane) + "/" + std::to_string(id.sequence); }

// What a person calls it: an accepted message whose receipt says more is shown by that.
std::string state_text(const bulkmsg::message_row& m) {
  using bulkmsg::receipt_rank;
  if (m.state == message_state::accepted) {
    if (m.receipt == receipt_rank::failed) return "undelivered";
    if (m.receipt == receipt_rank::delivered || m.receipt == receipt_rank::read) return std::string(name(m.receipt));
  }
  return std::string(name(m.state));
}

std::string message_json(const bulkmsg::message_row& m) {
  return json_object()
      .text("message", id_text(m.id))
      .text("address", m.address)
      .text("state", name(m.state))
      .text("receipt", name(m.receipt))
      .number("attempt", m.attempt)
      .text("provider_id", m.provider_id)
      .number("code", m.code)
      .text("detail", m.detail)
      .number("at_ms", m.at_ms)
      .number("sent_at_ms", m.sent_at_ms)
      .number("delivered_at_ms", m.delivered_at_ms)
      .number("read_at_ms", m.read_at_ms)
      .number("failed_at_ms", m.failed_at_ms)
      .number("superseded_by", m.superseded_by.value)
      .number("line", m.line)
      .number("next_at_ms", m.next_at_ms)
      .text("sender", m.sender)
      .str();
}

std::string message_csv(const bulkmsg::message_row& m) {
  const auto ms = [](std::int64_t at) { return at == 0 ? std::string() : std::to_string(at); };
  return row({id_text(m.id), m.address, std::string(name(m.state)), std::string(name(m.receipt)),
              std::to_string(m.attempt), m.provider_id, m.code == 0 ? "" : std::to_string(m.code), m.detail,
              ms(m.at_ms), ms(m.sent_at_ms), ms(m.delivered_at_ms), ms(m.read_at_ms), ms(m.failed_at_ms),
              std::to_string(m.line), ms(m.next_at_ms), m.sender});
}

}  // namespace

int list(const options& given) {
  engine reader = open_to_read(given.store);
  if (given.json) {
    std::vector<std::string> all;
    each_campaign(reader, campaigns_of(given), [&](const campaign_status& c) { all.push_back(status_json(c).str()); });
    print_line(json_array(all));
    return exit_code::ok;
  }
  print_line(padded("ID", 6) + padded("STATE", 11) + "      TOTAL       SENT     FAILED    SKIPPED     QUEUED  " +
             padded("CREATED", 21) + padded("AGENT", 12) + padded("MESSAGE", 28) + "NAME");
  each_campaign(reader, campaigns_of(given), [](const campaign_status& c) {
    const auto& n = c.counters;
    print_line(padded(std::to_string(c.id.value), 6) + padded(name(c.state), 11) + count_cell(n.total) +
               count_cell(n.sent) + count_cell(n.failed) + count_cell(n.skipped) + count_cell(n.queued()) + "  " +
               padded(time_text(c.created_at_ms), 21) + padded(c.agent.empty() ? "-" : one_line(c.agent), 12) +
               padded(c.content.empty() ? "-" : one_line(c.content), 28) + one_line(c.name));
  });
  return exit_code::ok;
}

int status(const options& given) {
  engine reader = open_to_read(given.store);
  campaign_id campaign{given.campaign};
  if (!campaign) {
    each_campaign(reader, {}, [&](const campaign_status& c) { campaign = c.id; });
    if (!campaign) {
      give_up(bulkmsg::errc::not_found, given.store + " holds no campaign yet; `bulkmsg send` makes one");
    }
  }
  const campaign_status status = need(reader.status(campaign));
  if (given.json) {
    print_line(report_json(reader, status, {}).str());
  } else {
    print_report(reader, status, {});
    if (status.scheduled_at_ms != 0 && status.state == bulkmsg::campaign_state::scheduled) {
      print_line("scheduled for " + time_text(status.scheduled_at_ms) + " (" + one_line(status.scheduled_as) + ")");
    }
    for (const auto& missing : need(reader.missing(campaign))) {
      print_line("missing: " + std::string(name(missing.step)) + ": " + one_line(missing.what));
    }
    if (status.rate > 0) {
      print_line(grouped(static_cast<std::int64_t>(status.rate)) + " messages/s now, " +
                 duration_text(status.time_left()) + " left");
    }
  }
  return exit_code::ok;
}

int messages(const options& given) {
  const std::vector<bulkmsg::message_filter> wanted = filters_of(given.state);
  // The store looks for one state; of several, in the order of the messages, all are looked at.
  bulkmsg::message_filter filter = wanted.size() == 1 ? wanted.front() : every_message;
  filter.code = static_cast<std::int32_t>(given.code);
  filter.address = given.address;
  engine reader = open_to_read(given.store);
  need(reader.status({given.campaign}));  // an unknown campaign is an error, not an empty list
  if (given.csv) {
    print_line(
        "message,address,state,receipt,attempt,provider_id,code,detail,at_ms,sent_at_ms,delivered_at_ms,read_at_ms,"
        "failed_at_ms,line,next_at_ms,sender");
  }
  for (;;) {
    const auto page = need(reader.messages({given.campaign}, filter));
    for (const bulkmsg::message_row& m : page) {
      if (std::ranges::none_of(wanted, [&](const auto& one) { return fits(m, one); })) continue;
      if (given.json) {
        print_line(message_json(m));
      } else if (given.csv) {
        print_line(message_csv(m));
      } else {
        std::string line = padded(id_text(m.id), 12) + padded(m.address, 18) + padded(state_text(m), 13) +
                           padded(time_text(m.at_ms), 22);
        if (m.code != 0) line += std::to_string(m.code) + " ";
        print_line(line + one_line(m.detail));
      }
    }
    if (page.size() < filter.limit) return exit_code::ok;
    filter.after = page.back().id;
  }
}

}  // namespace cli
