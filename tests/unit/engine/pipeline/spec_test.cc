#include "engine/pipeline/spec.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Surroundings Fake() {
  Surroundings fake;
  fake.variable = [](std::string_view) -> std::optional<std::string> { return std::nullopt; };
  fake.file = [](std::string_view) -> absl::StatusOr<std::string> { return std::string("s3cr3t\n"); };
  return fake;
}

constexpr char kGood[] = R"(application: shop
sources:
  purchases: {topic: shop.purchases, type: ebb.v1.Purchase}
  browses: {topic: shop.browses, type: ebb.v1.Browse, start: 2024-01-01}
operators:
  - {id: mail, type: test-mail, inputs: [intake, churn]}
  - {id: churn, type: test-churn, inputs: [profile], config: {threshold: 0.9}}
  - {id: intake, type: test-intake, inputs: [purchases, browses]}
  - {id: profile, type: test-profile, inputs: [intake]}
sinks:
  alerts: {topic: shop.alerts, type: ebb.v1.ChurnAlert, inputs: [churn]}
  triggers: {topic: shop.triggers, type: ebb.v1.MarketingTrigger, inputs: [mail]}
dead_letters: {topic: shop.dead}
)";

// A good pipeline in which each `first` is replaced by `second`.
std::string Changed(const std::vector<std::pair<std::string, std::string>>& changes) {
  std::string yaml = kGood;
  for (const auto& [from, to] : changes) {
    EXPECT_NE(yaml.find(from), std::string::npos) << from;
    yaml.replace(yaml.find(from), from.size(), to);
  }
  return yaml;
}

std::string MistakesIn(const std::string& yaml, const Surroundings& surroundings = Fake()) {
  return std::string(LoadPipeline(yaml, "shop.yaml", surroundings).status().message());
}

std::string MistakesAfter(const std::vector<std::pair<std::string, std::string>>& changes) {
  return MistakesIn(Changed(changes));
}

std::shared_ptr<const PipelineSpec> Good(const std::string& yaml) {
  auto spec = LoadPipeline(yaml, "shop.yaml", Fake());
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.value_or(nullptr);
}

std::string OrderOf(const PipelineSpec& spec) {
  std::string order;
  for (const OperatorSpec& op : spec.operators) absl::StrAppend(&order, order.empty() ? "" : " ", op.id);
  return order;
}

TEST(SpecTest, LoadsAPipelineWithDefaultsAndPrototypes) {
  const auto spec = Good(kGood);
  ASSERT_NE(spec, nullptr);
  EXPECT_EQ(spec->config.runtime().workers(), 1);
  EXPECT_EQ(spec->config.kafka().bootstrap(), "localhost:9092");
  ASSERT_EQ(spec->sources.size(), 2u);
  EXPECT_EQ(spec->sources[0].name, "browses");
  EXPECT_EQ(spec->sources[0].config.max_bytes(), 1 << 20);
  EXPECT_EQ(spec->sources[1].prototype->GetTypeName(), "ebb.v1.Purchase");
  EXPECT_EQ(spec->sinks[1].prototype->GetTypeName(), "ebb.v1.MarketingTrigger");
  EXPECT_EQ(OrderOf(*spec), "intake profile churn mail");
  EXPECT_EQ(spec->operators[2].config->ShortDebugString(), "threshold: 0.9 wait { seconds: 1800 }");
  EXPECT_THAT(spec->operators[2].reads, testing::ElementsAre("profile"));
}

TEST(SpecTest, TenMistakesInOneFileAreAllReported) {
  EXPECT_EQ(MistakesIn(R"(aplication: shop
sources:
  purchases:
    topic: shop.purchases
    type: ebb.v1.Purchas
    lateness: 10 minutes
  browses:
    topic: shop.browses
    type: ebb.v1.Browse
operators:
  - id: intake
    type: test-intke
    inputs: [browses]
  - id: mail
    type: test-mail
    inputs: [browses, chrun]
    config:
      threshold: 1.5
      wiat: 10m
  - id: churn
    type: test-churn
    inputs: [browses]
sinks:
  triggers:
    topic: shop.browses
    type: ebb.v1.MarketingTrigger
    inputs: [mail]
    format: jsn
dead_letters:
  max_bytes: a lot
)"),
            "shop.yaml:1:1: required key \"application\" is missing\n"
            "shop.yaml:1:1: unknown key \"aplication\"; did you mean \"application\"?\n"
            "shop.yaml:5:11: unknown message type \"ebb.v1.Purchas\"; did you mean \"ebb.v1.Purchase\"? (known: "
            "ebb.v1.Browse and ebb.v1.Purchase)\n"
            "shop.yaml:6:15: expected a duration such as 250ms, 10s, 5m, 7d or 2h30m, got \"10 minutes\"\n"
            "shop.yaml:12:11: unknown operator type \"test-intke\"; did you mean \"test-intake\"? (known: "
            "test-churn, test-everything, test-intake, test-mail and test-profile)\n"
            "shop.yaml:16:23: unknown input \"chrun\"; did you mean \"churn\"? (known: intake, mail, churn, "
            "browses and purchases)\n"
            "shop.yaml:18:18: must be at most 1, got \"1.5\"\n"
            "shop.yaml:19:7: unknown key \"wiat\"; did you mean \"wait\"?\n"
            "shop.yaml:22:14: an operator of type \"test-churn\" takes ebb.v1.CustomerFeatures, but \"browses\" "
            "carries ebb.v1.Browse\n"
            "shop.yaml:25:12: topic \"shop.browses\" is used by the source \"browses\" already\n"
            "shop.yaml:28:13: expected protobuf or json, got \"jsn\"; did you mean \"json\"?\n"
            "shop.yaml:29:1: required key \"topic\" is missing\n"
            "shop.yaml:30:14: expected a number of bytes such as 4096, 64KiB, 512MiB or 2GiB, got \"a lot\"");
}

TEST(SpecTest, AnEmptyFileLacksWhatIsRequired) {
  EXPECT_EQ(MistakesIn(""), R"(shop.yaml:1:1: required key "application" is missing
shop.yaml:1:1: required key "dead_letters" is missing
shop.yaml:1:1: required key "operators" is missing
shop.yaml:1:1: required key "sinks" is missing
shop.yaml:1:1: required key "sources" is missing)");
}

TEST(SpecTest, NamesMustBeValidAndUnique) {
  EXPECT_EQ(MistakesAfter({{"application: shop", "application: My Shop"}}),
            "shop.yaml:1:14: expected a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or digit and is "
            "at most 100 long, got \"My Shop\"");
  EXPECT_EQ(MistakesAfter({{"sinks:", "  - {id: intake, type: test-everything, inputs: [purchases]}\nsinks:"}}),
            "shop.yaml:10:10: \"intake\" is the id of an operator before; both would write its state");
  EXPECT_EQ(MistakesAfter({{"id: mail", "id: browses"}, {"inputs: [mail]", "inputs: [churn]"},
                           {"ebb.v1.MarketingTrigger", "ebb.v1.ChurnAlert"}}),
            "shop.yaml:6:10: \"browses\" is the name of a source as well");
}

TEST(SpecTest, TypesMustBeKnownAndSourcesNeedAHeader) {
  EXPECT_EQ(MistakesAfter({{"type: ebb.v1.Browse", "type: Browse"}}),
            "shop.yaml:4:40: unknown message type \"Browse\"; did you mean \"ebb.v1.Browse\"? (known: ebb.v1.Browse "
            "and ebb.v1.Purchase)");
  EXPECT_EQ(MistakesAfter({{"type: ebb.v1.Browse", "type: ebb.v1.EventHeader"}}),
            "shop.yaml:4:40: expected a message whose field 1 is \"ebb.v1.EventHeader header\", got "
            "\"ebb.v1.EventHeader\" (known: ebb.v1.Browse and ebb.v1.Purchase)");
  EXPECT_THAT(MistakesAfter({{"type: test-mail", "type: postman"}}),
              HasSubstr("shop.yaml:6:22: unknown operator type \"postman\" (known: test-churn, test-everything, "));
}

TEST(SpecTest, InputsMustSendWhatIsTaken) {
  EXPECT_EQ(MistakesAfter({{"inputs: [profile]", "inputs: [profile, intake]"}}),
            "shop.yaml:7:53: an operator of type \"test-churn\" takes ebb.v1.CustomerFeatures, but \"intake\" emits "
            "ebb.v1.Purchase and ebb.v1.Browse");
  EXPECT_EQ(MistakesAfter({{"inputs: [churn]", "inputs: [profile]"}}),
            "shop.yaml:11:66: the sink takes ebb.v1.ChurnAlert, but \"profile\" emits ebb.v1.CustomerFeatures");
  EXPECT_EQ(MistakesAfter({{"inputs: [churn]", "inputs: [purchases]"}}),
            "shop.yaml:11:66: \"purchases\" is a source; a sink takes from operators");
  EXPECT_EQ(MistakesAfter({{"inputs: [purchases, browses]", "inputs: [purchases, purchases]"}}),
            "shop.yaml:8:57: input \"purchases\" is listed twice");
}

TEST(SpecTest, WhatAConfigNeedsMustBeSentByAnInput) {
  const std::string mistake =
      "shop.yaml:6:41: with its config it needs ebb.v1.ChurnAlert, which none of its inputs sends; ";
  const std::string alone = "[intake], config: {threshold: 1}";
  EXPECT_EQ(MistakesAfter({{"[intake, churn]", "[intake]"}}), "");
  EXPECT_EQ(MistakesAfter({{"[intake, churn]", alone}}), mistake + "add churn");
  EXPECT_THAT(MistakesAfter({{"[intake, churn]", alone}, {"type: test-churn", "type: test-profile"}}),
              HasSubstr(mistake + "nothing in this pipeline does"));
  // An input that is wrong itself is mentioned once.
  EXPECT_THAT(MistakesAfter({{"[intake, churn]", "[intake, chum], config: {threshold: 1}"}}), Not(HasSubstr("needs")));
}

TEST(SpecTest, ACircleIsNamed) {
  EXPECT_EQ(MistakesAfter({{"inputs: [purchases, browses]", "inputs: [purchases, a]"},
                           {"sinks:",
                            "  - {id: a, type: test-everything, inputs: [b]}\n"
                            "  - {id: b, type: test-everything, inputs: [intake]}\nsinks:"}}),
            "shop.yaml:11:45: operators depend on each other in a circle: intake → b → a → intake");
  EXPECT_EQ(MistakesAfter({{"sinks:", "  - {id: a, type: test-everything, inputs: [purchases, a]}\nsinks:"}}),
            "shop.yaml:10:56: operators depend on each other in a circle: a → a");
}

TEST(SpecTest, AStateThatIsReadNeedsItsOperator) {
  const std::string without = R"(application: shop
sources:
  browses: {topic: shop.browses, type: ebb.v1.Browse}
operators:
  - {id: mail, type: test-mail, inputs: [browses]}
sinks:
  triggers: {topic: shop.triggers, type: ebb.v1.MarketingTrigger, inputs: [mail]}
dead_letters: {topic: shop.dead}
)";
  const std::string mistake =
      "shop.yaml:5:22: an operator of type \"test-mail\" reads the state \"profile\" of one of type \"test-profile\", "
      "of which exactly one must be upstream";
  EXPECT_EQ(MistakesIn(without), mistake);
  const std::string two =
      "  - {id: p1, type: test-profile, inputs: [browses]}\n  - {id: p2, type: test-profile, inputs: [browses]}\n";
  EXPECT_EQ(MistakesIn(absl::StrReplaceAll(without, {{"sinks:", two + "sinks:"}})), mistake);
}

TEST(SpecTest, OperatorsOfOneRankKeepTheOrderOfTheFileButReadersComeAfterWhatTheyRead) {
  const std::string yaml = R"(application: shop
sources:
  purchases: {topic: shop.purchases, type: ebb.v1.Purchase}
  browses: {topic: shop.browses, type: ebb.v1.Browse}
operators:
  - {id: post, type: test-mail, inputs: [browses]}
  - {id: mail, type: test-mail, inputs: [check]}
  - {id: check, type: test-intake, inputs: [purchases, browses]}
  - {id: z, type: test-everything, inputs: [purchases]}
  - {id: a, type: test-everything, inputs: [purchases]}
  - {id: profile, type: test-profile, inputs: [z]}
sinks:
  triggers: {topic: shop.triggers, type: ebb.v1.MarketingTrigger, inputs: [mail]}
dead_letters: {topic: shop.dead}
)";
  // "post" and "mail" read the state of "profile"; "check" leads to "mail", so it comes after "profile" too.
  EXPECT_EQ(OrderOf(*Good(yaml)), "z a profile post check mail");
}

TEST(SpecTest, ATopicHasOneUse) {
  EXPECT_EQ(MistakesAfter({{"topic: shop.browses", "topic: shop.purchases"}}),
            "shop.yaml:3:22: topic \"shop.purchases\" is used by the source \"browses\" already");
  EXPECT_EQ(MistakesAfter({{"topic: shop.triggers", "topic: shop.alerts"}}),
            "shop.yaml:12:21: topic \"shop.alerts\" is used by the sink \"alerts\" already with another type or "
            "format");
  EXPECT_EQ(MistakesAfter({{"topic: shop.dead", "topic: shop.purchases"}}),
            "shop.yaml:13:23: topic \"shop.purchases\" is used by the source \"purchases\" already");
  EXPECT_EQ(MistakesAfter({{"topic: shop.dead", "topic: shop/dead"}}),
            "shop.yaml:13:23: expected a topic of letters, digits, '.', '_' and '-' that is at most 249 long, got "
            "\"shop/dead\"");
}

TEST(SpecTest, SettingsThatDependOnEachOtherMustAgree) {
  EXPECT_EQ(MistakesAfter({{"start: 2024-01-01", "start: earlyest, not_before: 2200-01-01"},
                           {"dead_letters:", "admin: {listen: 9464}\nruntime: {commit_delay: 1s}\ndead_letters:"}}),
            "shop.yaml:4:62: expected earliest, latest or a time such as 2024-02-29T18:30:00Z, got \"earlyest\"; did "
            "you mean \"earliest\"?\n"
            "shop.yaml:4:84: not_after must be later than not_before\n"
            "shop.yaml:13:17: expected an address such as 127.0.0.1:9464, got \"9464\"\n"
            "shop.yaml:14:25: commit_delay must not be longer than commit_interval");
}

TEST(SpecTest, MoreSourcesThanARoundCanTellApartAreRefused) {
  std::string more;
  for (int i = 0; i < 62; ++i) absl::StrAppend(&more, "  s", i, ": {topic: t", i, ", type: ebb.v1.Browse}\n");
  EXPECT_EQ(MistakesAfter({{"operators:", more + "operators:"}}),
            "shop.yaml:2:1: at most 63 sources are possible, got 64");
}

TEST(SpecTest, KafkaPropertiesOfTheEngineAreRefusedAndOthersShownToTheClient) {
  Surroundings surroundings = Fake();
  surroundings.kafka_property = [](std::string_view client, std::string_view key,
                                   std::string_view value) -> absl::Status {
    if (key == "fetch.min.bytes") return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("no ", std::string(client), " property ", std::string(key), " = ", std::string(value)));
  };
  EXPECT_EQ(MistakesIn(Changed({{"dead_letters:", R"(kafka:
  properties: {bootstrap.servers: a, sasl.password: hunter2, ssl.ca.pem: "${file:/ca}"}
  consumer: {group.id: g, fetch.min.bytes: 1, isolation.level: x}
  producer: {linger: 5}
dead_letters:)"}}),
                       surroundings),
            "shop.yaml:14:16: \"bootstrap.servers\" is set by the engine; set kafka.bootstrap instead\n"
            "shop.yaml:14:38: no  property sasl.password = ***\n"
            "shop.yaml:14:62: no  property ssl.ca.pem = ***\n"
            "shop.yaml:15:14: \"group.id\" is set by the engine; set application instead\n"
            "shop.yaml:15:47: \"isolation.level\" is set by the engine; leave it out: only what is committed is read\n"
            "shop.yaml:16:14: no producer property linger = 5");
}

TEST(SpecTest, WhatAnOperatorRefusesIsReportedAtItsPlace) {
  EXPECT_EQ(MistakesAfter({{"threshold: 0.9", "threshold: 0"}}), "shop.yaml:7:74: threshold: must be above 0");
}

TEST(SpecTest, EverythingAnOperatorRefusesIsReportedAndColumnsLeadIntoTheText) {
  EXPECT_EQ(MistakesAfter({{"{threshold: 0.9}", "{threshold: 0, rules: [{name: 'ab?c?'}]}"}}),
            "shop.yaml:7:74: threshold: must be above 0\n"
            "shop.yaml:7:95: rules[0].name: a question: why?\n"
            "shop.yaml:7:97: rules[0].name: a question: why?");
  // Where the file has another text than the operator saw, the value's place and the column are told.
  Surroundings with_name = Fake();
  with_name.variable = [](std::string_view) { return std::optional<std::string>("what?"); };
  EXPECT_EQ(MistakesIn(Changed({{"{threshold: 0.9}", "{rules: [{name: '${NAME}'}]}"}}), with_name),
            "shop.yaml:7:78: rules[0].name: column 5: a question: why?");
}

TEST(SpecTest, TheNormalisedPipelineIsTheSameAndHidesSecrets) {
  const auto spec = Good(Changed({{"threshold: 0.9", "threshold: 0.9, key: hunter2"},
                                  {"dead_letters:",
                                   "kafka: {properties: {sasl.password: p4ss, ssl.ca.location: '${file:/a}'}}\n"
                                   "dead_letters:"}}));
  const std::string yaml = NormalisedPipeline(*spec);
  EXPECT_THAT(yaml, HasSubstr("sasl.password: (hidden)"));
  EXPECT_THAT(yaml, HasSubstr("ssl.ca.location: (hidden)"));
  EXPECT_THAT(yaml, HasSubstr("key: (hidden)"));
  for (const char* secret : {"hunter2", "p4ss", "s3cr3t"}) EXPECT_THAT(yaml, Not(HasSubstr(secret)));

  const auto plain = Good(kGood);
  EXPECT_EQ(Good(NormalisedPipeline(*plain))->fingerprint, plain->fingerprint);
  EXPECT_EQ(NormalisedPipeline(*Good(NormalisedPipeline(*plain))), NormalisedPipeline(*plain));
}

TEST(SpecTest, TheFingerprintCoversWhatHasAPartInResultsOnly) {
  const uint64_t before = Good(kGood)->fingerprint;
  for (const auto& change : std::vector<std::pair<std::string, std::string>>{
           {"dead_letters:",
            "kafka: {bootstrap: b:1}\nruntime: {workers: 2}\nadmin: {listen: 'a:1'}\n"
            "control: {topic: c}\ndead_letters:"},
           {"threshold: 0.9", "wait: 30m, threshold: 0.90"}}) {
    EXPECT_EQ(Good(Changed({change}))->fingerprint, before) << change.second;
  }
  for (const auto& change : std::vector<std::pair<std::string, std::string>>{
           {"threshold: 0.9", "threshold: 0.8"},
           {"start: 2024-01-01", "lateness: 1m"},
           {"[purchases, browses]", "[browses]"},
           {"dead_letters:", "time: {emit_from: 2024-01-01}\ndead_letters:"},
           {"topic: shop.alerts", "topic: alerts"}}) {
    EXPECT_NE(Good(Changed({change}))->fingerprint, before) << change.second;
  }
}

std::string AfterAmendments(const std::vector<Amendment>& amendments) {
  auto spec = AmendPipeline(*Good(kGood), amendments);
  return spec.ok() ? NormalisedPipeline(**spec) : std::string(spec.status().message());
}

TEST(SpecTest, AnAmendmentChangesTheKeysThatItGivesAndAddsOperators) {
  const auto spec = AmendPipeline(
      *Good(Changed({{"threshold: 0.9", "threshold: 0.9, wait: 1h"}})),
      {{"line@1", "name: line\noperators: [{id: churn, config: {threshold: 0.8}}]"},
       {"more@2",
        "name: more\noperators: [{id: post, type: test-mail, inputs: [churn]}, {id: mail, inputs: [intake]}]"},
       {"line@3", "name: line\noperators: [{id: churn, config: {threshold: 0.6}}]"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  const std::string yaml = NormalisedPipeline(**spec);
  EXPECT_EQ(Good(yaml)->fingerprint,
            Good(Changed({{"threshold: 0.9", "threshold: 0.6, wait: 1h"},
                          {"inputs: [intake, churn]", "inputs: [intake]"},
                          {"sinks:", "  - {id: post, type: test-mail, inputs: [churn]}\nsinks:"}}))
                ->fingerprint);
}

TEST(SpecTest, AnAmendmentThatSaysNothingLeavesThePipelineAsItIs) {
  EXPECT_EQ(AfterAmendments({{"line@2", "name: line"}}), NormalisedPipeline(*Good(kGood)));
}

TEST(SpecTest, MistakesOfAnAmendmentStandUnderItsName) {
  EXPECT_EQ(AfterAmendments({{"line@1", "name: line\noperators:\n  - {id: churn, config: {treshold: 0.8}}"}}),
            "line@1:3:26: unknown key \"treshold\"; did you mean \"threshold\"?");
  EXPECT_EQ(AfterAmendments({{"line@1", "name: line\noperators: [{id: churn, config: {threshold: 0}}]"}}),
            "line@1:2:45: threshold: must be above 0");
  EXPECT_EQ(AfterAmendments({{"line@1", "name: line\noperators: [{id: new}]"}}),
            "line@1:2:13: required key \"inputs\" is missing\nline@1:2:13: required key \"type\" is missing");
  EXPECT_THAT(AfterAmendments({{"line@1", "name: line\nsinks: {}"}}), HasSubstr("line@1:2:1: unknown key \"sinks\""));
  EXPECT_THAT(AfterAmendments({{"line@1", "name: line\noperators: [{id: mail, inputs: [nobody]}]"}}),
              HasSubstr("line@1:2:33: unknown input \"nobody\""));
}

TEST(SpecTest, WhatIsPublishedStandsForItself) {
  const std::string yaml =
      "name: line\noperators: [{id: churn, config: {key: '${file:/key}', threshold: 0.8}}]  # Why.\n";
  EXPECT_THAT(AfterAmendments({{"line@1", yaml}}), HasSubstr("line@1:2:39: cannot read"));
  const auto resolved = ResolveAmendment(yaml, "line.yaml", Fake());
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->first.name(), "line");
  EXPECT_THAT(resolved->second, HasSubstr("s3cr3t"));
  EXPECT_TRUE(AmendPipeline(*Good(kGood), {{"line@1", resolved->second}}).ok());
  // Where nothing is to be replaced it stays as it was written.
  const std::string plain = "name: line  # For the winter.\n";
  EXPECT_EQ(ResolveAmendment(plain, "line.yaml", Fake())->second, plain);
}

}  // namespace
}  // namespace ebb
