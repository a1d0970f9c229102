// The operator under simulation: every kind of state, timers that are armed in the past, deletion. What it does is
// written a second time, by other means, in customer.cc.

#include "engine/pipeline/operator.h"

#include <algorithm>

#include "state/text.h"
#include "tests/simulation/allowance.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/simulation.pb.h"

namespace ebb::simulation {
namespace {

constexpr char kMarkKeys[] = "abcdefgh";

class SimulatedOperator final : public Operator<Takes<Event>, Emits<Told>, SimulatedConfig> {
 public:
  void On(const Event& event, Context& ctx) override {
    switch (event.act()) {
      case Event::REJECT: return ctx.Reject("unwanted", "the event asks for it");
      case Event::PEEK: return Tell(1, ctx);
      case Event::CLEAR:
        Clear(ctx, true);
        return Tell(1, ctx);
      case Event::DROP:
        Clear(ctx, false);
        return Tell(1, ctx);
      default: break;
    }
    const uint64_t before = tally_.Get(ctx).digest();
    Tally& tally = tally_.Mutable(ctx);
    tally.set_count(tally.count() + 1);
    tally.set_digest(Digest(config().edition(),
                            Digest(absl::ToUnixMillis(ctx.watermark()), Digest(event.header().event_id(), before))));
    const std::string key(1, kMarkKeys[event.key() % 8]);
    switch (event.act()) {
      case Event::PUT: {
        Mark mark = marks_.Get(ctx, key).value_or(Mark());
        mark.set_times(mark.times() + 1);
        mark.set_digest(tally.digest());
        marks_.Put(ctx, key, mark);
        break;
      }
      case Event::ERASE: marks_.Erase(ctx, key); break;
      case Event::NOTE: {
        Note note;
        note.set_event_id(event.header().event_id());
        note.set_ballast(event.ballast());
        notes_.Append(ctx, note);
        break;
      }
      case Event::ARM: silence_.Arm(ctx, ctx.now() + absl::Milliseconds(event.delay_ms())); break;
      case Event::ARM_PAST: echo_.Arm(ctx, ctx.now() - absl::Milliseconds(event.delay_ms())); break;
      case Event::ARM_BOTH:
        silence_.Arm(ctx, ctx.now() + absl::Milliseconds(event.delay_ms()));
        echo_.Arm(ctx, ctx.now() + absl::Milliseconds(event.delay_ms()));
        break;
      case Event::DISARM: silence_.Cancel(ctx); break;
      default: break;
    }
    Tell(event.act() == Event::SHOUT ? 3 : 1, ctx);
  }

  bool visits() const override { return true; }

  void OnPublished(Context& ctx) override {
    Tally& tally = tally_.Mutable(ctx);
    tally.set_digest(Digest(config().edition(), Digest(absl::ToUnixMillis(ctx.now()), tally.digest())));
    // Some reckon anew when to speak up.
    if (tally.count() % 2 == 1) silence_.Arm(ctx, ctx.now() + absl::Milliseconds(tally.count() * 10));
    Tell(1, ctx);
  }

  void OnTimer(const Timer& timer, Context& ctx) override {
    Tally& tally = tally_.Mutable(ctx);
    tally.set_digest(Digest(config().edition(), Digest(absl::ToUnixMillis(ctx.now()), tally.digest())));
    if (&timer == &silence_) {
      Tell(1, ctx);
      if (tally.count() % 3 == 0) return Clear(ctx, true);
      if (tally.count() % 3 == 1) echo_.Arm(ctx, ctx.now() - absl::Milliseconds(1));
      return;
    }
    tally.set_echoes(tally.echoes() + 1);
    if (tally.echoes() % 3 != 0) echo_.Arm(ctx, ctx.now() - absl::Milliseconds(tally.echoes() % 2));
    Tell(1, ctx);
  }

 protected:
  absl::Status Configure() override {
    shouts_.SetLimits({{kMostShouts, absl::Milliseconds(kShoutsWindowMs)}});
    return absl::OkStatus();
  }

 private:
  void Clear(Context& ctx, bool rows) {
    tally_.Clear(ctx);
    silence_.Cancel(ctx);
    echo_.Cancel(ctx);
    if (!rows) return;
    std::vector<std::string> keys;
    marks_.ForEach(ctx, [&](std::string_view key, const Mark&) {
      keys.emplace_back(key);
      return true;
    });
    for (const std::string& key : keys) marks_.Erase(ctx, key);
    notes_.Clear(ctx);
  }

  void Tell(int times, Context& ctx) {
    Told told;
    told.set_customer(std::string(ctx.customer()));
    told.set_cause(std::string(ctx.cause().event_id));
    told.set_origin(std::string(ctx.cause().event_source));
    told.set_time_ms(absl::ToUnixMillis(ctx.now()));
    told.set_watermark_ms(absl::ToUnixMillis(ctx.watermark()));
    *told.mutable_tally() = tally_.Get(ctx);
    uint64_t rows = 0;
    marks_.ForEach(ctx, [&](std::string_view key, const Mark& mark) {
      rows = Digest(static_cast<int64_t>(mark.digest()), Digest(mark.times(), Digest(key, rows)));
      return true;
    });
    notes_.ForEach(ctx, [&](const Note& note) {
      rows = Digest(note.ballast(), Digest(note.event_id(), rows));
      return true;
    });
    told.set_rows(rows);
    told.set_random(ctx.Random());
    told.set_edition(config().edition());
    for (int i = 0; i < times; ++i) {
      told.set_ordinal(i);
      if (i < kLimitedOrdinal) {
        ctx.Emit(told);
        continue;
      }
      Told instead = told;
      instead.set_held_back(true);
      ctx.EmitWithin(shouts_, told, instead);
    }
  }

  ValueState<Tally> tally_{this, "tally"};
  MapState<Mark> marks_{this, "marks"};
  ListState<Note> notes_{this, "notes"};
  Timer silence_{this, "silence"};
  Timer echo_{this, "echo"};
  Counter within_{this, "within"};
  Counter beyond_{this, "beyond"};
  Allowance shouts_{"shouts", &within_, &beyond_};
};

EBB_OPERATOR("simulated", SimulatedOperator);

}  // namespace
}  // namespace ebb::simulation
