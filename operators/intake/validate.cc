#include "operators/intake/validate.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "operators/intake/currencies.h"
#include "operators/intake/limits.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kMaxShownBytes = 64;
constexpr size_t kMaxTimeZoneBytes = 64;
// Source: RFC 5646, section 4.4.1.
constexpr size_t kMaxLanguageBytes = 35;
constexpr size_t kMaxSubtagBytes = 8;

// A value from outside as it may stand in a sentence.
std::string Shown(std::string_view value) {
  const bool is_long = value.size() > kMaxShownBytes;
  const std::string escaped = absl::CHexEscape(std::string(value.substr(0, kMaxShownBytes)));
  return Text("\"", escaped, is_long ? "…\"" : "\"");
}

std::optional<Fault> HeaderFault(const v1::EventHeader& header) {
  if (header.event_id().empty()) return Fault{"missing-event-id", "header.event_id: expected an id, got none"};
  if (!v1::Channel_IsValid(header.channel())) {
    return Fault{"unknown-channel", Text("header.channel: expected a known channel, got ", int{header.channel()})};
  }
  return std::nullopt;
}

Fault KindFault(std::string_view field, int kind) {
  return {"unknown-kind", Text(field, ": expected a kind of event that is known, got ", kind)};
}

std::optional<Fault> AmountFault(std::string_view field, int64_t minor) {
  if (minor < 0) return Fault{"negative-amount", Text(field, ": expected an amount of 0 or more, got ", minor)};
  if (minor <= kMaxMinor) return std::nullopt;
  return Fault{"amount-too-large", Text(field, ": expected at most ", kMaxMinor, " minor units, got ", minor)};
}

std::optional<Fault> QuantityFault(std::string_view field, int64_t quantity_milli) {
  if (quantity_milli >= 0) return std::nullopt;
  return Fault{"negative-quantity", Text(field, ": expected a quantity of 0 or more, got ", quantity_milli)};
}

std::optional<Fault> CurrencyFault(const std::string& code) {
  if (IsCurrency(code)) return std::nullopt;
  return Fault{"unknown-currency", Text("currency: expected an ISO 4217 code such as EUR, got ", Shown(code))};
}

std::optional<Fault> CategoryFault(std::string_view field, const std::string& category) {
  if (category.size() <= kMaxCategoryBytes) return std::nullopt;
  return Fault{"category-too-long",
               Text(field, ": expected at most ", kMaxCategoryBytes, " bytes, got ", category.size())};
}

std::optional<Fault> LineFault(const v1::Purchase::Line& line) {
  if (auto fault = AmountFault("lines.price_minor", line.price_minor())) return fault;
  if (auto fault = AmountFault("lines.discount_minor", line.discount_minor())) return fault;
  if (auto fault = QuantityFault("lines.quantity_milli", line.quantity_milli())) return fault;
  return CategoryFault("lines.category", line.category());
}

// Only names of the IANA database: no paths, and nothing that depends on the machine.
bool IsTimeZone(const std::string& name) {
  const bool is_name = name.size() <= kMaxTimeZoneBytes && absl::ascii_isalpha(name.front()) && name != "localtime" &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '+' || c == '-';
                       });
  absl::TimeZone zone;
  return is_name && absl::LoadTimeZone(name, &zone);
}

bool IsLanguageTag(const std::string& tag) {
  if (tag.size() > kMaxLanguageBytes) return false;
  for (absl::string_view subtag : absl::StrSplit(tag, '-')) {
    if (subtag.empty() || subtag.size() > kMaxSubtagBytes) return false;
    if (!std::all_of(subtag.begin(), subtag.end(), absl::ascii_isalnum)) return false;
  }
  return absl::ascii_isalpha(tag.front());
}

bool IsDate(const v1::Member::Date& date) {
  if (date.year() < 0 || date.year() > 9999 || date.month() < 1 || date.month() > 12 || date.day() < 1) return false;
  // A leap year stands for the year that was not told.
  const int year = date.year() == 0 ? 2000 : date.year();
  return absl::CivilDay(year, date.month(), date.day()).month() == date.month() && date.day() <= 31;
}

std::optional<Fault> ProfileFault(const v1::Member::Profile& profile) {
  if (!profile.time_zone().empty() && !IsTimeZone(profile.time_zone())) {
    return Fault{"unknown-time-zone", Text("profile.time_zone: expected an IANA name such as Europe/Berlin, got ",
                                           Shown(profile.time_zone()))};
  }
  if (!profile.language().empty() && !IsLanguageTag(profile.language())) {
    return Fault{"invalid-language",
                 Text("profile.language: expected a BCP 47 tag such as de-CH, got ", Shown(profile.language()))};
  }
  if (profile.has_birthday() && !IsDate(profile.birthday())) {
    const v1::Member::Date& date = profile.birthday();
    return Fault{"invalid-date", Text("profile.birthday: expected a day of the calendar, got year ", date.year(),
                                      ", month ", date.month(), ", day ", date.day())};
  }
  return std::nullopt;
}

std::optional<Fault> ConsentFault(const v1::Member::Consent& consent) {
  if (consent.purpose() == v1::PURPOSE_UNSPECIFIED || !v1::Purpose_IsValid(consent.purpose())) {
    return Fault{"unknown-purpose", Text("consent.purpose: expected a known purpose, got ", int{consent.purpose()})};
  }
  if (consent.channel() == v1::CHANNEL_UNSPECIFIED || !v1::Channel_IsValid(consent.channel())) {
    return Fault{"unknown-channel", Text("consent.channel: expected a known channel, got ", int{consent.channel()})};
  }
  return std::nullopt;
}

std::optional<Fault> LinkedFault(const v1::Member::Linked& linked) {
  for (const v1::AnonymousId& id : linked.ids()) {
    if (id.kind() != v1::ID_KIND_UNSPECIFIED && v1::IdKind_IsValid(id.kind()) && !id.value().empty()) continue;
    return Fault{"invalid-identifier", Text("linked.ids: expected a known kind and a value, got kind ", int{id.kind()},
                                            " and ", Shown(id.value()))};
  }
  if (!linked.ids().empty()) return std::nullopt;
  return Fault{"invalid-identifier", "linked.ids: expected at least one identifier, got none"};
}

std::optional<Fault> SurveyFault(std::string_view reason, std::string_view field, int least, int greatest, int answer) {
  if (answer >= least && answer <= greatest) return std::nullopt;
  return Fault{std::string(reason), Text(field, ": expected ", least, " to ", greatest, ", got ", answer)};
}

}  // namespace

std::optional<Fault> FindFault(const v1::Purchase& purchase) {
  if (auto fault = HeaderFault(purchase.header())) return fault;
  if (purchase.kind() == v1::Purchase::KIND_UNSPECIFIED || !v1::Purchase::Kind_IsValid(purchase.kind())) {
    return KindFault("kind", purchase.kind());
  }
  if (purchase.order_id().empty()) return Fault{"missing-order-id", "order_id: expected an id, got none"};
  if (auto fault = AmountFault("discount_minor", purchase.discount_minor())) return fault;
  for (const v1::Purchase::Line& line : purchase.lines()) {
    if (auto fault = LineFault(line)) return fault;
  }
  // What takes an order back as a whole has no amounts, so it may leave the currency out.
  const bool needs_currency = purchase.kind() == v1::Purchase::ORDER || !purchase.lines().empty();
  if (!needs_currency && purchase.currency().empty()) return std::nullopt;
  return CurrencyFault(purchase.currency());
}

std::optional<Fault> FindFault(const v1::Browse& browse) {
  if (auto fault = HeaderFault(browse.header())) return fault;
  if (browse.action() == v1::Browse::ACTION_UNSPECIFIED || !v1::Browse::Action_IsValid(browse.action())) {
    return KindFault("action", browse.action());
  }
  if (auto fault = AmountFault("price_minor", browse.price_minor())) return fault;
  if (auto fault = QuantityFault("quantity_milli", browse.quantity_milli())) return fault;
  if (auto fault = CategoryFault("category", browse.category())) return fault;
  if (browse.price_minor() == 0 && browse.currency().empty()) return std::nullopt;
  return CurrencyFault(browse.currency());
}

std::optional<Fault> FindFault(const v1::Support& support) {
  if (auto fault = HeaderFault(support.header())) return fault;
  switch (support.kind()) {
    case v1::Support::OPENED:
    case v1::Support::ANSWERED:
    case v1::Support::RESOLVED:
    case v1::Support::REOPENED:
      if (!support.ticket_id().empty()) return std::nullopt;
      return Fault{"missing-ticket-id", "ticket_id: expected an id, got none"};
    case v1::Support::SURVEY_CSAT:
      return SurveyFault("csat-out-of-range", "csat", 1, 5, support.csat());
    case v1::Support::SURVEY_NPS:
      return SurveyFault("nps-out-of-range", "nps", 0, 10, support.nps());
    default:
      return KindFault("kind", support.kind());
  }
}

std::optional<Fault> FindFault(const v1::Member& member) {
  if (auto fault = HeaderFault(member.header())) return fault;
  switch (member.change_case()) {
    case v1::Member::kProfile:
      return ProfileFault(member.profile());
    case v1::Member::kConsent:
      return ConsentFault(member.consent());
    case v1::Member::kLinked:
      return LinkedFault(member.linked());
    case v1::Member::kJoined:
    case v1::Member::kErasureAsked:
      return std::nullopt;
    case v1::Member::CHANGE_NOT_SET:
      break;
  }
  return Fault{"missing-change", "change: expected joined, profile, consent, linked or erasure_asked, got none"};
}

std::optional<Fault> FindFault(const v1::Engagement& engagement) {
  if (auto fault = HeaderFault(engagement.header())) return fault;
  if (engagement.kind() == v1::Engagement::KIND_UNSPECIFIED || !v1::Engagement::Kind_IsValid(engagement.kind())) {
    return KindFault("kind", engagement.kind());
  }
  const bool names_none = engagement.header().channel() == v1::CHANNEL_UNSPECIFIED;
  if (engagement.kind() != v1::Engagement::UNSUBSCRIBED || !names_none) return std::nullopt;
  return Fault{"missing-channel", "header.channel: expected the channel to unsubscribe from, got none"};
}

}  // namespace ebb
