#include "engine/cli/in_force.h"

#include <map>
#include <utility>

#include "engine/cli/control_topic.h"
#include "engine/observe/admin_client.h"
#include "engine/observe/control_page.h"
#include "state/text.h"

namespace ebb {

PipelineInForce ReadInForce(std::shared_ptr<const PipelineSpec> file, int32_t partition) {
  PipelineInForce in_force{std::move(file), {}, ""};
  if (in_force.spec->config.control().topic().empty()) return in_force;
  const auto unknown = [&](std::string why) {
    in_force.unknown = std::move(why);
    return in_force;
  };
  const auto page = AskAdmin(in_force.spec->config.admin().listen(), "/control", "");
  if (!page.ok()) return unknown(std::string(page.status().message()));
  const std::map<std::string, int64_t> versions = InForceIn(*page, partition);
  if (versions.empty()) return in_force;

  const auto topic = ControlTopic::Read(*in_force.spec);
  if (!topic.ok()) return unknown(std::string(topic.status().message()));
  std::vector<Amendment> amendments;
  for (const v1::Publication* publication : topic->Named(versions)) {
    amendments.push_back({PublicationKey(*publication), publication->amendment()});
  }
  if (amendments.size() < versions.size()) {
    return unknown(Text("the topic ", in_force.spec->config.control().topic(), " has not got all that is in force"));
  }
  auto amended = AmendPipeline(*in_force.spec, amendments);
  if (!amended.ok()) return unknown(Text("it does not fit the pipeline file: ", amended.status().message()));
  in_force.spec = *std::move(amended);
  for (const Amendment& amendment : amendments) in_force.published.push_back(amendment.name);
  return in_force;
}

}  // namespace ebb
