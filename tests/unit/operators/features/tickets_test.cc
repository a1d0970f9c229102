#include "operators/features/tickets.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "operators/features/features.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

v1::Support Event(v1::Support::Kind kind, int64_t time_ms, bool complaint = false, std::string ticket = "t") {
  v1::Support support;
  support.mutable_header()->set_event_time_ms(time_ms);
  support.set_kind(kind);
  support.set_ticket_id(std::move(ticket));
  support.set_complaint(complaint);
  return support;
}

struct Open {
  int64_t tickets;
  int64_t complaints;
  bool operator==(const Open&) const = default;
};

Open After(const std::vector<v1::Support>& events) {
  CustomerProfile profile;
  for (const auto& event : events) ApplySupport(event, 32, profile.mutable_tickets());
  return {OpenTickets(profile), OpenComplaints(profile)};
}

TEST(TicketsTest, ATicketIsOpenUntilResolved) {
  EXPECT_EQ(After({Event(v1::Support::OPENED, 1)}), (Open{1, 0}));
  EXPECT_EQ(After({Event(v1::Support::OPENED, 1), Event(v1::Support::ANSWERED, 2)}), (Open{1, 0}));
  EXPECT_EQ(After({Event(v1::Support::OPENED, 1), Event(v1::Support::RESOLVED, 2)}), (Open{0, 0}));
  EXPECT_EQ(After({Event(v1::Support::OPENED, 1), Event(v1::Support::RESOLVED, 2), Event(v1::Support::REOPENED, 3)}),
            (Open{1, 0}));
}

TEST(TicketsTest, AtTheSameMomentTheTicketIsClosed) {
  EXPECT_EQ(After({Event(v1::Support::OPENED, 5), Event(v1::Support::RESOLVED, 5)}), (Open{0, 0}));
}

TEST(TicketsTest, AnAnswerAloneOpensNothing) { EXPECT_EQ(After({Event(v1::Support::ANSWERED, 5)}), (Open{0, 0})); }

TEST(TicketsTest, AnyOfItsEventsMakesItAComplaint) {
  EXPECT_EQ(After({Event(v1::Support::OPENED, 1), Event(v1::Support::ANSWERED, 2, true)}), (Open{1, 1}));
}

TEST(TicketsTest, ASurveyWithoutTicketIsNone) {
  CustomerProfile profile;
  ApplySupport(Event(v1::Support::SURVEY_NPS, 1, true, ""), 32, profile.mutable_tickets());
  EXPECT_EQ(profile.tickets().id_size(), 0);
}

TEST(TicketsTest, AnyOrderOfArrivalGivesTheSame) {
  std::vector<v1::Support> events = {
      Event(v1::Support::OPENED, 1), Event(v1::Support::RESOLVED, 2), Event(v1::Support::REOPENED, 4),
      Event(v1::Support::ANSWERED, 3, true), Event(v1::Support::OPENED, 2, false, "other")};
  std::vector<int> order = {0, 1, 2, 3, 4};
  do {
    std::vector<v1::Support> shuffled;
    for (int i : order) shuffled.push_back(events[i]);
    ASSERT_EQ(After(shuffled), (Open{2, 1}));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(TicketsTest, WithoutRoomTheOldestClosedOneGoesFirst) {
  CustomerProfile profile;
  auto* tickets = profile.mutable_tickets();
  EXPECT_TRUE(ApplySupport(Event(v1::Support::OPENED, 1, false, "open"), 3, tickets));
  EXPECT_TRUE(ApplySupport(Event(v1::Support::RESOLVED, 9, false, "closed late"), 3, tickets));
  EXPECT_TRUE(ApplySupport(Event(v1::Support::RESOLVED, 5, false, "closed early"), 3, tickets));
  EXPECT_FALSE(ApplySupport(Event(v1::Support::OPENED, 10, false, "a"), 3, tickets));
  EXPECT_FALSE(ApplySupport(Event(v1::Support::OPENED, 11, false, "b"), 3, tickets));
  EXPECT_EQ(OpenTickets(profile), 3);
  EXPECT_FALSE(ApplySupport(Event(v1::Support::OPENED, 12, false, "c"), 3, tickets));
  EXPECT_TRUE(ApplySupport(Event(v1::Support::RESOLVED, 13, false, "a"), 3, tickets));
  EXPECT_EQ(OpenTickets(profile), 2);
}

}  // namespace
}  // namespace ebb
