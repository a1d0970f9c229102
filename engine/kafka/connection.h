#ifndef EBB_ENGINE_KAFKA_CONNECTION_H_
#define EBB_ENGINE_KAFKA_CONNECTION_H_

// How Kafka is reached: what every port of this folder is opened with.

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace ebb {

// librdkafka's configuration properties, by name.
using KafkaProperties = std::map<std::string, std::string>;

// Takes a line of librdkafka's log; `level` as in syslog, 3 an error, 7 for debugging. Called on librdkafka's threads,
// several at a time. Lines carry no secrets.
using KafkaLog = std::function<void(int level, std::string_view line)>;

struct KafkaConnection {
  std::string bootstrap_servers;
  std::string client_id = "ebb";  // Names this process in the broker's logs and quotas.
  KafkaProperties properties;     // Of the user, for every client: security above all.
  KafkaProperties consumer;       // Of the user, for clients that read.
  KafkaProperties producer;       // Of the user, for clients that write.
  KafkaLog log;                   // May be empty: nothing is logged.
};

// Whether librdkafka knows the user's properties and takes their values, and none is one that Ebb decides itself
// because a promise rests on it. Asks no broker. InvalidArgument: names every property that is wrong, a line each.
absl::Status CheckProperties(const KafkaConnection& connection);

// Of the library that runs, such as "2.0.2".
std::string KafkaLibraryVersion();

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_CONNECTION_H_
