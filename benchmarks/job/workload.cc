#include "benchmarks/job/workload.h"

#include <algorithm>
#include <cmath>

namespace ebb::bench {
namespace {

constexpr double kExponent = 0.99;
constexpr uint64_t kMostSessions = 10'000;  // At a time; fewer where there are few customers.
constexpr uint64_t kLeastPerSession = 10;
constexpr uint64_t kMostPerSession = 30;

}  // namespace

// Source: Gray et al., "Quickly generating billion-record synthetic databases", SIGMOD 1994.
Workload::Workload(Spread spread, uint64_t customers, uint64_t seed)
    : spread_(spread), customers_(customers), random_(seed) {
  if (spread == Spread::kZipf) {
    for (uint64_t i = 1; i <= customers; ++i) zeta_ += std::pow(static_cast<double>(i), -kExponent);
    const double zeta_of_two = 1.0 + std::pow(2.0, -kExponent);
    alpha_ = 1.0 / (1.0 - kExponent);
    eta_ = (1.0 - std::pow(2.0 / static_cast<double>(customers), 1.0 - kExponent)) / (1.0 - zeta_of_two / zeta_);
  }
  if (spread == Spread::kSessions) sessions_.resize(std::clamp<uint64_t>(customers / 100, 1, kMostSessions));
}

// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
uint64_t Workload::NextBits() {
  uint64_t z = random_ += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double Workload::NextFraction() { return static_cast<double>(NextBits() >> 11) * 0x1.0p-53; }

Kind Workload::NextKind() {
  const uint64_t percent = NextBits() % 100;
  return percent < 60 ? Kind::kBrowse : percent < 95 ? Kind::kPurchase : Kind::kSupport;
}

uint64_t Workload::NextOfZipf() {
  const double u = NextFraction();
  if (u * zeta_ < 1.0) return 0;
  if (u * zeta_ < 1.0 + std::pow(0.5, kExponent)) return 1 % customers_;
  const double rank = static_cast<double>(customers_) * std::pow(eta_ * u - eta_ + 1.0, alpha_);
  return std::min(static_cast<uint64_t>(rank), customers_ - 1);
}

uint64_t Workload::NextCustomer() {
  if (spread_ == Spread::kUniform) return NextBits() % customers_;
  if (spread_ == Spread::kZipf) return NextOfZipf();
  Session& session = sessions_[NextBits() % sessions_.size()];
  if (session.left == 0) {
    session = {NextBits() % customers_, kLeastPerSession + NextBits() % (kMostPerSession - kLeastPerSession + 1)};
  }
  --session.left;
  return session.customer;
}

}  // namespace ebb::bench
