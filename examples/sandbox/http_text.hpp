// The bytes of an HTTP/1.1 answer.
#pragma once

#include <string>
#include <string_view>

#include "provider.hpp"

namespace sandbox {

std::string_view reason_phrase(unsigned status);

/// A cut-short answer announces its whole length and brings half of the body.
void append_answer(std::string& out, const answer& what, bool keep_alive);

}  // namespace sandbox
