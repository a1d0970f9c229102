#include "benchmarks/job/expected.h"

#include <algorithm>
#include <cmath>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace ebb::bench {
namespace {

constexpr size_t kBrowses = 0;
constexpr size_t kPurchases = 1;
constexpr size_t kSupports = 2;
constexpr int64_t kDayMs = 24 * 60 * 60 * 1000;
constexpr double kTolerance = 1e-9;

uint64_t Subject(const std::string& event_id, const std::string& id, const std::string& text) {
  return absl::HashOf(event_id, id, text);
}

bool Near(double a, double b) { return std::abs(a - b) <= kTolerance * std::max({1.0, std::abs(a), std::abs(b)}); }

}  // namespace

void Expected::Append(int64_t time_ms, int64_t amount_minor, uint64_t subject, std::vector<Moment>* moments) {
  Moment next{time_ms, 1.0, amount_minor, subject};
  if (!moments->empty()) {
    const double days = static_cast<double>(time_ms - moments->back().time_ms) / kDayMs;
    next.decayed += moments->back().decayed * std::pow(0.5, days / 30.0);
    next.spent_minor += moments->back().spent_minor;
  }
  moments->push_back(next);
}

void Expected::Add(const Browse& browse) {
  Append(browse.header().event_time_ms(), 0, 0, &customers_[browse.header().customer_id()].kinds[kBrowses]);
}

void Expected::Add(const Purchase& purchase) {
  Append(purchase.header().event_time_ms(), purchase.amount_minor(),
         Subject(purchase.header().event_id(), purchase.order_id(), purchase.sku()),
         &customers_[purchase.header().customer_id()].kinds[kPurchases]);
}

void Expected::Add(const Support& support) {
  Append(support.header().event_time_ms(), 0,
         Subject(support.header().event_id(), support.ticket_id(), support.subject()),
         &customers_[support.header().customer_id()].kinds[kSupports]);
}

size_t Expected::due() const {
  size_t alerts = 0;
  for (const auto& [id, history] : customers_) {
    alerts += history.kinds[kPurchases].size() / 10 + history.kinds[kSupports].size();
  }
  return alerts;
}

int64_t Expected::WeekEvents(const History& history, const std::array<int64_t, 3>& counts) {
  int64_t newest_day = 0;
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    if (counts[kind] > 0) newest_day = std::max(newest_day, history.kinds[kind][counts[kind] - 1].time_ms / kDayMs);
  }
  int64_t events = 0;
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    const auto end = history.kinds[kind].begin() + counts[kind];
    const auto begin = std::partition_point(history.kinds[kind].begin(), end, [&](const Moment& moment) {
      return moment.time_ms / kDayMs <= newest_day - 7;
    });
    events += end - begin;
  }
  return events;
}

std::optional<std::string> Expected::Check(const Alert& alert) {
  const auto found = customers_.find(alert.customer_id());
  if (found == customers_.end()) return "a customer without events in this partition";
  History& history = found->second;
  const std::array<int64_t, 3> counts = {alert.browses(), alert.purchases(), alert.supports()};
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    const auto most = static_cast<int64_t>(history.kinds[kind].size());
    if (counts[kind] < history.told[kind] || counts[kind] > most) {
      return absl::StrCat("count ", kind, " is ", counts[kind], "; it was ", history.told[kind], ", there are ", most);
    }
  }
  history.told = counts;

  const bool of_support = alert.kind() == Alert::SUPPORT;
  if (!of_support && alert.kind() != Alert::PURCHASES) return "neither of purchases nor of support";
  const int64_t number = of_support ? counts[kSupports] : counts[kPurchases];
  if (alert.number() != number) return absl::StrCat("number ", alert.number(), ", but its kind's count is ", number);
  const int64_t step = of_support ? 1 : 10;
  size_t& seen = history.seen[of_support ? 1 : 0];
  const int64_t next = static_cast<int64_t>(seen + 1) * step;
  if (number != next) return absl::StrCat("number ", number, " came where ", next, " was due");
  ++seen;
  ++seen_;

  const std::vector<Moment>& browses = history.kinds[kBrowses];
  const std::vector<Moment>& purchases = history.kinds[kPurchases];
  const Moment none;
  const Moment& cause = history.kinds[of_support ? kSupports : kPurchases][number - 1];
  const Moment& browse = counts[kBrowses] > 0 ? browses[counts[kBrowses] - 1] : none;
  const Moment& purchase = counts[kPurchases] > 0 ? purchases[counts[kPurchases] - 1] : none;
  if (alert.event_time_ms() != cause.time_ms) return "another time than the event's";
  if (Subject(alert.event_id(), alert.subject_id(), alert.subject()) != cause.subject) return "not what the event says";
  if (alert.spent_minor() != purchase.spent_minor) return absl::StrCat("spent: expected ", purchase.spent_minor);
  if (!Near(alert.decayed_browses(), browse.decayed)) return absl::StrCat("decayed_browses: due ", browse.decayed);
  if (!Near(alert.decayed_purchases(), purchase.decayed)) {
    return absl::StrCat("decayed_purchases: due ", purchase.decayed);
  }
  const double gap = counts[kPurchases] < 2 ? 0.0
                                            : static_cast<double>(purchase.time_ms - purchases[0].time_ms) /
                                                  static_cast<double>(counts[kPurchases] - 1);
  if (!Near(alert.mean_gap_ms(), gap)) return absl::StrCat("mean_gap_ms: due ", gap);
  const int64_t week = WeekEvents(history, counts);
  if (alert.week_events() != week) return absl::StrCat("week_events: due ", week);
  return std::nullopt;
}

}  // namespace ebb::bench
