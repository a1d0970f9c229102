#ifndef EBB_OPERATORS_EXPLAIN_READING_H_
#define EBB_OPERATORS_EXPLAIN_READING_H_

// Decisions and events, found again in the topics of a pipeline.

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/cli/topic_reader.h"
#include "engine/pipeline/spec.h"
#include "operators/explain/decision.h"
#include "operators/explain/standing.h"

namespace ebb {

// Records that one command looks through at most.
inline constexpr int64_t kMostRecords = 5'000'000;

// Whether the type of a sink is one of decisions.
bool HasDecisions(const SinkSpec& sink);

// Looks through topics for one command, with one bound on all that it reads. One thread; every call blocks. Any error
// is one of Kafka's.
class Reading {
 public:
  // A line on `progress` tells how far it is, once it takes longer than a moment; null for none. All must outlive it.
  Reading(const PipelineSpec& spec, TopicReader* reader, std::ostream* progress);

  // The decision of that id, among those written since a moment.
  absl::StatusOr<std::optional<Decision>> FindDecision(const std::string& id, absl::Time since);
  // The alert of that id, where the customer's alerts are.
  absl::StatusOr<std::optional<Decision>> FindAlert(const std::string& id, const std::string& customer,
                                                    absl::Time since);
  // All decisions about a customer that were written since a moment, in the order of their moments.
  absl::StatusOr<std::vector<Decision>> DecisionsOf(const std::string& customer, absl::Time since);
  // The customer's events since a moment, in the order in which they happened; alerts are among them.
  absl::StatusOr<std::vector<CustomerEvent>> EventsOf(const std::string& customer, absl::Time since);
  // The event at a position as JSON or, in a sentence, why it is not to be had.
  absl::StatusOr<std::string> EventAt(const v1::Position& position);
  // The topic of a source; empty for none of the pipeline's.
  std::string TopicOf(const std::string& source) const;
  // The partition of the sources that has the customer.
  absl::StatusOr<int32_t> TaskOf(const std::string& customer);

  // How much was looked through, in which topics.
  int64_t records() const { return records_; }
  const std::set<std::string>& topics() const { return topics_; }
  // When the bound was reached: the time of the last record that was read. What came after it was not.
  std::optional<absl::Time> cut_off_at() const { return cut_off_at_; }

 private:
  using Visit = TopicReader::Visit;
  absl::Status Read(const TopicPartition& partition, absl::Time since, const Visit& visit);
  // The partitions in which a sink or source has what is keyed by the customer.
  absl::StatusOr<std::vector<TopicPartition>> PartitionsOf(const std::string& topic, const std::string& customer,
                                                           bool any);
  void ShowProgress(const std::string& topic, bool is_over);
  absl::Status ReadDecisions(const SinkSpec& sink, const std::string& customer, absl::Time since,
                             const std::function<void(int32_t partition, int64_t offset, Decision)>& take);
  absl::Status ReadEvents(const SourceSpec& source, const std::string& customer, absl::Time since,
                          std::vector<CustomerEvent>* events);

  const PipelineSpec& spec_;
  TopicReader& reader_;
  std::ostream* const progress_;
  const absl::Time began_;
  absl::Time shown_at_;
  int64_t records_ = 0;
  std::set<std::string> topics_;
  std::optional<absl::Time> cut_off_at_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_EXPLAIN_READING_H_
