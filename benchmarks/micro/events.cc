#include "benchmarks/micro/events.h"

#include "absl/strings/str_format.h"
#include "state/hash.h"

namespace ebb::bench {
namespace {

void FillHeader(uint64_t event, uint64_t customers, v1::EventHeader* header) {
  header->set_event_id(absl::StrFormat("event-%d", event));
  header->set_customer_id(CustomerOf(event, customers));
  header->set_event_time_ms(kFirstEventMs + static_cast<int64_t>(event) * kEventGapMs);
  header->set_source("web-shop");
  header->set_channel(v1::CHANNEL_WEB);
  header->set_generated(true);
}

}  // namespace

std::string CustomerOf(uint64_t event, uint64_t customers) {
  return absl::StrFormat("customer-%07d", StableHash64("customer", event) % customers);
}

v1::Purchase MakePurchase(uint64_t event, uint64_t customers) {
  v1::Purchase purchase;
  FillHeader(event, customers, purchase.mutable_header());
  purchase.set_order_id(absl::StrFormat("order-%d", event));
  purchase.set_kind(v1::Purchase::ORDER);
  purchase.set_currency("EUR");
  for (uint64_t i = 0; i < 1 + event % 3; ++i) {
    v1::Purchase::Line* line = purchase.add_lines();
    line->set_sku(absl::StrFormat("sku-%d", (event + i) % 1000));
    line->set_category(absl::StrFormat("category-%d", (event + i) % 20));
    line->set_quantity_milli(1000);
    line->set_price_minor(static_cast<int64_t>(199 + (event + i) % 1000));
  }
  return purchase;
}

v1::Browse MakeBrowse(uint64_t event, uint64_t customers) {
  v1::Browse browse;
  FillHeader(event, customers, browse.mutable_header());
  browse.set_action(event % 10 == 0 ? v1::Browse::ADD_TO_CART : v1::Browse::VIEW);
  browse.set_session_id(absl::StrFormat("session-%d", event / 8));
  browse.set_sku(absl::StrFormat("sku-%d", event % 1000));
  browse.set_category(absl::StrFormat("category-%d", event % 20));
  return browse;
}

v1::Support MakeSupport(uint64_t event, uint64_t customers) {
  v1::Support support;
  FillHeader(event, customers, support.mutable_header());
  support.set_kind(v1::Support::OPENED);
  support.set_ticket_id(absl::StrFormat("ticket-%d", event));
  support.set_complaint(event % 2 == 0);
  support.set_topic("parcel");
  return support;
}

}  // namespace ebb::bench
