#ifndef EBB_ENGINE_KAFKA_SENDER_H_
#define EBB_ENGINE_KAFKA_SENDER_H_

// A producer without transactions, for events that are made up rather than derived: nothing is sent twice or out of
// order while it lives, and nothing more is promised.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"

namespace ebb {

// One thread at a time. Keeps at most 64 MB that no broker has acknowledged yet.
class Sender {
 public:
  // How long a broker that does not answer is waited for, unless told otherwise.
  static constexpr absl::Duration kPatience = absl::Seconds(30);

  // Connects in the background. InvalidArgument: properties that do not hold.
  static absl::StatusOr<std::unique_ptr<Sender>> Open(const KafkaConnection& connection,
                                                      absl::Duration patience = kPatience);
  // Gives up what is not acknowledged: Flush() first.
  ~Sender();

  // Looks the topic up, so that what is wrong with it is said before anything is sent. Blocks up to the patience.
  // NotFound: no such topic; DeadlineExceeded: the cluster is away.
  absl::Status Find(const std::string& topic);

  // Takes a copy of a record, for the partition that Kafka's own clients would give the key. Blocks while there is no
  // room, up to the patience, and as Find() for a topic that is new. Any error is final, and may be that of an
  // earlier record.
  absl::Status Send(const std::string& topic, std::string_view key, std::string_view value);

  // Waits until the brokers have everything, up to the patience.
  absl::Status Flush();

  // Records that brokers have acknowledged.
  int64_t acknowledged() const;

 private:
  struct Parts;
  Sender(std::unique_ptr<Parts> parts, absl::Duration patience);
  absl::Status Delivered() const;

  const std::unique_ptr<Parts> parts_;
  const absl::Duration patience_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_SENDER_H_
