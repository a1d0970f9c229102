#ifndef EBB_BENCHMARKS_MICRO_EVENTS_H_
#define EBB_BENCHMARKS_MICRO_EVENTS_H_

// Events of a shop, each a pure function of its number. Stateless; any thread.

#include <cstdint>
#include <string>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"

namespace ebb::bench {

// Events follow each other in event time, ten seconds apart.
inline constexpr int64_t kFirstEventMs = 1'760'000'000'000;
inline constexpr int64_t kEventGapMs = 10'000;

// "customer-0000017", of `customers`, in an order that a cache cannot guess.
std::string CustomerOf(uint64_t event, uint64_t customers);

v1::Purchase MakePurchase(uint64_t event, uint64_t customers);
v1::Browse MakeBrowse(uint64_t event, uint64_t customers);
v1::Support MakeSupport(uint64_t event, uint64_t customers);

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_MICRO_EVENTS_H_
