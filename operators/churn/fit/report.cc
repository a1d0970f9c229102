#include "operators/churn/fit/report.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "operators/churn/feature_words.h"

namespace ebb {

using operators::ChurnReport;

namespace {

std::string DateOf(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

std::string FalseForEachFound(const ChurnReport::Timeliness& of) {
  if (of.found() == 0) return "-";
  return absl::StrFormat("%.2f", static_cast<double>(of.false_alerts()) / static_cast<double>(of.found()));
}

ChurnReport::Judgement Told(const Judgement& judgement) {
  ChurnReport::Judgement told;
  told.set_name(judgement.name);
  told.set_auc(judgement.auc);
  told.set_precision_in_top_decile(judgement.precision_in_top_decile);
  if (judgement.brier) told.set_brier(*judgement.brier);
  for (const CalibrationRow& row : judgement.calibration) {
    ChurnReport::Calibration& tenth = *told.add_calibration();
    tenth.set_expected(row.mean_predicted);
    tenth.set_observed(row.observed_rate);
    tenth.set_customers(row.count);
    tenth.set_standard_error(row.standard_error);
    tenth.set_is_within_bounds(row.within_bounds);
  }
  for (const LiftPoint& point : judgement.lift) {
    ChurnReport::Lift& lift = *told.add_lift();
    lift.set_customers(point.share_of_customers);
    lift.set_found(point.share_found);
  }
  return told;
}

ChurnReport::Training Told(const v1::ChurnModel& model) {
  ChurnReport::Training told;
  for (int64_t cutoff_ms : model.training().cutoffs_ms()) told.add_cutoffs(DateOf(cutoff_ms));
  told.set_horizon_days(model.horizon_days());
  told.set_rows(model.training().rows());
  told.set_customers(model.training().customers());
  told.set_left_share(model.training().left_share());
  told.set_fingerprint(model.training().fingerprint());
  return told;
}

}  // namespace

ChurnReport ReportOf(const ChurnFit& fit) {
  ChurnReport report;
  report.set_id(fit.model.id());
  report.set_version(fit.model.version());
  report.set_model(fit.judgements.front().name);
  report.set_cutoff(DateOf(fit.judged_cutoff_ms));
  report.set_horizon_days(fit.judged_horizon_days);
  report.set_customers(fit.judged_rows);
  report.set_generated_customers(fit.generated_rows);
  report.set_left_share(fit.left_share);
  for (const Judgement& judgement : fit.judgements) *report.add_judgements() = Told(judgement);
  *report.mutable_training() = Told(fit.model);
  for (const FeatureUse& use : fit.features) {
    ChurnReport::Feature& feature = *report.add_features();
    feature.set_name(use.name);
    feature.set_words(std::string(FeatureWords(use.name)));
    feature.set_usual(use.usual);
    feature.set_strength(use.strength);
    feature.set_direction(use.direction);
  }
  for (const std::string& remark : fit.remarks) report.add_remarks(remark);
  return report;
}

void AddTimeliness(const std::vector<Timeliness>& timeliness, ChurnReport* report) {
  for (const Timeliness& of : timeliness) {
    ChurnReport::Timeliness& told = *report->add_timeliness();
    told.set_threshold(of.threshold);
    told.set_leavers(of.leavers);
    told.set_found(of.found);
    told.set_days_ahead(of.days_ahead);
    told.set_false_alerts(of.false_alerts);
  }
}

std::string SummaryOf(const ChurnReport& report) {
  std::string text = absl::StrFormat("%s %s, judged on %d customers as of %s; %.1f %% bought nothing in %g days\n\n",
                                     report.id(), report.version(), report.customers(), report.cutoff(),
                                     100 * report.left_share(), report.horizon_days());
  absl::StrAppendFormat(&text, "%-16s %6s %20s %6s %22s\n", "", "AUC", "left in top tenth", "Brier",
                        "tenths calibrated");
  for (const ChurnReport::Judgement& judgement : report.judgements()) {
    absl::StrAppendFormat(&text, "%-16s %6.3f %18.1f %% ", judgement.name(), judgement.auc(),
                          100 * judgement.precision_in_top_decile());
    if (judgement.has_brier()) {
      const auto& tenths = judgement.calibration();
      const auto within =
          std::count_if(tenths.begin(), tenths.end(), [](const auto& tenth) { return tenth.is_within_bounds(); });
      absl::StrAppendFormat(&text, "%6.3f %15d of %d", judgement.brier(), within, tenths.size());
    }
    text += "\n";
  }
  if (report.timeliness_size() > 0) text += "\nthreshold  leavers found  days ahead  false alerts for each found\n";
  for (const ChurnReport::Timeliness& of : report.timeliness()) {
    absl::StrAppendFormat(&text, "%9.2f %7d of %4d %11.0f %28s\n", of.threshold(), of.found(), of.leavers(),
                          of.days_ahead(), FalseForEachFound(of));
  }
  for (const std::string& remark : report.remarks()) absl::StrAppendFormat(&text, "\n%s\n", remark);
  return text;
}

}  // namespace ebb
