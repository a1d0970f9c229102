#include "operators/value/fit/cluster_report.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "operators/churn/feature_words.h"
#include "operators/churn/fit/fit_output.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::ClusterReport;

// In standard deviations: what sets a cluster apart, and what has a part in an axis.
constexpr double kNotable = .35;
constexpr double kPartOfAxis = .3;
constexpr size_t kMostWords = 3;

std::string DateOf(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

// The features of the largest coordinates, the strongest first: "more: A, B; less: C".
std::string Notable(const std::vector<double>& coordinates, const v1::ClusterModel& model, double least) {
  std::vector<size_t> order(coordinates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(coordinates[a]) > std::abs(coordinates[b]); });
  std::vector<std::string> more;
  std::vector<std::string> less;
  for (size_t i : order) {
    if (std::abs(coordinates[i]) < least || more.size() + less.size() == kMostWords) break;
    (coordinates[i] > 0 ? more : less).emplace_back(FeatureWords(model.features(static_cast<int>(i)).name()));
  }
  return Text(more.empty() ? "" : "more: ", absl::StrJoin(more, ", "), more.empty() || less.empty() ? "" : "; ",
              less.empty() ? "" : "less: ", absl::StrJoin(less, ", "));
}

ClusterReport::Picture PictureOf(const ClusterFit& fit) {
  ClusterReport::Picture picture;
  const Plane plane = WidestPlane(fit.points);
  picture.set_across(Notable(plane.axes[0], fit.model, kPartOfAxis));
  picture.set_up(Notable(plane.axes[1], fit.model, kPartOfAxis));
  picture.set_across_share(plane.shares[0]);
  picture.set_up_share(plane.shares[1]);
  // Evenly over the customers, who are in order of their ids.
  const size_t drawn = std::min(kMostPictured, fit.points.size());
  for (size_t i = 0; i < drawn; ++i) {
    const size_t point = i * fit.points.size() / drawn;
    const auto [x, y] = plane.Project(fit.points[point]);
    picture.add_x(x);
    picture.add_y(y);
    picture.add_cluster(fit.group_of[point]);
  }
  for (const auto& cluster : fit.model.clusters()) {
    const auto [x, y] = plane.Project(cluster.centre().data());
    picture.add_centre_x(x);
    picture.add_centre_y(y);
  }
  return picture;
}

// ---- The page ----

constexpr double kLeft = 20, kTop = 34, kWidth = 780, kHeight = 470;

// Colours beyond the first come again; shapes change with them.
constexpr int kColours = 6;

constexpr char kPictureStyle[] = R"css(<style>
:root { --c0: #1f5fbf; --c1: #b45309; --c2: #1a7f4b; --c3: #9d2f8f; --c4: #0e7490; --c5: #b42318; }
@media (prefers-color-scheme: dark) { :root { --c0: #7db0ff; --c1: #f0a35e; --c2: #5fd39a; --c3: #e18ad4;
  --c4: #67cfe3; --c5: #ff8a80; } }
.p0 { fill: var(--c0); } .p1 { fill: var(--c1); } .p2 { fill: var(--c2); }
.p3 { fill: var(--c3); } .p4 { fill: var(--c4); } .p5 { fill: var(--c5); }
.point { opacity: .55; } .none { fill: none; stroke: var(--soft); }
.centre { stroke: var(--card); stroke-width: 2; } svg .name { font-weight: 600; font-size: 13px; fill: var(--ink);
  paint-order: stroke; stroke: var(--card); stroke-width: 4px; }
i.key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .5em; }
.k0 { background: var(--c0); } .k1 { background: var(--c1); } .k2 { background: var(--c2); }
.k3 { background: var(--c3); } .k4 { background: var(--c4); } .k5 { background: var(--c5); }
</style>)css";

std::string Mark(int cluster, double x, double y) {
  const double size = 3.4;
  if (cluster < 0) return absl::StrFormat(R"(<circle class="none" cx="%.1f" cy="%.1f" r="2.6"/>)", x, y);
  const std::string of = absl::StrFormat("point p%d", cluster % kColours);
  if (cluster / kColours % 2 == 0) {
    return absl::StrFormat(R"(<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>)", of, x, y, size);
  }
  return absl::StrFormat(R"(<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>)", of, x - size, y - size,
                         2 * size, 2 * size);
}

// Where the middle nineteen in twenty lie, a little widened; what is further out stands at the edge.
struct Span {
  double from = 0;
  double to = 1;

  explicit Span(const google::protobuf::RepeatedField<double>& values) {
    if (values.empty()) return;
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    const size_t cut = sorted.size() / 80;
    from = sorted[cut];
    to = sorted[sorted.size() - 1 - cut];
    const double margin = to > from ? .06 * (to - from) : 1;
    from -= margin;
    to += margin;
  }
  double ShareOf(double value) const { return std::clamp((value - from) / (to - from), 0.0, 1.0); }
};

std::string Picture(const ClusterReport& report) {
  const ClusterReport::Picture& picture = report.picture();
  const Span across(picture.x());
  const Span up(picture.y());
  const auto x_of = [&](double x) { return kLeft + kWidth * across.ShareOf(x); };
  const auto y_of = [&](double y) { return kTop + kHeight * (1 - up.ShareOf(y)); };
  std::string svg =
      absl::StrFormat(R"(<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="Customers and their clusters">)"
                      R"(<path class="axis" d="M%.1f %.1fV%.1fH%.1f" fill="none"/>)",
                      kLeft + kWidth + 20, kTop + kHeight + 44, kLeft, kTop, kTop + kHeight, kLeft + kWidth);
  for (int i = 0; i < picture.x_size(); ++i) svg += Mark(picture.cluster(i), x_of(picture.x(i)), y_of(picture.y(i)));
  for (int i = 0; i < report.clusters_size(); ++i) {
    const double x = x_of(picture.centre_x(i));
    const double y = y_of(picture.centre_y(i));
    absl::StrAppendFormat(&svg, R"(<circle class="centre p%d" cx="%.1f" cy="%.1f" r="8"/>)", i % kColours, x, y);
    absl::StrAppendFormat(&svg, R"(<text class="name" x="%.1f" y="%.1f">%s</text>)", x + 12, y + 4,
                          EscapedHtml(report.clusters(i).name()));
  }
  absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f" text-anchor="middle">%s →</text>)", kLeft + kWidth / 2,
                        kTop + kHeight + 30, EscapedHtml(picture.across()));
  absl::StrAppendFormat(&svg, R"(<text x="%.1f" y="%.1f">↑ %s</text>)", kLeft - 4, kTop - 14,
                        EscapedHtml(picture.up()));
  return Text(
      R"(<section class="card"><h2>The picture</h2><p class="soft">Each point is a customer, laid where customers )",
      "differ most; the large ones are the centres. ",
      absl::StrFormat("The two directions hold %.0f %% of all differences, so that clusters which touch here may be "
                      "apart in others.",
                      100 * (picture.across_share() + picture.up_share())),
      "</p>", svg, "</svg></section>\n");
}

std::string Rounded(double value) { return absl::StrFormat(std::abs(value) < 100 ? "%.3g" : "%.0f", value); }

std::string Table(const ClusterReport& report) {
  std::string head;
  for (const auto& feature : report.features()) head += Text("<th>", EscapedHtml(feature.words()), "</th>");
  std::string rows;
  for (int i = 0; i < report.clusters_size(); ++i) {
    const ClusterReport::Cluster& cluster = report.clusters(i);
    absl::StrAppendFormat(&rows, R"(<tr><td><i class="key k%d"></i>%s</td><td>%d</td><td>%.1f %%</td>)", i % kColours,
                          EscapedHtml(cluster.name()), cluster.customers(), 100 * cluster.share());
    for (double value : cluster.values()) absl::StrAppendFormat(&rows, "<td>%s</td>", Rounded(value));
    rows += "</tr>";
  }
  rows += Text("<tr><td>all</td><td>", report.customers(), "</td><td></td>");
  for (const auto& feature : report.features()) absl::StrAppendFormat(&rows, "<td>%s</td>", Rounded(feature.usual()));
  std::string words;
  for (const auto& cluster : report.clusters()) {
    words += Text("<dt>", EscapedHtml(cluster.name()), "</dt><dd>",
                  cluster.words().empty() ? "as usual in everything" : EscapedHtml(cluster.words()), "</dd>");
  }
  return Text(R"(<section class="card"><h2>The clusters</h2><p class="soft">Typical values: the means of logarithms, )"
              "taken back.</p><dl>",
              words, R"(</dl><div class="wide"><table><thead><tr><th>Cluster</th><th>Customers</th><th>Share</th>)",
              head, "</tr></thead><tbody>", rows, "</tr></tbody></table></div></section>\n");
}

std::string HowMany(const ClusterReport& report) {
  if (report.tried().empty()) return "";
  std::string rows;
  for (const auto& tried : report.tried()) {
    absl::StrAppendFormat(&rows, "<tr%s><td>%d</td><td>%.3f</td></tr>",
                          tried.clusters() == report.clusters_size() ? R"( class="own")" : "", tried.clusters(),
                          tried.silhouette());
  }
  return Text(
      R"(<section class="card"><h2>How many?</h2><p class="soft">The silhouette says how much nearer customers )"
      "are to their own cluster than to the next: 1 is perfectly apart, 0 is no difference. The best was "
      R"(taken.</p><div class="wide"><table><thead><tr><th>Clusters</th><th>Silhouette</th></tr></thead><tbody>)",
      rows, "</tbody></table></div></section>\n");
}

std::string Provenance(const ClusterReport& report) {
  std::string html =
      Text(R"(<section class="card"><h2>What it rests on</h2><dl><dt>Customers</dt><dd>)", report.customers(),
           " who had bought before ", report.as_of(), "</dd><dt>Generated</dt><dd>", report.generated_customers(),
           " of them rest on a generated event</dd><dt>Fingerprint</dt><dd>", EscapedHtml(report.fingerprint()),
           "</dd><dt>Seed</dt><dd>", report.seed(), "</dd>");
  if (report.least() > 0) {
    html += Text("<dt>Dense</dt><dd>", report.least(), absl::StrFormat(" customers within %.3g", report.distance()),
                 "</dd><dt>In none</dt><dd>", report.in_none(), "</dd>");
  }
  return html + "</dl></section>\n";
}

}  // namespace

ClusterReport ReportOf(const ClusterFit& fit) {
  ClusterReport report;
  report.set_id(fit.model.id());
  report.set_version(fit.model.version());
  report.set_method(fit.method);
  report.set_as_of(DateOf(fit.model.training().as_of_ms()));
  report.set_customers(static_cast<int64_t>(fit.rows.size()));
  for (const v1::TrainingRow& row : fit.rows) {
    report.set_generated_customers(report.generated_customers() + row.generated());
  }
  for (const auto& feature : fit.model.features()) {
    ClusterReport::Feature& told = *report.add_features();
    told.set_name(feature.name());
    told.set_words(std::string(FeatureWords(feature.name())));
    told.set_usual(std::expm1(feature.mean()));
  }
  for (const auto& cluster : fit.model.clusters()) {
    ClusterReport::Cluster& told = *report.add_clusters();
    told.set_name(cluster.name());
    told.set_customers(cluster.customers());
    told.set_share(static_cast<double>(cluster.customers()) / static_cast<double>(fit.rows.size()));
    told.set_words(Notable({cluster.centre().begin(), cluster.centre().end()}, fit.model, kNotable));
    for (int i = 0; i < fit.model.features_size(); ++i) {
      told.add_values(std::expm1(fit.model.features(i).mean() + cluster.centre(i) * fit.model.features(i).scale()));
    }
  }
  report.set_in_none(std::count(fit.group_of.begin(), fit.group_of.end(), -1));
  report.set_silhouette(fit.model.silhouette());
  for (const auto& [clusters, silhouette] : fit.tried) {
    ClusterReport::Tried& tried = *report.add_tried();
    tried.set_clusters(clusters);
    tried.set_silhouette(silhouette);
  }
  report.set_distance(fit.distance);
  report.set_least(fit.least);
  report.set_seed(fit.model.training().seed());
  report.set_fingerprint(fit.model.training().fingerprint());
  *report.mutable_picture() = PictureOf(fit);
  for (const std::string& remark : fit.remarks) report.add_remarks(remark);
  return report;
}

std::string SummaryOf(const ClusterReport& report) {
  std::string text = absl::StrFormat("%s %s: %d clusters of %d customers as of %s by %s, silhouette %.3f\n\n",
                                     report.id(), report.version(), report.clusters_size(), report.customers(),
                                     report.as_of(), report.method(), report.silhouette());
  for (const auto& cluster : report.clusters()) {
    absl::StrAppendFormat(&text, "%-12s %8d %6.1f %%  %s\n", cluster.name(), cluster.customers(), 100 * cluster.share(),
                          cluster.words());
  }
  if (report.in_none() > 0) absl::StrAppendFormat(&text, "%-12s %8d\n", "in none", report.in_none());
  for (const std::string& remark : report.remarks()) absl::StrAppendFormat(&text, "\n%s\n", remark);
  return text;
}

std::string PageOf(const ClusterReport& report) {
  const std::string intro =
      absl::StrFormat("%d clusters of %d customers as of %s, found by %s; silhouette %.3f.", report.clusters_size(),
                      report.customers(), report.as_of(), report.method(), report.silhouette());
  std::vector<std::string> remarks;
  for (const std::string& remark : report.remarks()) remarks.push_back(EscapedHtml(remark));
  return HtmlPage(Text("Clusters of customers: ", report.id(), ", version ", report.version()), intro, remarks,
                  Text(kPictureStyle, Picture(report), Table(report), HowMany(report), Provenance(report)));
}

}  // namespace ebb
