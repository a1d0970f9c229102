#include "operators/features/affinities.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "operators/features/columns.h"
#include "operators/features/event_history.h"
#include "operators/intake/limits.h"
#include "state/hash.h"

namespace ebb {
namespace {

using Affinities = operators::CustomerProfile::Affinities;

// The name at a place of `names`, and with it the place of the next.
std::string_view NameAt(std::string_view names, size_t place) {
  const auto size = static_cast<unsigned char>(names[place]);
  return names.substr(place + 1, size);
}

void EraseCategory(int row, Affinities* affinities) {
  size_t place = 0;
  for (int before = 0; before < row; ++before) place += 1 + NameAt(affinities->names(), place).size();
  affinities->mutable_names()->erase(place, 1 + NameAt(affinities->names(), place).size());
  EraseRows(row, 1, affinities->mutable_id(), affinities->mutable_weight());
}

// Adds to a category's weight. False when a category was dropped: the weakest, which may be this one.
bool AddWeight(std::string_view name, double weight, int max_categories, Affinities* affinities) {
  const uint64_t id = StableHash64(name);
  const int known = RowOf(affinities->id(), id);
  if (known >= 0) {
    affinities->set_weight(known, affinities->weight(known) + weight);
    return true;
  }
  const bool is_full = affinities->id_size() >= max_categories;
  if (is_full) {
    const auto& weights = affinities->weight();
    const auto weakest = std::min_element(weights.begin(), weights.end());
    if (weight <= *weakest) return false;
    EraseCategory(static_cast<int>(weakest - weights.begin()), affinities);
  }
  affinities->add_id(id);
  affinities->add_weight(weight);
  affinities->mutable_names()->push_back(static_cast<char>(name.size()));
  affinities->mutable_names()->append(name);
  return !is_full;
}

}  // namespace

int AddCategories(const v1::Purchase& order, double half_life_ms, int max_categories, Affinities* affinities) {
  const int64_t time_ms = order.header().event_time_ms();
  if (affinities->id_size() == 0) affinities->set_at_ms(time_ms);
  if (time_ms > affinities->at_ms()) {
    const double fade = DecayWeight(time_ms - affinities->at_ms(), half_life_ms);
    for (double& weight : *affinities->mutable_weight()) weight *= fade;
    affinities->set_at_ms(time_ms);
  }
  const double weight = DecayWeight(affinities->at_ms() - time_ms, half_life_ms);
  int dropped = 0;
  for (const auto& line : order.lines()) {
    if (line.category().empty() || line.category().size() > kMaxCategoryBytes) continue;
    if (!AddWeight(line.category(), weight, max_categories, affinities)) ++dropped;
  }
  return dropped;
}

void AppendTopCategories(const Affinities& affinities, int64_t as_of_ms, double half_life_ms, int count,
                         google::protobuf::RepeatedPtrField<v1::CustomerFeatures::Affinity>* top) {
  struct Entry {
    double weight;
    std::string_view name;
    bool operator<(const Entry& other) const {
      return weight != other.weight ? weight > other.weight : name < other.name;
    }
  };
  absl::InlinedVector<Entry, 16> best;
  size_t place = 0;
  for (double weight : affinities.weight()) {
    const Entry entry{weight, NameAt(affinities.names(), place)};
    place += 1 + entry.name.size();
    if (static_cast<int>(best.size()) >= count) {
      if (best.empty() || !(entry < best.back())) continue;
      best.pop_back();
    }
    best.insert(std::lower_bound(best.begin(), best.end(), entry), entry);
  }
  const double fade = DecayWeight(as_of_ms - affinities.at_ms(), half_life_ms);
  for (const Entry& entry : best) {
    v1::CustomerFeatures::Affinity* affinity = top->Add();
    affinity->set_category(entry.name.data(), entry.name.size());
    affinity->set_weight(entry.weight * fade);
  }
}

double CategoryWeight(const Affinities& affinities, uint64_t id, int64_t as_of_ms, double half_life_ms) {
  const int row = RowOf(affinities.id(), id);
  return row < 0 ? 0 : affinities.weight(row) * DecayWeight(as_of_ms - affinities.at_ms(), half_life_ms);
}

}  // namespace ebb
