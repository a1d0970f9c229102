#ifndef EBB_ENGINE_KAFKA_PROPERTIES_H_
#define EBB_ENGINE_KAFKA_PROPERTIES_H_

// Which properties of the Kafka client are not the user's to give, for whoever checks them: without librdkafka.
// Stateless; any thread.

#include "absl/strings/string_view.h"

namespace ebb {

// What to do instead of giving a property that the engine sets itself because a promise rests on it; empty when it may
// be given.
absl::string_view InsteadOfKafkaProperty(absl::string_view key);

// Whether its value is not to be shown, by its name.
bool IsSecretKafkaProperty(absl::string_view key);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_PROPERTIES_H_
