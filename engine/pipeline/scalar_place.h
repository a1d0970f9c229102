#ifndef EBB_ENGINE_PIPELINE_SCALAR_PLACE_H_
#define EBB_ENGINE_PIPELINE_SCALAR_PLACE_H_

// Where a character of a value stands in its YAML file. Stateless; any thread.

#include <optional>

#include "absl/strings/string_view.h"
#include "engine/pipeline/config_tree.h"

namespace ebb {

// The place of the character in `column`, from 1, of a scalar of the document `yaml`; of plain texts, quoted ones and
// blocks, over several lines too. None where the file does not hold the text as it is, as behind an anchor, with ${…}
// or with most escapes.
std::optional<Place> PlaceWithin(absl::string_view yaml, const ConfigNode& scalar, int column);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_SCALAR_PLACE_H_
