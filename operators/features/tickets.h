#ifndef EBB_OPERATORS_FEATURES_TICKETS_H_
#define EBB_OPERATORS_FEATURES_TICKETS_H_

// A customer's tickets at the support desk. Pure functions; any thread. Events may come in any order.

#include <cstdint>

#include "ebb/v1/support.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Takes an event of a ticket; one without a ticket changes nothing. False when another ticket was dropped for it.
bool ApplySupport(const v1::Support& support, int max_tickets, operators::CustomerProfile::Tickets* tickets);

// Whether it was opened, or opened again, later than it was resolved.
bool IsOpen(const operators::CustomerProfile::Tickets& tickets, int row);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_TICKETS_H_
