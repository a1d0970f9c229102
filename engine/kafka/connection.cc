#include "engine/kafka/connection.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/kafka/client.h"

namespace ebb {
namespace {

// What Ebb decides itself, and where the user decides instead.
const std::map<std::string_view, std::string_view>& Owned() {
  static const auto* const owned = new std::map<std::string_view, std::string_view>{
      {"acks", "exactly-once needs all"},
      {"auto.commit.enable", "offsets are committed with the results"},
      {"auto.offset.reset", "a lost offset must stop the task"},
      {"bootstrap.servers", "it has a setting of its own"},
      {"check.crcs", "records are always checked"},
      {"client.id", "it follows from the application and the instance"},
      {"enable.auto.commit", "offsets are committed with the results"},
      {"enable.auto.offset.store", "offsets are committed with the results"},
      {"enable.gapless.guarantee", "transactions give more"},
      {"enable.idempotence", "exactly-once needs it"},
      {"enable.partition.eof", "idle sources are recognised by it"},
      {"group.id", "it is the name of the application"},
      {"group.instance.id", "it is the name of the instance"},
      {"group.protocol", "assignments rest on the classic protocol"},
      {"heartbeat.interval.ms", "it follows from the session time-out"},
      {"isolation.level", "sources are read committed"},
      {"max.in.flight", "exactly-once limits it"},
      {"max.in.flight.requests.per.connection", "exactly-once limits it"},
      {"max.poll.interval.ms", "the engine watches its own progress"},
      {"message.send.max.retries", "exactly-once needs retries"},
      {"partition.assignment.strategy", "sources must be assigned side by side"},
      {"partitioner", "keys go where Kafka's Java clients would send them"},
      {"queue.buffering.max.kbytes", "it follows from the memory setting"},
      {"queue.buffering.max.messages", "it follows from the memory setting"},
      {"queued.max.messages.kbytes", "it follows from the memory setting"},
      {"queued.min.messages", "it follows from the memory setting"},
      {"request.required.acks", "exactly-once needs all"},
      {"retries", "exactly-once needs retries"},
      {"session.timeout.ms", "it has a setting of its own"},
      {"transaction.timeout.ms", "it has a setting of its own"},
      {"transactional.id", "it follows from the application and the instance"},
  };
  return *owned;
}

}  // namespace

absl::Status CheckProperties(const KafkaConnection& connection) {
  std::vector<std::string> problems;
  const ConfPtr conf(rd_kafka_conf_new());
  for (const KafkaProperties* properties : {&connection.properties, &connection.consumer, &connection.producer}) {
    for (const auto& [name, value] : *properties) {
      const auto owned = Owned().find(name);
      if (owned != Owned().end()) {
        problems.push_back(absl::StrCat("Kafka property ", name, " cannot be set: ", std::string(owned->second)));
      } else if (absl::Status status = SetProperty(conf.get(), name, value); !status.ok()) {
        problems.emplace_back(status.message());
      }
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

KafkaProperties Redacted(const KafkaProperties& properties) {
  KafkaProperties redacted = properties;
  for (auto& [name, value] : redacted) {
    for (const char* secret : {"password", "secret", "token", "ssl.key", "oauthbearer.config", "jaas"}) {
      if (absl::StrContains(name, secret)) value = "[redacted]";
    }
  }
  return redacted;
}

std::string KafkaLibraryVersion() { return rd_kafka_version_str(); }

}  // namespace ebb
