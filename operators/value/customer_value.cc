#include "operators/value/customer_value.h"

#include <algorithm>
#include <cmath>

#include "engine/time/duration.h"
#include "operators/artefact.h"
#include "operators/event_time.h"
#include "operators/features/event_history.h"
#include "operators/features/orders.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::CustomerValueConfig;
using operators::CustomerValueState;

EBB_OPERATOR("customer-value", CustomerValueOperator);

constexpr int kFormat = 1;
// Only the money is read.
constexpr FeatureOptions kMoneyOnly = {1e15, 0};

bool IsSound(const CustomerValueState& state) { return AreSound(state.expected_minor()); }
const StateCheck<CustomerValueState, &IsSound> kCheck;

PurchaseModelKind KindOf(std::string_view name) {
  return name == "pareto-nbd" ? PurchaseModelKind::kParetoNbd
         : name == "bg-nbd"   ? PurchaseModelKind::kBgNbd
                              : PurchaseModelKind::kMbgNbd;
}

PurchaseModel OfPopulation(const CustomerValueConfig& config) {
  const bool mail_order = config.population() == "mail-order";
  if (config.model() == "pareto-nbd") return kMailOrderParetoNbd;
  if (config.model() == "bg-nbd") return mail_order ? kMailOrderBgNbd : kGrocerBgNbd;
  return mail_order ? kMailOrderMbgNbd : kGrocerMbgNbd;
}

void SetParameters(const PurchaseModel& model, v1::ChurnModel::Purchases* purchases) {
  purchases->set_r(model.r);
  purchases->set_alpha(model.alpha);
  purchases->set_a(model.a);
  purchases->set_b(model.b);
  purchases->set_s(model.s);
  purchases->set_beta(model.beta);
}

// What stands in the config in single numbers.
absl::StatusOr<v1::ValueModel> ModelOf(const CustomerValueConfig& config) {
  v1::ValueModel model;
  model.set_format(kFormat);
  model.set_version(config.version());
  v1::ChurnModel::Purchases& purchases = *model.mutable_purchases();
  if (config.has_parameters()) {
    const auto& own = config.parameters();
    SetParameters({KindOf(config.model()), own.r(), own.alpha(), own.a(), own.b(), own.s(), own.beta()}, &purchases);
  } else if (config.model() == "pareto-nbd" && config.population() == "grocer") {
    return absl::InvalidArgumentError("model: pareto-nbd was not fitted to a grocer; give parameters of your own");
  } else {
    SetParameters(OfPopulation(config), &purchases);
  }
  purchases.set_model(config.model());
  v1::ValueModel::Spend& spend = *model.mutable_spend();
  spend.set_p(config.spend().p());
  spend.set_q(config.spend().q());
  spend.set_v(config.spend().v());
  spend.set_currency(config.spend().currency());
  return model;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ValueModel>> ValueModel::Make(const v1::ValueModel& model) {
  if (model.format() != kFormat) {
    return absl::InvalidArgumentError(
        Text("format: expected 1, which this version of Ebb reads, got ", model.format()));
  }
  const v1::ChurnModel::Purchases& purchases = model.purchases();
  auto made = std::make_shared<ValueModel>();
  made->name = purchases.model();
  made->version = model.version();
  made->purchases = {
      KindOf(purchases.model()), purchases.r(), purchases.alpha(), purchases.a(), purchases.b(), purchases.s(),
      purchases.beta()};
  made->spend = {model.spend().p(), model.spend().q(), model.spend().v()};
  made->currency = model.spend().currency();
  if (made->name != "mbg-nbd" && made->name != "bg-nbd" && made->name != "pareto-nbd") {
    return absl::InvalidArgumentError(
        Text("purchases.model: expected mbg-nbd, bg-nbd or pareto-nbd, got ", made->name));
  }
  if (auto status = ValidateParameters(made->purchases); !status.ok()) {
    return absl::InvalidArgumentError(Text("parameters: ", status.message()));
  }
  if (auto status = ValidateParameters(made->spend); !status.ok()) {
    return absl::InvalidArgumentError(Text("spend: ", status.message()));
  }
  if (!PopulationSpend(made->spend)) {
    return absl::InvalidArgumentError(
        Text("spend.q: expected above 1, or there is no mean spend, got ", made->spend.q));
  }
  if (PackCurrency(made->currency) == 0) {
    return absl::InvalidArgumentError(
        Text("spend.currency: expected three capital letters such as EUR, got ", made->currency));
  }
  return made;
}

absl::StatusOr<v1::ValueModel> ParseValueModel(std::string_view json) {
  return ParseArtefact<v1::ValueModel>(json, "no model of value");
}

absl::Status CustomerValueOperator::Configure() {
  const bool is_fitted = !config().fitted().empty();
  if (config().has_spend() == is_fitted) {
    return absl::InvalidArgumentError("spend: expected either spend or fitted, which says what a purchase brings");
  }
  auto parsed = is_fitted ? ParseValueModel(config().fitted()) : ModelOf(config());
  auto model = parsed.ok() ? ValueModel::Make(*parsed) : parsed.status();
  if (!model.ok()) {
    return absl::InvalidArgumentError(Text(is_fitted ? "fitted: " : "", model.status().message()));
  }
  model_ = *std::move(model);
  horizon_weeks_ = static_cast<double>(ToMillis(config().horizon())) / kMillisPerWeek;
  return absl::OkStatus();
}

void CustomerValueOperator::Value(bool is_event, Context& ctx) {
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const int64_t now_ms = std::max(absl::ToUnixMillis(DecisionTime(ctx)), LatestEventMs(profile));
  const PurchaseSummary purchases = SummarisePurchases(profile);
  ComputeFeatures(profile, ctx.customer(), now_ms, kMoneyOnly, &features_);
  value_.Clear();
  value_.set_customer_id(std::string(ctx.customer()));
  value_.set_as_of_ms(now_ms);
  *value_.mutable_historic() = features_.spent();
  value_.set_horizon_days(horizon_weeks_ * kDaysPerWeek);
  value_.set_annual_discount_rate(config().annual_discount_rate());
  value_.set_model(model_->name);
  value_.set_model_version(model_->version);
  value_.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  value_.set_generated(ctx.cause().generated || profile.generated());
  value_.mutable_expected()->set_currency(model_->currency);
  if (purchases.orders > 0) Expect(purchases);
  if (is_event || HasChanged(ctx)) {
    state_.Mutable(ctx).set_expected_minor(value_.expected().minor());
    ctx.Emit(value_);
  }
  const int64_t next_ms = now_ms + ToMillis(config().look_again());
  if (purchases.orders == 0 || next_ms > purchases.last_ms + ToMillis(config().horizon())) return look_.Cancel(ctx);
  look_.Arm(ctx, absl::FromUnixMillis(next_ms));
}

void CustomerValueOperator::Expect(const PurchaseSummary& purchases) {
  const PurchaseHistory history =
      HistoryAt(purchases.repeat_days, purchases.first_ms, purchases.last_ms, value_.as_of_ms());
  double spent = 0;
  for (const v1::Money& money : value_.historic()) {
    if (money.currency() == model_->currency) spent = static_cast<double>(money.minor()) / kMinorPerMajor;
  }
  const double days = static_cast<double>(purchases.repeat_days) + 1;
  const SpendHistory spend{days, std::max(0.0, spent / days)};
  value_.set_expected_purchases(ExpectedPurchases(model_->purchases, history, horizon_weeks_));
  value_.set_expected_spend(ExpectedSpend(model_->spend, spend).value_or(0));
  const double expected =
      LifetimeValue(model_->purchases, history, model_->spend, spend, horizon_weeks_, config().annual_discount_rate())
          .value_or(0);
  value_.mutable_expected()->set_minor(
      static_cast<int64_t>(std::llround(std::min(expected * kMinorPerMajor, static_cast<double>(kMostSound)))));
}

bool CustomerValueOperator::HasChanged(Context& ctx) const {
  const auto before = static_cast<double>(state_.Get(ctx).expected_minor());
  const auto now = static_cast<double>(value_.expected().minor());
  return now != before && std::abs(now - before) >= config().least_change() * before;
}

}  // namespace ebb
