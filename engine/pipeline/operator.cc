#include "engine/pipeline/operator.h"

#include <algorithm>

namespace ebb {

Counter::Counter(OperatorBase* owner, std::string_view name) : name_(name), index_(owner->counters_.size()) {
  owner->counters_.push_back(this);
}

OperatorRegistry& OperatorRegistry::Get() {
  static OperatorRegistry registry;
  return registry;
}

void OperatorRegistry::Register(std::string_view type, Factory factory) {
  factories_.emplace_back(type, std::move(factory));
}

std::unique_ptr<OperatorBase> OperatorRegistry::Create(std::string_view type) const {
  for (const auto& [name, factory] : factories_) {
    if (name == type) return factory();
  }
  return nullptr;
}

std::vector<std::string> OperatorRegistry::Types() const {
  std::vector<std::string> types;
  for (const auto& [name, factory] : factories_) types.push_back(name);
  std::sort(types.begin(), types.end());
  return types;
}

}  // namespace ebb
