#include "engine/pipeline/checks.h"

#include <algorithm>
#include <map>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/kafka/properties.h"
#include "engine/pipeline/config_value.h"
#include "engine/time/duration.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;

constexpr size_t kMaxTopicLength = 249;  // Source: org.apache.kafka.common.internals.Topic.

void CheckName(Draft& draft, Place place, absl::string_view name) {
  constexpr absl::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  const bool fits = name.size() <= kMaxNameLength && name.find_first_not_of(kLetters) == absl::string_view::npos &&
                    name.find_first_of("._-") != 0;
  if (fits) return;
  draft.mistakes.Add(place, absl::StrCat("expected a name of a-z, 0-9, '.', '_' and '-' that begins with a letter or "
                                         "digit and is at most ",
                                         kMaxNameLength, " long, got ", Quoted(name)));
}

void CheckNames(Draft& draft) {
  CheckName(draft, draft.At("application"), draft.spec.config.application());
  for (const SourceSpec& source : draft.spec.sources) {
    CheckName(draft, draft.root.At("sources." + source.name).introduced, source.name);
  }
  for (const SinkSpec& sink : draft.spec.sinks) {
    CheckName(draft, draft.root.At("sinks." + sink.name).introduced, sink.name);
  }
  absl::flat_hash_map<std::string, std::string> taken;
  for (const SourceSpec& source : draft.spec.sources) taken[source.name] = "is the name of a source as well";
  for (size_t i = 0; i < draft.spec.operators.size(); ++i) {
    const std::string& id = draft.spec.operators[i].id;
    if (id.empty()) continue;
    const Place place = draft.At(OperatorPath(i) + ".id");
    CheckName(draft, place, id);
    const auto [other, is_new] = taken.try_emplace(id, "is the id of an operator before; both would write its state");
    if (!is_new) draft.mistakes.Add(place, absl::StrCat(Quoted(id), " ", other->second));
  }
}

// What a topic is used for, so that no other use may share it.
struct TopicUse {
  std::string what;    // "source", "sink", "dead_letters".
  std::string name;
  std::string content;  // Type and format of a sink: two sinks that agree may share.
};

void CheckTopics(Draft& draft) {
  std::map<std::string, TopicUse> used;
  const auto use = [&](const std::string& topic, TopicUse now) {
    if (topic.empty()) return;
    const std::string path = now.name.empty() ? now.what : absl::StrCat(now.what, "s.", now.name);
    const Place place = draft.At(path + ".topic");
    const bool legal = topic.size() <= kMaxTopicLength && topic != "." && topic != ".." &&
                       std::all_of(topic.begin(), topic.end(), [](char c) {
                         return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
                       });
    if (!legal) {
      draft.mistakes.Add(place, absl::StrCat("expected a topic of letters, digits, '.', '_' and '-' that is at most ",
                                             kMaxTopicLength, " long, got ", Quoted(topic)));
    }
    const auto [before, is_new] = used.try_emplace(topic, now);
    const bool shared = before->second.what == "sink" && before->second.what == now.what &&
                        before->second.content == now.content;
    if (is_new || shared) return;
    const std::string other = before->second.name.empty()
                                  ? "for dead letters"
                                  : absl::StrCat("by the ", before->second.what, " ", Quoted(before->second.name));
    draft.mistakes.Add(place, absl::StrCat("topic ", Quoted(topic), " is used ", other, " already",
                                           before->second.what == "sink" && now.what == "sink"
                                               ? " with another type or format"
                                               : ""));
  };
  for (const SourceSpec& source : draft.spec.sources) use(source.config.topic(), {"source", source.name, ""});
  for (const SinkSpec& sink : draft.spec.sinks) {
    use(sink.config.topic(), {"sink", sink.name, absl::StrCat(sink.config.type(), " ", sink.config.format())});
  }
  use(draft.spec.config.dead_letters().topic(), {"dead_letters", "", ""});
  use(draft.spec.config.control().topic(), {"control", "", ""});
}

// The value of the first of two settings that is given in the mapping at `path`.
Place EitherOf(const Draft& draft, const std::string& path, absl::string_view first, absl::string_view second) {
  const ConfigNode& node = draft.root.At(path);
  for (absl::string_view key : {first, second}) {
    if (const ConfigNode* found = node.Find(key)) return found->place;
  }
  return node.introduced;
}

void CheckTimes(Draft& draft) {
  for (const SourceSpec& source : draft.spec.sources) {
    const std::string path = "sources." + source.name;
    const std::string& start = source.config.start();
    if (!start.empty() && start != "earliest" && start != "latest" && !ParseTime(start).ok()) {
      draft.mistakes.Add(draft.At(path + ".start"),
                         absl::StrCat("expected earliest, latest or a time such as 2024-02-29T18:30:00Z, got ",
                                      Quoted(start), DidYouMean(start, {"earliest", "latest"})));
    }
    if (source.config.not_after() != 0 && source.config.not_after() <= source.config.not_before()) {
      draft.mistakes.Add(EitherOf(draft, path, "not_after", "not_before"),
                         "not_after must be later than not_before");
    }
  }
}

void CheckRuntime(Draft& draft) {
  const v1::Runtime& runtime = draft.spec.config.runtime();
  const absl::Duration interval = ToDuration(runtime.commit_interval());
  if (runtime.has_commit_delay() && runtime.has_commit_interval() && ToDuration(runtime.commit_delay()) > interval) {
    draft.mistakes.Add(EitherOf(draft, "runtime", "commit_delay", "commit_interval"),
                       "commit_delay must not be longer than commit_interval");
  }
  if (runtime.has_transaction_timeout() && runtime.has_commit_interval() &&
      ToDuration(runtime.transaction_timeout()) <= interval) {
    draft.mistakes.Add(EitherOf(draft, "runtime", "transaction_timeout", "commit_interval"),
                       "transaction_timeout must be longer than commit_interval");
  }
  const std::string& listen = draft.spec.config.admin().listen();
  const size_t colon = listen.rfind(':');
  int port = -1;
  if (!listen.empty() && (colon == std::string::npos || !absl::SimpleAtoi(listen.substr(colon + 1), &port) ||
                          port < 0 || port > 65535)) {
    draft.mistakes.Add(draft.At("admin.listen"),
                       absl::StrCat("expected an address such as 127.0.0.1:9464, got ", Quoted(listen)));
  }
}

bool HasHeader(const Descriptor& type) {
  const auto* field = type.FindFieldByNumber(1);
  return field && field->name() == "header" && !field->is_repeated() &&
         field->message_type() == v1::EventHeader::descriptor();
}

// Types that operators emit, or those of events that they take, for hints.
std::vector<std::string> KnownTypes(bool emitted) {
  std::vector<std::string> names;
  for (const std::string& type : OperatorRegistry::Get().Types()) {
    const std::unique_ptr<OperatorBase> op = OperatorRegistry::Get().Create(type);
    for (const Message* message : emitted ? op->emits() : op->takes()) {
      if (emitted || HasHeader(*message->GetDescriptor())) names.push_back(message->GetDescriptor()->full_name());
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// The prototype of a type named at `path`; null after reporting.
const Message* FindPrototype(Draft& draft, const std::string& path, const std::string& type, bool emitted) {
  if (type.empty()) return nullptr;
  const Descriptor* found = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (found) return google::protobuf::MessageFactory::generated_factory()->GetPrototype(found);
  draft.mistakes.Add(draft.At(path),
                     absl::StrCat("unknown message type ", Quoted(type), KnownHint(type, KnownTypes(emitted))));
  return nullptr;
}

}  // namespace

Place Draft::ItemAt(absl::string_view path, absl::string_view text) const {
  const ConfigNode& list = root.At(path);
  Place place = list.place;
  for (const ConfigNode& item : list.items) {
    if (item.text == text) place = item.place;
  }
  return place;
}

std::string OperatorPath(size_t index) { return absl::StrCat("operators[", index, "]"); }

void CheckSettings(Draft& draft) {
  if (draft.spec.sources.size() > static_cast<size_t>(kMaxSources)) {
    draft.mistakes.Add(draft.root.At("sources").introduced,
                       absl::StrCat("at most ", kMaxSources, " sources are possible, got ", draft.spec.sources.size()));
  }
  CheckNames(draft);
  CheckTopics(draft);
  CheckTimes(draft);
  CheckRuntime(draft);
}

void CheckMessageTypes(Draft& draft) {
  for (SourceSpec& source : draft.spec.sources) {
    const std::string path = absl::StrCat("sources.", source.name, ".type");
    source.prototype = FindPrototype(draft, path, source.config.type(), false);
    if (!source.prototype || HasHeader(*source.prototype->GetDescriptor())) continue;
    source.prototype = nullptr;
    draft.mistakes.Add(draft.At(path),
                       absl::StrCat("expected a message whose field 1 is \"ebb.v1.EventHeader header\", got ",
                                    Quoted(source.config.type()), KnownHint(source.config.type(), KnownTypes(false))));
  }
  for (SinkSpec& sink : draft.spec.sinks) {
    sink.prototype = FindPrototype(draft, absl::StrCat("sinks.", sink.name, ".type"), sink.config.type(), true);
  }
}

void CheckKafka(Draft& draft, const Surroundings& surroundings) {
  const v1::Kafka& kafka = draft.spec.config.kafka();
  const auto check = [&](absl::string_view map, absl::string_view client, const auto& properties) {
    const std::map<std::string, std::string> sorted(properties.begin(), properties.end());
    for (const auto& [key, value] : sorted) {
      const std::string path = absl::StrCat("kafka.", map, ".", key);
      const ConfigNode& node = draft.root.At(path);
      if (IsSecretKafkaProperty(key)) draft.spec.hidden.insert(path);
      if (absl::string_view instead = InsteadOfKafkaProperty(key); !instead.empty()) {
        draft.mistakes.Add(node.introduced, absl::StrCat(Quoted(key), " is set by the engine; ", instead,
                                                           absl::StartsWith(instead, "set ") ? " instead" : ""));
      } else if (surroundings.kafka_property) {
        if (IsSecretKafkaProperty(key)) draft.mistakes.Hide(value);
        const absl::Status status = surroundings.kafka_property({client.data(), client.size()}, key, value);
        if (!status.ok()) draft.mistakes.Add(node.introduced, std::string(status.message()));
      }
    }
  };
  check("properties", "", kafka.properties());
  check("consumer", "consumer", kafka.consumer());
  check("producer", "producer", kafka.producer());
}

}  // namespace ebb
