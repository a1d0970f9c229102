#include "operators/value/fit/rfm_fit.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"
#include "operators/churn/models/fit.h"
#include "operators/features/event_history.h"
#include "operators/value/quantile.h"
#include "operators/value/rfm_scale.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr double kShares[RfmScale::kCutoffs] = {.2, .4, .6, .8};

using Cutoffs = google::protobuf::RepeatedField<double>;

template <class ValueOf>
void Cut(const TrainingRowList& rows, ValueOf value_of, Cutoffs* cutoffs) {
  std::vector<double> values;
  for (const v1::TrainingRow& row : rows) values.push_back(value_of(row.features()));
  std::sort(values.begin(), values.end());
  for (double share : kShares) cutoffs->Add(Quantile(values, share));
}

void RemarkOnEqual(std::string_view name, const Cutoffs& cutoffs, std::vector<std::string>* remarks) {
  if (std::adjacent_find(cutoffs.begin(), cutoffs.end()) == cutoffs.end()) return;
  remarks->push_back(Text("Many customers have the same ", name,
                          ", so that cut-offs are equal and scores between them are not given."));
}

std::string Spelled(const Cutoffs& cutoffs) {
  std::string text;
  for (double cutoff : cutoffs) absl::StrAppendFormat(&text, " %10.4g", cutoff);
  return text;
}

}  // namespace

absl::StatusOr<RfmFit> FitRfm(const TrainingRowList& rows, const std::string& id, const std::string& version) {
  const auto customers = static_cast<int64_t>(rows.size());
  if (customers < kMinCustomersToFit) {
    return absl::InvalidArgumentError(Text("expected at least ", kMinCustomersToFit,
                                           " customers who bought before the cut-off, got ", customers,
                                           "; fifths of fewer say little"));
  }
  RfmFit fit;
  v1::RfmCutoffs& cutoffs = fit.cutoffs;
  cutoffs.set_format(1);
  cutoffs.set_id(id);
  cutoffs.set_fingerprint(FingerprintOf(rows));
  cutoffs.set_version(version.empty() ? DefaultVersion(cutoffs.fingerprint()) : version);
  cutoffs.set_as_of_ms(rows.front().cutoff_ms());
  cutoffs.set_customers(customers);
  Cut(
      rows, [](const v1::RiskFeatures& features) { return features.silence_days(); }, cutoffs.mutable_recency_days());
  Cut(
      rows, [](const v1::RiskFeatures& features) { return features.orders(); }, cutoffs.mutable_orders());
  Cut(
      rows, [](const v1::RiskFeatures& features) { return features.spent(); }, cutoffs.mutable_spent());
  RemarkOnEqual("silence", cutoffs.recency_days(), &fit.remarks);
  RemarkOnEqual("number of orders", cutoffs.orders(), &fit.remarks);
  RemarkOnEqual("money spent", cutoffs.spent(), &fit.remarks);

  auto scale = RfmScale::Make(cutoffs);
  if (!scale.ok()) return scale.status();
  auto segments = RfmSegments::Make({});
  if (!segments.ok()) return segments.status();
  std::map<std::string, int64_t> counts;
  for (const v1::TrainingRow& row : rows) {
    const v1::RiskFeatures& features = row.features();
    const auto silence_ms = static_cast<int64_t>(features.silence_days() * static_cast<double>(kMillisPerDay) + .5);
    ++counts[(*segments)->Of((*scale)->Scores({silence_ms, features.orders(), features.spent()}))];
  }
  for (const std::string& name : (*segments)->names()) fit.segments.emplace_back(name, counts[name]);
  return fit;
}

std::string SummaryOf(const RfmFit& fit) {
  std::string text =
      absl::StrFormat("%s %s, of %d customers\n\n%-22s %10s %10s %10s %10s\n", fit.cutoffs.id(), fit.cutoffs.version(),
                      fit.cutoffs.customers(), "", "20 %", "40 %", "60 %", "80 %");
  absl::StrAppendFormat(&text, "%-22s%s\n", "days since a purchase", Spelled(fit.cutoffs.recency_days()));
  absl::StrAppendFormat(&text, "%-22s%s\n", "orders", Spelled(fit.cutoffs.orders()));
  absl::StrAppendFormat(&text, "%-22s%s\n\n", "spent", Spelled(fit.cutoffs.spent()));
  for (const auto& [name, count] : fit.segments) {
    absl::StrAppendFormat(&text, "%-22s %10d %9.1f %%\n", name, count,
                          100 * static_cast<double>(count) / static_cast<double>(fit.cutoffs.customers()));
  }
  for (const std::string& remark : fit.remarks) absl::StrAppendFormat(&text, "\n%s\n", remark);
  return text;
}

}  // namespace ebb
