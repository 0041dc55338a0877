// Posts webhooks over a few kept-alive connections until each is answered 200.
#pragma once

#include <boost/asio/io_context.hpp>

#include <string>

#include "provider.hpp"
#include "settings.hpp"

namespace sandbox {

/// Starts the connections on `io`; `provider_` and `configured` outlive it.
void start_webhooks(boost::asio::io_context& io, provider& source, const settings& configured);

}  // namespace sandbox
