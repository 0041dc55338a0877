// The provider's templates: fetched page by page, kept, found again, and checked before a campaign starts.
#include "store/templates.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "bulkmsg/channels/whatsapp_templates_json.hpp"
#include "engine/impl.hpp"
#include "inbound/account_events.hpp"
#include "store/campaigns.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

constexpr int pages_max = 500;  // of 100 templates; an account may have 6,000
constexpr std::size_t page_bytes_max = std::size_t{16} * 1024 * 1024;
constexpr std::size_t bytes_max = std::size_t{64} * 1024 * 1024;  // of all pages
constexpr int rounds_max = 3;                                     // first pages asked for, when cursors expire
constexpr std::size_t rows_per_job = 100;

// By name and language: a template that moves from page to page while they are read comes once.
using listing = std::map<std::pair<std::string, std::string>, channels::listed_template>;

// One round of pages. provider_refused with cursor_expired_code: begin again.
result<listing> read_pages(provider_call& call, const channels::request_encoder& encoder, const std::string& account) {
  listing all;
  std::set<std::string, std::less<>> seen;
  std::string after;
  std::size_t bytes = 0;
  for (int page = 0; page < pages_max; ++page) {
    auto got =
        call.ask([&](std::string& into) { return get(encoder, channels::templates_path(account, after), into); });
    if (!got) return fail(got.error());
    bytes += got->body.size();
    if (bytes > bytes_max) return fail(errc::too_large, "templates: more than 64 MiB in all; is this the provider?");
    auto read = channels::read_template_page(got->status, got->body);
    if (!read) {
      auto why = without_token(encoder, read.error());
      if (why.provider_code == 100 || why.provider_code == 33) {
        why.message += "; is business_account_id, " + account + ", the WhatsApp Business Account's id?";
      }
      return fail(why);
    }
    for (auto& each : read->templates) {
      auto key = std::pair(each.name, each.language);
      all.insert_or_assign(std::move(key), std::move(each));
    }
    if (read->after.empty()) return all;
    after = std::move(read->after);
    if (!seen.insert(after).second) {
      return fail(errc::provider_unreadable, "templates: the provider's pages go round in a circle; try again later");
    }
  }
  return fail(errc::provider_unreadable,
              "templates: more than " + std::to_string(pages_max) + " pages; is this the provider?");
}

result<listing> read_all(call_desk& desk, const sender_settings& sender) {
  const auto& account = sender.business_account_id;
  constexpr std::string_view word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (account.empty() || account.find_first_not_of(word) != std::string::npos) {
    return fail(errc::bad_option_value,
                "sender '" + sender.name + "': templates are fetched by business_account_id, which is " +
                    (account.empty() ? "empty" : "no id") + "; give it the WhatsApp Business Account's id");
  }
  auto encoder = make_encoder(sender);
  if (!encoder) return fail(encoder.error());
  auto call = provider_call::begin(desk, sender, {.answer_bytes_max = page_bytes_max});
  if (!call) return fail(call.error());
  for (int round = 1;; ++round) {
    auto all = read_pages(**call, *encoder, account);
    if (all || all.error().provider_code != channels::cursor_expired_code) return all;
    if (round == rounds_max) {
      return fail(error{errc::provider_refused,
                        "templates: the provider's pages expired while they were read, " + std::to_string(round) +
                            " times; try again later",
                        channels::cursor_expired_code, 0});
    }
  }
}

}  // namespace

result<template_report> engine::fetch_templates(sender_id sender, std::chrono::milliseconds younger_than) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const std::lock_guard one_at_a_time(self_->fetching_);
  struct known {
    sender_settings sender;
    std::int64_t fetched_at_ms = 0;
    std::int64_t count = 0;
    inbound::template_words_told told;
  };
  auto before = self_->read([&](store::database& db) {
    known k;
    k.sender = store::read_sender(db, sender.value);
    k.fetched_at_ms = store::templates_fetched_at(db, k.sender.business_account_id);
    k.count = db.number("SELECT count(*) FROM provider_templates WHERE account = ?1 AND gone = 0",
                        k.sender.business_account_id);
    k.told = inbound::told_of_templates(db, k.sender.business_account_id);
    return k;
  });
  if (!before) return fail(before.error());
  const auto& account = before->sender.business_account_id;
  // Never earlier than what is kept already, should the clock have been set back.
  const auto now_ms = std::max(self_->now_ms(), before->fetched_at_ms + 1);
  if (before->fetched_at_ms != 0 && now_ms - before->fetched_at_ms < younger_than.count()) {
    return template_report{.unchanged = before->count, .fetched_at_ms = before->fetched_at_ms, .asked = false};
  }
  auto all = read_all(self_->desk_, before->sender);
  if (!all) return fail(all.error());

  template_report report{.fetched_at_ms = now_ms};
  std::vector<std::int64_t> paused;
  store::braking free;  // by what is well again
  auto next = all->begin();
  do {
    const auto from = next;
    std::int64_t counts[3] = {};
    auto kept = self_->writer_->run([&](store::database& db) {
      std::fill(std::begin(counts), std::end(counts), 0);
      next = from;
      for (std::size_t i = 0; i < rows_per_job && next != all->end(); ++i, ++next) {
        auto& listed = next->second;
        auto later = inbound::told_since(db, account, before->told, listed.name, listed.language);
        if (!later.status.empty()) listed.status = std::move(later.status);
        if (!later.quality.empty()) listed.quality = std::move(later.quality);
        ++counts[static_cast<std::size_t>(store::keep_template(db, account, listed, now_ms, later.reworded))];
      }
      if (next != all->end()) return;
      // With the last rows: a list that is known as a whole has paused whom it concerns, also after a crash.
      report.gone = store::mark_gone(db, account, now_ms);
      paused.clear();
      free = inbound::release_listed(db, account, before->told, now_ms);
      for (const auto& each : store::campaigns_to_pause(db, account)) {
        if (!each.sending) {  // whoever resumes it should know
          store::add_reason(db, each.campaign, each.why, now_ms);
          continue;
        }
        store::change_state(db, each.campaign, campaign_state::paused, "pause", each.why, now_ms);
        paused.push_back(each.campaign);
      }
    });
    if (!kept) return fail(kept.error());
    report.added += counts[static_cast<std::size_t>(store::kept::added)];
    report.changed += counts[static_cast<std::size_t>(store::kept::changed)];
    report.unchanged += counts[static_cast<std::size_t>(store::kept::unchanged)];
  } while (next != all->end());
  report.paused = static_cast<std::int64_t>(paused.size());
  if (!paused.empty() || !free.empty()) {
    self_->events_.durable_waiting();
    self_->io_->call([&] {
      for (const auto& [id, over] : free.senders) self_->hold_over(id, over, false);
      for (const auto id : free.campaigns) self_->go_on(id);
      for (const auto id : paused) {
        self_->hold(id);
        self_->begin_sending(id);  // only if somebody has resumed it since
      }
    });
  }
  return report;
}

result<std::vector<template_info>> engine::templates(const template_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  if (filter.limit < 1 || filter.limit > 10'000) {
    return fail(errc::invalid_argument, "templates: a limit is 1 to 10,000");
  }
  return self_->read([&](store::database& db) { return store::list_templates(db, filter); });
}

result<template_info> engine::find_template(const std::string& name, const std::string& language,
                                            const std::string& business_account_id) {
  auto found = templates(
      {.business_account_id = business_account_id, .name = name, .language = language, .gone = true, .limit = 1000});
  if (!found) return fail(found.error());
  const auto present = [](const template_info& t) { return !t.gone; };
  // One that is gone is only looked at when there is no other.
  if (std::any_of(found->begin(), found->end(), present)) std::erase_if(*found, [](const auto& t) { return t.gone; });
  if (found->empty()) {
    return fail(errc::not_found, "no template is kept by the name '" + name + "'" +
                                     (language.empty() ? "" : " in " + language) +
                                     "; fetch them from the provider with `bulkmsg templates fetch`");
  }
  if (found->size() > 1) {
    std::string list;
    for (std::size_t i = 0; i < found->size() && i < 20; ++i) {
      list += (i == 0 ? "" : ", ") + (*found)[i].language;
    }
    return fail(errc::conflict, "template '" + name + "' is there " + std::to_string(found->size()) + " times (" +
                                    list + "); say which language, or which account");
  }
  return std::move(found->front());
}

// What the provider is known to refuse is not begun.
result<void> engine::impl::check_template(const store::campaign_row& row, const sender_settings& sender) {
  return read(
      [&](store::database& db) { store::check_template(db, sender.business_account_id, row.content, row.name); });
}

}  // namespace bulkmsg
