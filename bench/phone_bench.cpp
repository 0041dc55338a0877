// Phone numbers against libphonenumber: how fast, and where the verdicts differ.
//
//   phone_bench [--fills N] [--examples N] [--verdicts-only]
//
// Rows for bench.py (JSON lines) go to standard output, the table of differences to standard error. The verdicts are
// those on a generated list of all countries:
//   plan        for every country code each national number of 4 to 15 digits in total length that begins with 000 to
//               999, the other digits at random, N times (1)
//   examples    libphonenumber's example numbers of every type and region, each as +E.164, in international and
//   national
//               format, as tel: URI, and as digits without + in its region
//   at home     numbers of the plan that are valid, in national format and without trunk prefix, with their region
//   any digits  random digits with every region
// A number counts as valid when libphonenumber parses it and calls it valid. Left out of the judgement, but counted:
// what has over 15 digits, or what libphonenumber itself says cannot be dialled from abroad; neither is an E.164
// number. Exit status: 1 when a valid number is refused.
#include <phonenumbers/phonenumberutil.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "bulkmsg/recipients/phone.hpp"

namespace {

namespace peers = i18n::phonenumbers;
using peers::PhoneNumberUtil;
using namespace bulkmsg;
using namespace bulkmsg::recipients;

const PhoneNumberUtil& peer() { return *PhoneNumberUtil::GetInstance(); }

struct written {
  std::string text;
  std::string letters;  // region, or "ZZ"
};

struct tally {
  std::uint64_t numbers = 0;
  std::uint64_t both = 0;              // accepted by both, as the same number
  std::uint64_t read_differently = 0;  // accepted by both, as different numbers
  std::uint64_t neither = 0;
  std::uint64_t refused_here = 0;                      // valid there
  std::uint64_t outside = 0;                           // valid there, but not E.164, and refused here
  std::map<std::string, std::uint64_t> accepted_here;  // refused there, by its reason
  std::vector<std::string> samples;
};

std::string e164(phone number) {
  std::string out;
  append_e164(out, number);
  return out;
}

// The peer's verdict: empty when valid, else its reason; number and region only when valid.
struct peer_verdict {
  std::string reason;
  peers::PhoneNumber number;
  std::string e164;
};

peer_verdict ask_peer(const written& w) {
  peer_verdict verdict;
  if (peer().Parse(w.text, w.letters, &verdict.number) != PhoneNumberUtil::NO_PARSING_ERROR) {
    verdict.reason = "no number at all";
  } else if (peer().IsValidNumber(verdict.number)) {
    peer().Format(verdict.number, PhoneNumberUtil::E164, &verdict.e164);
  } else {
    switch (peer().IsPossibleNumberWithReason(verdict.number)) {
      case PhoneNumberUtil::TOO_SHORT:
      case PhoneNumberUtil::IS_POSSIBLE_LOCAL_ONLY:
        verdict.reason = "too short";
        break;
      case PhoneNumberUtil::TOO_LONG:
        verdict.reason = "too long";
        break;
      case PhoneNumberUtil::INVALID_COUNTRY_CODE:
        verdict.reason = "no such country";
        break;
      case PhoneNumberUtil::INVALID_LENGTH:
        verdict.reason = "no such length";
        break;
      default:
        verdict.reason = "range not in use";
    }
  }
  return verdict;
}

peer_verdict compare(const written& w, tally& sums) {
  peer_verdict there = ask_peer(w);
  region where;
  if (w.letters != "ZZ") {
    if (const auto known = region::parse(w.letters)) {
      where = *known;
    } else {
      sums.samples.push_back("unknown region " + w.letters);
      ++sums.refused_here;
    }
  }
  const phone_verdict here = parse_phone(w.text, where);
  ++sums.numbers;
  if (!there.reason.empty()) {
    here.code == errc::ok ? ++sums.accepted_here[there.reason] : ++sums.neither;
  } else if (here.code == errc::ok) {
    const bool same = e164(here.number) == there.e164;
    same ? ++sums.both : ++sums.read_differently;
    if (!same)
      sums.samples.push_back("read as " + e164(here.number) + ": " + w.text + " " + w.letters + " = " + there.e164);
  } else if (there.e164.size() > 1 + phone_digits_max || !peer().CanBeInternationallyDialled(there.number)) {
    ++sums.outside;
  } else {
    ++sums.refused_here;
    sums.samples.push_back("refused (" + std::string(name(here.code)) + "): " + w.text + " " + w.letters + " = " +
                           there.e164);
  }
  return there;
}

std::string format(const peers::PhoneNumber& number, PhoneNumberUtil::PhoneNumberFormat how) {
  std::string text;
  peer().Format(number, how, &text);
  return text;
}

std::string region_of(const peers::PhoneNumber& number) {
  std::string letters;
  peer().GetRegionCodeForNumber(number, &letters);
  return letters == "001" ? "ZZ" : letters;
}

std::string random_digits(std::mt19937& random, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += static_cast<char>('0' + random() % 10);
  return text;
}

// Every spelling of one number that is sure to mean it.
void compare_spellings(const peers::PhoneNumber& number, const std::string& letters, tally& sums) {
  const std::string plain = format(number, PhoneNumberUtil::E164);
  compare({plain, "ZZ"}, sums);
  compare({format(number, PhoneNumberUtil::INTERNATIONAL), "ZZ"}, sums);
  compare({format(number, PhoneNumberUtil::RFC3966), "ZZ"}, sums);
  if (letters == "ZZ") return;
  compare({format(number, PhoneNumberUtil::NATIONAL), letters}, sums);
  compare({plain.substr(1), letters}, sums);
}

struct verdicts {
  tally plan, examples, at_home, any_digits;
  std::vector<peers::PhoneNumber> valid;  // some of each region
};

verdicts compare_all(int fills, std::size_t per_region) {
  verdicts all;
  std::mt19937 random(1);
  std::set<int> codes;
  std::set<std::string> regions;
  peer().GetSupportedCallingCodes(&codes);
  peer().GetSupportedRegions(&regions);

  std::map<std::string, std::vector<peers::PhoneNumber>> found;
  std::map<std::string, std::size_t> seen;
  for (const int code : codes) {
    const std::string front = "+" + std::to_string(code);
    for (int lead = 0; lead < 1000; ++lead) {
      const std::string three = std::to_string(1000 + lead).substr(1);
      for (int length = 4; length + static_cast<int>(front.size()) - 1 <= 15; ++length) {
        for (int fill = 0; fill < fills; ++fill) {
          const auto there = compare({front + three + random_digits(random, length - 3), "ZZ"}, all.plan);
          if (!there.reason.empty()) continue;
          // A fair sample of each region's valid numbers.
          const std::string letters = region_of(there.number);
          std::vector<peers::PhoneNumber>& kept = found[letters];
          const std::size_t n = ++seen[letters];
          if (kept.size() < per_region) {
            kept.push_back(there.number);
          } else if (const std::size_t at = random() % n; at < per_region) {
            kept[at] = there.number;
          }
        }
      }
    }
  }

  for (const std::string& letters : regions) {
    for (int type = PhoneNumberUtil::FIXED_LINE; type <= PhoneNumberUtil::VOICEMAIL; ++type) {
      peers::PhoneNumber number;
      if (!peer().GetExampleNumberForType(letters, static_cast<PhoneNumberUtil::PhoneNumberType>(type), &number))
        continue;
      compare_spellings(number, letters, all.examples);
    }
    for (std::size_t i = 0; i < per_region; ++i) {
      const std::string text = random_digits(random, 4 + static_cast<int>(random() % 11));
      // In North America libphonenumber drops up to three ones, and then finds a number in what is none.
      if (text.starts_with("11") && peer().GetCountryCodeForRegion(letters) == 1) continue;
      compare({text, letters}, all.any_digits);
    }
  }
  for (const int code : codes) {
    peers::PhoneNumber number;
    if (peer().GetExampleNumberForNonGeoEntity(code, &number)) compare_spellings(number, "ZZ", all.examples);
  }

  for (const auto& [letters, numbers] : found) {
    for (const peers::PhoneNumber& number : numbers) {
      all.valid.push_back(number);
      if (letters == "ZZ") continue;
      compare({format(number, PhoneNumberUtil::NATIONAL), letters}, all.at_home);
      std::string bare;
      peer().GetNationalSignificantNumber(number, &bare);
      compare({bare, letters}, all.at_home);
    }
  }
  return all;
}

void print(const char* name, const tally& sums) {
  std::uint64_t accepted = 0;
  for (const auto& [reason, n] : sums.accepted_here) accepted += n;
  std::fprintf(stderr, "%-12s%10llu%10llu%10llu%10llu%10llu%10llu%10llu\n", name,
               static_cast<unsigned long long>(sums.numbers), static_cast<unsigned long long>(sums.both),
               static_cast<unsigned long long>(sums.read_differently), static_cast<unsigned long long>(sums.neither),
               static_cast<unsigned long long>(sums.refused_here), static_cast<unsigned long long>(sums.outside),
               static_cast<unsigned long long>(accepted));
}

// People's spellings of a number, in turn; one in four is national.
written spelled(const peers::PhoneNumber& number, std::size_t how) {
  const std::string plain = format(number, PhoneNumberUtil::E164);
  const std::string letters = region_of(number);
  const std::size_t end = plain.size() - 4;
  switch (how % 8) {
    case 0:
    case 1:
      return {plain, letters};
    case 2:
      return {format(number, PhoneNumberUtil::INTERNATIONAL), letters};
    case 3:
      return {plain.substr(0, 4) + " " + plain.substr(4, 3) + " " + plain.substr(7), letters};
    case 4:
      return {plain.substr(0, end) + "-" + plain.substr(end), letters};
    case 5:
      return {"(" + plain.substr(0, 4) + ") " + plain.substr(4, end - 4) + "." + plain.substr(end), letters};
    default:
      return {format(number, letters == "ZZ" ? PhoneNumberUtil::E164 : PhoneNumberUtil::NATIONAL), letters};
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The time of this thread, so that others on the machine do not count.
template <class Body>
double nanoseconds(Body&& body) {
  const auto now = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
  };
  const double start = now();
  body();
  return now() - start;
}

void row(const char* name, double ours, double theirs, double ratio, const char* target) {
  std::printf("{\"name\":\"%s\",\"ours\":%.4g,\"peer\":%.6g,\"ratio\":%.4g,\"target\":\"%s\"}\n", name, ours, theirs,
              ratio, target);
}

void measure(const std::vector<peers::PhoneNumber>& valid) {
  struct sample {
    written text;
    region where;
  };
  std::mt19937 random(2);
  std::vector<sample> samples;
  for (std::size_t i = 0; i < 4096; ++i) {
    samples.push_back({spelled(valid[random() % valid.size()], i), {}});
    if (const auto known = region::parse(samples.back().text.letters)) samples.back().where = *known;
  }
  std::shuffle(samples.begin(), samples.end(), random);
  std::vector<double> ours, theirs, ratios;
  std::uint64_t sum = 0;
  for (int round = 0; round < 7; ++round) {
    constexpr int passes = 100;
    ours.push_back(nanoseconds([&] {
                     for (int pass = 0; pass < passes; ++pass) {
                       for (const sample& s : samples) sum += parse_phone(s.text.text, s.where).number.digits;
                     }
                   }) /
                   static_cast<double>(samples.size() * passes));
    theirs.push_back(nanoseconds([&] {
                       for (const sample& s : samples) {
                         peers::PhoneNumber number;
                         const auto parsed = peer().Parse(s.text.text, s.text.letters, &number);
                         sum += parsed == PhoneNumberUtil::NO_PARSING_ERROR && peer().IsValidNumber(number) ? 1 : 0;
                       }
                     }) /
                     static_cast<double>(samples.size()));
    ratios.push_back(theirs.back() / ours.back());
  }
  if (sum == 0) std::abort();
  row("phone check, mixed spellings (ns) vs libphonenumber", median(ours), median(theirs), median(ratios), ">= 500");
  row("phone check, mixed spellings (ns) vs its bound", median(ours), 40, median(ours) / 40, "<= 1");
}

}  // namespace

int main(int argc, char** argv) {
  int fills = 1;
  std::size_t per_region = 200;
  bool verdicts_only = false;
  std::size_t samples = 20;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--verdicts-only") {
      verdicts_only = true;
    } else if (option == "--fills" && i + 1 < argc) {
      fills = std::atoi(argv[++i]);
    } else if (option == "--per-region" && i + 1 < argc) {
      per_region = static_cast<std::size_t>(std::atoi(argv[++i]));
    } else if (option == "--samples" && i + 1 < argc) {
      samples = static_cast<std::size_t>(std::atoi(argv[++i]));
    } else {
      std::fprintf(stderr, "usage: phone_bench [--fills N] [--per-region N] [--samples N] [--verdicts-only]\n");
      return 2;
    }
  }
  const verdicts all = compare_all(fills, per_region);
  if (!verdicts_only) measure(all.valid);

  std::fprintf(stderr, "\nphone numbers here and in libphonenumber\n%-12s%10s%10s%10s%10s%10s%10s%10s\n", "", "numbers",
               "both", "otherwise", "neither", "refused", "not E.164", "accepted");
  tally sums;
  const std::pair<const char*, const tally*> lists[] = {
      {"plan", &all.plan}, {"examples", &all.examples}, {"at home", &all.at_home}, {"any digits", &all.any_digits}};
  for (const auto& [name, list] : lists) {
    print(name, *list);
    sums.both += list->both + list->read_differently;
    sums.refused_here += list->refused_here;
    for (const auto& [reason, n] : list->accepted_here) sums.accepted_here[reason] += n;
    sums.neither += list->neither;
  }
  std::fprintf(stderr,
               "otherwise: valid in both, but read as another number; refused: valid there, refused here;\n"
               "accepted: refused there, accepted here, by its reason:\n");
  std::uint64_t accepted = 0;
  for (const auto& [reason, n] : sums.accepted_here) {
    accepted += n;
    std::fprintf(stderr, "  %-20s%10llu\n", reason.c_str(), static_cast<unsigned long long>(n));
  }
  for (const auto& [name, list] : lists) {
    for (std::size_t i = 0; i < std::min(list->samples.size(), samples); ++i) {
      std::fprintf(stderr, "%s: %s\n", name, list->samples[i].c_str());
    }
  }
  row("phone numbers valid in libphonenumber, refused here", static_cast<double>(sums.refused_here),
      static_cast<double>(sums.both + sums.refused_here),
      static_cast<double>(sums.refused_here) / static_cast<double>(sums.both + sums.refused_here), "0");
  row("phone numbers refused by libphonenumber, accepted here", static_cast<double>(accepted),
      static_cast<double>(accepted + sums.neither),
      static_cast<double>(accepted) / static_cast<double>(accepted + sums.neither), "published");
  return sums.refused_here == 0 ? 0 : 1;
}
