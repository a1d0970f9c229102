#include "operators/features/features.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/container/inlined_vector.h"
#include "absl/numeric/int128.h"
#include "operators/features/affinities.h"
#include "operators/features/columns.h"
#include "operators/features/event_history.h"
#include "operators/features/membership.h"
#include "operators/features/orders.h"
#include "operators/features/purchase_days.h"
#include "operators/features/tickets.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

void AppendKind(std::string_view kind, const CustomerProfile::EventHistory& history, int64_t as_of_ms,
                double half_life_ms, v1::CustomerFeatures* features) {
  if (history.total() == 0) return;
  const int64_t today = DayOf(as_of_ms);
  v1::CustomerFeatures::KindCounts* counts = features->add_kinds();
  counts->set_kind(kind.data(), kind.size());
  counts->set_total(static_cast<int64_t>(history.total()));
  counts->set_last_7_days(CountLastDays(history, today, 7));
  counts->set_last_30_days(CountLastDays(history, today, 30));
  counts->set_last_90_days(CountLastDays(history, today, kCountedDays));
  counts->set_decayed(history.decayed() * DecayWeight(as_of_ms - history.last_ms(), half_life_ms));
  counts->set_last_ms(history.last_ms());
}

struct Sums {
  uint32_t currency = 0;
  int64_t spent = 0;
  int64_t refunded = 0;
};
using MoneyTable = absl::InlinedVector<Sums, 4>;

void AddMoney(const Sums& added, MoneyTable* table) {
  auto row = std::lower_bound(table->begin(), table->end(), added.currency,
                              [](const Sums& sums, uint32_t currency) { return sums.currency < currency; });
  if (row == table->end() || row->currency != added.currency) row = table->insert(row, {added.currency, 0, 0});
  row->spent = AddClamped(row->spent, added.spent);
  row->refunded = AddClamped(row->refunded, added.refunded);
}

void AppendConsents(const CustomerProfile::Consents& consents, v1::CustomerFeatures* features) {
  for (int row = 0; row < consents.key_size(); ++row) {
    if (!IsInForce(consents, row)) continue;
    v1::CustomerFeatures::ConsentInForce* consent = features->add_consents();
    consent->set_purpose(v1::Purpose_Name(PurposeOf(consents.key(row))));
    consent->set_channel(ChannelOf(consents.key(row)));
  }
}

void AppendChannels(const CustomerProfile& profile, v1::CustomerFeatures* features) {
  for (int number = 0; number < profile.channel_events_size(); ++number) {
    if (profile.channel_events(number) == 0) continue;
    v1::CustomerFeatures::ChannelCount* count = features->add_channels();
    count->set_channel(static_cast<v1::Channel>(number));
    count->set_events(static_cast<int64_t>(profile.channel_events(number)));
  }
}

}  // namespace

PurchaseSummary SummarisePurchases(const CustomerProfile& profile) {
  const CustomerProfile::SettledOrders& settled = profile.settled_orders();
  PurchaseSummary summary{settled.standing(), settled.first_ms(), settled.last_ms()};
  DaySums days = SumsOf(settled.days());
  for (int row = 0; row < profile.open_orders().id_size(); ++row) {
    const OrderView order = OpenOrder(profile.open_orders(), row);
    if (order.cancelled) continue;
    if (summary.orders == 0) summary.first_ms = order.time_ms;
    summary.last_ms = order.time_ms;
    ++summary.orders;
    days.Append(DayOf(order.time_ms));
  }
  const int64_t gaps = std::max<int64_t>(days.count - 1, 0);
  const int64_t total = days.last - days.first;
  summary.repeat_days = gaps;
  if (gaps >= 1) summary.gap_mean_days = static_cast<double>(total) / static_cast<double>(gaps);
  if (gaps >= 2) {
    // In whole numbers, so that a steady rhythm has a deviation of exactly 0.
    const absl::int128 spread = absl::int128(gaps) * days.gap_squares - absl::int128(total) * total;
    summary.gap_sd_days = std::sqrt(static_cast<double>(spread)) / static_cast<double>(gaps);
  }
  return summary;
}

void ListPurchaseDays(const CustomerProfile& profile, std::vector<int64_t>* days) {
  days->clear();
  ListDays(profile.settled_orders().days(), days);
  // No open order is earlier than a settled one.
  for (int row = 0; row < profile.open_orders().id_size(); ++row) {
    const OrderView order = OpenOrder(profile.open_orders(), row);
    if (order.cancelled) continue;
    const int64_t day = DayOf(order.time_ms);
    if (days->empty() || day > days->back()) days->push_back(day);
  }
}

bool HasConsent(const CustomerProfile& profile, v1::Purpose purpose, v1::Channel channel) {
  const int row = RowOf(profile.consents().key(), ConsentKey(purpose, channel));
  return row >= 0 && IsInForce(profile.consents(), row);
}

void ListMoney(const CustomerProfile& profile, google::protobuf::RepeatedPtrField<v1::Money>* spent,
               google::protobuf::RepeatedPtrField<v1::Money>* refunded) {
  MoneyTable table;
  const CustomerProfile::SettledOrders& settled = profile.settled_orders();
  for (int row = 0; row < settled.currency_size(); ++row) {
    AddMoney({settled.currency(row), settled.spent_minor(row), settled.refunded_minor(row)}, &table);
  }
  // Summed up while the currency stays, as it mostly does.
  Sums run{};
  for (int row = 0; row < profile.open_orders().id_size(); ++row) {
    const OrderView order = OpenOrder(profile.open_orders(), row);
    if (order.currency != run.currency) {
      AddMoney(run, &table);
      run = {order.currency, 0, 0};
    }
    run.spent = AddClamped(run.spent, order.minor - order.given_back_minor);
    run.refunded = AddClamped(run.refunded, order.given_back_minor);
  }
  AddMoney(run, &table);
  const auto append = [](uint32_t currency, int64_t minor, google::protobuf::RepeatedPtrField<v1::Money>* money) {
    if (minor == 0) return;
    v1::Money* item = money->Add();
    item->set_currency(UnpackCurrency(currency));
    item->set_minor(minor);
  };
  for (const Sums& sums : table) {
    append(sums.currency, sums.spent, spent);
    append(sums.currency, sums.refunded, refunded);
  }
}

int64_t OpenTickets(const CustomerProfile& profile) {
  int64_t open = 0;
  for (int row = 0; row < profile.tickets().id_size(); ++row) open += IsOpen(profile.tickets(), row);
  return open;
}

int64_t OpenComplaints(const CustomerProfile& profile) {
  int64_t open = 0;
  for (int row = 0; row < profile.tickets().id_size(); ++row) {
    open += profile.tickets().complaint(row) && IsOpen(profile.tickets(), row);
  }
  return open;
}

int64_t LatestEventMs(const CustomerProfile& profile) {
  return std::max({profile.browse().last_ms(), profile.engagement().last_ms(), profile.member().last_ms(),
                   profile.purchase().last_ms(), profile.support().last_ms()});
}

void ComputeFeatures(const CustomerProfile& profile, std::string_view customer, int64_t as_of_ms,
                     const FeatureOptions& options, v1::CustomerFeatures* features) {
  features->Clear();
  features->set_customer_id(customer.data(), customer.size());
  features->set_as_of_ms(as_of_ms);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  features->set_first_purchase_ms(purchases.first_ms);
  features->set_last_purchase_ms(purchases.last_ms);
  features->set_orders(purchases.orders);
  features->set_repeat_days(purchases.repeat_days);
  features->set_purchase_gap_mean_days(purchases.gap_mean_days);
  features->set_purchase_gap_sd_days(purchases.gap_sd_days);
  ListMoney(profile, features->mutable_spent(), features->mutable_refunded());
  AppendKind("browse", profile.browse(), as_of_ms, options.half_life_ms, features);
  AppendKind("engagement", profile.engagement(), as_of_ms, options.half_life_ms, features);
  AppendKind("member", profile.member(), as_of_ms, options.half_life_ms, features);
  AppendKind("purchase", profile.purchase(), as_of_ms, options.half_life_ms, features);
  AppendKind("support", profile.support(), as_of_ms, options.half_life_ms, features);
  AppendTopCategories(profile.affinities(), as_of_ms, options.half_life_ms, options.top_categories,
                      features->mutable_categories());
  AppendChannels(profile, features);
  features->set_open_tickets(OpenTickets(profile));
  features->set_open_complaints(OpenComplaints(profile));
  AppendConsents(profile.consents(), features);
  features->set_generated(profile.generated());
}

}  // namespace ebb
