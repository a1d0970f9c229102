#ifndef EBB_ENGINE_KAFKA_CLIENT_H_
#define EBB_ENGINE_KAFKA_CLIENT_H_

// librdkafka's objects with owners, its errors as statuses, its callbacks as functions. For the files of this folder.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/connection.h"
#include "engine/log/output.h"
#include "engine/log/record.h"
#include "librdkafka/rdkafka.h"

namespace ebb {

// Frees an object of librdkafka.
template <auto kDestroy>
struct Destroyer {
  template <typename T>
  void operator()(T* object) const {
    kDestroy(object);
  }
};
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, Destroyer<rd_kafka_conf_destroy>>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using ErrorPtr = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_destroy>>;
using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, Destroyer<rd_kafka_metadata_destroy>>;
using PartitionsPtr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroyer<rd_kafka_topic_partition_list_destroy>>;
using GroupMetadataPtr =
    std::unique_ptr<rd_kafka_consumer_group_metadata_t, Destroyer<rd_kafka_consumer_group_metadata_destroy>>;

// Membership in one generation of a group.
struct KafkaGroupToken final : GroupToken {
  explicit KafkaGroupToken(GroupMetadataPtr group_metadata) : metadata(std::move(group_metadata)) {}
  const GroupMetadataPtr metadata;
};

// The status for an error; `what` says what was being done.
absl::Status ToStatus(rd_kafka_resp_err_t error, std::string_view what);
absl::Status ToStatus(const ErrorPtr& error, std::string_view what);

// Whether to try again is worth while.
bool IsPassing(const absl::Status& status);

// InvalidArgument: with librdkafka's own words; the value is not in them.
absl::Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value);

// Whether the library that runs has a property of this name.
bool LibraryKnows(const std::string& property);

PartitionsPtr ToList(const std::vector<TopicPartition>& partitions);
std::vector<TopicPartition> FromList(const rd_kafka_topic_partition_list_t* list);

// A client instance of librdkafka. Threads as its own; the callbacks below come on librdkafka's threads unless said
// otherwise.
class Client {
 public:
  struct Callbacks {
    // On the thread that polls. The error that a fatal one stands for is passed.
    std::function<void(rd_kafka_resp_err_t error, const char* reason)> error;
    // On the thread that polls.
    std::function<void(rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t* partitions)> rebalance;
    // A message of a producer that has been acknowledged.
    void (*acknowledged)(const rd_kafka_message_t* message) = nullptr;
  };

  // Opens a client with the user's properties and Ebb's: `defaults` yield to the user's, `own` do not.
  static absl::StatusOr<std::unique_ptr<Client>> Open(rd_kafka_type_t type, const KafkaConnection& connection,
                                                      const KafkaProperties& defaults, const KafkaProperties& own,
                                                      Callbacks callbacks);
  // Takes no leave of a group and waits for no broker.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return client_; }
  // Whether a request that a transaction rests on has failed on its way, so that it may still arrive late and act
  // on a later transaction. Source: KAFKA-17754.
  bool dirty() const { return dirty_.load(std::memory_order_acquire); }
  // What the library has said about its connections since the last call, in its own words: the last of it, but a
  // refusal of the credentials before all else, as PermissionDenied. OK: nothing. Thread-safe.
  absl::Status TakeTrouble();
  void Log(int level, std::string_view line) const;

 private:
  Client(KafkaLog log, Callbacks callbacks) : log_(std::move(log)), callbacks_(std::move(callbacks)) {}
  static void RegisterCallbacks(rd_kafka_conf_t* conf, Client* client);
  void NoteTrouble(rd_kafka_resp_err_t error, const char* reason);

  const KafkaLog log_;
  const Callbacks callbacks_;
  rd_kafka_t* client_ = nullptr;
  std::atomic<bool> dirty_ = false;
  std::mutex mutex_;
  absl::Status trouble_;  // Guarded by mutex_.
};

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_CLIENT_H_
