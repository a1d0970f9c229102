#include "operators/marketing/rule.h"

#include <algorithm>
#include <map>
#include <utility>

#include "engine/time/duration.h"
#include "operators/features/event_history.h"
#include "state/text.h"
#include "state/utf8.h"

namespace ebb {
namespace {

using expression::Environment;
using expression::Kind;
using operators::TriggerConfig;
using operators::WaitingEvent;

constexpr EventTypes kMessageEvents = kMessageOpened | kMessageClicked | kCouponRedeemed;

Environment StartEnvironment(EventTypes on) {
  Environment environment;
  environment.AddMessage("event", PrototypeOf(on))
      .AddMessage("customer", v1::Customer::default_instance())
      .AddScalar("now", Kind::kTimestamp);
  return environment;
}

Environment UnlessEnvironment(EventTypes on) {
  Environment environment = StartEnvironment(on);
  environment.AddMessage("waiting", WaitingEvent::default_instance());
  return environment;
}

CustomerFields FieldsAsked(const expression::Expression& expression) {
  CustomerFields asked = 0;
  const google::protobuf::Descriptor& customer = *v1::Customer::descriptor();
  for (int i = 0; i < customer.field_count(); ++i) {
    if (expression.Reads("customer", customer.field(i)->name()))
      asked |= CustomerFields{1} << customer.field(i)->number();
  }
  return asked;
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

// At most `size` bytes of a text; that there were more is shown.
std::string Cut(std::string text, size_t size) {
  if (text.size() <= size) return text;
  text.resize(CutUtf8(text, size).size());
  return text + "…";
}

// The value as a message's text has it.
std::string Shown(const expression::Outcome& outcome) {
  switch (outcome.kind()) {
    case Kind::kBool: return outcome.boolean() ? "true" : "false";
    case Kind::kInt: return Text(outcome.integer());
    case Kind::kUint: return Text(outcome.natural());
    case Kind::kDouble: {
      char text[expression::kMaxDoubleBytes];
      return {text, expression::FormatDouble(outcome.real(), text)};
    }
    case Kind::kString: return std::string(outcome.text());
    case Kind::kTimestamp: return absl::FormatTime(absl::RFC3339_full, outcome.time(), absl::UTCTimeZone());
    case Kind::kDuration: return absl::FormatDuration(outcome.duration());
    default: return "";
  }
}

}  // namespace

void Rule::Configure(const TriggerConfig& config, Refusals* refusals) {
  on_ = EventTypeFromName(config.on());
  wait_ = ToDuration(config.wait());
  const Environment environment = StartEnvironment(on_);
  when_.reset();
  wait_for_.reset();
  if (!config.when().empty()) when_ = Compile("when", config.when(), environment, Kind::kBool, refusals);
  if (on_ == kFeaturesChanged && config.when().empty()) {
    refusals->Add("on", "features-changed needs a when: it starts the trigger when that comes to hold");
  }
  if (!config.wait_for().empty()) {
    wait_for_ = Compile("wait_for", config.wait_for(), environment, Kind::kDuration, refusals);
    if (wait_ != absl::ZeroDuration()) refusals->Add("wait_for", "expected either wait or wait_for, got both");
  }
  if ((on_ & kMessageEvents) != 0 && ToMillis(config.cooldown()) < kMillisPerDay) {
    refusals->Add("cooldown", Text("expected at least 1d with on: ", config.on(),
                                   ": messages that answer messages could go on for ever"));
  }
  ConfigureUnless(config, refusals);
  ConfigurePayload(config, environment, refusals);
}

void Rule::ConfigureUnless(const TriggerConfig& config, Refusals* refusals) {
  unless_.clear();
  called_off_by_ = called_off_always_by_ = 0;
  called_off_by_others_ = false;
  for (int i = 0; i < config.unless_size(); ++i) {
    const auto& given = config.unless(i);
    Unless unless{EventTypeFromName(given.on()), std::nullopt};
    called_off_by_ |= unless.on;
    const bool always = given.when().empty();
    if (always) called_off_always_by_ |= unless.on;
    if (!always || unless.on != kPurchased) called_off_by_others_ = true;
    if (!always) {
      unless.when =
          Compile(Text("unless[", i, "].when"), given.when(), UnlessEnvironment(unless.on), Kind::kBool, refusals);
    }
    unless_.push_back(std::move(unless));
  }
}

void Rule::ConfigurePayload(const TriggerConfig& config, const Environment& environment, Refusals* refusals) {
  payload_.clear();
  if (config.payload_size() > kMaxPayload) {
    refusals->Add("payload", Text("at most ", kMaxPayload, " entries are possible, got ", config.payload_size()));
  }
  const std::map<std::string, std::string> sorted(config.payload().begin(), config.payload().end());
  for (const auto& [name, text] : sorted) {
    if (!IsPlainName(name)) {
      refusals->Add("payload", Text("expected names of a-z, 0-9 and _ of at most 64, got \"", name, "\""));
    } else if (auto compiled = Compile(Text("payload.", name), text, environment, Kind::kNull, refusals)) {
      payload_.emplace_back(name, *std::move(compiled));
    }
  }
}

std::optional<Rule::Compiled> Rule::Compile(std::string_view path, std::string_view text,
                                            const Environment& environment, Kind kind, Refusals* refusals) const {
  std::vector<expression::Mistake> mistakes;
  auto compiled = expression::Compile(text, environment, kind, &mistakes);
  for (const expression::Mistake& mistake : mistakes) refusals->Add(path, mistake.column, mistake.text);
  if (!compiled.ok()) return std::nullopt;
  const CustomerFields asks = FieldsAsked(*compiled);
  return Compiled{*std::move(compiled), asks};
}

void Rule::Begin(const google::protobuf::Message& event, const operators::CustomerProfile& profile,
                 std::string_view customer, absl::Time now) {
  event_ = &event;
  profile_ = &profile;
  id_ = customer;
  now_ = now;
  viewed_ = 0;
}

const v1::Customer* Rule::CustomerFor(const Compiled& compiled) {
  if (compiled.asks == 0) return nullptr;
  if ((compiled.asks & ~viewed_) != 0) {
    viewed_ |= compiled.asks;
    customer_.Clear();
    ViewCustomer(*profile_, id_, absl::ToUnixMillis(now_), viewed_, &features_, &customer_);
  }
  return &customer_;
}

expression::Outcome Rule::Evaluate(const Compiled& compiled) {
  const expression::Input inputs[] = {event_, CustomerFor(compiled), now_};
  return compiled.expression.Evaluate(inputs, scratch_);
}

Rule::Verdict Rule::Holds() {
  if (!when_) return Verdict::kHolds;
  const expression::Outcome outcome = Evaluate(*when_);
  return outcome.holds() ? Verdict::kHolds : outcome.ok() ? Verdict::kDoesNotHold : Verdict::kFails;
}

std::optional<absl::Duration> Rule::Wait() {
  if (!wait_for_) return wait_;
  const expression::Outcome outcome = Evaluate(*wait_for_);
  if (!outcome.ok()) return std::nullopt;
  return std::clamp(outcome.duration(), absl::ZeroDuration(), kMaxWait);
}

std::vector<expression::ClauseOutcome> Rule::Clauses() {
  if (!when_) return {};
  const expression::Input inputs[] = {event_, CustomerFor(*when_), now_};
  return when_->expression.Explain(inputs, scratch_);
}

int Rule::Describe(WaitingEvent* waiting) {
  for (const expression::ClauseOutcome& clause : Clauses()) {
    if (static_cast<size_t>(waiting->clauses_size()) == kMaxClauseReasons) break;
    waiting->add_clauses(Cut(clause.ToText(), kMaxClauseBytes));
  }
  int failed = 0;
  for (const auto& [name, compiled] : payload_) {
    const expression::Outcome outcome = Evaluate(compiled);
    std::string value = outcome.ok() ? Shown(outcome) : "";
    if (!outcome.ok() || value.size() > kMaxPayloadBytes) {
      ++failed;
    } else {
      (*waiting->mutable_payload())[name] = std::move(value);
    }
  }
  return failed;
}

bool Rule::CallsOff(EventTypes types, const WaitingEvent& waiting, int* failed) {
  for (const Unless& unless : unless_) {
    if ((unless.on & types) == 0) continue;
    if (!unless.when) return true;
    const expression::Input inputs[] = {event_, CustomerFor(*unless.when), now_, &waiting};
    const expression::Outcome outcome = unless.when->expression.Evaluate(inputs, scratch_);
    if (outcome.holds()) return true;
    *failed += outcome.ok() ? 0 : 1;
  }
  return false;
}

}  // namespace ebb
