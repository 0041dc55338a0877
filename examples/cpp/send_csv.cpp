// Sends a template to everyone in a CSV file, and waits until every message is accounted for.
//
//   send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]
//
// With LISTEN_ADDRESS ("127.0.0.1:8080") it also answers the provider's webhooks there and waits for the receipts.
// Killed in the middle, run it again: it finds the unfinished campaign in the store and goes on with it.
// Ends with 0 when every message is accounted for, with 3 when the campaign is paused or messages are unconfirmed.
#include <array>
#include <bulkmsg/engine.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;

namespace {

std::string text_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The value, or the end of the program with a line that says why; the store is then as safe as after a crash.
template <class T>
T expect(bulkmsg::result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The campaign that an earlier run left unfinished.
std::optional<bulkmsg::campaign_id> unfinished_campaign(bulkmsg::engine& engine) {
  for (bulkmsg::campaign_id after{};;) {
    const auto page = expect(engine.list(after));
    if (page.empty()) return std::nullopt;
    for (const auto& campaign : page) {
      after = campaign.id;
      if (campaign.state == bulkmsg::campaign_state::draft || is_final(campaign.state)) continue;
      if (campaign.state == bulkmsg::campaign_state::paused) expect(engine.resume(campaign.id));
      return campaign.id;
    }
  }
}

bulkmsg::campaign_id new_campaign(bulkmsg::engine& engine, char** files) {
  const auto sender = expect(engine.put_sender(expect(bulkmsg::parse_sender_json(text_of(files[0])))));
  const auto content = expect(engine.put_template(text_of(files[1])));
  const auto account = expect(engine.put_account("send_csv", {.users = 5}));  // 3,000 credits a month each
  const auto campaign =
      expect(engine.create_campaign({.name = files[2], .sender = sender, .content = content, .account = account}));
  const auto report = expect(engine.import_csv_file(campaign, files[2]));
  std::cout << report.rows << " rows: " << report.added << " added, " << report.duplicates << " duplicates, "
            << report.rejected << " rejected\n";
  const auto plan = expect(engine.start(campaign));
  std::cout << "sending " << plan.messages << " messages, at least " << plan.duration.count() << " ms\n";
  return campaign;
}

// Takes what happened, for up to `timeout`; durable events come again until they are acknowledged.
std::size_t take_events(bulkmsg::engine& engine, std::chrono::milliseconds timeout) {
  std::array<bulkmsg::event, 256> events;
  const auto count = expect(engine.poll(events, timeout));
  bulkmsg::event_id last{};
  for (std::size_t i = 0; i < count; ++i) {
    if (events[i].id.value != 0) last = events[i].id;
  }
  if (last.value != 0) expect(engine.ack(last));
  return count;
}

int run(int argc, char** argv) {
  bulkmsg::engine engine = expect(bulkmsg::engine::open(argv[1]));
  const auto unfinished = unfinished_campaign(engine);
  const auto campaign = unfinished ? *unfinished : new_campaign(engine, argv + 2);
  if (argc == 6) expect(engine.listen(argv[5]));

  auto state = expect(engine.status(campaign)).state;
  while (!is_final(state) && state != bulkmsg::campaign_state::paused) {
    take_events(engine, 1s);
    state = expect(engine.status(campaign)).state;
  }
  while (argc == 6 && take_events(engine, 3s) > 0) continue;  // receipts: until none came for three seconds

  const auto status = expect(engine.status(campaign));
  const auto& c = status.counters;
  std::cout << "total " << c.total << "\nsent " << c.sent << "\nfailed " << c.failed << "\nunconfirmed "
            << c.unconfirmed << "\nskipped " << c.skipped << "\nqueued " << c.queued() << "\ndelivered " << c.delivered
            << "\nread " << c.read << "\nundelivered " << c.undelivered << "\ncredits_spent " << status.credits_spent
            << '\n';
  for (const auto& reasons : {expect(engine.failed_by_reason(campaign)), expect(engine.skipped_by_reason(campaign))}) {
    for (const auto& why : reasons) std::cout << "not sent: " << why.count << ", " << why.reason << '\n';
  }
  if (state != bulkmsg::campaign_state::completed) {
    std::cerr << name(state) << ": " << status.reason << "; put it right and run this again\n";
  }
  expect(engine.close(5s));
  return state == bulkmsg::campaign_state::completed && c.unconfirmed == 0 ? 0 : 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::cerr << "usage: send_csv STORE SENDER_JSON TEMPLATE_JSON CSV [LISTEN_ADDRESS]\n";
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& problem) {
    std::cerr << "send_csv: " << problem.what() << '\n';
    return 1;
  }
}
