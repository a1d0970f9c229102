#ifndef EBB_OPERATORS_VALUE_FIT_CLUSTER_REPORT_H_
#define EBB_OPERATORS_VALUE_FIT_CLUSTER_REPORT_H_

// What clusters there are, for people and for programs. Pure functions; any thread.

#include <string>

#include "operators/value/fit/cluster_fit.h"
#include "operators/value/fit/report.pb.h"

namespace ebb {

// Customers in the picture; of more, so many are drawn.
inline constexpr size_t kMostPictured = 1500;

operators::ClusterReport ReportOf(const ClusterFit& fit);

// A few lines for a terminal.
std::string SummaryOf(const operators::ClusterReport& report);

// A page of HTML that opens by itself, as HtmlPage makes it.
std::string PageOf(const operators::ClusterReport& report);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_FIT_CLUSTER_REPORT_H_
