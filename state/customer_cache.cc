#include "state/customer_cache.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "state/layout.h"
#include "state/near.h"

namespace ebb {
namespace {

constexpr size_t kTouchedOverheadBytes = 128;  // What a customer takes beside its body because an epoch touched it.
constexpr size_t kEntryBytes = 48;             // What the cache keeps of a customer beside itself, about.
constexpr size_t kAhead = 8;                   // How far ahead the hash of an id is looked for.
constexpr size_t kMessageShare = 32;           // Of the cache's bytes, what messages that are open may take, and
                                               // as much again those kept for use again.

// Of customers that a loop takes one after the other with their bodies; both lie anywhere.
template <class Customers>
void BringNear(size_t i, const Customers& customers) {
  ReadTogether(i, customers.size(), [&](size_t j) { return customers[j]; });
  ReadTogether(i, customers.size(), [&](size_t j) { return customers[j]->body.block(); });
}

}  // namespace

CustomerCache::CustomerCache(Store* store, size_t bytes)
    : store_(store),
      limit_bytes_(bytes),
      wakes_(store),
      messages_(bytes / kMessageShare),
      access_(store, &messages_, &status_, &pinned_bytes_, &message_bytes_) {}

CustomerCache::~CustomerCache() = default;

size_t CustomerCache::SizeOf(const Customer& customer) {
  size_t bytes = sizeof(Customer) + kEntryBytes + customer.id_bytes + customer.body.block_bytes();
  if (customer.rows) {
    for (const auto& [key, value] : *customer.rows) bytes += key.size() + (value ? value->size() : 0) + 64;
  }
  if (customer.wake_ms != kNoTime) bytes += 48 + customer.id_bytes;
  return bytes;
}

void CustomerCache::Count(Customer* customer) {
  const size_t bytes = std::min<size_t>(SizeOf(*customer), std::numeric_limits<uint32_t>::max());
  bytes_ += bytes - customer->bytes;
  if (customer->dirty_since != 0) dirty_bytes_ += bytes - customer->bytes;
  customer->bytes = static_cast<uint32_t>(bytes);
}

absl::StatusOr<Customer*> CustomerCache::Load(std::string_view id, Customer* known) {
  if (known != nullptr) {
    ++hits_;
    return known;
  }
  if (auto it = entries_.find(Key(id)); it != entries_.end()) {
    ++hits_;
    return it->customer;
  }
  ++misses_;
  auto row = store_->Get(layout::DocumentKey(id));
  if (!row.ok()) return row.status();
  return Insert(id, *row);
}

absl::Status CustomerCache::Prefetch(absl::Span<const std::string_view> ids, std::vector<Customer*>* found) {
  found->assign(ids.size(), nullptr);
  // In three passes, each of which asks the memory for what the next one looks at.
  hashes_.resize(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) hashes_[i] = Key(ids[i]).hash;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kAhead < ids.size()) entries_.prefetch(HashOnly{hashes_[i + kAhead]});
    if (ids[i].empty()) continue;
    if (auto it = entries_.find(HashOnly{hashes_[i]}); it != entries_.end()) {
      (*found)[i] = it->customer;
    }
  }
  std::vector<std::pair<std::string, size_t>> wanted;  // Keys and places of those that are not in memory.
  for (size_t i = 0; i < ids.size(); ++i) {
    ReadTogether(i, ids.size(),
                 [&](size_t j) -> const void* { return (*found)[j] == nullptr ? nullptr : (*found)[j]->id().data(); });
    if (ids[i].empty() || ((*found)[i] != nullptr && (*found)[i]->id() == ids[i])) continue;
    if (auto it = entries_.find(Key(ids[i])); it != entries_.end()) {
      (*found)[i] = it->customer;  // Another one has the same hash.
    } else {
      wanted.emplace_back(layout::DocumentKey(ids[i]), i);
    }
  }
  if (wanted.empty()) return absl::OkStatus();
  std::sort(wanted.begin(), wanted.end());
  std::vector<std::string> keys;
  keys.reserve(wanted.size());
  for (const auto& [key, place] : wanted) {
    if (keys.empty() || keys.back() != key) keys.push_back(key);
  }
  auto rows = store_->MultiGet(keys);
  if (!rows.ok()) return rows.status();
  misses_ += keys.size();
  auto next = wanted.begin();
  for (size_t i = 0; i < keys.size(); ++i) {
    auto inserted = Insert(ids[next->second], (*rows)[i]);
    if (!inserted.ok()) return inserted.status();
    for (; next != wanted.end() && next->first == keys[i]; ++next) (*found)[next->second] = *inserted;
  }
  return absl::OkStatus();
}

absl::StatusOr<Customer*> CustomerCache::Insert(std::string_view id, const std::optional<std::string>& row) {
  Customer::Owned customer = Customer::Make(id);
  if (row) {
    auto document = ReadStampedRow(*row);
    if (!document) {
      return absl::DataLossError("a customer's stored document has no stamp; rebuild the local state by deleting its "
                                 "directory");
    }
    customer->stamp = document->stamp;
    customer->body.Assign(document->body);
    customer->index_ms = EarliestDeadline(document->body).value_or(kNoTime);
  }
  Customer* const inserted = customer.get();
  inserted->used = true;  // Soon: nobody is looked for in vain.
  Count(inserted);
  entries_.insert({Key(id).hash, inserted});
  customers_.push_back(std::move(customer));
  return inserted;
}

StateAccess& CustomerCache::Open(Customer* customer, int64_t earliest_ms) {
  access_.Select(customer, earliest_ms);
  if (customer->open != nullptr) {
    customer->open->again = true;
    return access_;
  }
  // Who comes back within an epoch will come again.
  OpenCustomer* const open = MakeRoom(customer->touched == nullptr ? &newcomers_ : &regulars_);
  open->customer = customer;
  customer->open = open;
  if (customer->touched == nullptr) {
    customer->touched = &touched_.emplace_back();
    customer->touched->customer = customer;
    // The body, as it is and as it will be.
    pinned_bytes_ += customer->body.size() * 2 + kTouchedOverheadBytes;
  }
  TouchedCustomer& touched = *customer->touched;
  if (touched.rows) open->rows = std::move(*std::exchange(touched.rows, nullptr));
  if (!SplitDocument((touched.changed ? touched.next_body : customer->body).view(), &parts_)) {
    status_.Update(absl::DataLossError("a customer's stored document cannot be read; rebuild the local state by "
                                       "deleting its directory"));
    return access_;
  }
  for (const DocumentValue& value : parts_.values) {
    open->values.push_back(OpenCustomer::Value{value.state, value.bytes, nullptr, false});
  }
  open->timers.assign(parts_.timers.begin(), parts_.timers.end());
  return access_;
}

size_t CustomerCache::OpenSet::Next() {
  for (;; ++hand) {
    if (hand >= count) hand = 0;
    OpenCustomer& open = *customers[hand];
    if (!std::exchange(open.again, false)) return hand++;
  }
}

OpenCustomer* CustomerCache::MakeRoom(OpenSet* set) {
  while (open_customers() > 0 && message_bytes_ > limit_bytes_ / kMessageShare) {
    OpenSet& from = newcomers_.count > 0 ? newcomers_ : regulars_;
    const size_t next = from.Next();
    SetAside(from.customers[next].get());
    std::swap(from.customers[next], from.customers[--from.count]);
  }
  if (set->count == set->most) {
    const size_t next = set->Next();
    ReadTogether(next, set->count, [&](size_t i) { return set->customers[i].get(); });
    SetAside(set->customers[next].get());
    return set->customers[next].get();
  }
  if (set->count == set->customers.size()) set->customers.push_back(std::make_unique<OpenCustomer>());
  return set->customers[set->count++].get();
}

void CustomerCache::SetAside(OpenCustomer* open) {
  TouchedCustomer& touched = *open->customer->touched;
  if (open->changed) {
    // Made apart: what has not changed lies in the body that it will take the place of.
    next_body_.clear();
    for (const OpenCustomer::Value& value : open->values) {
      if (value.changed) {
        AppendValue(&next_body_, value.state, *value.message);
      } else {
        AppendValue(&next_body_, value.state, value.bytes);
      }
    }
    for (const DocumentTimer& timer : open->timers) AppendTimer(&next_body_, timer);
    pinned_bytes_ += next_body_.size();
    pinned_bytes_ -= touched.changed ? touched.next_body.size() : open->customer->body.size();
    touched.next_body.Assign(next_body_);
    touched.changed = true;
  }
  if (!open->rows.empty()) touched.rows = std::make_unique<CustomerRows>(std::move(open->rows));
  for (OpenCustomer::Value& value : open->values) {
    if (value.message) messages_.Give(value.state, std::move(value.message));
  }
  pinned_bytes_ -= open->message_bytes;
  message_bytes_ -= open->message_bytes;
  open->customer->open = nullptr;
  open->customer = nullptr;
  open->values.clear();
  open->timers.clear();
  open->rows.clear();
  open->message_bytes = 0;
  open->changed = open->again = false;
}

void CustomerCache::SetWake(Customer* customer, int64_t time_ms) {
  ClearWake(customer);
  customer->wake_ms = time_ms;
  Count(customer);
  wakes_.Add(time_ms, customer->id());
}

void CustomerCache::ClearWake(Customer* customer) {
  if (customer->wake_ms == kNoTime) return;
  wakes_.Remove(customer->wake_ms, customer->id());
  customer->wake_ms = kNoTime;
  Count(customer);
}

void CustomerCache::WakeTaken(Customer* customer, int64_t time_ms) {
  if (customer->wake_ms == time_ms) ClearWake(customer);
}

void CustomerCache::KeepWake(Customer* customer) {
  const auto& timers = customer->open->timers;
  if (timers.empty()) return;
  const int64_t earliest = timers.front().deadline_ms;
  if (customer->wake_ms != kNoTime && customer->wake_ms <= earliest) return;
  if (customer->index_ms != kNoTime && customer->index_ms <= earliest && wakes_.StoreWillTell(customer->index_ms)) {
    return;
  }
  SetWake(customer, earliest);
}

void CustomerCache::WakeFromBody(Customer* customer) {
  const auto earliest = EarliestDeadline(customer->body.view());
  const bool store_will_tell = earliest && customer->index_ms != kNoTime && customer->index_ms <= *earliest &&
                               wakes_.StoreWillTell(customer->index_ms);
  if (earliest && !store_will_tell) {
    SetWake(customer, *earliest);
  } else {
    ClearWake(customer);
  }
}

void CustomerCache::Freeze() {
  for (OpenSet* set : {&newcomers_, &regulars_}) {
    while (set->count > 0) SetAside(set->customers[--set->count].get());
  }
}

void CustomerCache::AddToWriteBack(uint64_t epoch, Customer* customer, WriteBack* out) {
  const TouchedCustomer* const touched = customer->touched;
  const std::string_view body = (touched != nullptr && touched->changed ? touched->next_body : customer->body).view();
  const auto write = [out](const CustomerRows& rows) {
    for (const auto& [key, value] : rows) {
      if (value) {
        out->rows.Put(key, *value);
      } else {
        out->rows.Delete(key);
      }
    }
  };
  if (customer->rows && touched != nullptr && touched->rows) {
    CustomerRows rows = *customer->rows;
    for (const auto& [key, value] : *touched->rows) rows[key] = value;
    write(rows);
  } else if (customer->rows) {
    write(*customer->rows);
  } else if (touched != nullptr && touched->rows) {
    write(*touched->rows);
  }
  // The document goes with every write-back: its stamp is what tells redo that the rows are ahead.
  StampedRow(epoch, body, &row_);
  out->rows.Put(layout::DocumentKey(customer->id()), row_);
  out->customers.push_back(customer);
}

WriteBack CustomerCache::SelectWriteBack(uint64_t epoch, uint64_t target_low, uint64_t least_low, size_t max_bytes) {
  WriteBack out;
  size_t written_bytes = 0;
  // Clean customers make room by themselves.
  const size_t excess_bytes = crowded() ? dirty_bytes_ - dirty_limit_bytes() : 0;
  auto wanted = [&](uint64_t since) {
    return since <= least_low || written_bytes < excess_bytes || (since <= target_low && written_bytes < max_bytes);
  };
  size_t i = 0;
  for (; i < dirty_.size() && wanted(dirty_[i]->dirty_since); ++i) {
    BringNear(i, dirty_);
    written_bytes += dirty_[i]->bytes;
    AddToWriteBack(epoch, dirty_[i], &out);
  }
  out.dirty_before = i;
  const bool whole = i == dirty_.size();
  out.low_water = whole ? epoch : dirty_[i]->dirty_since - 1;
  for (const TouchedCustomer& touched : touched_) {
    if (!touched.changed || touched.customer->dirty_since != 0) continue;
    if (!whole || !wanted(epoch)) {
      // Nor are those that follow.
      out.low_water = std::min(out.low_water, epoch - 1);
      break;
    }
    written_bytes += touched.customer->bytes;
    AddToWriteBack(epoch, touched.customer, &out);
  }
  BuryDue(epoch, &out);
  return out;
}

void CustomerCache::BuryDue(uint64_t epoch, WriteBack* out) {
  // A tombstone carries no stamp: before this transaction's own L has reached the last epoch that touched the
  // customer, redo would bring back what it deletes.
  for (auto it = grave_order_.begin(); it != grave_order_.end() && out->buried.size() < kMaxBuriedPerEpoch; ++it) {
    const auto& [stamp, id] = *it;
    if (stamp > out->low_water || stamp >= epoch) break;
    if (auto entry = entries_.find(Key(id)); entry != entries_.end()) {
      const Customer& customer = *entry->customer;
      if (customer.dirty_since != 0 || (customer.touched != nullptr && customer.touched->changed)) continue;
    }
    out->rows.Delete(layout::DocumentKey(id));
    out->buried.push_back(id);
  }
}

bool CustomerCache::HasRows(const Customer& customer) {
  const CustomerRows none;
  const CustomerRows& unwritten = customer.rows ? *customer.rows : none;
  bool rows_left =
      std::any_of(unwritten.begin(), unwritten.end(), [](const auto& row) { return row.second.has_value(); });
  const std::string document = layout::DocumentKey(customer.id());
  status_.Update(
      store_->Scan(document + '\0', layout::PrefixEnd(document), [&](std::string_view key, std::string_view) {
        rows_left |= !unwritten.contains(std::string(key));
        return !rows_left;
      }));
  return rows_left;
}

void CustomerCache::Dig(std::string_view id, uint64_t epoch) {
  if (graves_.size() >= kMaxGraves) return;
  graves_[std::string(id)] = epoch;
  grave_order_.emplace(epoch, id);
}

void CustomerCache::Fill(std::string_view id) {
  auto it = graves_.find(absl::string_view(id.data(), id.size()));
  if (it == graves_.end()) return;
  grave_order_.erase({it->second, it->first});
  graves_.erase(it);
}

void CustomerCache::MarkWritten(uint64_t epoch, Customer* customer, WriteBatch* batch) {
  // Rows of map and list states need the document's stamp for as long as they are there.
  const bool deleted = customer->body.empty() && !HasRows(*customer);
  dirty_bytes_ -= customer->bytes;
  customer->rows.reset();
  customer->stamp = epoch;
  customer->dirty_since = 0;
  Count(customer);
  const int64_t deadline = EarliestDeadline(customer->body.view()).value_or(kNoTime);
  if (deadline != customer->index_ms) {
    if (customer->index_ms != kNoTime) batch->Delete(layout::WakeKey(customer->index_ms, customer->id()));
    if (deadline != kNoTime) batch->Put(layout::WakeKey(deadline, customer->id()), "");
    customer->index_ms = deadline;
  }
  if (deadline == kNoTime || wakes_.StoreWillTell(deadline)) {
    ClearWake(customer);
  } else if (customer->wake_ms == kNoTime || customer->wake_ms > deadline) {
    SetWake(customer, deadline);
  }
  Fill(customer->id());
  if (deleted) Dig(customer->id(), epoch);
}

void CustomerCache::Commit(uint64_t epoch, WriteBack written, WriteBatch* batch) {
  assert(open_customers() == 0);
  dirty_.erase(dirty_.begin(), dirty_.begin() + static_cast<ptrdiff_t>(written.dirty_before));
  size_t written_new = written.customers.size() - written.dirty_before;
  for (size_t i = 0; i < touched_.size(); ++i) {
    ReadTogether(i, touched_.size(), [&](size_t j) { return touched_[j].customer; });
    TouchedCustomer& touched = touched_[i];
    Customer* const customer = touched.customer;
    customer->touched = nullptr;
    customer->used = true;
    if (!touched.changed) continue;
    customer->body = std::move(touched.next_body);
    if (touched.rows) {
      if (!customer->rows) customer->rows = std::make_unique<CustomerRows>();
      for (auto& [key, value] : *touched.rows) (*customer->rows)[key] = std::move(value);
    }
    if (customer->dirty_since == 0) {
      customer->dirty_since = epoch;
      dirty_bytes_ += customer->bytes;
      // Those that are written with the epoch are the first of them.
      if (written_new > 0) {
        --written_new;
      } else {
        dirty_.push_back(customer);
      }
    }
    Count(customer);
  }
  touched_.clear();
  pinned_bytes_ = 0;
  *batch = std::move(written.rows);
  for (const std::string& id : written.buried) {
    Fill(id);
    if (auto it = entries_.find(Key(id)); it != entries_.end()) it->customer->stamp = 0;
  }
  for (size_t i = 0; i < written.customers.size(); ++i) {
    BringNear(i, written.customers);
    MarkWritten(epoch, written.customers[i], batch);
  }
  Evict();
}

void CustomerCache::Abort() {
  Freeze();
  for (const TouchedCustomer& touched : touched_) {
    touched.customer->touched = nullptr;
    touched.customer->used = true;
    // The wake-ups that led here are taken out already.
    WakeFromBody(touched.customer);
  }
  touched_.clear();
  pinned_bytes_ = 0;
  status_ = absl::OkStatus();
  Evict();
}

// Second chance: who was used since it was looked at last stays, and is looked at again after all others.
void CustomerCache::Evict() {
  bool spared = true;
  for (int lap = 0; lap < 2 && spared; ++lap) {
    spared = false;
    for (size_t left = customers_.size(); bytes_ > limit_bytes_ && left > 0; --left) {
      ReadTogether(left, left + customers_.size(), [&](size_t j) { return customers_[j - left].get(); });
      Customer::Owned customer = std::move(customers_.front());
      customers_.pop_front();
      const bool must_stay = customer->dirty_since != 0 || customer->wake_ms != kNoTime;
      if (must_stay || customer->used) {
        spared |= !must_stay;
        customer->used = false;
        customers_.push_back(std::move(customer));
        continue;
      }
      ++generation_;
      bytes_ -= customer->bytes;
      entries_.erase(entries_.find(Key(customer->id())));
    }
  }
}

void CustomerCache::Reset() {
  ++generation_;
  Freeze();
  touched_.clear();
  dirty_.clear();
  entries_.clear();
  customers_.clear();
  graves_.clear();
  grave_order_.clear();
  wakes_.Rewind();
  bytes_ = dirty_bytes_ = 0;
  pinned_bytes_ = 0;
  status_ = absl::OkStatus();
}

std::optional<uint64_t> CustomerCache::OldestDirty() const {
  if (dirty_.empty()) return std::nullopt;
  return dirty_.front()->dirty_since;
}

}  // namespace ebb
