#include "engine/cli/control_topic.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/time/clock.h"
#include "engine/cli/command.h"
#include "engine/cli/topic_reader.h"
#include "engine/kafka/sender.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

std::string Author() {
  const char* user = std::getenv("USER");
  return user == nullptr ? "" : user;
}

}  // namespace

TopicSpec ControlTopicSpec(const std::string& topic) {
  return {topic, 1, -1, {{"cleanup.policy", "compact"}, {"max.message.bytes", Text(kMaxPublicationBytes)}}};
}

ControlTopic::ControlTopic(KafkaConnection connection, std::string topic)
    : connection_(std::move(connection)), topic_(std::move(topic)) {}

absl::StatusOr<ControlTopic> ControlTopic::Read(const PipelineSpec& spec) {
  const std::string& topic = spec.config.control().topic();
  if (topic.empty()) {
    return absl::FailedPreconditionError(
        Text(spec.file_name, ": expected a topic to publish on, as control: {topic: ", spec.config.application(),
             ".control}; without one nothing changes while the pipeline runs"));
  }
  ControlTopic control(ConnectionOf(spec), topic);
  if (auto status = EnsureTopic(control.connection_, ControlTopicSpec(topic), kPatience); !status.ok()) return status;
  if (auto status = control.ReadOn(); !status.ok()) return status;
  return control;
}

absl::Status ControlTopic::ReadOn() {
  auto reader = TopicReader::Open(connection_, kPatience);
  if (!reader.ok()) return reader.status();
  published_.clear();
  return reader->Read({topic_, 0}, 0, [&](const RecordBatch::View& record) {
    if (record.value) published_.push_back(ReadPublished(record));
    return true;
  });
}

std::vector<const v1::Publication*> ControlTopic::VersionsOf(const std::string& name) const {
  std::vector<const v1::Publication*> versions;
  for (const Published& published : published_) {
    if (!published.unreadable.empty() || published.publication.name() != name) continue;
    // Of two of one version the first counts.
    const bool known = std::any_of(versions.begin(), versions.end(), [&](const v1::Publication* version) {
      return version->version() == published.publication.version();
    });
    if (!known) versions.push_back(&published.publication);
  }
  std::sort(versions.begin(), versions.end(), [](const auto* a, const auto* b) { return a->version() < b->version(); });
  return versions;
}

std::vector<const v1::Publication*> ControlTopic::Latest() const {
  std::vector<const v1::Publication*> latest;
  for (const Published& published : published_) {
    if (!published.unreadable.empty()) continue;
    const auto versions = VersionsOf(published.publication.name());
    if (versions.back() == &published.publication) latest.push_back(&published.publication);
  }
  return latest;
}

absl::StatusOr<v1::Publication> ControlTopic::Publish(const std::string& name, int64_t valid_from_ms,
                                                      const std::string& amendment) {
  const auto versions = VersionsOf(name);
  v1::Publication publication;
  publication.set_name(name);
  publication.set_version(versions.empty() ? 1 : versions.back()->version() + 1);
  publication.set_valid_from_ms(valid_from_ms);
  publication.set_amendment(amendment);
  publication.set_published_at_ms(absl::ToUnixMillis(absl::Now()));
  publication.set_author(Author());
  publication.set_checksum(PublicationChecksum(publication));
  auto sender = Sender::Open(connection_, kPatience);
  if (!sender.ok()) return sender.status();
  absl::Status status = (*sender)->Send(topic_, PublicationKey(publication), publication.SerializeAsString());
  if (status.ok()) status = (*sender)->Flush();
  if (status.ok()) status = ReadOn();
  if (!status.ok()) return status;
  for (const v1::Publication* version : VersionsOf(name)) {
    if (version->version() != publication.version()) continue;
    if (version->checksum() == publication.checksum()) return publication;
  }
  return absl::FailedPreconditionError(Text("another publisher was faster with ", PublicationKey(publication),
                                            "; look at it with ebb control list, and publish again"));
}

}  // namespace ebb
