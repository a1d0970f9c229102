#ifndef EBB_OPERATORS_INTAKE_VALIDATE_H_
#define EBB_OPERATORS_INTAKE_VALIDATE_H_

// What is wrong with an event, once it is normalised. Pure functions; any thread.

#include <optional>
#include <string>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"

namespace ebb {

struct Fault {
  std::string reason;  // A stable name, such as "negative-amount".
  std::string text;    // What was expected, and what came.
};

// The first fault, none when the event is sound.
std::optional<Fault> FindFault(const v1::Purchase& purchase);
std::optional<Fault> FindFault(const v1::Browse& browse);
std::optional<Fault> FindFault(const v1::Support& support);
std::optional<Fault> FindFault(const v1::Member& member);
std::optional<Fault> FindFault(const v1::Engagement& engagement);

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_VALIDATE_H_
