#include "state/customer_cache.h"

#include <algorithm>

#include "state/layout.h"

namespace ebb {
namespace {

constexpr size_t kOpenOverheadBytes = 512;  // What an open customer holds beside its body and messages, about.
constexpr size_t kLinesAhead = 8;           // How far ahead memory is asked for that will be needed.
constexpr size_t kSpareShare = 32;          // Of the cache's bytes, what messages kept for use again may take.

}  // namespace

CustomerCache::CustomerCache(Store* store, size_t bytes)
    : store_(store),
      limit_bytes_(bytes),
      wakes_(store),
      messages_(bytes / kSpareShare),
      access_(store, &messages_, &status_, &pinned_bytes_) {}

CustomerCache::~CustomerCache() = default;

size_t CustomerCache::SizeOf(const Customer& customer) {
  size_t bytes = sizeof(Customer) + 64 + customer.id.capacity() + customer.body.capacity();
  if (customer.rows) {
    for (const auto& [key, value] : *customer.rows) bytes += key.size() + (value ? value->size() : 0) + 64;
  }
  if (customer.wake_ms != kNoTime) bytes += 48 + customer.id.size();
  return bytes;
}

void CustomerCache::Count(Customer* customer) {
  const size_t bytes = SizeOf(*customer);
  bytes_ += bytes - customer->bytes;
  if (customer->dirty_since != 0) dirty_bytes_ += bytes - customer->bytes;
  customer->bytes = bytes;
}

absl::StatusOr<Customer*> CustomerCache::Load(std::string_view id, Customer* known) {
  if (known != nullptr) {
    ++hits_;
    return known;
  }
  if (auto it = customers_.find(id); it != customers_.end()) {
    ++hits_;
    return it->get();
  }
  ++misses_;
  auto row = store_->Get(layout::DocumentKey(id));
  if (!row.ok()) return row.status();
  return Insert(id, *row);
}

absl::Status CustomerCache::Prefetch(absl::Span<const std::string_view> ids, std::vector<Customer*>* found) {
  found->assign(ids.size(), nullptr);
  std::vector<std::pair<std::string, size_t>> wanted;  // Keys and places of those that are not in memory.
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i + kLinesAhead < ids.size()) customers_.prefetch(ids[i + kLinesAhead]);
    if (ids[i].empty()) continue;
    if (auto it = customers_.find(ids[i]); it != customers_.end()) {
      (*found)[i] = it->get();
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
  auto customer = std::make_unique<Customer>();
  customer->id = id;
  if (row) {
    auto document = ReadStampedRow(*row);
    if (!document) {
      return absl::DataLossError("a customer's stored document has no stamp; rebuild the local state by deleting its "
                                 "directory");
    }
    customer->stamp = document->stamp;
    customer->body = document->body;
    customer->index_ms = EarliestDeadline(customer->body).value_or(kNoTime);
  }
  Customer* inserted = customer.get();
  inserted->place = clean_.insert(clean_.end(), inserted);
  Count(inserted);
  customers_.insert(std::move(customer));
  return inserted;
}

StateAccess& CustomerCache::Open(Customer* customer, int64_t earliest_ms) {
  access_.Select(customer, earliest_ms);
  if (customer->open) return access_;
  customer->open = std::make_unique<OpenCustomer>();
  open_.push_back(customer);
  // The body, as it is and as it will be.
  pinned_bytes_ += customer->body.size() * 2 + kOpenOverheadBytes;
  if (!SplitDocument(customer->body, &parts_)) {
    status_.Update(absl::DataLossError("a customer's stored document cannot be read; rebuild the local state by "
                                       "deleting its directory"));
    return access_;
  }
  for (const DocumentValue& value : parts_.values) {
    customer->open->values.push_back(OpenCustomer::Value{value.state, value.bytes, nullptr, false});
  }
  customer->open->timers.assign(parts_.timers.begin(), parts_.timers.end());
  return access_;
}

void CustomerCache::SetWake(Customer* customer, int64_t time_ms) {
  ClearWake(customer);
  customer->wake_ms = time_ms;
  Count(customer);
  wakes_.Add(time_ms, customer->id);
}

void CustomerCache::ClearWake(Customer* customer) {
  if (customer->wake_ms == kNoTime) return;
  wakes_.Remove(customer->wake_ms, customer->id);
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
  const auto earliest = EarliestDeadline(customer->body);
  const bool store_will_tell = earliest && customer->index_ms != kNoTime && customer->index_ms <= *earliest &&
                               wakes_.StoreWillTell(customer->index_ms);
  if (earliest && !store_will_tell) {
    SetWake(customer, *earliest);
  } else {
    ClearWake(customer);
  }
}

void CustomerCache::Freeze() {
  for (size_t i = 0; i < open_.size(); ++i) {
    AskForOpen(i);
    const OpenCustomer& open = *open_[i]->open;
    if (!open.changed) continue;
    next_body_.clear();
    for (const OpenCustomer::Value& value : open.values) {
      if (value.changed) {
        AppendValue(&next_body_, value.state, *value.message);
      } else {
        AppendValue(&next_body_, value.state, value.bytes);
      }
    }
    for (const DocumentTimer& timer : open.timers) AppendTimer(&next_body_, timer);
    open_[i]->open->next_body = next_body_;
  }
}

void CustomerCache::AskForOpen(size_t i) const {
  if (i + kLinesAhead >= open_.size()) return;
  __builtin_prefetch(open_[i + kLinesAhead]);
  __builtin_prefetch(open_[i + kLinesAhead / 2]->open.get());
}

void CustomerCache::AddToWriteBack(uint64_t epoch, Customer* customer, WriteBack* out) {
  const bool changed_now = customer->open && customer->open->changed;
  const std::string& body = changed_now ? customer->open->next_body : customer->body;
  CustomerRows rows;
  if (customer->rows) rows = *customer->rows;
  if (changed_now) {
    for (const auto& [key, value] : customer->open->rows) rows[key] = value;
  }
  for (auto& [key, value] : rows) {
    if (value) {
      out->rows.Put(key, std::move(*value));
    } else {
      out->rows.Delete(key);
    }
  }
  // The document goes with every write-back: its stamp is what tells redo that the rows are ahead.
  out->rows.Put(layout::DocumentKey(customer->id), StampedRow(epoch, body));
  out->customers.push_back(customer);
}

WriteBack CustomerCache::SelectWriteBack(uint64_t epoch, uint64_t target_low, uint64_t least_low, size_t max_bytes) {
  WriteBack out;
  size_t written_bytes = 0;
  // Clean customers make room by themselves.
  const size_t excess_bytes = crowded() ? dirty_bytes_ - dirty_limit_bytes() : 0;
  auto wanted = [&](uint64_t since) {
    return since <= least_low || written_bytes < excess_bytes ||
           (since <= target_low && written_bytes < max_bytes);
  };
  auto it = dirty_.begin();
  for (; it != dirty_.end() && wanted((*it)->dirty_since); ++it) {
    written_bytes += (*it)->bytes;
    AddToWriteBack(epoch, *it, &out);
  }
  out.low_water = it == dirty_.end() ? epoch : (*it)->dirty_since - 1;
  for (Customer* customer : open_) {
    if (!customer->open->changed || customer->dirty_since != 0) continue;
    if (it == dirty_.end() && wanted(epoch)) {
      written_bytes += customer->bytes;
      AddToWriteBack(epoch, customer, &out);
    } else {
      // Nor are those that follow.
      out.low_water = std::min(out.low_water, epoch - 1);
      break;
    }
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
    auto found = customers_.find(id);
    if (found != customers_.end() && ((*found)->dirty_since != 0 || ((*found)->open && (*found)->open->changed))) {
      continue;
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
  const std::string document = layout::DocumentKey(customer.id);
  status_.Update(
      store_->Scan(document + '\0', layout::PrefixEnd(document), [&](std::string_view key, std::string_view) {
        rows_left |= !unwritten.contains(std::string(key));
        return !rows_left;
      }));
  return rows_left;
}

void CustomerCache::Dig(const std::string& id, uint64_t epoch) {
  if (graves_.size() >= kMaxGraves) return;
  graves_[id] = epoch;
  grave_order_.insert({epoch, id});
}

void CustomerCache::Fill(const std::string& id) {
  auto it = graves_.find(id);
  if (it == graves_.end()) return;
  grave_order_.erase({it->second, id});
  graves_.erase(it);
}

void CustomerCache::CloseOpen(Customer* customer) {
  if (customer->dirty_since == 0) clean_.splice(clean_.end(), clean_, customer->place);
  for (OpenCustomer::Value& value : customer->open->values) {
    if (value.message) messages_.Give(value.state, std::move(value.message));
  }
  customer->open.reset();
}

void CustomerCache::MarkWritten(uint64_t epoch, Customer* customer, WriteBatch* batch) {
  // Rows of map and list states need the document's stamp for as long as they are there.
  const bool deleted = customer->body.empty() && !HasRows(*customer);
  dirty_bytes_ -= customer->bytes;
  customer->rows.reset();
  customer->stamp = epoch;
  customer->dirty_since = 0;
  Count(customer);
  const int64_t deadline = EarliestDeadline(customer->body).value_or(kNoTime);
  if (deadline != customer->index_ms) {
    if (customer->index_ms != kNoTime) batch->Delete(layout::WakeKey(customer->index_ms, customer->id));
    if (deadline != kNoTime) batch->Put(layout::WakeKey(deadline, customer->id), "");
    customer->index_ms = deadline;
  }
  if (deadline == kNoTime || wakes_.StoreWillTell(deadline)) {
    ClearWake(customer);
  } else if (customer->wake_ms == kNoTime || customer->wake_ms > deadline) {
    SetWake(customer, deadline);
  }
  Fill(customer->id);
  if (deleted) Dig(customer->id, epoch);
}

void CustomerCache::Commit(uint64_t epoch, WriteBack written, WriteBatch* batch) {
  for (size_t i = 0; i < open_.size(); ++i) {
    AskForOpen(i);
    Customer* customer = open_[i];
    OpenCustomer& open = *customer->open;
    if (open.changed) {
      customer->body = std::move(open.next_body);
      if (!open.rows.empty()) {
        if (!customer->rows) customer->rows = std::make_unique<CustomerRows>();
        for (auto& [key, value] : open.rows) (*customer->rows)[key] = std::move(value);
      }
      if (customer->dirty_since == 0) {
        customer->dirty_since = epoch;
        dirty_bytes_ += customer->bytes;
        dirty_.splice(dirty_.end(), clean_, customer->place);
      }
      Count(customer);
    }
    CloseOpen(customer);
  }
  open_.clear();
  pinned_bytes_ = 0;
  batch->Append(std::move(written.rows));
  for (const std::string& id : written.buried) {
    Fill(id);
    if (auto it = customers_.find(id); it != customers_.end()) (*it)->stamp = 0;
  }
  for (Customer* customer : written.customers) {
    clean_.splice(clean_.end(), dirty_, customer->place);
    MarkWritten(epoch, customer, batch);
  }
  Evict();
}

void CustomerCache::Abort() {
  for (Customer* customer : open_) {
    CloseOpen(customer);
    // The wake-ups that led here are taken out already.
    WakeFromBody(customer);
  }
  open_.clear();
  pinned_bytes_ = 0;
  status_ = absl::OkStatus();
  Evict();
}

void CustomerCache::Evict() {
  auto it = clean_.begin();
  while (bytes_ > limit_bytes_ && it != clean_.end()) {
    Customer* customer = *it;
    if (customer->wake_ms != kNoTime) {
      ++it;
      continue;
    }
    ++generation_;
    it = clean_.erase(it);
    bytes_ -= customer->bytes;
    customers_.erase(customers_.find(std::string_view(customer->id)));
  }
}

void CustomerCache::Reset() {
  ++generation_;
  customers_.clear();
  clean_.clear();
  dirty_.clear();
  open_.clear();
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
