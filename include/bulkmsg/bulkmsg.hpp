// Everything a host needs to send: the engine and the plain types of its calls.
//
// The rooms can be used alone, without an engine, header-only; each is included by its own name:
//
//   base/        errors as values, clocks, ids
//   recipients/  csv.hpp, list.hpp, rows_json.hpp (simdjson): rows from text; phone.hpp: E.164; address.hpp: every
//                kind of address; audience.hpp: rows checked and deduplicated; segment.hpp: conditions on contacts
//   content/     message.hpp: what is said, message_json.hpp, template_json.hpp (simdjson): read from JSON;
//                compiled_message.hpp: rendering, checks and previews
//   credits/     ledger.hpp, rules.hpp, audit.hpp: accounts whose credits are conserved; billing.hpp (abseil): dates
//   pacing/      limit.hpp: "80/s" as data; permit.hpp: many limits at once, all or nothing; fair_queue.hpp: whose turn
//                it is; sending_window.hpp (abseil): hours of the week in the zones of a country
//   channels/    channel.hpp: what a provider is to the sender; whatsapp_*.hpp: request bytes, error codes;
//                chat*.hpp: any chat platform from a description; *_json.hpp, *_channel.hpp, chat_body.hpp (simdjson):
//                the rest
//   campaign/    life_cycle.hpp: the states and their names; counters.hpp
//   net/         transport.hpp: what the sender needs of a network
//   inbound/     signature.hpp: is a webhook genuine?
//
// records/ holds what goes in and out of the engine's calls, by topic; engine.hpp brings all of it.
#pragma once

#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/recipients/csv.hpp"
#include "bulkmsg/recipients/phone.hpp"
#include "bulkmsg/version.hpp"
