#include "engine/cli/in_force.h"

#include <utility>

#include "engine/observe/admin_client.h"
#include "engine/observe/control_page.h"
#include "engine/runtime/control_feed.h"
#include "state/text.h"

namespace ebb {

PipelineInForce ReadInForce(std::shared_ptr<const PipelineSpec> file, int32_t partition) {
  PipelineInForce in_force{std::move(file), {}, ""};
  if (in_force.spec->config.control().topic().empty()) return in_force;
  const auto unknown = [&](std::string why) {
    in_force.unknown = std::move(why);
    return in_force;
  };
  const auto lines = AskAdmin(in_force.spec->config.admin().listen(), "/history", "");
  if (!lines.ok()) return unknown(std::string(lines.status().message()));
  const auto history = ParseHistory(*lines, "history");
  if (!history.ok()) return unknown(std::string(history.status().message()));
  const auto publications = InForceIn(*history, partition);
  auto amended = AmendedBy(*in_force.spec, publications);
  if (!amended.ok()) return unknown(Text("it does not fit the pipeline file: ", amended.status().message()));
  in_force.spec = *std::move(amended);
  for (const auto& [offset, publication] : publications) in_force.published.push_back(PublicationKey(*publication));
  return in_force;
}

}  // namespace ebb
