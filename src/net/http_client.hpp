// The real transport: an HTTP/1.1 client over kept-alive connections, plain or TLS, on an io_thread.
//
//   auto client = net::make_http_client(io, {.origin = "https://graph.facebook.com"});
//   if (!client) return client.error();                  // bad origin, unreadable CA file
//   io.post([&] { (*client)->set_listener(&sender); pump(); });
#pragma once

#include <memory>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/net/transport.hpp"
#include "net/io_thread.hpp"

namespace bulkmsg::net {

// Speaks to one origin over at most `connections_max` connections, grown by doubling while acquire() finds none ready.
//
// How it keeps the promises of transport.hpp:
// - `unsent` is said only when no byte can have left: the socket took nothing, of TLS's records either.
// - Every connection is watched, so a peer's close is seen when it arrives; one that was not looked at for 100 us is
//   read before it is handed out and before its first byte, for a close not yet dispatched.
// - Every step has a deadline, looked after by one timer: up to 100 ms late, never early.
// - on_unreachable() is called when an attempt failed and no connection is left, once per back-off step (100 ms,
//   200 ms, ... 5 s); a peer that accepts and closes at once counts as unreachable, too. Retries go on until one
//   connection is ready for the acquire() that found none.
// - on_ready() also follows when an exchange ended, acquire() had found none, and its connection is still idle.
// - Addresses behind a name are tried in order, each with its share of the connect deadline; the one that answered is
//   tried first next time. Names are looked up again after a minute and after a failure; while that has no answer, or
//   none within 2 s, the addresses found before are tried, for a day at most.
//
// Errors: invalid_argument (origin, connection count, tls.server_name; plain http to anything but a loopback host),
// file_unreadable (the CA file), tls_failed (no TLS context). Thread safety: make_http_client and the destructor: any
// thread; everything else: the I/O thread. Destroying drops the ends that were not delivered; after close() they are
// still delivered, and acquire() finds nothing any more. A listener that reaches the transport through its owning
// pointer is best detached (set_listener(nullptr)) on the I/O thread first. The io_thread must outlive the transport. A
// listener that throws is counted by the io_thread and otherwise ignored.
[[nodiscard]] result<std::unique_ptr<transport>> make_http_client(io_thread& io, transport_options options);

// Whether make_http_client() would take these options. Thread: any.
[[nodiscard]] result<void> check_http_client(const transport_options& options);

}  // namespace bulkmsg::net
