#include "net/names.hpp"

#include <arpa/inet.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstring>
#include <utility>

namespace bulkmsg::net {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

address address_of(const tcp::endpoint& e) {
  address made;
  made.size = static_cast<socklen_t>(e.size());
  std::memcpy(&made.bytes, e.data(), e.size());
  return made;
}

}  // namespace

std::string address::text() const {
  char host[INET6_ADDRSTRLEN] = "?";
  if (bytes.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(bytes);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
    return std::string("[") + host + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(bytes);
  ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
  return std::string(host) + ':' + std::to_string(ntohs(v4.sin_port));
}

// Outlives `names` while Asio's own thread asks the system.
struct names::asker {
  asker(asio::io_context& io, names* of) : asks(io.get_executor()), who(of) {}
  resolver asks;
  names* who;  // none: nobody wants to know any more
};

names::names(io_thread& io, const origin& of, const clock& time) : io_(io), of_(of), time_(time) {}

names::~names() {
  if (!asker_) return;
  asker_->who = nullptr;
  asker_->asks.cancel();
}

void names::found(std::vector<address> addresses) noexcept {
  asking_ = unanswered_ = false;
  addresses_ = std::move(addresses);
  found_at_ = time_.now();
  valid_until_ = found_at_ + valid_for;
}

void names::found_none(bool no_such_name) noexcept {
  const auto now = time_.now();
  asking_ = false;
  if (no_such_name || now - found_at_ >= kept_for) addresses_.clear();
  unanswered_ = !addresses_.empty();
  valid_until_ = unanswered_ ? now + asked_again_after : 0;
}

void names::look_up(std::function<void(const std::string&)> then) {
  if (of_.is_address) {
    found({address_of({asio::ip::make_address(of_.host), of_.port})});
    then({});
    return;
  }
  if (time_.now() - found_at_ >= kept_for) addresses_.clear();
  if (!asker_) asker_ = std::make_shared<asker>(io_.context(), this);
  asker_->asks.async_resolve(
      of_.host, std::to_string(of_.port), resolver::numeric_service,
      [asked = asker_, then = std::move(then)](const boost::system::error_code& ec, const resolver::results_type& all) {
        names* const who = asked->who;
        if (who == nullptr) return;
        std::vector<address> addresses;
        for (const auto& entry : all) {
          if (!who->of_.tls && !entry.endpoint().address().is_loopback()) continue;
          if (addresses.size() < addresses_max) addresses.push_back(address_of(entry.endpoint()));
        }
        if (!addresses.empty()) {
          who->found(std::move(addresses));
        } else {
          who->found_none(!ec || ec == asio::error::host_not_found);
        }
        then(!who->addresses_.empty() ? "" : ec ? ec.message() : "no usable address");
      });
  asking_ = true;
}

}  // namespace bulkmsg::net
