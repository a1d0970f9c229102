#ifndef EBB_OPERATORS_ARTEFACT_H_
#define EBB_OPERATORS_ARTEFACT_H_

// What was fitted, as configs hold it: a message in JSON. Stateless; any thread.

#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"

namespace ebb {

// `refusal` is how a mistake begins: "no model of value" makes "no model of value in JSON: " and what is wrong.
template <class Artefact>
absl::StatusOr<Artefact> ParseArtefact(std::string_view json, std::string_view refusal) {
  Artefact artefact;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(google::protobuf::StringPiece(json.data(), json.size()), &artefact);
  if (parsed.ok()) return artefact;
  const std::string_view why(parsed.message().data(), parsed.message().size());
  // On further lines protobuf points at the place.
  return absl::InvalidArgumentError(Text(refusal, " in JSON: ", FirstLine(why)));
}

}  // namespace ebb

#endif  // EBB_OPERATORS_ARTEFACT_H_
