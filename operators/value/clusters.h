#ifndef EBB_OPERATORS_VALUE_CLUSTERS_H_
#define EBB_OPERATORS_VALUE_CLUSTERS_H_

// The operator `clusters`: which centre of a fitted model each customer is nearest to, and an event when it changes.
// Customers who have bought are looked at with each purchase, and by a timer as long as they are silent for less than a
// year.

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/cluster_change.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/risk_features.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/value/cluster_space.h"
#include "operators/value/clusters.pb.h"

namespace ebb {

// Silence after which a customer is looked at no more.
inline constexpr absl::Duration kLookedAtFor = absl::Hours(24 * 365);

class Clusters final : public Operator<Takes<v1::Purchase>, Emits<v1::ClusterChange>, operators::ClustersConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override { Look(ctx); }
  void OnTimer(const Timer&, Context& ctx) override { Look(ctx); }
  // Another model has other centres.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Look(ctx); }

 protected:
  absl::Status Configure() override;

 private:
  void Look(Context& ctx);
  std::vector<v1::Reason> Reasons() const;
  void Move(v1::ClusterChange change, Context& ctx);

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::ClustersState> state_{this, "clusters"};
  Timer look_{this, "look"};
  Counter moved_{this, "moved"};

  // Replaced as a whole, between two events.
  std::shared_ptr<const ClusterSpace> space_;
  // Scratch.
  v1::RiskFeatures features_;
  std::vector<double> point_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_CLUSTERS_H_
