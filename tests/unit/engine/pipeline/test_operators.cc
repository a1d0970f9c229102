// Operators that do nothing but declare, for the tests of this folder.

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/marketing_trigger.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "engine/pipeline/operator.h"
#include "engine/pipeline/refusals.h"
#include "engine/pipeline/test_config.pb.h"

namespace ebb {
namespace {

using test::PlainConfig;

class TestIntake final
    : public Operator<Takes<v1::Purchase, v1::Browse>, Emits<v1::Purchase, v1::Browse>, PlainConfig> {
 public:
  void On(const v1::Purchase&, Context&) override {}
  void On(const v1::Browse&, Context&) override {}
};
EBB_OPERATOR("test-intake", TestIntake);

class TestProfile final : public Operator<Takes<v1::Purchase, v1::Browse>, Emits<v1::CustomerFeatures>, PlainConfig> {
 public:
  void On(const v1::Purchase&, Context&) override {}
  void On(const v1::Browse&, Context&) override {}

 private:
  ValueState<v1::CustomerFeatures> profile_{this, "profile"};
  MapState<v1::Purchase> baskets_{this, "baskets"};
  Timer publish_{this, "publish"};
};
EBB_OPERATOR("test-profile", TestProfile);

class TestChurn final : public Operator<Takes<v1::CustomerFeatures>, Emits<v1::ChurnAlert>, PlainConfig> {
 public:
  void On(const v1::CustomerFeatures&, Context&) override {}

 private:
  absl::Status Configure() override {
    Refusals refusals;
    if (config().threshold() <= 0) refusals.Add("threshold", "must be above 0");
    for (int i = 0; i < config().rules_size(); ++i) {
      const std::string& name = config().rules(i).name();
      for (size_t at = name.find('?'); at != std::string::npos; at = name.find('?', at + 1)) {
        refusals.Add(Text("rules[", i, "].name"), static_cast<int>(at) + 1, "a question: why?");
      }
    }
    return refusals.ToStatus();
  }
  ReadState<v1::CustomerFeatures> profile_{this, "test-profile", "profile"};
  ValueState<v1::ChurnAlert> last_{this, "last"};
  Timer crossing_{this, "crossing"};
};
EBB_OPERATOR("test-churn", TestChurn);

class TestMail final : public Operator<Takes<v1::Browse, v1::ChurnAlert>, Emits<v1::MarketingTrigger>, PlainConfig> {
 public:
  void On(const v1::Browse&, Context&) override {}
  void On(const v1::ChurnAlert&, Context&) override {}
  Prototypes needs() const override {
    return config().threshold() < 1 ? Prototypes() : Prototypes{&v1::ChurnAlert::default_instance()};
  }

 private:
  ListState<v1::MarketingTrigger> sent_{this, "sent"};
  ReadState<v1::CustomerFeatures> profile_{this, "test-profile", "profile"};
};
EBB_OPERATOR("test-mail", TestMail);

class TestEverything final : public Operator<Takes<v1::Purchase>, Emits<v1::Purchase>, test::EverythingConfig> {
 public:
  void On(const v1::Purchase&, Context&) override {}
};
EBB_OPERATOR("test-everything", TestEverything);

}  // namespace
}  // namespace ebb
