// Every command: takes the options, does its work, answers the exit code. Throws `failure`.
#pragma once

#include "options.hpp"

namespace cli {

// run_commands.cpp: those that send, or change what is sent
int send(const options& given);
int resume(const options& given);
int pause(const options& given);
int stop(const options& given);
int discard(const options& given);

// look_commands.cpp: those that only read
int list(const options& given);
int status(const options& given);
int messages(const options& given);
int rejected(const options& given);

// inbound_commands.cpp: webhooks
int receive(const options& given);
int ingest(const options& given);

// credits_commands.cpp
int credits_plan(const options& given);
int credits_top_up(const options& given);
int credits_adjust(const options& given);
int credits_ledger(const options& given);
int credits_estimate(const options& given);
int credits_show(const options& given);
int credits_audit(const options& given);

}  // namespace cli
