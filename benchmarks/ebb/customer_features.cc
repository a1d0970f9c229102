#include "benchmarks/ebb/customer_features.h"

namespace ebb::bench {

EBB_OPERATOR("bench-customer-features", CustomerFeatures);

}  // namespace ebb::bench
