// The shortest program that sends: quickstart STORE SENDER_JSON TEMPLATE_JSON CSV
//
// Each run is another campaign; cpp/send_csv.cpp goes on with the one that a crash or a pause left unfinished.
#include <bulkmsg/engine.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

static std::string text_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The value, or the end of the program with a line that says why.
template <class T>
static T expect(bulkmsg::result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "quickstart: %s\n", result.error().message.c_str());
  std::exit(1);
}

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: quickstart STORE SENDER_JSON TEMPLATE_JSON CSV\n");
    return 2;
  }
  bulkmsg::engine engine = expect(bulkmsg::engine::open(argv[1]));
  const auto sender = expect(engine.put_sender(expect(bulkmsg::parse_sender_json(text_of(argv[2])))));
  const auto content = expect(engine.put_template(text_of(argv[3])));
  const auto campaign = expect(engine.create_campaign({.name = "quickstart", .sender = sender, .content = content}));
  expect(engine.import_csv_file(campaign, argv[4]));
  expect(engine.start(campaign));

  bulkmsg::event events[256];
  // It also pauses by itself when it cannot go on: the provider rejects the token, nobody answers.
  while (expect(engine.status(campaign)).state < bulkmsg::campaign_state::paused) {
    expect(engine.poll(events, std::chrono::seconds(1)));
  }
  const bulkmsg::campaign_status end = expect(engine.status(campaign));
  const bulkmsg::counters& done = end.counters;
  std::printf("%lld sent, %lld failed, %lld skipped, %lld unconfirmed\n", static_cast<long long>(done.sent),
              static_cast<long long>(done.failed), static_cast<long long>(done.skipped),
              static_cast<long long>(done.unconfirmed));
  if (end.state == bulkmsg::campaign_state::completed) return 0;
  std::fprintf(stderr, "quickstart: %s\n", end.reason.c_str());
  return 3;
}
