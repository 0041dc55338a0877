// Secrets are named, never stored: their values are in no byte of the store, in no message, and in no event.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

const std::string file_token_value = "EAAGfile-token-value-4dd6";

// Every file of the folder that holds one of the values.
std::vector<std::string> files_with_a_secret(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    if (each.path().filename() == "token") continue;  // the secret's own file
    const auto bytes = bytes_of(each.path().string());
    for (const auto& value : {token_value, app_secret_value, verify_token_value, file_token_value}) {
      if (bytes.find(value) != std::string::npos) found.push_back(each.path().filename().string() + ": " + value);
    }
  }
  return found;
}

bool somewhere(const std::string& folder, const std::string& text) {
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    if (bytes_of(each.path().string()).find(text) != std::string::npos) return true;
  }
  return false;
}

// Everything that a host does in a life: sends, is refused, is told of its wrong token, gets webhooks.
void live(engine& e, const std::string& folder, const std::string& origin) {
  write_file(folder + "/token", file_token_value + "\n");
  auto settings = sender_at(origin);
  must(e.put_sender(settings));
  auto from_file = settings;
  from_file.name = "by file";
  from_file.token = "file:" + folder + "/token";
  const auto by_file = must(e.put_sender(from_file));
  static_cast<void>(e.check_sender(settings));
  const auto words = must(e.put_template(template_json()));
  const auto campaign = must(e.create_campaign({.name = "spring", .sender = by_file, .content = words}));
  must(e.import_csv_text(campaign, csv(20)));
  must(e.start(campaign));
  EXPECT_TRUE(host::until(e, [&] { return must(e.status(campaign)).state == campaign_state::paused; }));
  must(ingest(e, reply("wamid.1")));
  EXPECT_EQ(code_of(e.ingest("x", app_secret_value)), errc::signature_mismatch);
}
// Refuses everything, and repeats the token as providers do.
std::string talkative(const request& r, int) {
  EXPECT_TRUE(r.token == token_value || r.token == file_token_value);
  return provider::refused(190, 401, "Malformed access token " + r.token + ", look: " + r.token);
}

TEST(secrets, are_in_no_byte_of_a_store_that_was_closed) {
  provider p(talkative);
  host h({.send = true});
  live(*h, h.folder.path(), p.origin());
  must(h->close());
  h.close();
  ASSERT_TRUE(somewhere(h.folder.path(), "env:BULKMSG_TEST_TOKEN")) << "their names are";
  EXPECT_EQ(files_with_a_secret(h.folder.path()), std::vector<std::string>{});
}

TEST(secrets, are_in_no_byte_of_what_a_killed_process_leaves) {
  scratch_folder folder;
  int down[2], up[2];
  ASSERT_EQ(::pipe2(down, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(up, O_CLOEXEC), 0);
  const pid_t pid = ::fork();  // before this test has any thread
  if (pid == 0) {
    ::close(down[1]);
    std::string origin;
    for (char c; ::read(down[0], &c, 1) == 1 && c != '\n';) origin += c;
    try {
      engine e = must(engine::open(folder.file("store")));
      live(e, folder.path(), origin);
      if (::write(up[1], "k", 1) == 1) ::pause();
    } catch (...) {
    }
    ::_exit(1);
  }
  ::close(down[0]);
  ::close(up[1]);
  provider p(talkative);
  const auto line = p.origin() + '\n';
  ASSERT_EQ(::write(down[1], line.data(), line.size()), static_cast<ssize_t>(line.size()));
  char c = 0;
  const auto lived = ::read(up[0], &c, 1);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(down[1]);
  ::close(up[0]);
  ASSERT_EQ(lived, 1);
  ASSERT_GT(std::filesystem::file_size(folder.file("store-wal")), 0u) << "the log is looked at, too";
  ASSERT_TRUE(somewhere(folder.path(), "env:BULKMSG_TEST_TOKEN"));
  EXPECT_EQ(files_with_a_secret(folder.path()), std::vector<std::string>{});
}

TEST(secrets, are_in_nothing_that_is_told) {
  provider p(talkative);
  host h({.send = true});
  live(*h, h.folder.path(), p.origin());
  std::string told;
  for (const auto& c : must(h->list())) {
    told += c.reason + c.sender;
    for (const auto& m : must(h->messages(c.id))) told += m.detail;
    for (const auto& r : must(h->failed_by_reason(c.id))) told += r.reason;
  }
  h.open();
  for (const auto& e : waiting(*h)) told += must(h->payload(e.id));
  told += refused(h->check_sender(sender_at(p.origin()))).message;
  EXPECT_NE(told.find("190"), std::string::npos) << "the refusal is told";
  for (const auto& value : {token_value, app_secret_value, verify_token_value, file_token_value}) {
    EXPECT_EQ(told.find(value), std::string::npos) << told;
  }
}

TEST(secrets, a_token_that_was_replaced_is_used_from_the_resume_on) {
  provider p([](const request& r, int nth) {
    return r.token == file_token_value ? provider::accepted(nth) : provider::refused(190, 401);
  });
  host h({.send = true}, p.origin());
  const auto file = h.folder.file("token");
  write_file(file, "expired");
  auto settings = sender_at(p.origin());
  settings.token = "file:" + file;
  h.sender = must(h->put_sender(settings));
  const auto campaign = h.start(20);
  ASSERT_TRUE(h.until([&] { return h.state(campaign) == campaign_state::paused; }));
  write_file(file, file_token_value);
  must(h->resume(campaign));
  ASSERT_TRUE(h.until([&] { return h.state(campaign) != campaign_state::sending; }));
  EXPECT_EQ(h.state(campaign), campaign_state::completed) << must(h->status(campaign)).reason;
  EXPECT_EQ(h.told(campaign).sent, 20);
}

TEST(secrets, the_file_of_a_secret_may_end_in_a_newline) {
  host h;
  write_file(h.folder.file("token"), file_token_value + "\r\n");
  auto settings = sender_at(nowhere);
  settings.token = "file:" + h.folder.file("token");
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::ok);
  write_file(h.folder.file("token"), "\n");
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::secret_missing);
  write_file(h.folder.file("token"), std::string(5000, 'x'));
  EXPECT_EQ(code_of(h->put_sender(settings)), errc::bad_option_value);
}

}  // namespace
}  // namespace bulkmsg::testing
