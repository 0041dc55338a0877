// TLS 1.2 and 1.3 on OpenSSL's own object, over a socket that we read and write ourselves.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "bulkmsg/net/transport.hpp"
#include "net/byte_layer.hpp"
#include "net/origin.hpp"

namespace bulkmsg::net {

// What all connections to one server have in common: whom they trust, the name that its certificate must bear, and the
// session that the next handshake resumes. Must outlive its layers, and stay where it is. Thread: made on any, then the
// I/O thread's.
class tls_server {
 public:
  // Errors: file_unreadable (the CA file), invalid_argument (server_name), tls_failed (no context).
  [[nodiscard]] static result<std::unique_ptr<tls_server>> make(const tls_options& options, const origin& at);
  ~tls_server();
  tls_server(const tls_server&) = delete;
  tls_server& operator=(const tls_server&) = delete;

  [[nodiscard]] std::unique_ptr<byte_layer> make_bytes();

 private:
  friend class tls_bytes;
  tls_server() = default;
  static int keep_session(SSL* ssl, SSL_SESSION* fresh) noexcept;

  SSL_CTX* context_ = nullptr;
  BIO_METHOD* socket_ = nullptr;
  SSL_SESSION* session_ = nullptr;  // the last one that the server gave us: saves the next handshake's signatures
  std::string name_;
  bool name_is_address_ = false;
  std::string where_;
};

}  // namespace bulkmsg::net
