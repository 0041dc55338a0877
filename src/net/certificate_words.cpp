#include "net/certificate_words.hpp"

#include <openssl/x509v3.h>

#include <ctime>

namespace bulkmsg::net {
namespace {

std::string names_in(X509* certificate) {
  std::string out;
  int count = 0;
  const auto add = [&](std::string_view name) {
    if (++count > 3) return;
    if (!out.empty()) out += ", ";
    out += printable(name);
  };
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) {
      add({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
           static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))});
    } else if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4) {
      const unsigned char* a = ASN1_STRING_get0_data(name->d.iPAddress);
      add(std::to_string(a[0]) + '.' + std::to_string(a[1]) + '.' + std::to_string(a[2]) + '.' + std::to_string(a[3]));
    }
  }
  GENERAL_NAMES_free(names);
  if (count > 3) out += ", ...";
  return out.empty() ? "another name" : out;
}

std::string day(const ASN1_TIME* time) {
  tm t{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &t) != 1) return "an unreadable date";
  char text[32];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%d", &t);
  return {text, n};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 100)) out += c >= ' ' && c < 127 ? c : '?';
  return out;
}

std::string why_refused(X509_STORE_CTX* verifying, const std::string& name) {
  const int code = X509_STORE_CTX_get_error(verifying);
  X509* certificate = X509_STORE_CTX_get_current_cert(verifying);
  switch (certificate != nullptr ? code : X509_V_ERR_UNSPECIFIED) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "the certificate is for " + names_in(certificate) + ", not " + name +
             "; check the address, or set tls.server_name";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate of " + name + " expired on " + day(X509_get0_notAfter(certificate)) +
             "; the server needs a new one (or this machine's clock is wrong)";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate of " + name + " is not valid before " + day(X509_get0_notBefore(certificate)) +
             "; check this machine's clock";
    default:
      return "the certificate of " + name + " is not trusted: " + X509_verify_cert_error_string(code) +
             "; give a CA file with tls.ca_file";
  }
}

}  // namespace bulkmsg::net
