#ifndef EBB_BENCHMARKS_JOB_WORKLOAD_H_
#define EBB_BENCHMARKS_JOB_WORKLOAD_H_

// Who does what next: the sequence of events of a workload, a pure function of its settings. One thread at a time.

#include <cstdint>
#include <string>
#include <vector>

namespace ebb::bench {

// How events spread over customers.
enum class Spread {
  kUniform,   // Each customer as likely as any other.
  kZipf,      // Zipf with exponent 0.99, as in YCSB.
  kSessions,  // In bursts of 10 to 30 events of one customer, many of them at a time.
};

enum class Kind { kBrowse, kPurchase, kSupport };

class Workload {
 public:
  // `customers`: at least 1. The same arguments give the same sequence.
  Workload(Spread spread, uint64_t customers, uint64_t seed);

  Kind NextKind();          // 60% browse, 35% purchase, 5% support.
  uint64_t NextCustomer();  // Below `customers`.
  uint64_t NextBits();      // 64 random bits, for what else an event says.

 private:
  struct Session {
    uint64_t customer = 0;
    uint64_t left = 0;
  };

  double NextFraction();  // In [0, 1).
  uint64_t NextOfZipf();

  const Spread spread_;
  const uint64_t customers_;
  uint64_t random_;
  // Of Zipf; see Source in the .cc.
  double zeta_ = 0;
  double alpha_ = 0;
  double eta_ = 0;
  std::vector<Session> sessions_;
};

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_JOB_WORKLOAD_H_
