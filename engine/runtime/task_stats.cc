#include "engine/runtime/task_stats.h"

#include <algorithm>

namespace ebb {
namespace {

void AddTo(std::vector<uint64_t>* sums, const std::vector<uint64_t>& more) {
  sums->resize(std::max(sums->size(), more.size()));
  for (size_t i = 0; i < more.size(); ++i) (*sums)[i] += more[i];
}

}  // namespace

TaskStats& TaskStats::operator+=(const TaskStats& more) {
  AddTo(&records_in, more.records_in);
  AddTo(&bytes_in, more.bytes_in);
  AddTo(&late, more.late);
  AddTo(&results, more.results);
  for (const auto& [key, count] : more.dead_letters) dead_letters[key] += count;
  latencies += more.latencies;
  suppressed += more.suppressed;
  timers_fired += more.timers_fired;
  epochs += more.epochs;
  aborts += more.aborts;
  customers_written += more.customers_written;
  redone_epochs += more.redone_epochs;
  redone_records += more.redone_records;
  redone_timers += more.redone_timers;
  skipped_customers += more.skipped_customers;
  foreign_redo += more.foreign_redo;
  divergent_epochs += more.divergent_epochs;
  return *this;
}

}  // namespace ebb
