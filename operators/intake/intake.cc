#include "operators/intake/intake.h"

#include <algorithm>

#include "engine/time/duration.h"
#include "operators/event_time.h"
#include "operators/intake/normalise.h"
#include "operators/intake/seen_events.h"
#include "operators/intake/validate.h"
#include "state/soundness.h"

namespace ebb {
namespace {

bool IsSound(const operators::SeenEvents& seen) {
  const auto& seconds = seen.second();
  return seen.id_size() == seconds.size() && std::is_sorted(seconds.begin(), seconds.end()) &&
         (seconds.empty() || AreSound(*seconds.begin(), *seconds.rbegin()));
}
const StateCheck<operators::SeenEvents, &IsSound> kCheck;

}  // namespace

EBB_OPERATOR("intake", Intake);

absl::Status Intake::Configure() {
  window_seconds_ = absl::ToInt64Seconds(ToDuration(config().window()));
  return absl::OkStatus();
}

void Intake::On(const v1::Purchase& purchase, Context& ctx) { Pass(purchase, &purchase_, ctx); }
void Intake::On(const v1::Browse& browse, Context& ctx) { Pass(browse, &browse_, ctx); }
void Intake::On(const v1::Support& support, Context& ctx) { Pass(support, &support_, ctx); }
void Intake::On(const v1::Member& member, Context& ctx) { Pass(member, &member_, ctx); }
void Intake::On(const v1::Engagement& engagement, Context& ctx) { Pass(engagement, &engagement_, ctx); }

template <class Event>
void Intake::Pass(const Event& event, Event* scratch, Context& ctx) {
  const Event& normalised = Normalised(event, scratch);
  if (const auto fault = FindFault(normalised)) {
    ctx.Reject(fault->reason, fault->text);
  } else if (IsDuplicate(normalised.header(), ctx)) {
    duplicates_.Add(ctx);
  } else {
    ctx.Emit(normalised);
  }
}

bool Intake::IsDuplicate(const v1::EventHeader& header, Context& ctx) {
  const uint64_t id = EventHash(header.source(), header.event_id());
  const int64_t second = absl::ToUnixSeconds(DecisionTime(ctx));
  if (WasSeen(seen_.Get(ctx), id, second - window_seconds_)) return true;
  operators::SeenEvents& seen = seen_.Mutable(ctx);
  ForgetBefore(second - window_seconds_, &seen);
  if (!Remember(id, second, config().max_entries(), &seen)) forgotten_early_.Add(ctx);
  if (!forget_.Deadline(ctx)) forget_.Arm(ctx, absl::FromUnixSeconds(second + window_seconds_ + 1));
  return false;
}

void Intake::OnTimer(const Timer&, Context& ctx) {
  operators::SeenEvents& seen = seen_.Mutable(ctx);
  ForgetBefore(absl::ToUnixSeconds(ctx.now()) - window_seconds_, &seen);
  if (seen.second().empty()) {
    seen_.Clear(ctx);
  } else {
    forget_.Arm(ctx, absl::FromUnixSeconds(*seen.second().rbegin() + window_seconds_ + 1));
  }
}

}  // namespace ebb
