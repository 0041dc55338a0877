// Freezing: the plan of a campaign is every request body it will send, under one hash.
#include "bulkmsg/content/window.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/recipients/cells.hpp"
#include "engine/content.hpp"
#include "engine/duration.hpp"
#include "engine/impl.hpp"
#include "engine/sender_choice.hpp"
#include "engine/sha256.hpp"
#include "inbound/account_events.hpp"
#include "store/accounts.hpp"
#include "store/allowances.hpp"
#include "store/keys.hpp"
#include "store/lanes.hpp"
#include "store/media.hpp"
#include "store/namesakes.hpp"
#include "store/senders.hpp"
#include "store/suppressions.hpp"
#include "store/templates.hpp"

namespace bulkmsg {

namespace {

constexpr std::int64_t rows_per_chunk = 4096;  // no store job holds the writer over 20 ms
constexpr std::string_view callback_placeholder = "callback";

}  // namespace

std::vector<std::string> split_list(std::string_view joined) {
  std::vector<std::string> list;
  while (!joined.empty()) {
    const auto at = joined.find(recipients::cell_separator);
    list.emplace_back(joined.substr(0, at));
    if (at == std::string_view::npos) break;
    joined.remove_prefix(at + 1);
  }
  return list;
}

std::string join_list(const std::vector<std::string>& list) {
  std::string joined;
  for (const auto& each : list) {
    if (&each != &list.front()) joined += recipients::cell_separator;
    joined += each;
  }
  return joined;
}

namespace {

error nobody_left(const store::campaign_row& row, const store::left_out& out) {
  struct part {
    errc why;
    const char* words;
  };
  static constexpr part parts[] = {
      {errc::duplicate_recipient, " were reached after all by the campaign that is sent again; discard this one"},
      {errc::recipient_suppressed, " are suppressed (see `bulkmsg suppressions`)"},
      {errc::window_closed, " have not written within 24 hours, and then only templates may be sent; send a template"},
      {errc::consent_missing,
       " have no known consent to marketing; if they gave it, say where (state_consent, or `bulkmsg send --consent "
       "SOURCE`)"},
  };
  error why{errc::recipient_suppressed, "campaign '" + row.name + "' has nobody to be sent to", 0, 0};
  const char* between = ": of its recipients ";
  for (const auto& each : parts) {
    const auto n = out.count(each.why);
    if (n == 0) continue;
    why.code = each.why;
    why.message += between + std::to_string(n) + each.words;
    between = ", ";
  }
  return why;
}

}  // namespace

errc engine::impl::takes(store::database& db, store::screen& screened, const laid_out& ready, std::string_view address,
                         std::int64_t at, std::string_view from) const {
  const auto why = screened.check(address, at);
  if (why != errc::ok || !ready.needs_window) return why;
  return content::allowed_free_form(address, store::last_inbound(db, address, from), now_ms());
}

result<std::vector<planned_sender>> engine::impl::ready_senders(const store::campaign_row& row, files_of& files) {
  auto found = read([&](store::database& db) {
    std::vector<planned_sender> all;
    for (const auto id : row.senders) {
      all.emplace_back();
      all.back().id = id;
      all.back().settings = store::read_sender(db, id);
      all.back().limits = store::limits_of(db, all.back().settings);
    }
    return std::pair(std::move(all), store::read_template(db, row.content));
  });
  if (!found) return fail(found.error());
  auto& [senders, json] = *found;
  for (auto& s : senders) {
    auto made = compile(row, s.settings, json);
    if (!made) return fail(made.error());
    if (&s == &senders.front()) {
      auto named = own_files(row, *made->content);
      if (!named) return fail(named.error());
      files = std::move(*named);
    }
    if (!files.empty()) {
      if (!speaks_whatsapp(s.settings)) {
        return fail(errc::media_not_supported, "'" + files.begin()->first +
                                                   "': files of your own go over WhatsApp only; "
                                                   "give an https:// link");
      }
      // Ids change with each upload; what is hashed is the path and the bytes.
      content::file_ids placeholders;
      for (const auto& [value, file] : files) placeholders.emplace(value, value + '#' + file.sha256);
      made = compile(row, s.settings, json, placeholders);
      if (!made) return fail(made.error());
    }
    if (auto sendable = check_template(row, s.settings); !sendable) return fail(sendable.error());
    auto hours =
        campaign_hours::make(row.hours, row.hours_in, s.settings.time_zone, split_list(row.columns), clock_.wall());
    if (!hours) return fail(hours.error());
    s.ready = std::move(*made);
    s.hours = std::make_shared<campaign_hours>(std::move(*hours));
  }
  return std::move(senders);
}

namespace {

// What the hash covers of a sender beside the bodies.
std::string identity_of(const planned_sender& s) {
  const auto& x = s.settings;
  return x.channel + "\n" + x.channel_description + "\n" + x.origin + "\n" + x.api_version + "\n" + x.phone_number_id +
         "\n" + std::to_string(s.ready.route) + "\n" + x.limits + "\n";
}

// At best: the slowest sender's time, and that of the senders of each portfolio for all of its people together.
std::chrono::milliseconds longest_duration(const std::vector<planned_sender>& senders, nanoseconds_t wall) {
  std::chrono::milliseconds longest{0};
  std::map<std::string, std::pair<std::vector<pacing::limit>, std::int64_t>> portfolios;
  for (const auto& s : senders) {
    longest = std::max(longest, shortest_duration(s.limits, *s.hours, wall, zone_of(s.settings)));
    if (s.settings.portfolio.empty() || senders.size() == 1) continue;
    auto& [shared, people] = portfolios[s.settings.portfolio];
    for (const auto& l : s.limits) {
      if (l.kind == pacing::limit_kind::recipients) shared.push_back(l);
    }
    for (const auto& l : s.hours->lanes()) people += l.messages;
  }
  for (const auto& [name, of] : portfolios) {
    const auto together = shortest_duration(of.first, of.second, wall, absl::UTCTimeZone());
    longest = std::max(longest, std::chrono::milliseconds(together / millisecond));
  }
  return longest;
}

}  // namespace

result<planned> engine::impl::plan(const store::campaign_row& row, files_of& files) {
  if (auto ok = complete(row); !ok) return fail(ok.error());
  const auto wall = clock_.wall();
  auto ready = ready_senders(row, files);
  if (!ready) return fail(ready.error());

  planned made;
  made.senders = std::move(*ready);
  made.rules = made.senders.front().ready.rules;
  // Before the first recipient is looked at: whatever changes from here on is seen again when messages are claimed.
  auto changes = read([](store::database& db) { return store::last_consent_change(db); });
  if (!changes) return fail(changes.error());
  made.screened_at = *changes;

  store::namesakes known(row.id, row.recipients);
  for (bool more = true; more;) {
    auto looked = read([&](store::database& db) { return known.look(db); });
    if (!looked) return fail(looked.error());
    more = *looked;
  }
  sender_choice choice;
  for (const auto& s : made.senders) choice.add(s.id, s.settings.phone_number_id, s.limits);
  const bool several = made.senders.size() > 1;
  if (several) made.sender_of.resize(static_cast<std::size_t>(row.recipients));
  std::vector<std::int64_t> shares(made.senders.size());

  const auto& content = made.senders.front().ready.content;
  content_inspection inspection(*content);
  if (auto rules = inspection.load(row.content_rules); !rules) return fail(rules.error());
  sha256 bodies;
  std::string body;
  std::vector<std::string_view> cells(content->column_count());
  for (std::int64_t from = 0; from < row.recipients; from += rows_per_chunk) {
    auto chunk = read([&](store::database& db) {
      store::screen screened(db, row.id, made.rules);
      auto r = db.select("SELECT address, parameters, line FROM recipients WHERE id >= ?1 AND id < ?2 ORDER BY id",
                         store::row_key(row.id, from),
                         store::row_key(row.id, std::min(from + rows_per_chunk, row.recipients)));
      for (auto i = from; r.next(); ++i) {
        const auto place = choice.of(db, r.text(0));
        const auto& sender = made.senders[place];
        if (const auto why = takes(db, screened, sender.ready, r.text(0), i, sender.settings.phone_number_id);
            why != errc::ok) {
          made.out.add(i, why);
          continue;
        }
        if (known.again(db, r.text(0))) {
          made.out.add(i, errc::duplicate_recipient);
          continue;
        }
        if (several) {
          if (r.text(0).starts_with("group:")) {
            throw store::store_error{
                error{errc::conflict,
                      "line " + std::to_string(r.integer(2)) +
                          ": a group belongs to one number, and the campaign has several senders; send to groups in a "
                          "campaign of its own",
                      0, 0}};
          }
          made.sender_of[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(place);
        }
        ++shares[place];
        if (!recipients::split_cells(r.text(1), cells)) {
          throw store::store_error{error{errc::store_corrupt, "a recipient's parameters do not fit the columns", 0, 0}};
        }
        body.clear();
        if (several) body = std::to_string(place) + ' ';
        body += r.text(0);  // a chat platform's address may stand outside the body
        body += ' ';
        sender.ready.content->render(body, r.text(0), callback_placeholder, cells);
        body += '\n';
        bodies.add(body);
        inspection.row(cells, r.integer(2));
        if (sender.hours->by_recipient()) {
          const auto lane = sender.hours->lane_of(r.text(0), r.text(1));
          if (!lane) {
            throw store::store_error{
                error{lane.error().code, "line " + std::to_string(r.integer(2)) + ": " + lane.error().message, 0, 0}};
          }
          sender.hours->count(*lane);
        }
        if (made.summary.preview.empty()) made.summary.preview = content->preview(cells);
      }
      return true;
    });
    if (!chunk) return fail(chunk.error());
  }
  if (auto allowed = inspection.verdict(); !allowed) return fail(allowed.error());
  auto& summary = made.summary;
  summary.warnings = inspection.warnings();
  summary.messages = row.recipients - made.out.count();
  summary.suppressed = made.out.count(errc::recipient_suppressed);
  summary.without_consent = made.out.count(errc::consent_missing);
  summary.window_closed = made.out.count(errc::window_closed);
  if (summary.messages == 0) return fail(nobody_left(row, made.out));
  summary.credits = row.account != 0 ? summary.messages * row.credits_per_message : 0;
  summary.credits_available = -1;
  if (row.account != 0) {
    auto account = read([&](store::database& db) { return store::read_account(db, row.account); });
    if (!account) return fail(account.error());
    summary.credits_available = account->balances.available();
  }
  const auto rule = read([&](store::database& db) { return store::read_rule(db, row.id); });
  if (!rule) return fail(rule.error());
  const auto& first = made.senders.front().settings;
  if (!speaks_whatsapp(first)) {  // all are of one description
    auto described = chat_description_of(first);
    if (!described) return fail(described.error());
    made.repeat_ms = described->repeat_ms();
  }
  std::string identities, zones;
  for (std::size_t i = 0; i < made.senders.size(); ++i) {
    const auto& s = made.senders[i];
    if (!s.hours->by_recipient()) s.hours->count(0, shares[i]);
    identities += identity_of(s);
    zones += " " + s.settings.time_zone;
    if (several) summary.by_sender.emplace_back(s.settings.name, shares[i]);
  }
  summary.duration = longest_duration(made.senders, wall);
  sha256 whole;
  whole.add("bulkmsg plan 1\n" + identities + "credits " + std::to_string(summary.credits) +
            (row.hours.empty() ? "" : "\nhours " + row.hours + " in " + row.hours_in + zones) + "\nunconfirmed " +
            std::string(name(rule->rule)) + " " +
            std::to_string(rule->rule == unconfirmed_rule::hold ? 0 : rule->wait_ms) + "\n" + bodies.hex());
  summary.hash = whole.hex();
  return made;
}

// draft or scheduled -> starting -> sending.
result<void> engine::impl::freeze(const store::campaign_row& row, const planned& plan, const std::string& start_key,
                                  const std::string& actor, campaign_state back_to) {
  const auto& summary = plan.summary;
  bool touched = true;  // as far as is known
  const auto lay = [&]() -> result<void> {
    std::vector<std::vector<std::int32_t>> lanes;  // by sender, by window; 0: nobody is in it
    // One lane for all: laid in one statement a chunk.
    const bool whole = plan.senders.size() == 1 && !plan.senders.front().hours->by_recipient();
    auto begun = writer_->run([&](store::database& db) {
      // A schedule may have been cancelled or moved while its campaign was planned; who came in since has no place.
      const auto now = store::read_campaign(db, row.id);
      if (now.state != row.state || now.scheduled_at_ms != row.scheduled_at_ms || now.recipients != row.recipients) {
        throw store::store_error{error{
            errc::conflict, "the campaign was changed by another call while it was planned; start it again", 0, 0}};
      }
      store::change_state(db, row.id, campaign_state::starting, "start", "", now_ms(), actor);
      db.run(
          "UPDATE campaigns SET start_key = ?2, marketing = ?3, needs_consent = ?4, screened_at = ?5, "
          "same_media = ?6 WHERE id = ?1",
          row.id, start_key, plan.rules.marketing, plan.rules.needs_consent, plan.screened_at,
          plan.senders.front().ready.content->same_media());
      store::set_repeats(db, row.id, plan.repeat_ms);
      lanes.clear();
      for (const auto& s : plan.senders) {
        auto& mine = lanes.emplace_back();
        for (const auto& l : s.hours->lanes()) {
          mine.push_back(l.messages == 0 ? 0 : store::insert_lane(db, row.id, whole ? l.messages : 0, l.zones, s.id));
        }
        for (const auto& [value, media] : s.files) store::put_campaign_media(db, row.id, s.id, value, media);
      }
    });
    touched = begun.has_value();
    if (!begun) return begun;
    std::int64_t gone = 0;
    for (std::int64_t from = 0; from < row.recipients && begun; from += rows_per_chunk) {
      std::int64_t after = gone;  // a job may run twice
      begun = writer_->run([&](store::database& db) {
        if (whole) {
          after = store::lay(db, row.id, lanes.front().front(), from, rows_per_chunk, plan.out, gone);
          return;
        }
        const auto lane_of = [&](std::int64_t at_row, std::string_view address, std::string_view parameters) {
          const auto place = plan.sender_of.empty() ? 0 : plan.sender_of[static_cast<std::size_t>(at_row)];
          const auto at = plan.senders[place].hours->lane_of(address, parameters);
          if (!at || *at >= lanes[place].size() || lanes[place][*at] == 0) {
            throw store::store_error{error{errc::conflict, "the recipients changed while the plan was made", 0, 0}};
          }
          return lanes[place][*at];
        };
        after = store::lay(db, row.id, lane_of, from, rows_per_chunk, plan.out, gone);
      });
      gone = after;
    }
    if (begun) {
      begun = writer_->run([&](store::database& db) {
        for (const auto& s : plan.senders) {  // they may have been fetched while it was planned
          store::check_template(db, s.settings.business_account_id, row.content, row.name);
        }
        if (row.account != 0) {
          const auto reservation = store::reserve(db, row.account, row.id, summary.credits, now_ms(),
                                                  "start of campaign " + std::to_string(row.id));
          db.run("UPDATE campaigns SET reservation = ?2 WHERE id = ?1", row.id, reservation);
        }
        db.run("UPDATE campaigns SET plan_hash = ?2 WHERE id = ?1", row.id, summary.hash);
        store::change_state(db, row.id, campaign_state::sending, "send", "", now_ms(), actor);
        static_cast<void>(inbound::account_events(db, now_ms()).stand_by(row.id));
      });
    }
    return begun;
  };
  const auto undo = [&](std::string_view why) {
    const auto undone = writer_->run([&](store::database& db) {
      if (store::read_campaign(db, row.id).state != campaign_state::starting) return;
      store::undo_start(db, row.id, why, now_ms(), back_to);
    });
    if (undone) return;
    io_->post([this, id = row.id] {
      ended_.push_back(id);
      look_at_rules();
    });
  };
  try {
    auto begun = lay();
    if (!begun && touched) undo(begun.error().message);
    return begun;
  } catch (...) {  // no memory: what the caller is told of did not happen
    undo("");
    throw;
  }
}

result<plan_summary> engine::impl::begin(const store::campaign_row& row, const start_options& options) {
  if (auto ok = complete(row); !ok) return fail(ok.error());
  auto senders = read([&](store::database& db) {
    std::vector<sender_settings> all;
    for (const auto id : row.senders) all.push_back(store::read_sender(db, id));
    return all;
  });
  if (!senders) return fail(senders.error());
  for (const auto& sender : *senders) {
    if (auto channel = make_channel(sender); options_.send && !channel) return fail(channel.error());
  }
  if (row.account != 0) {
    // A new month's credits are there from its first day.
    auto billed = writer_->run([&](store::database& db) { store::bill(db, row.account, clock_.wall()); });
    if (!billed) return fail(billed.error());
  }
  impl::files_of files;
  auto made = plan(row, files);
  if (!made) return fail(made.error());
  const auto& planned = made->summary;
  if (!options.expected_hash.empty() && options.expected_hash != planned.hash) {
    return fail(errc::conflict, "the plan has changed since it was looked at: its hash is " + planned.hash + ", not " +
                                    options.expected_hash + "; look at it again before starting");
  }
  if (row.account != 0 && planned.credits_available < planned.credits) {
    return fail(errc::credits_short, "not enough credits: " + std::to_string(planned.credits) + " needed, " +
                                         std::to_string(planned.credits_available) + " available, " +
                                         std::to_string(planned.credits - planned.credits_available) +
                                         " missing; top up, or send to fewer");
  }
  for (auto& s : made->senders) {
    auto uploaded = upload_files(s.settings, files, now_ms() + planned.duration.count());
    if (!uploaded) return fail(uploaded.error());
    s.files = std::move(*uploaded);
  }
  if (auto frozen = freeze(row, *made, options.idempotency_key, options.actor, row.state); !frozen) {
    return fail(frozen.error());
  }
  // It has begun, whatever follows: the answer needs no memory.
  events_.durable_waiting();
  run_campaign(row.id);
  return std::move(made->summary);
}

result<plan_summary> engine::dry_run(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  impl::files_of files;
  auto made = self_->plan(*row, files);
  if (!made) return fail(made.error());
  return made->summary;
}

result<plan_summary> engine::start(campaign_id campaign, const start_options& options) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const impl::exclusive starting(*self_, campaign.value);
  if (auto mine = starting.had(); !mine) return fail(mine.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  if (row->state != campaign_state::draft) {
    // Started already by the same call: runs once, and the plan is the frozen one. One that is still starting was not:
    // nobody else is at it, so it failed and is undone as soon as the store lets us.
    if (row->state != campaign_state::starting && !options.idempotency_key.empty() &&
        options.idempotency_key == row->start_key) {
      const auto messages = row->recipients - row->screened_out;
      return plan_summary{.hash = row->plan_hash,
                          .messages = messages,
                          .credits = row->account != 0 ? messages * row->credits_per_message : 0,
                          .credits_available = -1};
    }
    return fail(check_call(row->state, campaign_call::start).error());
  }
  return self_->begin(*row, options);
}

}  // namespace bulkmsg
