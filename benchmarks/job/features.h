#ifndef EBB_BENCHMARKS_JOB_FEATURES_H_
#define EBB_BENCHMARKS_JOB_FEATURES_H_

// The arithmetic of the job, as README.md says it: for the systems that are written in C++. Stateless; any thread.

#include "benchmarks/job/events.pb.h"
#include "benchmarks/job/features.pb.h"

namespace ebb::bench {

// Each takes one event in and returns whether an alert is due; `alert` then holds it, else it is untouched. What was in
// it is overwritten, so that its memory can be used again.
bool Apply(const Browse& browse, Features* features, Alert* alert);
bool Apply(const Purchase& purchase, Features* features, Alert* alert);
bool Apply(const Support& support, Features* features, Alert* alert);

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_JOB_FEATURES_H_
