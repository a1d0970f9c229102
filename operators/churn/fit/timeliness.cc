#include "operators/churn/fit/timeliness.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "operators/churn/fit/learn.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr double kThresholds[] = {.3, .4, .5, .6, .7, .75, .8, .85, .9, .95, .98};

// A customer at one moment.
struct Moment {
  int64_t at_ms = 0;
  int64_t last_purchase_ms = 0;
  double risk = 0;
};

// A customer from the first moment to the last.
struct Watched {
  Fate fate;
  std::vector<Moment> moments;
};

std::optional<int64_t> MillisOf(const google::protobuf::Struct& line, const char* name) {
  const auto found = line.fields().find(name);
  if (found == line.fields().end()) return std::nullopt;
  return static_cast<int64_t>(found->second.number_value());
}

// When an alert was raised that was open when the customer left, or the first one after.
std::optional<int64_t> TrueAlert(const std::vector<std::pair<int64_t, bool>>& raised, int64_t left_at_ms) {
  for (const auto& [at_ms, bought_again] : raised) {
    if (at_ms >= left_at_ms || !bought_again) return at_ms;
  }
  return std::nullopt;
}

// Of each alert when it was raised and whether a purchase cleared it.
std::vector<std::pair<int64_t, bool>> AlertsOf(const Watched& customer, double threshold) {
  std::vector<std::pair<int64_t, bool>> raised;
  bool open = false;
  for (const Moment& moment : customer.moments) {
    if (open && moment.last_purchase_ms >= raised.back().first) {
      raised.back().second = true;
      open = false;
    }
    if (open || moment.risk < threshold) continue;
    raised.emplace_back(moment.at_ms, false);
    open = true;
  }
  return raised;
}

Timeliness At(double threshold, const std::vector<Watched>& customers, int64_t last_ms, int64_t horizon_ms) {
  Timeliness result;
  result.threshold = threshold;
  std::vector<double> days_ahead;
  for (const Watched& customer : customers) {
    const auto raised = AlertsOf(customer, threshold);
    const auto left = customer.fate.left_at_ms;
    result.false_alerts += std::count_if(raised.begin(), raised.end(), [&](const auto& alert) {
      return !left || (alert.first < *left && alert.second);
    });
    if (!left || !customer.fate.last_purchase_ms) continue;
    const int64_t proven_ms = *customer.fate.last_purchase_ms + horizon_ms;
    if (proven_ms > last_ms) continue;
    ++result.leavers;
    const auto at_ms = TrueAlert(raised, *left);
    if (!at_ms || *at_ms >= proven_ms) continue;
    ++result.found;
    days_ahead.push_back(DaysOf(proven_ms - *at_ms));
  }
  result.days_ahead = Median(std::move(days_ahead));
  return result;
}

}  // namespace

absl::StatusOr<std::map<std::string, Fate>> ReadFates(std::istream& in, const std::string& name) {
  std::map<std::string, Fate> fates;
  std::string text;
  for (int64_t number = 1; std::getline(in, text); ++number) {
    google::protobuf::Struct line;
    const bool is_json = google::protobuf::util::JsonStringToMessage(text, &line).ok();
    const auto customer = line.fields().find("customer");
    if (!is_json || customer == line.fields().end()) {
      return absl::InvalidArgumentError(
          Text(name, ":", number, ": expected a line of truth.jsonl, as ebb generate writes it"));
    }
    fates[customer->second.string_value()] = {MillisOf(line, "lastPurchaseMs"), MillisOf(line, "leftAtMs")};
  }
  return fates;
}

absl::StatusOr<std::vector<Timeliness>> MeasureTimeliness(const RiskModel& model, const TrainingRowList& rows,
                                                          const std::map<std::string, Fate>& fates) {
  if (CutoffsOf(rows).size() < 2) {
    return absl::InvalidArgumentError("timeliness: expected rows of two moments or more, such as of every week");
  }
  std::map<std::string_view, Watched> watched;
  for (const v1::TrainingRow& row : rows) {
    const auto fate = fates.find(row.customer_id());
    if (fate == fates.end()) {
      return absl::InvalidArgumentError(Text("timeliness: nothing is known of what became of ", row.customer_id()));
    }
    if (fate->second.left_at_ms && *fate->second.left_at_ms < rows.front().cutoff_ms()) continue;
    const auto silence_ms = static_cast<int64_t>(row.features().silence_days() * static_cast<double>(kMillisPerDay));
    Watched& customer = watched[row.customer_id()];
    customer.fate = fate->second;
    customer.moments.push_back({row.cutoff_ms(), row.cutoff_ms() - silence_ms, model.Risk(row.features())});
  }
  std::vector<Watched> customers;
  for (auto& [id, customer] : watched) customers.push_back(std::move(customer));
  const auto horizon_ms = static_cast<int64_t>(model.model().horizon_days() * static_cast<double>(kMillisPerDay));
  std::vector<Timeliness> results;
  for (double threshold : kThresholds) {
    results.push_back(At(threshold, customers, rows.back().cutoff_ms(), horizon_ms));
  }
  if (results.front().leavers == 0) {
    return absl::InvalidArgumentError(
        "timeliness: nobody left between the first moment and a horizon before the last; give rows of more moments");
  }
  return results;
}

}  // namespace ebb
