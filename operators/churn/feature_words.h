#ifndef EBB_OPERATORS_CHURN_FEATURE_WORDS_H_
#define EBB_OPERATORS_CHURN_FEATURE_WORDS_H_

// Features in words that need no manual.

#include <string_view>

namespace ebb {

// Of a field of ebb.v1.RiskFeatures, such as "days since the last purchase"; the name itself of anything else. Lives as
// long as the program, or as the name. Any thread.
std::string_view FeatureWords(std::string_view name);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FEATURE_WORDS_H_
