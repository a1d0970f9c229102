#include "engine/cli/demo_feed.h"

#include <algorithm>

#include "engine/codec/event_decoder.h"
#include "state/text.h"

namespace ebb {

absl::StatusOr<std::unique_ptr<DemoFeed>> DemoFeed::Open(const KafkaConnection& connection, const PipelineSpec& spec,
                                                         const ShopOptions& options) {
  if (auto status = CheckShopOptions(options); !status.ok()) return status;
  auto sender = Sender::Open(connection);
  if (!sender.ok()) return sender.status();
  std::unique_ptr<DemoFeed> feed(new DemoFeed(*std::move(sender), options));
  for (const std::string_view name : kShopSources) {
    const auto source = std::find_if(spec.sources.begin(), spec.sources.end(),
                                     [&](const SourceSpec& candidate) { return candidate.name == name; });
    if (source == spec.sources.end()) {
      return absl::FailedPreconditionError(Text("expected a source named ", name, " in the pipeline, found none"));
    }
    feed->sources_.push_back(&*source);
  }
  return feed;
}

absl::Status DemoFeed::PlayUntil(absl::Time moment) {
  const int64_t until_ms = absl::ToUnixMillis(moment);
  for (; next_ && next_->time_ms < until_ms; next_ = shop_.Next()) {
    const v1::Source& source = sources_[static_cast<size_t>(next_->source)]->config;
    std::string value = EncodeMessage(*next_->message, source.format());
    if (next_->unparsable) value = Spoilt(value);
    if (auto status = sender_->Send(source.topic(), next_->customer, value); !status.ok()) return status;
    ++sent_;
  }
  return sender_->Flush();
}

}  // namespace ebb
