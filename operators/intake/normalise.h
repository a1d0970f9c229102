#ifndef EBB_OPERATORS_INTAKE_NORMALISE_H_
#define EBB_OPERATORS_INTAKE_NORMALISE_H_

// One spelling for what means the same: currencies in capitals, categories trimmed and in lower case (ASCII), articles
// trimmed, language tags in the case that BCP 47 recommends, and a purchase of no kind is an order. Pure functions; any
// thread.

#include <string>
#include <string_view>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"

namespace ebb {

// Each returns the event itself when nothing about it changes, as is usual, otherwise a changed copy in `scratch`.
const v1::Purchase& Normalised(const v1::Purchase& purchase, v1::Purchase* scratch);
const v1::Browse& Normalised(const v1::Browse& browse, v1::Browse* scratch);
const v1::Member& Normalised(const v1::Member& member, v1::Member* scratch);
// Of other events nothing is spelled in more than one way.
template <class Event>
const Event& Normalised(const Event& event, Event*) {
  return event;
}

// "de_ch" becomes "de-CH", "ZH-hant" "zh-Hant". What is no tag is changed in some harmless way.
// Source: RFC 5646, section 2.1.1.
std::string NormalisedLanguageTag(std::string_view tag);

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_NORMALISE_H_
