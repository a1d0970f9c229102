#ifndef EBB_ENGINE_PIPELINE_CONFIG_TREE_H_
#define EBB_ENGINE_PIPELINE_CONFIG_TREE_H_

// A YAML text as a tree that remembers where everything stood: aliases and merge keys followed, ${…} replaced.

#include <cstddef>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/pipeline/mistakes.h"
#include "engine/pipeline/surroundings.h"

namespace ebb {

// Bounds on a text and on what its aliases unfold to.
inline constexpr size_t kMaxConfigBytes = 1 << 20;
inline constexpr size_t kMaxConfigDepth = 64;
inline constexpr size_t kMaxConfigNodes = 100'000;
inline constexpr size_t kMaxConfigUnfoldedBytes = 8 << 20;

struct ConfigNode {
  // kBroken: something is wrong with it that has been reported; it counts as given.
  enum class Kind { kNull, kScalar, kList, kMap, kBroken };

  Kind kind = Kind::kNull;
  Place place;          // Where the value begins.
  Place introduced;     // Where its key begins; for items of lists and the root, the value.
  std::string text;     // Of a scalar.
  bool hidden = false;  // The text holds the content of a ${file:…} and must not be shown.
  std::vector<ConfigNode> items;  // Of a list.
  // Of a map, in order of the file; keys are unique. A list, since a vector's pairs have to be complete here.
  std::list<std::pair<std::string, ConfigNode>> entries;

  // Null when a map lacks the key, and for what is no map.
  const ConfigNode* Find(absl::string_view key) const;
  ConfigNode* Find(absl::string_view key);
  // The node at "a.b[2].c"; where the path leads further than the file, the last node on it. Keys may contain dots.
  const ConfigNode& At(absl::string_view path) const;
};

// Parses one document. A text that is no YAML gives a broken root and one mistake.
//
// In values, ${NAME} stands for a variable, ${NAME:-text} for the same with a default for when it is unset or empty,
// ${file:PATH} for a file's content without the newline at its end, and $${ for a plain ${. What replaces them is
// not looked at again. A merge key (<<) adds the entries of the map, or of the maps in the list, that are not given.
// All places are of the file that `mistakes` has under the number `file`.
ConfigNode ParseConfig(absl::string_view yaml, const Surroundings& surroundings, Mistakes& mistakes, int file = 0);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_CONFIG_TREE_H_
