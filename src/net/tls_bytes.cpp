#include "net/tls_bytes.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "net/certificate_words.hpp"

namespace bulkmsg::net {

namespace {

std::string reason_of(unsigned long code) {
  if (ERR_SYSTEM_ERROR(code)) return std::system_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "no reason was given";
}

}  // namespace

class tls_bytes final : public byte_layer {
 public:
  explicit tls_bytes(tls_server& with) : with_(with) {}
  ~tls_bytes() override { end(); }
  tls_bytes(const tls_bytes&) = delete;
  tls_bytes& operator=(const tls_bytes&) = delete;

  result<void> begin(int fd) override {
    fd_ = fd;
    failed_ = false;
    reason_ = "the peer spoke before it was asked";
    complaint_.clear();
    BIO* bio = nullptr;
    if ((ssl_ = SSL_new(with_.context_)) == nullptr || (bio = BIO_new(with_.socket_)) == nullptr) {
      end();
      return fail(errc::out_of_memory, "no memory for a TLS connection");
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_app_data(ssl_, this);
    SSL_set_connect_state(ssl_);
    if (with_.session_ != nullptr) SSL_set_session(ssl_, with_.session_);
    // SNI carries no address (RFC 6066, 3).
    if (!with_.name_is_address_ && SSL_set_tlsext_host_name(ssl_, with_.name_.c_str()) != 1) {
      end();
      return fail(errc::tls_failed, "the name " + printable(with_.name_) + " cannot be asked for");
    }
    return {};
  }

  step greet() override {
    ERR_clear_error();
    const int n = SSL_do_handshake(ssl_);
    return n == 1 ? step::done : what_became(n);
  }

  error why_not() const override {
    if (!complaint_.empty()) return {errc::tls_failed, complaint_};
    return {errc::tls_failed, "the TLS handshake with " + with_.where_ + " failed: " + reason_ +
                                  "; is it an https address, and does it speak TLS 1.2 or later?"};
  }

  moved read(char* to, std::size_t room) override {
    ERR_clear_error();
    moved in;
    const int n = SSL_read_ex(ssl_, to, room, &in.bytes);
    in.what = n == 1 ? step::done : what_became(n);
    return in;
  }

  moved write(const char* from, std::size_t bytes) override {
    ERR_clear_error();
    moved out;
    left_ = false;
    const int n = SSL_write_ex(ssl_, from, bytes, &out.bytes);
    out.what = n == 1 ? step::done : what_became(n);
    out.may_have_left = left_;
    return out;
  }

  bool holds_more() const noexcept override { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

  void end() noexcept override {
    if (ssl_ == nullptr) return;
    // A server that keeps sessions gives up one that ended without a word. After a failure nothing may be said any
    // more, and OpenSSL on our side is told that all is well, or it would declare the session unfit.
    const bool greeted = SSL_is_init_finished(ssl_) == 1;
    if (!failed_ && greeted) (void)SSL_shutdown(ssl_);
    // It may be the session that the server chokes on: the next handshake is a whole one.
    if (!greeted) SSL_SESSION_free(std::exchange(with_.session_, nullptr));
    SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(std::exchange(ssl_, nullptr));
    ERR_clear_error();  // the queue is the thread's, which may be the host's
  }

  // OpenSSL's own socket BIO writes without MSG_NOSIGNAL, and we are guests in the process.
  static BIO_METHOD* socket_method() noexcept {
    BIO_METHOD* m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "bulkmsg socket");
    if (m == nullptr) return m;
    BIO_meth_set_write(m, [](BIO* bio, const char* from, int bytes) {
      auto* self = static_cast<tls_bytes*>(BIO_get_data(bio));
      const auto n = static_cast<int>(::send(self->fd_, from, static_cast<std::size_t>(bytes), MSG_NOSIGNAL));
      BIO_clear_retry_flags(bio);
      if (n > 0) self->left_ = true;
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
      return n;
    });
    BIO_meth_set_read(m, [](BIO* bio, char* to, int room) {
      const auto* self = static_cast<tls_bytes*>(BIO_get_data(bio));
      const auto n = static_cast<int>(::recv(self->fd_, to, static_cast<std::size_t>(room), 0));
      BIO_clear_retry_flags(bio);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
      return n;
    });
    BIO_meth_set_ctrl(m, [](BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1L : 0L; });
    return m;
  }

  static int note_certificate(int ok, X509_STORE_CTX* verifying) noexcept {
    const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(verifying, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* self = static_cast<tls_bytes*>(SSL_get_app_data(ssl));
    // The first complaint is the one that matters; after the handshake OpenSSL has let go of the certificate.
    if (ok == 1 || !self->complaint_.empty()) return ok;
    try {
      self->complaint_ = why_refused(verifying, self->with_.name_);
    } catch (...) {  // no memory for the words: refused it is all the same
    }
    return ok;
  }

 private:
  step what_became(int n) {
    const int system = errno;
    switch (SSL_get_error(ssl_, n)) {
      case SSL_ERROR_WANT_READ:
        return step::waits_to_read;
      case SSL_ERROR_WANT_WRITE:
        return step::waits_to_write;
      case SSL_ERROR_ZERO_RETURN:
        reason_ = "the peer closed the connection";
        return step::ended;
      case SSL_ERROR_SYSCALL:
        reason_ = system != 0 ? std::system_category().message(system) : "the peer closed the connection";
        break;
      default:
        reason_ = reason_of(ERR_peek_error());
    }
    failed_ = true;
    return step::broken;
  }

  tls_server& with_;
  SSL* ssl_ = nullptr;
  int fd_ = -1;
  bool failed_ = false;  // OpenSSL allows nothing more on this one
  bool left_ = false;
  std::string reason_;
  std::string complaint_;
};

result<std::unique_ptr<tls_server>> tls_server::make(const tls_options& options, const origin& at) {
  ERR_clear_error();
  const auto why = [] {
    std::string text = reason_of(ERR_peek_error());
    ERR_clear_error();
    return text;
  };
  std::unique_ptr<tls_server> made(new tls_server);
  made->name_ = options.server_name.empty() ? at.host : options.server_name;
  made->where_ = at.host_and_port();
  made->socket_ = tls_bytes::socket_method();
  SSL_CTX* c = made->context_ = SSL_CTX_new(TLS_client_method());
  if (made->socket_ == nullptr || c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1) {
    return fail(errc::tls_failed, "no TLS context: " + why());
  }
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  // Not SSL_MODE_RELEASE_BUFFERS: 34 kB a connection are kept rather than asked for and given back twice a request.
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(c, 1);  // else every record costs two system calls: its length, then the rest
  SSL_CTX_set_app_data(c, made.get());
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(c, &tls_server::keep_session);
  static constexpr unsigned char http_1_1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (SSL_CTX_set_alpn_protos(c, http_1_1, sizeof http_1_1) != 0) return fail(errc::tls_failed, "no ALPN: " + why());

  SSL_CTX_set_verify(c, SSL_VERIFY_PEER, &tls_bytes::note_certificate);
  X509_VERIFY_PARAM* check = SSL_CTX_get0_param(c);
  X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // An address is looked for among the certificate's addresses.
  made->name_is_address_ = X509_VERIFY_PARAM_set1_ip_asc(check, made->name_.c_str()) == 1;
  // Never without the check.
  if (!made->name_is_address_ && X509_VERIFY_PARAM_set1_host(check, made->name_.data(), made->name_.size()) != 1) {
    ERR_clear_error();
    return fail(errc::invalid_argument, "tls.server_name is not a host name: " + printable(made->name_));
  }
  ERR_clear_error();
  if (options.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(c) != 1) {
      return fail(errc::tls_failed, "the system's certificates cannot be read: " + why());
    }
  } else if (SSL_CTX_load_verify_file(c, options.ca_file.c_str()) != 1) {
    return fail(errc::file_unreadable, "the CA file " + options.ca_file + " cannot be read: " + why() +
                                           "; tls.ca_file names a file of PEM certificates");
  }
  return made;
}

tls_server::~tls_server() {
  SSL_SESSION_free(session_);
  SSL_CTX_free(context_);
  BIO_meth_free(socket_);
}

std::unique_ptr<byte_layer> tls_server::make_bytes() { return std::make_unique<tls_bytes>(*this); }

// 1: it is ours now.
int tls_server::keep_session(SSL* ssl, SSL_SESSION* fresh) noexcept {
  auto* self = static_cast<tls_server*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  SSL_SESSION_free(std::exchange(self->session_, fresh));
  return 1;
}

}  // namespace bulkmsg::net
