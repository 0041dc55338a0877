// How the rows of the store are told in JSON: the fields of an object, between its braces.
#pragma once

#include <string>

#include "bulkmsg/engine.hpp"
#include "bulkmsg/recipients/contact.hpp"
#include "json.hpp"

namespace bulkmsg::capi {

void write(json_writer& json, const template_info& row);
void write(json_writer& json, const saved_message& row);
void write(json_writer& json, const media_info& row);
void write(json_writer& json, const account_status& row);
void write(json_writer& json, const ledger_row& row);
void write(json_writer& json, const campaign_status& row);
void write(json_writer& json, const message_row& row);
void write(json_writer& json, const participant_row& row);
void write(json_writer& json, const rejected_row& row);
void write(json_writer& json, const history_row& row);
void write(json_writer& json, const reply_row& row);
void write(json_writer& json, const contact_row& row);
void write(json_writer& json, const recipients::attribute& row);
void write(json_writer& json, const segment_row& row);
void write(json_writer& json, const suppression_row& row);
void write(json_writer& json, const consent_log_row& row);
void write(json_writer& json, const reason_count& row);

template <class Row>
std::string object(const Row& row) {
  json_writer json;
  json.open('{');
  write(json, row);
  return json.close('}').take();
}

template <class Rows>
std::string array(const Rows& rows) {
  json_writer json;
  json.open('[');
  for (const auto& row : rows) {
    json.open('{');
    write(json, row);
    json.close('}');
  }
  return json.close(']').take();
}

}  // namespace bulkmsg::capi
