#ifndef EBB_OPERATORS_VALUE_CUSTOMER_VALUE_H_
#define EBB_OPERATORS_VALUE_CUSTOMER_VALUE_H_

// The operator `customer-value`: historic value, and what is expected within a horizon.
//
// The spend model looks at all days with a purchase, the first one too, and their mean: what the first day brought is
// all that is known of most customers. A day on which everything was given back counts as one that brought nothing.
// Source: Fader, Hardie, Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis".

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/customer_value.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/value_model.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/churn/models/purchase_model.h"
#include "operators/churn/models/spend_model.h"
#include "operators/features/features.h"
#include "operators/value/customer_value.pb.h"

namespace ebb {

// Both models, checked. Immutable; any thread.
struct ValueModel {
  // InvalidArgument: "spend.q: what is wrong", such as another format, parameters that are not above 0, or q without a
  // mean.
  static absl::StatusOr<std::shared_ptr<const ValueModel>> Make(const v1::ValueModel& model);

  std::string name;
  std::string version;
  PurchaseModel purchases;
  GammaGamma spend;
  std::string currency;
};

// Reads a model as `ebb fit value` writes it. InvalidArgument: no JSON of it.
absl::StatusOr<v1::ValueModel> ParseValueModel(std::string_view json);

class CustomerValueOperator final
    : public Operator<Takes<v1::Purchase>, Emits<v1::CustomerValue>, operators::CustomerValueConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override { Value(/*is_event=*/true, ctx); }
  void OnTimer(const Timer&, Context& ctx) override { Value(/*is_event=*/false, ctx); }
  // Another model expects something else.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Value(/*is_event=*/false, ctx); }

 protected:
  absl::Status Configure() override;

 private:
  void Value(bool is_event, Context& ctx);
  void Expect(const PurchaseSummary& purchases);
  bool HasChanged(Context& ctx) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::CustomerValueState> state_{this, "value"};
  Timer look_{this, "look"};

  // Replaced as a whole, between two events.
  std::shared_ptr<const ValueModel> model_;
  double horizon_weeks_ = 0;
  // Scratch, so that its memory is used again.
  v1::CustomerFeatures features_;
  v1::CustomerValue value_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_CUSTOMER_VALUE_H_
