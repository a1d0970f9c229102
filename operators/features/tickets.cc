#include "operators/features/tickets.h"

#include <algorithm>
#include <utility>

#include "operators/features/columns.h"
#include "state/hash.h"

namespace ebb {
namespace {

using Tickets = operators::CustomerProfile::Tickets;

// The oldest closed one, or else the oldest.
int LeastNeeded(const Tickets& tickets) {
  const auto need = [&](int row) {
    return std::pair(IsOpen(tickets, row), std::max(tickets.opened_ms(row), tickets.resolved_ms(row)));
  };
  int least = 0;
  for (int row = 1; row < tickets.id_size(); ++row) {
    if (need(row) < need(least)) least = row;
  }
  return least;
}

}  // namespace

bool IsOpen(const Tickets& tickets, int row) { return tickets.opened_ms(row) > tickets.resolved_ms(row); }

bool ApplySupport(const v1::Support& support, int max_tickets, Tickets* tickets) {
  if (support.ticket_id().empty()) return true;
  const uint64_t id = StableHash64(support.ticket_id());
  int row = RowOf(tickets->id(), id);
  bool dropped = false;
  if (row < 0) {
    if (tickets->id_size() >= max_tickets) {
      EraseRows(LeastNeeded(*tickets), 1, tickets->mutable_id(), tickets->mutable_opened_ms(),
                tickets->mutable_resolved_ms(), tickets->mutable_complaint());
      dropped = true;
    }
    row = tickets->id_size();
    tickets->add_id(id);
    tickets->add_opened_ms(0);
    tickets->add_resolved_ms(0);
    tickets->add_complaint(false);
  }
  const int64_t time_ms = support.header().event_time_ms();
  if (support.kind() == v1::Support::OPENED || support.kind() == v1::Support::REOPENED) {
    tickets->set_opened_ms(row, std::max(tickets->opened_ms(row), time_ms));
  } else if (support.kind() == v1::Support::RESOLVED) {
    tickets->set_resolved_ms(row, std::max(tickets->resolved_ms(row), time_ms));
  }
  if (support.complaint()) tickets->set_complaint(row, true);
  return !dropped;
}

}  // namespace ebb
