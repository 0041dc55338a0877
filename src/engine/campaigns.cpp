// Campaigns as people make them: the steps in order, what is still missing, and who did what.
#include "bulkmsg/content/content_check.hpp"
#include "bulkmsg/pacing/weekly_hours.hpp"
#include "engine/impl.hpp"
#include "store/recipients.hpp"
#include "store/reports.hpp"
#include "store/senders.hpp"

namespace bulkmsg {

namespace {

result<store::campaign_row> row_of(const campaign_settings& settings) {
  if (settings.name.empty()) return fail(errc::invalid_argument, "a campaign needs a name");
  if (settings.credits_per_message < 1 || settings.credits_per_message > credits::credits_per_message_max) {
    return fail(errc::invalid_argument, "a message costs from 1 to " +
                                            std::to_string(credits::credits_per_message_max) + " credits, not " +
                                            std::to_string(settings.credits_per_message));
  }
  std::vector<std::string> mapping;
  for (const auto& [slot, from] : settings.mapping) {
    if (auto written = content::mapping().add(slot, from); !written) return fail(written.error());
    mapping.push_back(slot);
    mapping.push_back(from);
  }
  store::campaign_row row;
  row.name = settings.name;
  row.sender = settings.sender.value;
  if (row.sender == 0 && !settings.more_senders.empty()) {
    return fail(errc::invalid_argument, "more_senders: the campaign has no first sender; name it in `sender`");
  }
  if (row.sender != 0) row.senders.push_back(row.sender);
  for (const auto each : settings.more_senders) row.senders.push_back(each.value);
  row.content = settings.content.value;
  row.account = settings.account.value;
  row.mapping = join_list(mapping);
  row.agent = settings.agent;
  row.reply_to = settings.reply_to;
  row.require_consent = settings.require_consent;
  row.content_rules = settings.content_rules;
  if (auto rules = content::content_check::parse(row.content_rules); !rules) return fail(rules.error());
  row.credits_per_message = settings.credits_per_message;
  constexpr std::int64_t weight_max = 100;
  if (settings.weight < 1 || settings.weight > weight_max) {
    return fail(errc::invalid_argument, "a campaign's weight is from 1 to " + std::to_string(weight_max) + ", not " +
                                            std::to_string(settings.weight));
  }
  row.weight = settings.weight;
  row.urgent = settings.urgent;
  row.hours = settings.hours;
  row.hours_in = settings.hours_in;
  if (!row.hours.empty()) {
    if (auto hours = pacing::parse_hours(row.hours); !hours) return fail(hours.error());
  }
  if (auto rule = check_rule(settings); !rule) return fail(rule.error());
  return row;
}

}  // namespace

result<campaign_id> engine::create_campaign(const campaign_settings& settings) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  auto row = row_of(settings);
  if (!row) return fail(row.error());
  std::int64_t id = 0;
  auto stored = self_->writer_->run([&](store::database& db) {
    id = store::insert_campaign(db, *row, self_->now_ms(), settings.actor);
    store::set_rule(db, id, settings.when_unconfirmed, settings.unconfirmed_wait.count());
  });
  if (!stored) return fail(stored.error());
  return campaign_id{id};
}

result<void> engine::edit(campaign_id campaign, const campaign_settings& settings) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const impl::exclusive editing(*self_, campaign.value);
  if (auto mine = editing.had(); !mine) return mine;
  auto row = row_of(settings);
  if (!row) return fail(row.error());
  return self_->writer_->run([&](store::database& db) {
    store::edit_campaign(db, campaign.value, *row, self_->now_ms(), settings.actor);
    store::set_rule(db, campaign.value, settings.when_unconfirmed, settings.unconfirmed_wait.count());
  });
}

result<void> engine::discard(campaign_id campaign, const std::string& actor) {
  const auto call = self_->enter(true);
  if (!call) return fail(call.error());
  const impl::exclusive discarding(*self_, campaign.value);
  if (auto mine = discarding.had(); !mine) return mine;
  for (bool undone = false; !undone;) {
    auto step = self_->writer_->run([&](store::database& db) {
      store::check_call(db, campaign.value, campaign_call::discard);
      undone = store::undo_import(db, campaign.value, 0, 0);
    });
    if (!step) return step;
  }
  return self_->writer_->run(
      [&](store::database& db) { store::erase_draft(db, campaign.value, self_->now_ms(), actor); });
}

std::vector<missing_step> missing_of(const store::campaign_row& row, const std::optional<sender_settings>& sender) {
  std::vector<missing_step> list;
  if (row.name.empty()) list.push_back({campaign_step::name, "it has no name; give one (edit)"});
  if (row.content == 0) {
    list.push_back({campaign_step::content, "it has no message; choose a template or an own message (edit)"});
  }
  if (!sender) list.push_back({campaign_step::content, "it has no sender; choose over which one it goes (edit)"});
  if (row.recipients == 0) {
    list.push_back({campaign_step::audience, "it has no recipients; import some first"});
  }
  if (sender && speaks_whatsapp(*sender) && row.agent.empty() && sender->agent.empty()) {
    list.push_back(
        {campaign_step::settings,
         "it has no primary agent, whom the replies to a WhatsApp campaign are handed to; set `agent` in the "
         "campaign, or in its sender for all campaigns"});
  }
  return list;
}

result<std::vector<missing_step>> engine::impl::missing(const store::campaign_row& row) {
  return read([&](store::database& db) {
    std::optional<sender_settings> sender;
    if (row.sender != 0) sender = store::read_sender(db, row.sender);
    return missing_of(row, sender);
  });
}

result<void> engine::impl::complete(const store::campaign_row& row) {
  auto list = missing(row);
  if (!list) return fail(list.error());
  if (list->empty()) return {};
  return fail(errc::wrong_state, "campaign '" + row.name + "' is not complete (" +
                                     std::string(name(list->front().step)) + "): " + list->front().what);
}

result<std::vector<missing_step>> engine::missing(campaign_id campaign) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  auto row = self_->read([&](store::database& db) { return store::read_campaign(db, campaign.value); });
  if (!row) return fail(row.error());
  if (row->state != campaign_state::draft && row->state != campaign_state::scheduled) {
    return std::vector<missing_step>{};
  }
  return self_->missing(*row);
}

result<std::vector<history_row>> engine::history(const history_filter& filter) {
  const auto call = self_->enter(false);
  if (!call) return fail(call.error());
  return self_->read([&](store::database& db) {
    if (filter.campaign) static_cast<void>(store::read_campaign(db, filter.campaign.value));
    return store::list_history(db, filter);
  });
}

}  // namespace bulkmsg
