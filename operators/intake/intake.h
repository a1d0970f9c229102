#ifndef EBB_OPERATORS_INTAKE_INTAKE_H_
#define EBB_OPERATORS_INTAKE_INTAKE_H_

// The operator `intake`: the gate. What is behind it may rely on sound events, spelled in one way, each once.

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/intake/intake.pb.h"

namespace ebb {

// Events with a fault are rejected, duplicates dropped and counted; all others pass on. The same source and event id is
// the same event, whatever else it says, if it comes within `window` of stream time: that of events, or the watermark
// where an event comes late. A rejected event leaves no trace.
class Intake final
    : public Operator<Takes<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement>,
                      Emits<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement>,
                      operators::IntakeConfig> {
 public:
  void On(const v1::Purchase& purchase, Context& ctx) override;
  void On(const v1::Browse& browse, Context& ctx) override;
  void On(const v1::Support& support, Context& ctx) override;
  void On(const v1::Member& member, Context& ctx) override;
  void On(const v1::Engagement& engagement, Context& ctx) override;
  // Forgets what is past the window.
  void OnTimer(const Timer& timer, Context& ctx) override;

 protected:
  absl::Status Configure() override;

 private:
  template <class Event>
  void Pass(const Event& event, Event* scratch, Context& ctx);
  bool IsDuplicate(const v1::EventHeader& header, Context& ctx);

  ValueState<operators::SeenEvents> seen_{this, "seen"};
  Timer forget_{this, "forget"};
  Counter duplicates_{this, "duplicate"};
  Counter forgotten_early_{this, "forgotten-early"};

  int64_t window_seconds_ = 0;  // Derived from the config.
  // Scratch, so that its memory is used again.
  v1::Purchase purchase_;
  v1::Browse browse_;
  v1::Support support_;
  v1::Member member_;
  v1::Engagement engagement_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_INTAKE_H_
