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
int retry(const options& given);

// settle_commands.cpp
int resolve(const options& given);
bulkmsg::retry_report make_child(bulkmsg::engine& runner, const options& given);

int start(const options& given);
int test_send(const options& given);
int run_store(const options& given);

// campaign_commands.cpp: the life of campaigns and of the store
std::string who(const options& given);  // does it: as said, else the user of this machine
int schedule(const options& given);
int cancel(const options& given);
int history(const options& given);
int backup(const options& given);
int adopt(const options& given);
int metrics(const options& given);
int forget(const options& given);
int retention(const options& given);

// look_commands.cpp: those that only read
int list(const options& given);
int status(const options& given);
int messages(const options& given);

// recipients_commands.cpp
int rejected(const options& given);
int template_csv(const options& given);

// message_commands.cpp: what is sent
int preview(const options& given);
int own_save(const options& given);
int own_list(const options& given);
int own_show(const options& given);

// inbound_commands.cpp: webhooks
int receive(const options& given);
int ingest(const options& given);

// contacts_commands.cpp
int contacts_import(const options& given);
int contacts_list(const options& given);
int contacts_count(const options& given);
int contacts_attribute(const options& given);
int contacts_attributes(const options& given);
int segments_put(const options& given);
int segments_add(const options& given);
int segments_list(const options& given);
int segments_remove(const options& given);

// consent_commands.cpp
int suppress(const options& given);
int unsuppress(const options& given);
int suppressions(const options& given);
int consent(const options& given);
int consent_log(const options& given);

// credits_commands.cpp
int credits_plan(const options& given);
int credits_top_up(const options& given);
int credits_adjust(const options& given);
int credits_ledger(const options& given);
int credits_estimate(const options& given);
int credits_show(const options& given);
int credits_audit(const options& given);

// template_commands.cpp: what the provider has
int templates_fetch(const options& given);
int templates_list(const options& given);
int templates_show(const options& given);

// media_commands.cpp
int media_put(const options& given);
int media_list(const options& given);

}  // namespace cli
