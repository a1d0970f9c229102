#include "operators/features/customer_profile.h"

#include <algorithm>

#include "engine/time/duration.h"
#include "operators/features/affinities.h"
#include "operators/features/event_history.h"
#include "operators/features/membership.h"
#include "operators/features/soundness.h"
#include "operators/features/tickets.h"
#include "state/soundness.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

EBB_OPERATOR("customer-profile", CustomerProfileOperator);
const StateCheck<CustomerProfile, &IsSound> kCheck;

template <class Context>
void CountTimes(int times, const Counter& counter, Context& ctx) {
  for (; times > 0; --times) counter.Add(ctx);
}

bool IsOrder(const v1::Purchase& purchase) {
  return purchase.kind() == v1::Purchase::ORDER || purchase.kind() == v1::Purchase::KIND_UNSPECIFIED;
}

}  // namespace

absl::Status CustomerProfileOperator::Configure() {
  order_limits_ = {ToMillis(config().refund_window()), config().max_open_orders(), config().max_waiting_refunds(),
                   config().max_purchase_days()};
  options_ = {static_cast<double>(ToMillis(config().half_life())), config().top_categories()};
  emit_interval_ms_ = ToMillis(config().emit_interval());
  return absl::OkStatus();
}

void CustomerProfileOperator::On(const v1::Purchase& purchase, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Count(purchase.header(), profile.mutable_purchase(), &profile);
  const OrderLosses losses = ApplyPurchase(purchase, profile.purchase().last_ms(), order_limits_, &profile);
  CountTimes(losses.settled_early, settled_early_, ctx);
  CountTimes(losses.refunds_unmatched, unmatched_, ctx);
  CountTimes(losses.days_left_out, days_left_out_, ctx);
  if (IsOrder(purchase)) {
    const int dropped =
        AddCategories(purchase, options_.half_life_ms, config().max_categories(), profile.mutable_affinities());
    CountTimes(dropped, categories_dropped_, ctx);
  }
  Changed(&profile, ctx);
}

void CustomerProfileOperator::On(const v1::Browse& browse, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Count(browse.header(), profile.mutable_browse(), &profile);
  Changed(&profile, ctx);
}

void CustomerProfileOperator::On(const v1::Support& support, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Count(support.header(), profile.mutable_support(), &profile);
  if (!ApplySupport(support, config().max_tickets(), profile.mutable_tickets())) tickets_dropped_.Add(ctx);
  Changed(&profile, ctx);
}

void CustomerProfileOperator::On(const v1::Member& member, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Count(member.header(), profile.mutable_member(), &profile);
  ApplyMember(member, &profile);
  Changed(&profile, ctx);
}

void CustomerProfileOperator::On(const v1::Engagement& engagement, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Count(engagement.header(), profile.mutable_engagement(), &profile);
  ApplyEngagement(engagement, &profile);
  Changed(&profile, ctx);
}

void CustomerProfileOperator::OnTimer(const Timer&, Context& ctx) {
  CustomerProfile& profile = profile_.Mutable(ctx);
  Tell(std::max(absl::ToUnixMillis(ctx.now()), LatestEventMs(profile)), &profile, ctx);
}

void CustomerProfileOperator::Count(const v1::EventHeader& header, CustomerProfile::EventHistory* history,
                                    CustomerProfile* profile) const {
  AddEvent(header.event_time_ms(), options_.half_life_ms, history);
  if (v1::Channel_IsValid(header.channel())) {
    const int number = header.channel();
    while (profile->channel_events_size() <= number) profile->add_channel_events(0);
    profile->set_channel_events(number, profile->channel_events(number) + 1);
  }
  if (header.generated()) profile->set_generated(true);
}

void CustomerProfileOperator::Changed(CustomerProfile* profile, Context& ctx) {
  const int64_t latest_ms = LatestEventMs(*profile);
  const int64_t next_ms = profile->told_ms() + emit_interval_ms_;
  const bool is_waiting = interval_.Deadline(ctx).has_value();
  if (profile->told_ms() == 0 || latest_ms >= next_ms) {
    if (is_waiting) interval_.Cancel(ctx);
    Tell(latest_ms, profile, ctx);
  } else if (!is_waiting) {
    interval_.Arm(ctx, absl::FromUnixMillis(next_ms));
  }
}

void CustomerProfileOperator::Tell(int64_t as_of_ms, CustomerProfile* profile, Context& ctx) {
  profile->set_told_ms(as_of_ms);
  ComputeFeatures(*profile, ctx.customer(), as_of_ms, options_, &features_);
  ctx.Emit(features_);
}

}  // namespace ebb
