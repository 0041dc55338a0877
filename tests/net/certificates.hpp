// A certificate authority of a test's own, on OpenSSL's API: right, wrong, expired and self-signed in milliseconds.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace bulkmsg::testing {

template <auto Free>
struct freed {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed<X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freed<SSL_CTX_free>>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

struct identity_options {
  std::string common_name = "test";
  std::string alternative_names;  // "DNS:localhost", "IP:127.0.0.1"; empty: none
  bool is_ca = false;
  long begins_in_seconds = -3600;
  long ends_in_seconds = 3600;
};

inline void add_extension(X509* to, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (e == nullptr) throw std::runtime_error("bad extension " + value);
  X509_add_ext(to, e, -1);
  X509_EXTENSION_free(e);
}

// Signed by `issuer`, or by itself when there is none.
inline identity make_identity(const identity_options& o, const identity* issuer = nullptr) {
  static long serial = 1000;
  identity made{key_ptr(EVP_EC_gen("P-256")), certificate_ptr(X509_new())};
  X509* c = made.certificate.get();
  X509_set_version(c, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(c), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(c), o.begins_in_seconds);
  X509_gmtime_adj(X509_getm_notAfter(c), o.ends_in_seconds);
  X509_set_pubkey(c, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(o.common_name.c_str()), -1, -1, 0);
  X509* signer = issuer != nullptr ? issuer->certificate.get() : c;
  X509_set_issuer_name(c, X509_get_subject_name(signer));
  add_extension(c, signer, NID_basic_constraints, o.is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!o.alternative_names.empty()) add_extension(c, signer, NID_subject_alt_name, o.alternative_names);
  if (X509_sign(c, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256()) == 0) {
    throw std::runtime_error("cannot sign");
  }
  return made;
}

inline context_ptr server_context(const identity& who) {
  context_ptr made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(made.get(), who.certificate.get());
  SSL_CTX_use_PrivateKey(made.get(), who.key.get());
  return made;
}

// A PEM file that lives as long as this.
class pem_file {
 public:
  explicit pem_file(const identity& who) {
    path_ = "/tmp/bulkmsg-ca-XXXXXX";
    const int fd = ::mkstemp(path_.data());
    FILE* file = ::fdopen(fd, "w");
    PEM_write_X509(file, who.certificate.get());
    std::fclose(file);
  }
  ~pem_file() { ::unlink(path_.c_str()); }
  pem_file(const pem_file&) = delete;
  pem_file& operator=(const pem_file&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace bulkmsg::testing
