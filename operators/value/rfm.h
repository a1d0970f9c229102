#ifndef EBB_OPERATORS_VALUE_RFM_H_
#define EBB_OPERATORS_VALUE_RFM_H_

// The operator `rfm`: the segment of each customer by recency, frequency and money, an event when it changes, and
// triggers for whoever enters one. One timer stands where the score of recency falls next.

#include <cstdint>
#include <memory>

#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/risk_features.pb.h"
#include "ebb/v1/segment_change.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/marketing/candidate.pb.h"
#include "operators/value/rfm.pb.h"
#include "operators/value/rfm_scale.h"

namespace ebb {

class Rfm final
    : public Operator<Takes<v1::Purchase>, Emits<v1::SegmentChange, operators::Candidate>, operators::RfmConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override { Score(ctx); }
  void OnTimer(const Timer&, Context& ctx) override { Score(ctx); }
  // Other cut-offs put customers in other segments.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Score(ctx); }

 protected:
  absl::Status Configure() override;

 private:
  void Score(Context& ctx);
  void Move(v1::SegmentChange change, Context& ctx);
  void Ask(const operators::RfmConfig::EntryTrigger& trigger, const v1::SegmentChange& change, Context& ctx);

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::RfmState> state_{this, "rfm"};
  Timer fall_{this, "recency-falls"};
  Counter moved_{this, "moved"};
  Counter candidate_{this, "candidate"};
  Counter cooling_down_{this, "cooling_down"};

  // Each is replaced as a whole, between two events.
  std::shared_ptr<const RfmScale> scale_;
  std::shared_ptr<const RfmSegments> segments_;
  // Scratch, so that its memory is used again.
  v1::RiskFeatures features_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_RFM_H_
