#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "operators/churn/fit/fit_output.h"
#include "operators/churn/fit/report.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::ChurnReport;

constexpr int kFeaturesShown = 12;

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

// As people call it.
std::string_view NameOf(std::string_view judgement) {
  if (judgement == "logistic") return "Logistic regression";
  if (judgement == "forest") return "Random forest";
  if (judgement == "boosted") return "Boosted trees";
  if (judgement == "bgnbd") return "BG/NBD";
  if (judgement == "mbgnbd") return "MBG/NBD";
  if (judgement == "paretonbd") return "Pareto/NBD";
  if (judgement == "recency alone") return "Recency alone";
  return judgement;
}

int64_t Within(const ChurnReport::Judgement& judgement) {
  return std::count_if(judgement.calibration().begin(), judgement.calibration().end(),
                       [](const auto& tenth) { return tenth.is_within_bounds(); });
}

// A plane on which both axes are shares from 0 to 1.
constexpr double kLeft = 46, kTop = 14, kSide = 300;
double AcrossOf(double share) { return kLeft + kSide * share; }
double DownOf(double share) { return kTop + kSide * (1 - share); }

std::string Plane(std::string_view describes, std::string_view across, std::string_view up) {
  std::string svg = absl::StrFormat(R"(<svg viewBox="0 0 372 368" role="img" aria-label="%s">)", describes);
  for (int tick = 0; tick <= 4; ++tick) {
    const double share = tick / 4.0;
    absl::StrAppendFormat(&svg, R"(<path class="axis" d="M%.1f %.1fH%.1fM%.1f %.1fV%.1f"/>)", kLeft, DownOf(share),
                          kLeft + kSide, AcrossOf(share), kTop, kTop + kSide);
    absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="middle">%d %%</text>)", AcrossOf(share),
                          kTop + kSide + 18, 25 * tick);
    absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="end">%d %%</text>)", kLeft - 6,
                          DownOf(share) + 4, 25 * tick);
  }
  absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>)", kLeft + kSide / 2,
                        kTop + kSide + 40, across);
  absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f">%s</text>)", kLeft + 6, kTop + 14, up);
  return Text(svg, absl::StrFormat(R"(<path class="even" d="M%.1f %.1fL%.1f %.1f"/>)", AcrossOf(0), DownOf(0),
                                   AcrossOf(1), DownOf(1)));
}

std::string CalibrationPlot(const ChurnReport::Judgement& judgement, int series) {
  std::string svg =
      Plane("Expected and observed shares of customers who left, by tenths", "expected to leave", "who left");
  std::string points;
  for (const ChurnReport::Calibration& tenth : judgement.calibration()) {
    const double bound = std::max(.03, 2.6 * tenth.standard_error());
    const double top = std::min(1.0, tenth.expected() + bound);
    const double bottom = std::max(0.0, tenth.expected() - bound);
    absl::StrAppendFormat(&svg, R"(<rect class="band" x="%.1f" y="%.1f" width="8" height="%.1f" rx="4"/>)",
                          AcrossOf(tenth.expected()) - 4, DownOf(top), kSide * (top - bottom));
    absl::StrAppendFormat(&points, R"(<circle class="%s" cx="%.1f" cy="%.1f" r="5"><title>%s</title></circle>)",
                          tenth.is_within_bounds() ? Text("f", series) : "outside", AcrossOf(tenth.expected()),
                          DownOf(tenth.observed()),
                          absl::StrFormat("%d customers: expected %s, left %s", tenth.customers(),
                                          Percent(tenth.expected()), Percent(tenth.observed())));
  }
  return Text(svg, points, "</svg>");
}

std::string LiftChart(const ChurnReport& report) {
  std::string svg = Plane("Share of leavers found, by share of customers approached",
                          "of customers, highest risk first", "of those who left");
  for (int series = report.judgements_size() - 1; series >= 0; --series) {
    const ChurnReport::Judgement& judgement = report.judgements(series);
    std::string way = absl::StrFormat("M%.1f %.1f", AcrossOf(0), DownOf(0));
    std::string points;
    for (const ChurnReport::Lift& lift : judgement.lift()) {
      absl::StrAppendFormat(&way, "L%.1f %.1f", AcrossOf(lift.customers()), DownOf(lift.found()));
      absl::StrAppendFormat(&points, R"(<circle class="f%d" cx="%.1f" cy="%.1f" r="2.6"><title>%s</title></circle>)",
                            series, AcrossOf(lift.customers()), DownOf(lift.found()),
                            absl::StrFormat("%s: %s of customers hold %s of those who left", NameOf(judgement.name()),
                                            Percent(lift.customers()), Percent(lift.found())));
    }
    absl::StrAppendFormat(&svg, R"(<path class="curve s%d" d="%s"/>%s)", series, way, points);
    const double y = kTop + kSide - 14 - 20 * (report.judgements_size() - 1 - series);
    absl::StrAppendFormat(&svg, R"(<path class="curve s%d" d="M%.1f %.1fh26"/>)", series, kLeft + kSide - 170, y - 4);
    absl::StrAppendFormat(&svg, R"(<text class="label f%d" x="%.1f" y="%.1f">%s</text>)", series, kLeft + kSide - 138,
                          y, EscapedHtml(NameOf(judgement.name())));
  }
  return svg + "</svg>";
}

std::string FeatureChart(const ChurnReport& report) {
  constexpr double kRow = 27, kWords = 300, kBars = 330;
  const int shown = std::min(kFeaturesShown, report.features_size());
  std::string svg =
      absl::StrFormat(R"(<svg viewBox="0 0 780 %.0f" role="img" aria-label="What moves the score">)", kRow * shown + 4);
  const double most = shown > 0 ? report.features(0).strength() : 1;
  for (int i = 0; i < shown; ++i) {
    const ChurnReport::Feature& feature = report.features(i);
    const double y = kRow * i;
    const double width = std::max(2.0, kBars * feature.strength() / most);
    absl::StrAppendFormat(&svg, R"(<text class="words" x="%.1f" y="%.1f" text-anchor="end">%s</text>)", kWords, y + 17,
                          EscapedHtml(feature.words()));
    absl::StrAppendFormat(&svg, R"(<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="15" rx="3"/>)",
                          feature.direction() > 0 ? "towards" : "away", kWords + 12, y + 5, width);
    absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f">%.2f, usually %s</text>)", kWords + 20 + width, y + 17,
                          feature.strength(), absl::StrFormat("%.3g", feature.usual()));
  }
  return svg + "</svg>";
}

std::string QualityTable(const ChurnReport& report) {
  std::string rows;
  for (int i = 0; i < report.judgements_size(); ++i) {
    const ChurnReport::Judgement& judgement = report.judgements(i);
    absl::StrAppendFormat(&rows, "<tr%s><td>%s</td><td>%.3f</td><td>%s</td>", i == 0 ? R"( class="own")" : "",
                          EscapedHtml(NameOf(judgement.name())), judgement.auc(),
                          Percent(judgement.precision_in_top_decile()));
    if (judgement.has_brier()) {
      absl::StrAppendFormat(&rows, "<td>%.3f</td><td>%d of %d</td></tr>\n", judgement.brier(), Within(judgement),
                            judgement.calibration_size());
    } else {
      rows += "<td>–</td><td>–</td></tr>\n";
    }
  }
  return Text(
      R"(<section class="card"><h2>How good it is</h2><p class="soft">On customers whom it has not learnt from. AUC: )"
      "how often someone who left stands before someone who stayed; .5 is chance. Brier score: the mean square of risk "
      "less "
      "outcome; 0 is best. Recency alone puts whoever bought last to the end; it ranks, and gives no risks.</p>"
      R"(<div class="wide"><table><thead><tr><th>Way to tell</th><th>AUC</th><th>Left in the top tenth</th>)"
      "<th>Brier score</th><th>Tenths calibrated</th></tr></thead><tbody>\n",
      rows, "</tbody></table></div></section>\n");
}

std::string CalibrationTable(const ChurnReport::Judgement& judgement) {
  std::string rows;
  for (const ChurnReport::Calibration& tenth : judgement.calibration()) {
    absl::StrAppendFormat(&rows, "<tr><td>%d</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>", tenth.customers(),
                          Percent(tenth.expected()), Percent(tenth.observed()), Percent(tenth.standard_error()),
                          tenth.is_within_bounds() ? "yes" : "no");
  }
  return Text(R"(<details><summary>Figures</summary><div class="wide"><table><thead><tr><th>Customers</th>)"
              "<th>Expected</th><th>Left</th><th>Standard error</th><th>Within</th></tr></thead><tbody>",
              rows, "</tbody></table></div></details>");
}

std::string LiftTable(const ChurnReport& report) {
  std::string head = "<tr><th>Customers</th>";
  for (const auto& judgement : report.judgements())
    head += Text("<th>", EscapedHtml(NameOf(judgement.name())), "</th>");
  std::string rows;
  for (int i = 0; i < report.judgements(0).lift_size(); ++i) {
    rows += Text("<tr><td>", Percent(report.judgements(0).lift(i).customers()), "</td>");
    for (const auto& judgement : report.judgements()) {
      const ChurnReport::Lift& lift = judgement.lift(i);
      absl::StrAppendFormat(&rows, "<td>%s (× %.2f)</td>", Percent(lift.found()), lift.found() / lift.customers());
    }
    rows += "</tr>";
  }
  return Text(R"(<details><summary>Figures</summary><div class="wide"><table><thead>)", head, "</tr></thead><tbody>",
              rows, "</tbody></table></div></details>");
}

std::string Charts(const ChurnReport& report) {
  std::string html = R"(<div class="grid">)";
  for (int i = 0; i < report.judgements_size(); ++i) {
    const ChurnReport::Judgement& judgement = report.judgements(i);
    if (judgement.calibration().empty()) continue;
    html += Text(R"(<section class="card"><h2>Do risks come true? )", EscapedHtml(NameOf(judgement.name())),
                 R"(</h2><p class="soft">Each point is a tenth of the customers. On the dotted line as many left as )"
                 "expected; within the grey bar chance explains the difference (.03, or 2.6 standard errors).</p>",
                 CalibrationPlot(judgement, i), CalibrationTable(judgement), "</section>\n");
  }
  html += Text(R"(<section class="card"><h2>How many does it find?</h2><p class="soft">Who approaches this )"
               "share of the customers, the highest risk first, reaches that share of those who left. The dotted line "
               "is chance.</p>",
               LiftChart(report), LiftTable(report), "</section></div>\n");
  return html;
}

double FalseForEachFound(const ChurnReport::Timeliness& of) {
  return static_cast<double>(of.false_alerts()) / static_cast<double>(std::max<int64_t>(1, of.found()));
}

// Across: false alerts for each leaver found, up to what the lowest threshold brings. Up: the share of leavers found.
std::string TradeOff(const ChurnReport& report) {
  constexpr double kLabel = 15;
  double labelled_x = -kSide;
  double labelled_y = -kSide;
  double most = 0;
  for (const ChurnReport::Timeliness& of : report.timeliness()) most = std::max(most, FalseForEachFound(of));
  most = 4 * std::max(1.0, std::ceil(most / 4));  // So that four ticks are whole numbers.
  std::string svg = R"(<svg viewBox="0 0 372 368" role="img" aria-label="Leavers found against false alerts">)";
  for (int tick = 0; tick <= 4; ++tick) {
    const double share = tick / 4.0;
    absl::StrAppendFormat(&svg, R"(<path class="axis" d="M%.1f %.1fH%.1fM%.1f %.1fV%.1f"/>)", kLeft, DownOf(share),
                          kLeft + kSide, AcrossOf(share), kTop, kTop + kSide);
    absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="middle">%.3g</text>)", AcrossOf(share),
                          kTop + kSide + 18, most * share);
    absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="end">%d %%</text>)", kLeft - 6,
                          DownOf(share) + 4, 25 * tick);
  }
  absl::StrAppendFormat(&svg,
                        R"(<text x="%.1f" y="%.1f" text-anchor="middle">false alerts for each leaver found</text>)",
                        kLeft + kSide / 2, kTop + kSide + 40);
  std::string way;
  std::string points;
  for (const ChurnReport::Timeliness& of : report.timeliness()) {
    const double x = AcrossOf(FalseForEachFound(of) / most);
    const double y = DownOf(static_cast<double>(of.found()) / static_cast<double>(of.leavers()));
    absl::StrAppendFormat(&way, "%s%.1f %.1f", way.empty() ? "M" : "L", x, y);
    absl::StrAppendFormat(&points,
                          R"(<circle class="f0" cx="%.1f" cy="%.1f" r="4"><title>threshold %.2f</title></circle>)", x,
                          y, of.threshold());
    // Labels of neighbours would lie on each other.
    if (std::hypot(x - labelled_x, y - labelled_y) < kLabel) continue;
    absl::StrAppendFormat(&points, R"(<text x="%.1f" y="%.1f">%.2f</text>)", x + 7, y + 13, of.threshold());
    labelled_x = x;
    labelled_y = y;
  }
  return Text(svg, R"(<path class="curve s0" d=")", way, R"("/>)", points, "</svg>");
}

std::string HowEarly(const ChurnReport& report) {
  if (report.timeliness().empty()) return "";
  std::string rows;
  for (const ChurnReport::Timeliness& of : report.timeliness()) {
    absl::StrAppendFormat(&rows, "<tr><td>%.2f</td><td>%d of %d</td><td>%.0f</td><td>%d</td><td>%.2f</td></tr>",
                          of.threshold(), of.found(), of.leavers(), of.days_ahead(), of.false_alerts(),
                          FalseForEachFound(of));
  }
  return Text(
      R"(<section class="card"><h2>How early, at which threshold?</h2><p class="soft">Of customers who truly left, )"
      "how many had an alert before their silence had lasted the horizon, and how many days before (the median). A "
      "false "
      "alert "
      "is one for a customer who had not left, and bought again or never left. The next purchase clears an alert; "
      R"(how often one may be raised again is not limited here.</p><div class="grid"><div>)",
      TradeOff(report),
      R"(</div><div class="wide"><table><thead><tr><th>Threshold</th><th>Found</th><th>Days ahead</th>)",
      "<th>False</th><th>Per found</th></tr></thead><tbody>", rows, "</tbody></table></div></div></section>\n");
}

std::string Features(const ChurnReport& report) {
  if (report.features().empty()) return "";
  std::string rows;
  for (const ChurnReport::Feature& feature : report.features()) {
    absl::StrAppendFormat(&rows, "<tr><td>%s</td><td>%s</td><td>%.4g</td><td>%.3f</td><td>%+.2f</td></tr>",
                          EscapedHtml(feature.words()), EscapedHtml(feature.name()), feature.usual(),
                          feature.strength(), feature.direction());
  }
  return Text(
      R"(<section class="card"><h2>What it looks at</h2><p class="soft">How far each feature moves the score of a )"
      "customer on average, in log-odds. Blue: more of it speaks for staying. Orange: more of it speaks for leaving. "
      "Features "
      "that "
      "tell nearly the same share their part, and one may take back what another gave.</p>",
      FeatureChart(report), R"(<details><summary>All )", report.features_size(),
      R"( features</summary><div class="wide"><table><thead><tr><th>Feature</th><th>Name</th><th>Usual</th>)"
      "<th>Strength</th><th>Direction</th></tr></thead><tbody>",
      rows, "</tbody></table></div></details></section>\n");
}

std::string Provenance(const ChurnReport& report) {
  const ChurnReport::Training& training = report.training();
  return Text(
      R"(<section class="card"><h2>What it rests on</h2><dl><dt>Learnt from</dt><dd>)",
      absl::StrFormat("%d customers, %d rows", training.customers(), training.rows()), "</dd><dt>Looked at on</dt><dd>",
      absl::StrJoin(training.cutoffs(), ", "), "</dd><dt>Left</dt><dd>",
      absl::StrFormat("%s of the rows: no purchase within %g days", Percent(training.left_share()),
                      training.horizon_days()),
      "</dd><dt>Fingerprint</dt><dd>", EscapedHtml(training.fingerprint()), "</dd><dt>Judged on</dt><dd>",
      absl::StrFormat("%d customers as of %s", report.customers(), report.cutoff()), "</dd><dt>Generated</dt><dd>",
      absl::StrFormat("%d of them rest on a generated event", report.generated_customers()), "</dd></dl></section>\n");
}

std::string Tile(std::string_view value, std::string_view words) {
  return absl::StrFormat(R"(<div class="card tile"><b>%s</b><span class="soft">%s</span></div>)", value, words);
}

std::string Tiles(const ChurnReport& report) {
  const ChurnReport::Judgement& own = report.judgements(0);
  const ChurnReport::Judgement& recency = *report.judgements().rbegin();
  std::string html =
      Text(R"(<div class="grid tiles">)",
           Tile(absl::StrFormat("%.3f", own.auc()), absl::StrFormat("AUC; recency alone %.3f", recency.auc())),
           Tile(Percent(own.precision_in_top_decile()),
                absl::StrFormat("of the top tenth left; of all customers %s", Percent(report.left_share()))));
  if (own.has_brier()) {
    const double base = report.left_share() * (1 - report.left_share());
    html += Text(
        Tile(absl::StrFormat("%.3f", own.brier()), absl::StrFormat("Brier score; the same risk for all %.3f", base)),
        Tile(absl::StrFormat("%d of %d", Within(own), own.calibration_size()), "tenths calibrated"));
  }
  return html + "</div>\n";
}

}  // namespace

std::string PageOf(const ChurnReport& report) {
  const std::string intro =
      Text(EscapedHtml(NameOf(report.model())),
           absl::StrFormat(", judged on %d customers as of %s. %s of them bought nothing in the next %g days.",
                           report.customers(), report.cutoff(), Percent(report.left_share()), report.horizon_days()));
  std::vector<std::string> remarks;
  for (const std::string& remark : report.remarks()) remarks.push_back(EscapedHtml(remark));
  return HtmlPage(Text("Churn model ", report.id(), ", version ", report.version()), intro, remarks,
                  Text(Tiles(report), QualityTable(report), Charts(report), HowEarly(report), Features(report),
                       Provenance(report)));
}

}  // namespace ebb
