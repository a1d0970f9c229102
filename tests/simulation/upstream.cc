#include "tests/simulation/upstream.h"

#include <algorithm>

#include "engine/log/record.h"
#include "state/text.h"

namespace ebb::simulation {
namespace {

constexpr size_t kRecent = 8;
constexpr int kProducers = 2;

}  // namespace

Upstream::Upstream(const Profile* profile, const std::vector<std::string>* topics, MemoryBroker* broker,
                   Chance* chance, Situations* situations)
    : profile_(*profile), topics_(*topics), broker_(*broker), chance_(*chance), situations_(*situations) {
  for (int i = 0; i < profile_.customers; ++i) customers_.push_back(Text("customer-", i));
  for (int32_t p = 0; p < profile_.partitions; ++p) input_.emplace_back(topics_.size());
  for (int i = 0; i < kProducers; ++i) producers_.push_back({Text("upstream-", i), 0, false, {}});
}

Event Upstream::MakeEvent(int64_t now_ms) {
  if (!recent_.empty() && chance_.PerMille(profile_.duplicate)) {
    situations_.Met("duplicate event");
    return recent_[static_cast<size_t>(chance_.Below(static_cast<int64_t>(recent_.size())))];
  }
  Event event;
  v1::EventHeader& header = *event.mutable_header();
  header.set_event_id(Text("e", ++events_));
  header.set_customer_id(customers_[static_cast<size_t>(chance_.Below(static_cast<int64_t>(customers_.size())))]);
  int64_t time_ms = now_ms - chance_.Below(50);
  if (chance_.PerMille(profile_.late)) time_ms -= chance_.Below(10'000);
  header.set_event_time_ms(time_ms);
  if (chance_.PerMille(300)) header.set_source("till");
  const Event::Act plain[] = {Event::COUNT, Event::PUT,  Event::PUT,  Event::ERASE,
                              Event::NOTE,  Event::PEEK, Event::SHOUT};
  const Event::Act timed[] = {Event::ARM,      Event::ARM,      Event::ARM,
                              Event::ARM_PAST, Event::ARM_BOTH, Event::DISARM};
  event.set_act(plain[chance_.Below(7)]);
  if (chance_.PerMille(profile_.timers)) event.set_act(timed[chance_.Below(6)]);
  if (chance_.PerMille(profile_.clearing)) event.set_act(chance_.PerMille(700) ? Event::CLEAR : Event::DROP);
  if (chance_.PerMille(10)) event.set_act(Event::REJECT);
  event.set_key(static_cast<int32_t>(chance_.Below(8)));
  const int64_t reaches[] = {20, 500, 5000, 60'000};
  event.set_delay_ms(chance_.Below(reaches[chance_.Below(4)]));
  if (profile_.ballast > 0) event.set_ballast(std::string(static_cast<size_t>(chance_.Below(profile_.ballast)), 'x'));
  recent_.push_back(event);
  if (recent_.size() > kRecent) recent_.erase(recent_.begin());
  return event;
}

Upstream::Made Upstream::Make(int64_t now_ms) {
  Made made;
  made.source = static_cast<size_t>(chance_.Below(static_cast<int64_t>(topics_.size())));
  made.truth.event = MakeEvent(now_ms);
  made.key = made.truth.event.header().customer_id();
  made.partition = PartitionOf(made.key, profile_.partitions);
  made.value = made.truth.event.SerializeAsString();
  if (!chance_.PerMille(profile_.undecodable)) return made;
  switch (chance_.Below(3)) {
    case 0:
      made.value = "\xff\xff not an event";
      made.truth.refused = "unparsable";
      break;
    case 1:
      made.value.clear();
      made.truth.refused = "empty";
      break;
    default:
      if (profile_.partitions == 1) break;
      made.partition = (made.partition + 1) % profile_.partitions;
      made.truth.refused = "wrong-partition";
  }
  return made;
}

void Upstream::Send(int64_t now_ms) {
  Made made = Make(now_ms);
  const TopicPartition to{topics_[made.source], made.partition};
  const int64_t offset = *broker_.Append(to, made.key, made.value, now_ms);
  input_[static_cast<size_t>(made.partition)][made.source].emplace(offset, std::move(made.truth));
}

void Upstream::Transact(int64_t now_ms) {
  Producer& producer = producers_[static_cast<size_t>(chance_.Below(kProducers))];
  if (producer.epoch == 0) {
    auto epoch = broker_.InitProducer(producer.id);
    if (epoch.ok()) producer.epoch = *epoch;
    return;
  }
  if (producer.open && chance_.PerMille(300)) return End(&producer, chance_.PerMille(600));
  Made made = Make(now_ms);
  OutputRecord record;
  record.topic = topics_[made.source];
  record.partition = made.partition;
  record.key = made.key;
  record.value = made.value;
  auto offset = broker_.AppendTo(producer.id, producer.epoch, record);
  if (!offset.ok()) return;  // Its transaction before has no marker yet.
  producer.open = true;
  producer.sent.emplace_back(*offset, std::move(made));
}

void Upstream::End(Producer* producer, bool commit) {
  (void)broker_.EndTransaction(producer->id, producer->epoch, commit);
  situations_.Met(commit ? "upstream transaction committed" : "upstream transaction aborted");
  for (auto& [offset, made] : producer->sent) {
    if (commit) input_[static_cast<size_t>(made.partition)][made.source].emplace(offset, std::move(made.truth));
  }
  producer->sent.clear();
  producer->open = false;
}

void Upstream::Finish() {
  for (Producer& producer : producers_) {
    if (producer.open) End(&producer, true);
  }
}

}  // namespace ebb::simulation
