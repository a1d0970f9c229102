#include "tests/simulation/publisher.h"

#include <utility>

#include "engine/runtime/control_feed.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb::simulation {

Publisher::Publisher(std::string topic, MemoryBroker* broker, Chance* chance, Situations* situations)
    : topic_(std::move(topic)), broker_(*broker), chance_(*chance), situations_(*situations) {}

void Publisher::Publish(int64_t now_ms) {
  const auto number = static_cast<int64_t>(editions_.size()) + 1;
  v1::Publication publication;
  publication.set_name("edition");
  publication.set_version(number);
  const int64_t from[] = {0, now_ms - chance_.Below(3000), now_ms + chance_.Below(500), now_ms + chance_.Below(5000)};
  publication.set_valid_from_ms(from[chance_.Below(4)]);
  publication.set_amendment(Text("name: edition\noperators:\n  - {id: op, config: {edition: ", number, "}}\n"));
  // No two are the same, though they may have one version.
  publication.set_author(Text(++published_));
  const int64_t kind = chance_.Below(8);
  if (kind == 0) publication.set_name("unfit");
  if (kind == 0) publication.set_amendment("name: unfit\noperators:\n  - {id: op, config: {voice: loud}}\n");
  publication.set_checksum(PublicationChecksum(publication) + (kind == 1 ? 1 : 0));
  std::string value = publication.SerializeAsString();
  if (kind == 2) value = "\xff no publication";
  if (kind == 3 && number > 1) {
    // The version before once more, with another meaning.
    publication.set_version(number - 1);
    publication.set_checksum(PublicationChecksum(publication));
    value = publication.SerializeAsString();
  }
  const bool good = kind > 3 || (kind == 3 && number == 1);
  const int64_t offset = *broker_.Append({topic_, 0}, PublicationKey(publication), value, now_ms);
  if (good) {
    editions_[number] = {publication.valid_from_ms()};
    by_digest_[StableHash64(PublicationKey(publication))] = number;
  } else {
    bad_[offset] = {kind != 0, publication.valid_from_ms()};
  }
  situations_.Met(good ? "edition published" : "bad publication");
}

std::optional<int64_t> Publisher::EditionOf(uint64_t digest) const {
  const auto found = by_digest_.find(digest);
  return found == by_digest_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace ebb::simulation
