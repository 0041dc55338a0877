// Files at the provider: uploaded over sockets, once for the same bytes, again before they expire.
#include <sqlite3.h>
#include <sys/stat.h>

#include "bulkmsg/channels/media.hpp"
#include "hosted.hpp"

namespace bulkmsg::testing {
namespace {

constexpr std::int64_t a_day_ms = std::int64_t{24} * 3600 * 1000;

// Keeps what it is sent, under ids 1001, 1002, ...
class keeper {
 public:
  struct upload {
    std::string head, mime, bytes;
  };
  [[nodiscard]] std::string origin() const { return server_.origin(); }
  std::vector<upload> uploads() {
    const std::lock_guard lock(mutex_);
    return uploads_;
  }
  std::vector<std::string> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  void answer_next(const std::string& with) {
    const std::lock_guard lock(mutex_);
    instead_ = with;
  }

 private:
  void serve(peer& p) {
    for (;;) {
      const std::string text = p.request();
      if (text.empty()) return;
      if (text.starts_with("POST /v23.0/106540352242922/messages ")) {
        const std::lock_guard lock(mutex_);
        messages_.push_back(text.substr(text.find("\r\n\r\n") + 4));
        if (!p.write(provider::accepted(static_cast<int>(messages_.size())))) return;
        continue;
      }
      const auto boundary = field(text, "multipart/form-data; boundary=", '\r');
      const auto file = text.find("name=\"file\"");
      const auto from = text.find("\r\n\r\n", file) + 4;
      const auto end = text.rfind("\r\n--" + boundary + "--\r\n");
      std::string answer;
      {
        const std::lock_guard lock(mutex_);
        uploads_.push_back({text.substr(0, text.find("\r\n\r\n")), field(text.substr(file), "Content-Type: ", '\r'),
                            text.substr(from, end - from)});
        answer = provider::http(200, R"({"id":")" + std::to_string(1000 + uploads_.size()) + "\"}");
        if (!instead_.empty()) answer = std::exchange(instead_, "");
      }
      if (!p.write(answer)) return;
    }
  }

  std::mutex mutex_;
  std::vector<upload> uploads_;
  std::vector<std::string> messages_;
  std::string instead_;
  test_server server_{[this](peer& p) { serve(p); }};
};

const std::string jpeg = "\xff\xd8\xff\xe0 a small picture";

struct shop {
  shop() : sender(must(h->put_sender(sender_at(there.origin())))) {}
  std::string file(const std::string& name, const std::string& bytes) {
    write_file(h.folder.file(name), bytes);
    return h.folder.file(name);
  }
  // A draft with a picture for each row: `cells` of the column header_media.
  campaign_id draft(const std::vector<std::string>& cells,
                    std::vector<std::pair<std::string, std::string>> mapping = {}) {
    const auto words = must(h->put_template(
        R"({"name":"picture","language":"en_US","status":"APPROVED","category":"UTILITY","components":[)"
        R"({"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Look!"}]})"));
    const auto made = must(
        h->create_campaign({.name = "pictures", .sender = sender, .content = words, .mapping = std::move(mapping)}));
    std::string rows = "phone_number,header_media\n";
    for (std::size_t i = 0; i < cells.size(); ++i) rows += number(static_cast<int>(i)) + ',' + cells[i] + '\n';
    EXPECT_EQ(must(h->import_csv_text(made, rows)).added, static_cast<std::int64_t>(cells.size()));
    return made;
  }
  bool completes(campaign_id campaign) {
    return h.until([&] { return h.state(campaign) == campaign_state::completed; });
  }
  // How many messages showed the picture of this id.
  std::ptrdiff_t showed(const std::string& id) {
    const auto all = there.messages();
    return std::count_if(all.begin(), all.end(), [&](const std::string& m) {
      return m.find(R"("image":{"id":")" + id + "\"}") != std::string::npos;
    });
  }
  // As if everything had been uploaded so much earlier.
  void let_pass(std::int64_t ms) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(h.path().c_str(), &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10'000);
    const auto sql = "UPDATE media SET uploaded_at_ms = uploaded_at_ms - " + std::to_string(ms);
    ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);
  }

  keeper there;
  host h;
  sender_id sender;
};

TEST(put_media, a_file_is_uploaded_whole_and_its_id_kept) {
  shop s;
  const auto path = s.file("a.jpg", jpeg);
  const auto got = must(s.h->put_media(s.sender, path));
  EXPECT_EQ(got.provider_id, "1001");
  EXPECT_TRUE(got.uploaded);
  EXPECT_EQ(got.mime, "image/jpeg");
  EXPECT_EQ(got.bytes, static_cast<std::int64_t>(jpeg.size()));
  EXPECT_EQ(got.path, path);
  ASSERT_EQ(s.there.uploads().size(), 1u);
  const auto sent = s.there.uploads()[0];
  EXPECT_TRUE(sent.head.starts_with("POST /v23.0/106540352242922/media HTTP/1.1\r\n")) << sent.head;
  EXPECT_NE(sent.head.find("Authorization: Bearer " + token_value), std::string::npos);
  EXPECT_EQ(sent.mime, "image/jpeg");
  EXPECT_TRUE(sent.bytes == jpeg);
  const auto kept = must(s.h->media());
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].provider_id + ' ' + kept[0].phone_number_id, "1001 106540352242922");
}

TEST(put_media, the_same_bytes_are_uploaded_once_whatever_they_are_called) {
  shop s;
  must(s.h->put_media(s.sender, s.file("a.jpg", jpeg)));
  const auto again = must(s.h->put_media(s.sender, s.file("b.jpeg", jpeg)));
  EXPECT_FALSE(again.uploaded);
  EXPECT_EQ(again.provider_id, "1001");
  EXPECT_EQ(must(s.h->put_media_bytes(s.sender, jpeg)).provider_id, "1001");
  EXPECT_EQ(must(s.h->media())[0].path, s.h.folder.file("b.jpeg")) << "where it was seen last";
  EXPECT_EQ(s.there.uploads().size(), 1u);
  EXPECT_TRUE(must(s.h->put_media_bytes(s.sender, jpeg + "!")).uploaded);
}

TEST(put_media, two_threads_with_the_same_bytes_upload_them_once) {
  shop s;
  const auto path = s.file("a.jpg", jpeg);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { must(s.h->put_media(s.sender, path)); });
  for (auto& t : threads) t.join();
  EXPECT_EQ(s.there.uploads().size(), 1u);
}

TEST(put_media, an_id_is_of_one_number_only) {
  shop s;
  must(s.h->put_media_bytes(s.sender, jpeg));
  auto other = sender_at(s.there.origin());
  other.name = "second shop";
  other.phone_number_id = "106540352242923";
  const auto got = must(s.h->put_media_bytes(must(s.h->put_sender(other)), jpeg));
  EXPECT_TRUE(got.uploaded);
  EXPECT_EQ(got.provider_id, "1002");
}

TEST(put_media, from_25_days_on_the_same_bytes_are_uploaded_again) {
  shop s;
  const auto path = s.file("a.jpg", jpeg);
  must(s.h->put_media(s.sender, path));
  s.let_pass(25 * a_day_ms - 60'000);
  EXPECT_FALSE(must(s.h->put_media(s.sender, path)).uploaded);
  s.let_pass(60'000);
  const auto renewed = must(s.h->put_media(s.sender, path));
  EXPECT_TRUE(renewed.uploaded);
  EXPECT_EQ(renewed.provider_id, "1002");
  EXPECT_EQ(must(s.h->media()).size(), 1u);
  EXPECT_FALSE(must(s.h->put_media(s.sender, path)).uploaded);
}

TEST(put_media, what_is_kept_outlives_the_process) {
  shop s;
  must(s.h->put_media_bytes(s.sender, jpeg));
  s.h.open();
  EXPECT_FALSE(must(s.h->put_media_bytes(s.sender, jpeg)).uploaded);
}

TEST(put_media, what_the_provider_would_refuse_is_refused_before_it_is_sent) {
  shop s;
  EXPECT_EQ(code_of(s.h->put_media(s.sender, s.file("a.gif", "GIF89a"))), errc::media_not_supported);
  EXPECT_EQ(code_of(s.h->put_media(s.sender, s.file("a.jpg", jpeg), {.kind = "video"})), errc::media_not_supported);
  EXPECT_EQ(code_of(s.h->put_media(s.sender, s.file("a.jpg", ""))), errc::media_not_supported);
  EXPECT_EQ(code_of(s.h->put_media(s.sender, s.file("a.jpg", jpeg), {.kind = "picture"})), errc::invalid_argument);
  const auto large = s.file("large.jpg", jpeg + std::string(5 << 20, 'x'));
  const auto why = refused(s.h->put_media(s.sender, large));
  EXPECT_EQ(why.code, errc::too_large);
  EXPECT_NE(why.message.find("large.jpg"), std::string::npos) << why.message;
  EXPECT_EQ(s.there.uploads().size(), 0u);
}

TEST(put_media, what_cannot_be_read_is_told_with_its_path) {
  shop s;
  ASSERT_EQ(::mkfifo(s.h.folder.file("pipe.jpg").c_str(), 0600), 0);
  for (const std::string& path :
       {s.h.folder.file("none.jpg"), s.h.folder.path(), s.h.folder.file("pipe.jpg"), std::string()}) {
    const auto why = refused(s.h->put_media(s.sender, path));
    EXPECT_EQ(why.code, errc::file_unreadable);
    EXPECT_NE(why.message.find(path), std::string::npos) << why.message;
  }
}

TEST(put_media, refusals_and_nonsense_are_told_and_nothing_is_kept) {
  shop s;
  s.there.answer_next(provider::refused(190, 401, "bad token " + token_value));
  const auto why = refused(s.h->put_media_bytes(s.sender, jpeg));
  EXPECT_EQ(why.code, errc::token_rejected);
  EXPECT_EQ(why.message.find(token_value), std::string::npos) << why.message;
  s.there.answer_next(provider::refused(131053, 400, "media upload error"));
  EXPECT_EQ(refused(s.h->put_media_bytes(s.sender, jpeg)).provider_code, 131053);
  for (const std::string& body :
       {std::string("<html>"), std::string("{}"), std::string(R"({"id":7})"), std::string(R"({"id":""})"),
        R"({"id":")" + std::string(65, '1') + "\"}", std::string(R"({"id":"1\",\"x"})")}) {
    s.there.answer_next(provider::http(200, body));
    EXPECT_EQ(code_of(s.h->put_media_bytes(s.sender, jpeg)), errc::provider_unreadable) << body;
  }
  EXPECT_TRUE(must(s.h->media()).empty());
  EXPECT_TRUE(must(s.h->put_media_bytes(s.sender, jpeg)).uploaded);
}

TEST(put_media, tens_of_megabytes_go_through_and_more_than_a_hundred_do_not) {
  shop s;
  std::string pdf = "%PDF-1.7\n";
  pdf.resize(std::size_t{40} << 20, 'x');
  const auto path = s.file("large.pdf", pdf);
  EXPECT_TRUE(must(s.h->put_media(s.sender, path)).uploaded);
  ASSERT_EQ(s.there.uploads().size(), 1u);
  EXPECT_TRUE(s.there.uploads()[0].bytes == pdf);
  pdf.resize(channels::media_bytes_max + 1);
  EXPECT_EQ(code_of(s.h->put_media(s.sender, s.file("larger.pdf", pdf))), errc::too_large);
}

TEST(campaign_media, each_file_is_uploaded_once_before_the_start_and_its_id_is_sent) {
  shop s;
  s.h.open({});
  const auto a = "file:" + s.file("a.jpg", jpeg);
  const auto b = "file:" + s.file("b.jpg", jpeg + "b");
  const auto campaign = s.draft({a, b, a, "4711", a});
  const auto planned = must(s.h->dry_run(campaign));
  EXPECT_EQ(s.there.uploads().size(), 0u) << "a dry run asks nobody";
  EXPECT_EQ(must(s.h->start(campaign)).hash, planned.hash);
  ASSERT_TRUE(s.completes(campaign));
  EXPECT_EQ(s.there.uploads().size(), 2u);
  EXPECT_EQ(s.showed("1001"), 3);
  EXPECT_EQ(s.showed("1002"), 1);
  EXPECT_EQ(s.showed("4711"), 1);

  const auto again = s.draft({a, a});
  must(s.h->start(again));
  ASSERT_TRUE(s.completes(again));
  EXPECT_EQ(s.there.uploads().size(), 2u) << "the provider has it";
  EXPECT_EQ(s.showed("1001"), 5);
}

TEST(campaign_media, a_file_that_is_the_same_for_everyone_or_stands_in_for_a_missing_one) {
  shop s;
  s.h.open({});
  const auto a = "file:" + s.file("a.jpg", jpeg);
  const auto constant = s.draft({"1", "2"}, {{"header.media", '"' + a + '"'}});
  must(s.h->start(constant));
  ASSERT_TRUE(s.completes(constant));
  EXPECT_EQ(s.showed("1001"), 2);
  const auto fallback = s.draft({"", "4711"}, {{"header.media", "|" + a}});
  must(s.h->start(fallback));
  ASSERT_TRUE(s.completes(fallback));
  EXPECT_EQ(s.showed("1001"), 3);
  EXPECT_EQ(s.there.uploads().size(), 1u);
}

TEST(campaign_media, other_bytes_under_the_same_path_are_another_plan) {
  shop s;
  const auto campaign = s.draft({"file:" + s.file("a.jpg", jpeg)});
  const auto before = must(s.h->dry_run(campaign)).hash;
  EXPECT_EQ(must(s.h->dry_run(campaign)).hash, before);
  s.file("a.jpg", jpeg + "!");
  EXPECT_NE(must(s.h->dry_run(campaign)).hash, before);
}

TEST(campaign_media, a_file_that_cannot_be_sent_leaves_a_draft_and_names_the_line) {
  shop s;
  const auto good = "file:" + s.file("a.jpg", jpeg);
  for (const auto& [bad, code] : {std::pair("file:" + s.h.folder.file("none.jpg"), errc::file_unreadable),
                                  std::pair("file:" + s.file("a.gif", "GIF89a"), errc::media_not_supported),
                                  std::pair("file:" + s.file("a.pdf", "%PDF-1.7"), errc::media_not_supported)}) {
    const auto campaign = s.draft({good, bad});
    for (const auto& why : {refused(s.h->dry_run(campaign)), refused(s.h->start(campaign))}) {
      EXPECT_EQ(why.code, code);
      EXPECT_TRUE(why.message.starts_with("line 3: ")) << why.message;
    }
    EXPECT_EQ(s.h.state(campaign), campaign_state::draft);
  }
  EXPECT_EQ(s.there.uploads().size(), 0u);
  s.there.answer_next(provider::refused(131053, 400, "media upload error"));
  const auto campaign = s.draft({good});
  EXPECT_EQ(refused(s.h->start(campaign)).provider_code, 131053);
  EXPECT_EQ(s.h.state(campaign), campaign_state::draft);
}

TEST(campaign_media, what_has_expired_is_uploaded_again_before_a_message_leaves) {
  shop s;
  const auto campaign = s.draft({"file:" + s.file("a.jpg", jpeg), "file:" + s.h.folder.file("a.jpg")});
  must(s.h->start(campaign));
  EXPECT_EQ(s.there.uploads().size(), 1u);
  s.h.close();
  s.let_pass(31 * a_day_ms);
  s.h.open({});
  ASSERT_TRUE(s.completes(campaign));
  EXPECT_EQ(s.there.uploads().size(), 2u);
  EXPECT_EQ(s.showed("1001"), 0);
  EXPECT_EQ(s.showed("1002"), 2);
}

TEST(campaign_media, what_is_about_to_expire_is_uploaded_again_before_a_message_leaves) {
  shop s;
  const auto campaign = s.draft({"file:" + s.file("a.jpg", jpeg), "file:" + s.h.folder.file("a.jpg")});
  must(s.h->start(campaign));
  s.h.close();
  s.let_pass(30 * a_day_ms - 60'000);
  s.h.open({});
  ASSERT_TRUE(s.completes(campaign));
  EXPECT_EQ(s.showed("1001"), 0);
  EXPECT_EQ(s.showed("1002"), 2);
}

TEST(campaign_media, what_is_old_is_uploaded_again_while_it_is_sent) {
  shop s;
  const auto campaign = s.draft({"file:" + s.file("a.jpg", jpeg)});
  must(s.h->start(campaign));
  s.h.close();
  s.let_pass(26 * a_day_ms);
  s.h.open();
  const auto another = s.draft({"file:" + s.h.folder.file("a.jpg")});
  EXPECT_EQ(must(s.h->media()).front().provider_id, "1001");
  must(s.h->start(another));
  EXPECT_EQ(must(s.h->media()).front().provider_id, "1002") << "a start does not wait for the hour of its need";
  s.h.close();
  s.let_pass(26 * a_day_ms);
  s.h.open({});
  EXPECT_TRUE(s.h.until([&] { return must(s.h->media()).front().provider_id == "1003"; }));
}

TEST(campaign_media, what_has_expired_and_changed_pauses_the_campaign_with_the_reason) {
  shop s;
  const auto campaign = s.draft({"file:" + s.file("a.jpg", jpeg)});
  must(s.h->start(campaign));
  s.h.close();
  s.let_pass(31 * a_day_ms);
  s.file("a.jpg", jpeg + "!");
  s.h.open({});
  ASSERT_TRUE(s.h.until([&] { return s.h.state(campaign) == campaign_state::paused; }));
  EXPECT_NE(must(s.h->status(campaign)).reason.find("a.jpg: the file has changed"), std::string::npos)
      << must(s.h->status(campaign)).reason;
  EXPECT_EQ(s.there.messages().size(), 0u);
  s.file("a.jpg", jpeg);
  must(s.h->resume(campaign));
  ASSERT_TRUE(s.completes(campaign));
  EXPECT_EQ(s.showed("1002"), 1);
}

TEST(media_age, an_id_is_renewed_from_25_days_on_or_when_its_work_lasts_longer) {
  const std::int64_t now = 1'800'000'000'000;
  EXPECT_FALSE(channels::media_is_due(now, now));
  EXPECT_FALSE(channels::media_is_due(now - 25 * a_day_ms + 1, now));
  EXPECT_TRUE(channels::media_is_due(now - 25 * a_day_ms, now));
  EXPECT_FALSE(channels::media_is_due(now - 10 * a_day_ms, now, now + 20 * a_day_ms));
  EXPECT_TRUE(channels::media_is_due(now - 10 * a_day_ms, now, now + 20 * a_day_ms + 1));
  EXPECT_FALSE(channels::media_is_due(now - a_day_ms + 1, now, now + 90 * a_day_ms))
      << "a new one would not last either";
  EXPECT_TRUE(channels::media_is_due(now - a_day_ms, now, now + 90 * a_day_ms));
  EXPECT_TRUE(channels::media_is_due(now + 2 * a_day_ms, now)) << "the clock was set back";
}

}  // namespace
}  // namespace bulkmsg::testing
