#ifndef EBB_OPERATORS_CHURN_FIT_REPORT_H_
#define EBB_OPERATORS_CHURN_FIT_REPORT_H_

// What a fit is worth, for people and for programs. Pure functions; any thread.

#include <string>
#include <vector>

#include "operators/churn/fit/fit.h"
#include "operators/churn/fit/report.pb.h"
#include "operators/churn/fit/timeliness.h"

namespace ebb {

operators::ChurnReport ReportOf(const ChurnFit& fit);
// Adds how early alerts would have come.
void AddTimeliness(const std::vector<Timeliness>& timeliness, operators::ChurnReport* report);

// A few lines for a terminal.
std::string SummaryOf(const operators::ChurnReport& report);

// A page of HTML that opens by itself: it fetches nothing and runs nothing. Readable on light and on dark, and printed.
std::string PageOf(const operators::ChurnReport& report);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_REPORT_H_
