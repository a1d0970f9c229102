#ifndef EBB_STATE_STEP_H_
#define EBB_STATE_STEP_H_

// The steps between which a process may end, fail or stand still: the places where exactly once could break.
//
// The code that takes a step says so with AtStep(). In the library that does nothing; the program of tests/crash brings
// an AtStep() of its own that crashes there, and takes each entry of the table below as a case to be tried.

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace ebb {

enum class Step : uint8_t {
  kStoresOpened,
  kTaskCreated,
  kJoined,
  kAssigned,
  kTasksDropped,
  kRevoked,
  kLost,
  kParked,
  kReleased,
  kKept,
  kOffsetsKnown,
  kTargetKnown,
  kWiping,
  kWiped,
  kReadingBegins,
  kBatchApplied,
  kRestored,
  kAdopted,
  kSourcesStart,
  kEpochRedoBegins,
  kRoundRedoBegins,
  kEpochRedone,
  kRedoFinished,
  kEpochOpened,
  kProcessed,
  kEpochCloses,
  kSelected,
  kSerialised,
  kTombstones,
  kEpochClosed,
  kTransactionBegins,
  kTransactionBegun,
  kFlushed,
  kOffsetsAsked,
  kCommitAsked,
  kCommitKnown,
  kCommitTaken,
  kCacheCommitted,
  kStoreApplies,
  kStoreApplied,
  kAbortAsked,
  kAbortKnown,
  kRewound,
  kUnknownFound,
  kFenced,
  kWorkForgotten,
  kProducerOpened,
  kProducerReady,
  kDrainBegins,
  kLastCommit,
  kDrained,
  kLeft,
  kStoresClose,
  kStoresClosed,
};

struct StepInfo {
  Step step;
  std::string_view name;   // GROUP.STEP
  bool can_fail = true;    // Whether whoever takes the step can be told of an error.
};

// In the order of the enumeration.
inline constexpr StepInfo kSteps[] = {
    {Step::kStoresOpened, "start.stores-opened"},
    {Step::kTaskCreated, "start.task-created"},                // A task's part of the local state is there.
    {Step::kJoined, "start.joined"},                           // The group has been asked for a share.
    {Step::kAssigned, "rebalance.assigned"},
    {Step::kTasksDropped, "rebalance.tasks-dropped"},          // Those that are assigned to others now.
    {Step::kRevoked, "rebalance.revoked"},
    {Step::kLost, "rebalance.lost"},
    {Step::kParked, "rebalance.parked"},                       // Nothing of a worker is under way.
    {Step::kReleased, "rebalance.released"},                   // The group has been told so.
    {Step::kKept, "rebalance.kept"},                           // A task goes on from memory.
    {Step::kOffsetsKnown, "restore.offsets-known"},
    {Step::kTargetKnown, "restore.target-known"},
    {Step::kWiping, "wipe.begins"},                            // A local state that is of no use is deleted.
    {Step::kWiped, "wipe.done"},
    {Step::kReadingBegins, "restore.reading-begins"},          // Of the changelog.
    {Step::kBatchApplied, "restore.batch-applied"},            // Part of the changelog is in the store.
    {Step::kRestored, "restore.finished"},
    {Step::kAdopted, "restore.adopted"},                       // What the store holds is the task's.
    {Step::kSourcesStart, "restore.sources-start"},
    {Step::kEpochRedoBegins, "redo.epoch-begins"},
    {Step::kRoundRedoBegins, "redo.round-begins"},
    {Step::kEpochRedone, "redo.epoch-done"},
    {Step::kRedoFinished, "redo.finished"},
    {Step::kEpochOpened, "epoch.opened"},                      // By the first task of a worker.
    {Step::kProcessed, "epoch.processed"},                     // A slice of records.
    {Step::kEpochCloses, "epoch.closes"},
    {Step::kSelected, "write-back.selected"},
    {Step::kSerialised, "write-back.serialised"},
    {Step::kTombstones, "write-back.tombstones"},              // Are among what is to leave.
    {Step::kEpochClosed, "epoch.closed"},
    {Step::kTransactionBegins, "epoch.transaction-begins"},
    {Step::kTransactionBegun, "epoch.transaction-begun"},
    {Step::kFlushed, "epoch.flushed"},                         // The producer has all records.
    {Step::kOffsetsAsked, "epoch.offsets-asked"},              // The producer is about to send the offsets,
    {Step::kCommitAsked, "epoch.commit-asked"},                // and to commit, which it does while it
    {Step::kCommitKnown, "epoch.commit-known"},                // learns the outcome,
    {Step::kCommitTaken, "epoch.commit-taken"},                // and each task of it.
    {Step::kCacheCommitted, "epoch.cache-committed"},
    {Step::kStoreApplies, "store.applies"},                    // Any batch, those of a restore too.
    {Step::kStoreApplied, "store.applied"},
    {Step::kAbortAsked, "abort.asked"},
    {Step::kAbortKnown, "abort.known"},
    {Step::kRewound, "abort.rewound"},
    {Step::kUnknownFound, "unknown.found"},                    // An outcome is not known.
    {Step::kFenced, "fenced.found"},
    {Step::kWorkForgotten, "unknown.work-forgotten"},          // All that was open is dropped; recoveries follow.
    {Step::kProducerOpened, "unknown.producer-opened"},
    {Step::kProducerReady, "unknown.producer-ready"},          // What the one before had left is settled.
    {Step::kDrainBegins, "shutdown.drain-begins"},
    {Step::kLastCommit, "shutdown.last-commit"},
    {Step::kDrained, "shutdown.drained"},
    {Step::kLeft, "shutdown.left"},                            // The group.
    {Step::kStoresClose, "shutdown.stores-close", false},
    {Step::kStoresClosed, "shutdown.stores-closed", false},
};

// Where `step` is taken. Any thread. OK, except in the program of tests/crash, where an error (Internal, as those that
// nothing mends) is to go the way of the errors that the step can have; it means nothing where the table says so.
absl::Status AtStep(Step step);

}  // namespace ebb

#endif  // EBB_STATE_STEP_H_
