// The words with which people say that they want no more messages.
//
//   auto words = opt_out_words::parse("STOP, BAJA, no more offers=marketing");
//   words->asked_by("Stop!");                    // consent_scope::all
//   words->asked_by("please don't stop");        // nothing: a whole message or button, not a word in a sentence
//
// A message asks for it when it is one of the words and nothing else, in any case and with any blanks and punctuation;
// so does a button or a list choice by its title or its payload. Empty settings mean usual_opt_out_words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "bulkmsg/base/result.hpp"
#include "bulkmsg/content/content_check.hpp"
#include "bulkmsg/recipients/consent.hpp"

namespace bulkmsg::inbound {

// What bars marketing only is what people press below an offer; the provider's own button has the same words.
inline constexpr std::string_view usual_opt_out_words =
    "stop, stop all, stopall, unsubscribe, cancel, end, quit, opt out, optout, remove me, "  // English
    "baja, alto, parar, detener, cancelar, darse de baja, no más mensajes, "                 // Spanish
    "sair, pare, descadastrar, cancelar inscrição, remover, "                                // Portuguese
    "arret, arrêt, arrêter, désabonner, désinscrire, stop pub, "                             // French
    "stopp, abmelden, abbestellen, austragen, "                                              // German
    "ferma, basta, cancellami, disiscrivi, annulla iscrizione, "                             // Italian
    "afmelden, uitschrijven, "                                                               // Dutch
    "wypisz, rezygnuję, avsluta, avregistrera, afmeld, peru, lopeta, odhlásit, "             // Polish, Nordic, Czech
    "dur, durdur, iptal, DURDUR, "                                                           // Turkish
    "стоп, отписаться, отписка, відписатися, "                                               // Russian, Ukrainian
    "berhenti, batal langganan, hủy, dừng, DỪNG, HỦY, ยกเลิก, "                               // Indonesian, ...
    "توقف, إيقاف, إلغاء الاشتراك, הסר, הסרה, बंद करो, रोकें, "                                  // Arabic, Hebrew, Hindi
    "退订, 停止, 取消订阅, 退訂, 配信停止, 수신거부, "  // Chinese, Japanese, Korean
    "stop promotions=marketing, no more offers=marketing, detener promociones=marketing, "
    "parar promoções=marketing, stop aux promotions=marketing, werbung stoppen=marketing, "
    "interrompi promozioni=marketing";

inline constexpr std::size_t opt_out_words_bytes_max = 16 * 1024;

// Thread: const members may be called at the same time.
class opt_out_words {
 public:
  // Words separated by commas; one that ends in `=marketing` asks for no more marketing, any other (or `=all`) for no
  // more of anything. `-`: no words at all. Errors: bad_option_value.
  static result<opt_out_words> parse(std::string_view written) {
    if (written.empty()) written = usual_opt_out_words;
    opt_out_words made;
    if (written == "-") return made;
    if (written.size() > opt_out_words_bytes_max) {
      return fail(errc::bad_option_value, "opt_out_words: at most 16 KiB");
    }
    while (!written.empty()) {
      const auto end = std::min(written.find(','), written.size());
      std::string_view word = written.substr(0, end);
      written.remove_prefix(std::min(end + 1, written.size()));
      auto scope = consent_scope::all;
      if (const auto at = word.find('='); at != std::string_view::npos) {
        const std::string asked = folded(word.substr(at + 1));
        if (asked != "marketing" && asked != "all") {
          return fail(errc::bad_option_value, "opt_out_words: after '=' comes marketing or all, not '" +
                                                  std::string(word.substr(at + 1, 32)) + "'");
        }
        if (asked == "marketing") scope = consent_scope::marketing;
        word = word.substr(0, at);
      }
      auto key = folded(word);
      if (key.empty()) {
        return fail(errc::bad_option_value,
                    "opt_out_words: an empty word; write words separated by commas, or - for none");
      }
      made.words_[std::move(key)] = scope;
    }
    return made;
  }

  // What this text, button title or payload asks for; nothing for any other message.
  [[nodiscard]] std::optional<consent_scope> asked_by(std::string_view text) const {
    constexpr std::size_t longest = 128;  // of any message that is only such a word
    if (words_.empty() || text.size() > longest) return std::nullopt;
    const auto found = words_.find(folded(text));
    return found == words_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  static std::string folded(std::string_view text) {
    std::string buffer, joined;
    for (const auto word : content::detail::folded_words(text, buffer)) {
      if (!joined.empty()) joined += ' ';
      joined += word;
    }
    return joined;
  }

  std::unordered_map<std::string, consent_scope> words_;
};

}  // namespace bulkmsg::inbound
