#include "http_text.hpp"

namespace sandbox {

std::string_view reason_phrase(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 413:
      return "Payload Too Large";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    default:
      return "Unknown";
  }
}

void append_answer(std::string& out, const answer& what, bool keep_alive) {
  out += "HTTP/1.1 " + std::to_string(what.status) + ' ';
  out += reason_phrase(what.status);
  out += "\r\nContent-Type: ";
  out += what.content_type;
  out += "\r\nContent-Length: " + std::to_string(what.body.size());
  out += "\r\nfacebook-api-version: v23.0\r\nConnection: ";
  out += keep_alive ? "keep-alive\r\n\r\n" : "close\r\n\r\n";
  if (what.how == answer::delivery::cut_short) {
    out.append(what.body, 0, what.body.size() / 2);
  } else {
    out += what.body;
  }
}

}  // namespace sandbox
