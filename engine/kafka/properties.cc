#include "engine/kafka/properties.h"

#include <utility>

#include "absl/strings/match.h"

namespace ebb {
namespace {

constexpr absl::string_view kBootstrap = "set kafka.bootstrap";
constexpr absl::string_view kOffsets = "leave it out: offsets are committed together with the results";
constexpr absl::string_view kAssignment = "leave it out: all sources must be assigned alike, by range";
constexpr absl::string_view kSession = "set runtime.session_timeout";
constexpr absl::string_view kExactlyOnce = "leave it out: results are written in transactions";
constexpr absl::string_view kMemory = "set runtime.memory, of which queues get their share";

constexpr std::pair<absl::string_view, absl::string_view> kOwned[] = {
    {"bootstrap.servers", kBootstrap},
    {"metadata.broker.list", kBootstrap},
    {"client.id", "leave it out: it follows from application"},
    {"group.id", "set application"},
    {"group.instance.id", "set runtime.instance"},
    {"group.protocol", kAssignment},
    {"group.protocol.type", kAssignment},
    {"group.remote.assignor", kAssignment},
    {"partition.assignment.strategy", kAssignment},
    {"enable.auto.commit", kOffsets},
    {"auto.commit.enable", kOffsets},
    {"auto.commit.interval.ms", kOffsets},
    {"enable.auto.offset.store", kOffsets},
    {"auto.offset.reset", "set start of the source"},
    {"isolation.level", "leave it out: only what is committed is read"},
    {"enable.partition.eof", "leave it out: it tells when a source is idle"},
    {"check.crcs", "leave it out: records are always checked"},
    {"session.timeout.ms", kSession},
    {"heartbeat.interval.ms", kSession},
    {"max.poll.interval.ms", kSession},
    {"transactional.id", "leave it out: it follows from application"},
    {"transaction.timeout.ms", "set runtime.transaction_timeout"},
    {"enable.idempotence", kExactlyOnce},
    {"enable.gapless.guarantee", kExactlyOnce},
    {"acks", kExactlyOnce},
    {"request.required.acks", kExactlyOnce},
    {"retries", kExactlyOnce},
    {"message.send.max.retries", kExactlyOnce},
    {"max.in.flight", kExactlyOnce},
    {"max.in.flight.requests.per.connection", kExactlyOnce},
    {"partitioner", "leave it out: results go where murmur2 of the customer id puts them"},
    {"queued.min.messages", kMemory},
    {"queued.max.messages.kbytes", kMemory},
    {"queue.buffering.max.messages", kMemory},
    {"queue.buffering.max.kbytes", kMemory},
};

}  // namespace

absl::string_view InsteadOfKafkaProperty(absl::string_view key) {
  for (const auto& [owned, instead] : kOwned) {
    if (key == owned) return instead;
  }
  return "";
}

bool IsSecretKafkaProperty(absl::string_view key) {
  for (absl::string_view part : {"password", "secret", "token", "key.pem", "oauthbearer.config", "jaas"}) {
    if (absl::StrContains(key, part)) return true;
  }
  return false;
}

}  // namespace ebb
