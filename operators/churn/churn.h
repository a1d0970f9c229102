#ifndef EBB_OPERATORS_CHURN_CHURN_H_
#define EBB_OPERATORS_CHURN_CHURN_H_

// Notices customers who drift away: raises an alert when the risk of no purchase within the horizon and the time
// overdue against the customer's own rhythm have both reached the raise line, escalates it at the second line, and
// clears it with the next purchase, or when purchases that were delivered late bring the risk down.
//
// While a customer is silent, both only rise. So each purchase yields the exact moment of the next alert, one timer is
// armed there, and nobody is ever scanned. That moment is the latest of
//   the crossing of the line, first purchase + min_age, last raise + cooldown, last contact + contact_grace,
// the last three for raising only. There is none with too few purchase days, or when the lifetime cap is used up.
// Contacts are looked up in the profile when the timer fires, so they cost nothing as they happen.
//
// Of a fitted model the risk need not rise all the time. It is asked for on every day after the last purchase, from the
// moment on at which everything else is fulfilled; kLookAheadDays days at a time, so that who buys soon is never asked
// for at all. The timer stands at the first day on which the line is reached, or where the next look begins.
//
// Reasons, their contributions in parentheses:
//   days_since_purchase  the silence (log-odds of the risk now, less those on the day of the last purchase)
//   purchase_days        how often the customer bought (log-odds of the risk on the day of the last purchase, less
//                        those of a customer with as many purchases as the model expects of anyone)
//   overdue              silence in typical gaps of this customer (its logarithm)
//   days_since_contact   a visit or a contact since the last purchase (logarithm of its share of the silence, below 0)
//   open_complaints      complaints that wait for an answer (logarithm of one more than there are)
// The first two add up to the difference in log-odds between this customer and the usual one; the last two have no
// part in the risk. Those of a fitted model are the features that have a part in its score, with their share of it in
// log-odds. A cleared alert has one reason, purchase or risk_fell or no_purchases, with the fall in log-odds.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/churn_score.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/churn/churn.pb.h"
#include "operators/churn/models/purchase_model.h"
#include "operators/churn/risk_model.h"
#include "operators/features/features.h"

namespace ebb {

class Churn final
    : public Operator<Takes<v1::Purchase>, Emits<v1::ChurnAlert, v1::ChurnScore>, operators::ChurnConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override;
  void OnTimer(const Timer& timer, Context& ctx) override;
  // The moment of the next alert is another one under another model, or with another line.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Evaluate(ctx); }

  // How many days of silence are looked at in one go under a fitted model.
  static constexpr int kLookAheadDays = 14;
  // Of reasons in an alert.
  static constexpr size_t kMostReasons = 5;

 protected:
  absl::Status Configure() override;

 private:
  // What the model is asked about: a customer, as of a moment.
  struct View {
    const operators::CustomerProfile* profile;
    PurchaseSummary purchases;
    int64_t at_ms;
  };
  // A pair of risk and time overdue.
  struct Line {
    double risk;
    double overdue;
  };
  struct Step {
    v1::ChurnAlert::Kind kind;
    int64_t at_ms;
    bool looks = false;  // Whether the line is reached has still to be found out then.
  };

  void Evaluate(Context& ctx);
  // Tells the risk as it is, and at each moment that is asked for.
  void Score(Context& ctx) const;
  void ArmNextScore(Context& ctx) const;
  View ViewAt(absl::Time moment, Context& ctx) const;
  // The next alert of a customer who stays silent; none when there never is one.
  std::optional<Step> Next(const View& view, const operators::ChurnState& state) const;
  int64_t Crossing(const View& view, const Line& line) const;
  // The same under a fitted model, not before `from_ms`.
  Step FittedStep(v1::ChurnAlert::Kind kind, const View& view, const Line& line, int64_t from_ms) const;
  absl::Status ConfigureFitted();
  void Alert(v1::ChurnAlert::Kind kind, const View& view, Context& ctx);
  bool IsOver(const View& view, const operators::ChurnState& state) const;
  void Clear(const View& view, Context& ctx);
  void Emit(v1::ChurnAlert alert, const View& view, Context& ctx) const;

  PurchaseHistory HistoryOf(const View& view) const;
  double Risk(const View& view) const;
  double Risk(const PurchaseHistory& history) const;
  std::vector<v1::Reason> Reasons(const View& view) const;
  std::vector<v1::Reason> FittedReasons(const View& view) const;
  v1::RiskFeatures FeaturesOf(const View& view) const;
  v1::Reason WhyCleared(const View& view, const operators::ChurnState& state) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::ChurnState> state_{this, "churn"};
  Timer crossing_{this, "crossing"};
  Timer score_{this, "score"};
  Counter raised_{this, "raised"};
  Counter escalated_{this, "escalated"};
  Counter cleared_{this, "cleared"};

  PurchaseModel model_;
  std::shared_ptr<const RiskModel> fitted_;  // In the place of it; null without one.
  std::string model_name_;
  std::string model_version_;
  double typical_gap_weeks_ = 0;
  double horizon_weeks_ = 0;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_CHURN_H_
