// Everything a host needs to send: the engine and the plain types of its calls.
//
// The rooms can be used alone, without an engine, header-only; each is included by its own name:
//
//   base/        errors as values, clocks, ids
//   recipients/  csv.hpp: rows from CSV; phone.hpp: E.164; audience.hpp (abseil): rows checked and deduplicated
//   content/     message.hpp: what is said, message_json.hpp, template_json.hpp (simdjson): read from JSON; compiled_message.hpp:
//                rendering, checks and previews
//   credits/     ledger.hpp, rules.hpp, audit.hpp: accounts whose credits are conserved; billing.hpp (abseil): dates
//   pacing/      limit.hpp: "80/s" as data; permit.hpp: many limits at once, all or nothing
//   channels/    whatsapp_*.hpp: request bytes, error codes; *_json.hpp (simdjson): answers and webhooks
//   campaign/    life_cycle.hpp: the states and their names; counters.hpp
//   net/         transport.hpp: what the sender needs of a network
//   inbound/     signature.hpp: is a webhook genuine?
#pragma once

#include "bulkmsg/campaign/counters.hpp"
#include "bulkmsg/campaign/life_cycle.hpp"
#include "bulkmsg/engine.hpp"
#include "bulkmsg/inbound/signature.hpp"
#include "bulkmsg/pacing/limit.hpp"
#include "bulkmsg/recipients/csv.hpp"
#include "bulkmsg/recipients/phone.hpp"
#include "bulkmsg/version.hpp"
