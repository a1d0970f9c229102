#include "absl/time/time.h"
#include "benchmarks/ebb/reminder.pb.h"
#include "benchmarks/job/events.pb.h"
#include "engine/pipeline/operator.h"

namespace ebb::bench {

// The operator `bench-reminder`: one timer for each customer who has looked at something.
class ReminderWatch final : public Operator<Takes<Browse, Support>, Emits<Reminder, Answer>, ReminderConfig> {
 public:
  void On(const Browse& browse, Context& ctx) override {
    seen_.Mutable(ctx) = browse;
    wait_.Arm(ctx, ctx.now() + absl::Seconds(config().wait().seconds()));
  }

  void On(const Support& support, Context& ctx) override {
    Answer answer;
    answer.set_customer_id(std::string(ctx.customer()));
    answer.set_ticket_id(support.ticket_id());
    answer.set_page(seen_.Get(ctx).page());
    ctx.Emit(answer);
  }

  void OnTimer(const Timer&, Context& ctx) override {
    Reminder reminder;
    reminder.set_customer_id(std::string(ctx.customer()));
    reminder.set_page(seen_.Get(ctx).page());
    ctx.Emit(reminder);
  }

 private:
  ValueState<Browse> seen_{this, "seen"};
  Timer wait_{this, "wait"};
};

EBB_OPERATOR("bench-reminder", ReminderWatch);

}  // namespace ebb::bench
