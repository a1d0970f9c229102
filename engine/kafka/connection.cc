#include "engine/kafka/connection.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/kafka/client.h"
#include "engine/kafka/properties.h"

namespace ebb {

absl::Status CheckProperties(const KafkaConnection& connection) {
  std::vector<std::string> problems;
  const ConfPtr conf(rd_kafka_conf_new());
  for (const KafkaProperties* properties : {&connection.properties, &connection.consumer, &connection.producer}) {
    for (const auto& [name, value] : *properties) {
      if (absl::string_view instead = InsteadOfKafkaProperty(name); !instead.empty()) {
        problems.push_back(absl::StrCat("Kafka property ", name, " is set by the engine; ", instead));
      } else if (absl::Status status = SetProperty(conf.get(), name, value); !status.ok()) {
        problems.emplace_back(status.message());
      }
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(problems, "\n"));
}

std::string KafkaLibraryVersion() { return rd_kafka_version_str(); }

}  // namespace ebb
