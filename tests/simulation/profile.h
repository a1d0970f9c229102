#ifndef EBB_TESTS_SIMULATION_PROFILE_H_
#define EBB_TESTS_SIMULATION_PROFILE_H_

// What kind of world a seed makes. Themes steer seeds to where chance alone would seldom come.

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace ebb::simulation {

struct Profile {
  std::string theme;
  int steps = 1500;
  int processes = 2;
  int workers = 1;                      // A process.
  int32_t partitions = 2;
  int customers = 8;

  // The pipeline.
  std::string late_a = "process";
  std::string late_b = "dead_letter";
  int64_t lateness_ms = 500;
  int64_t max_wait_ms = 200;
  bool idle_wall_clock = false;
  bool emit_from = false;
  bool until = false;

  // How it runs.
  uint64_t epoch_records = 8;
  int64_t commit_interval_ms = 20;
  int64_t commit_delay_ms = 5;
  int64_t budget_records = 100;
  uint64_t cache_bytes = 1 << 20;
  uint64_t pinned_bytes = 1 << 20;
  uint64_t outbox_bytes = 1 << 20;
  uint64_t buffer_bytes = 1 << 16;
  uint64_t swept_customers = 2;
  int64_t max_store_age_ms = 20LL * 3'600'000;
  int64_t compaction_lag_ms = 0;        // Of source a; 0: not compacted.

  // Time and input, per mille of steps.
  int64_t tick_ms = 4;                  // The most that a step takes.
  int64_t leap = 2;                     // Steps that take seconds,
  int64_t long_leap = 0;                // or, per million, more than a day.
  int64_t input = 250;
  int64_t upstream = 60;                // Steps of transactions upstream.
  int64_t late = 30;                    // Of events.
  int64_t duplicate = 20;
  int64_t undecodable = 10;
  int64_t timers = 200;
  int64_t clearing = 60;
  int64_t ballast = 0;                  // Bytes.

  // Faults, per million of the broker's steps.
  int64_t refused = 0;
  int64_t refused_begin = 0;
  int64_t refused_question = 0;
  int64_t request_lost = 0;
  int64_t reply_lost = 0;
  int64_t waits = 50'000;
  int64_t later = 0;                    // Records that reach the broker after the offsets.
  int64_t marker_waits = 0;
  int64_t silent = 0;                   // Per mille of steps: a source's partition falls silent for a while.

  // What happens to processes, per million of steps.
  int64_t crash = 0;
  int64_t stop = 0;                     // A clean stop.
  int64_t freeze = 0;
  int64_t expire = 0;                   // A session that ends though the process is well.
  int64_t time_out = 0;                 // Of a transaction.
  int64_t disk_fault = 0;
  // What happens to disks while nobody uses them, per mille of restarts.
  int64_t lost = 0;
  int64_t stale = 0;
  int64_t torn = 0;
  int64_t foreign = 0;
  // To topics, per million of steps.
  int64_t compact = 0;
  int64_t trim = 0;
  int64_t publish = 0;
  int64_t probe = 100;                  // Per mille of recoveries: every customer is looked at.
};

Profile ProfileOf(uint64_t seed);

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_PROFILE_H_
