#include "state/customer_cache.h"

#include <algorithm>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "state/layout.h"

namespace ebb {
namespace {

constexpr size_t kMaxSpareMessages = 4096;  // A state; more are freed.
constexpr size_t kOpenOverheadBytes = 512;  // What an open customer holds beside its body, about.

std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&out);
  }
  return bytes;
}

bool EarlierTimer(const DocumentTimer& a, const DocumentTimer& b) {
  return a.deadline_ms != b.deadline_ms ? a.deadline_ms < b.deadline_ms : a.timer < b.timer;
}

}  // namespace

// The customer at hand as operators' handles see it.
class CustomerCache::Access final : public StateAccess {
 public:
  explicit Access(CustomerCache* cache) : cache_(*cache) {}

  void Select(Customer* customer) { customer_ = customer; }

  const google::protobuf::Message* Find(StateId state, const google::protobuf::Message& prototype) override {
    OpenCustomer::Value* value = ValueOf(state);
    if (value == nullptr) return nullptr;
    return Parsed(value, prototype);
  }

  google::protobuf::Message* Mutable(StateId state, const google::protobuf::Message& prototype) override {
    OpenCustomer& open = *customer_->open;
    OpenCustomer::Value* value = ValueOf(state);
    if (value == nullptr) {
      auto at = std::lower_bound(open.values.begin(), open.values.end(), state,
                                 [](const OpenCustomer::Value& v, StateId id) { return v.state < id; });
      at = open.values.insert(at, OpenCustomer::Value{state, {}, cache_.NewMessage(state, prototype), true});
      open.changed = true;
      return at->message.get();
    }
    google::protobuf::Message* message = Parsed(value, prototype);
    value->changed = true;
    open.changed = true;
    return message;
  }

  void Clear(StateId state) override {
    OpenCustomer& open = *customer_->open;
    OpenCustomer::Value* value = ValueOf(state);
    if (value == nullptr) return;
    open.values.erase(open.values.begin() + (value - open.values.data()));
    open.changed = true;
  }

  std::optional<std::string> FindRow(StateId state, std::string_view sub_key) override {
    const std::string key = layout::RowKey(customer_->id, state, sub_key);
    if (auto it = customer_->open->rows.find(key); it != customer_->open->rows.end()) return it->second;
    if (customer_->rows) {
      if (auto it = customer_->rows->find(key); it != customer_->rows->end()) return it->second;
    }
    auto row = cache_.store_->Get(key);
    if (!row.ok()) {
      cache_.status_.Update(row.status());
      return std::nullopt;
    }
    return *std::move(row);
  }

  void PutRow(StateId state, std::string_view sub_key, std::string value) override {
    cache_.pinned_bytes_ += sub_key.size() + value.size() + customer_->id.size() + kOpenOverheadBytes / 4;
    customer_->open->rows[layout::RowKey(customer_->id, state, sub_key)] = std::move(value);
    customer_->open->changed = true;
  }

  void EraseRow(StateId state, std::string_view sub_key) override {
    customer_->open->rows[layout::RowKey(customer_->id, state, sub_key)] = std::nullopt;
    customer_->open->changed = true;
  }

  void ScanRows(StateId state, std::string_view from, const RowVisitor& visit) override {
    const std::string first = layout::RowKey(customer_->id, state, from);
    const std::string end = layout::PrefixEnd(layout::RowKey(customer_->id, state, ""));
    CustomerRows merged;
    auto status = cache_.store_->Scan(first, end, [&](std::string_view key, std::string_view value) {
      merged[std::string(key)] = std::string(value);
      return true;
    });
    cache_.status_.Update(status);
    for (const auto* overlay : {customer_->rows.get(), &customer_->open->rows}) {
      if (overlay == nullptr) continue;
      for (auto it = overlay->lower_bound(first); it != overlay->end() && it->first < end; ++it) {
        merged[it->first] = it->second;
      }
    }
    for (const auto& [key, value] : merged) {
      if (value && !visit(layout::SubKeyOf(key, customer_->id), *value)) return;
    }
  }

  std::optional<int64_t> Deadline(TimerId timer) override {
    for (const DocumentTimer& armed : customer_->open->timers) {
      if (armed.timer == timer) return armed.deadline_ms;
    }
    return std::nullopt;
  }

  void Arm(TimerId timer, int64_t deadline_ms) override {
    if (Deadline(timer) == deadline_ms) return;
    Disarm(timer);
    auto& timers = customer_->open->timers;
    const DocumentTimer armed{timer, deadline_ms};
    timers.insert(std::upper_bound(timers.begin(), timers.end(), armed, EarlierTimer), armed);
    customer_->open->changed = true;
  }

  void Disarm(TimerId timer) override {
    auto& timers = customer_->open->timers;
    auto it = std::find_if(timers.begin(), timers.end(), [&](const auto& armed) { return armed.timer == timer; });
    if (it == timers.end()) return;
    timers.erase(it);
    customer_->open->changed = true;
  }

 private:
  OpenCustomer::Value* ValueOf(StateId state) {
    for (OpenCustomer::Value& value : customer_->open->values) {
      if (value.state == state) return &value;
    }
    return nullptr;
  }

  google::protobuf::Message* Parsed(OpenCustomer::Value* value, const google::protobuf::Message& prototype) {
    if (value->message == nullptr) {
      value->message = cache_.NewMessage(value->state, prototype);
      if (!value->message->ParseFromArray(value->bytes.data(), static_cast<int>(value->bytes.size()))) {
        cache_.status_.Update(absl::DataLossError("a stored state is not a " + prototype.GetTypeName() +
                                                  "; rebuild the local state by deleting its directory"));
      }
    }
    return value->message.get();
  }

  CustomerCache& cache_;
  Customer* customer_ = nullptr;
};

CustomerCache::CustomerCache(Store* store, size_t bytes) : store_(store), limit_bytes_(bytes), wakes_(store) {}

CustomerCache::~CustomerCache() = default;

size_t CustomerCache::SizeOf(const Customer& customer) {
  size_t bytes = sizeof(Customer) + 64 + customer.id.capacity() + customer.body.capacity();
  if (customer.rows) {
    for (const auto& [key, value] : *customer.rows) bytes += key.size() + (value ? value->size() : 0) + 64;
  }
  if (customer.wake_ms != kNoTime) bytes += 48 + customer.id.size();
  return bytes;
}

absl::StatusOr<Customer*> CustomerCache::Load(std::string_view id) {
  if (auto it = customers_.find(id); it != customers_.end()) {
    ++hits_;
    return it->get();
  }
  ++misses_;
  auto row = store_->Get(layout::DocumentKey(id));
  if (!row.ok()) return row.status();
  return Insert(id, *row);
}

absl::Status CustomerCache::Prefetch(std::vector<std::string_view> ids) {
  std::vector<std::pair<std::string, std::string_view>> wanted;
  for (std::string_view id : ids) {
    if (!customers_.contains(id)) wanted.emplace_back(layout::DocumentKey(id), id);
  }
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  if (wanted.empty()) return absl::OkStatus();
  std::vector<std::string> keys;
  keys.reserve(wanted.size());
  for (auto& [key, id] : wanted) keys.push_back(key);
  auto rows = store_->MultiGet(keys);
  if (!rows.ok()) return rows.status();
  misses_ += wanted.size();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (auto inserted = Insert(wanted[i].second, (*rows)[i]); !inserted.ok()) return inserted.status();
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
  bytes_ += SizeOf(*inserted);
  customers_.insert(std::move(customer));
  return inserted;
}

StateAccess& CustomerCache::Open(Customer* customer) {
  if (!access_) access_ = std::make_unique<Access>(this);
  access_->Select(customer);
  if (customer->open) return *access_;
  customer->open = std::make_unique<OpenCustomer>();
  open_.push_back(customer);
  pinned_bytes_ += customer->body.size() * 2 + kOpenOverheadBytes;
  if (customer->dirty_since == 0) clean_.splice(clean_.end(), clean_, customer->place);
  auto parts = SplitDocument(customer->body);
  if (!parts) {
    status_.Update(absl::DataLossError("a customer's stored document cannot be read; rebuild the local state by "
                                       "deleting its directory"));
    return *access_;
  }
  for (const DocumentValue& value : parts->values) {
    customer->open->values.push_back(OpenCustomer::Value{value.state, value.bytes, nullptr, false});
  }
  customer->open->timers = std::move(parts->timers);
  return *access_;
}

void CustomerCache::SetWake(Customer* customer, int64_t time_ms) {
  ClearWake(customer);
  bytes_ -= SizeOf(*customer);
  customer->wake_ms = time_ms;
  bytes_ += SizeOf(*customer);
  wakes_.Add(time_ms, customer->id);
}

void CustomerCache::ClearWake(Customer* customer) {
  if (customer->wake_ms == kNoTime) return;
  wakes_.Remove(customer->wake_ms, customer->id);
  bytes_ -= SizeOf(*customer);
  customer->wake_ms = kNoTime;
  bytes_ += SizeOf(*customer);
}

void CustomerCache::WakeTaken(Customer* customer, int64_t time_ms) {
  if (customer->wake_ms == time_ms) ClearWake(customer);
}

void CustomerCache::KeepWake(Customer* customer) {
  const auto& timers = customer->open->timers;
  if (timers.empty()) return;
  const int64_t earliest = timers.front().deadline_ms;
  if (customer->wake_ms != kNoTime && customer->wake_ms <= earliest) return;
  if (customer->index_ms != kNoTime && customer->index_ms <= earliest && wakes_.StoreWillTell(customer->index_ms)) return;
  SetWake(customer, earliest);
}

void CustomerCache::WakeFromBody(Customer* customer) {
  const auto earliest = EarliestDeadline(customer->body);
  const bool store_will_tell =
      earliest && customer->index_ms != kNoTime && customer->index_ms <= *earliest && wakes_.StoreWillTell(customer->index_ms);
  if (earliest && !store_will_tell) {
    SetWake(customer, *earliest);
  } else {
    ClearWake(customer);
  }
}

void CustomerCache::Freeze() {
  for (Customer* customer : open_) {
    OpenCustomer& open = *customer->open;
    if (!open.changed) continue;
    open.next_body.clear();
    for (const OpenCustomer::Value& value : open.values) {
      if (value.changed) {
        AppendValue(&open.next_body, value.state, SerializeDeterministically(*value.message));
      } else {
        AppendValue(&open.next_body, value.state, value.bytes);
      }
    }
    for (const DocumentTimer& timer : open.timers) AppendTimer(&open.next_body, timer);
  }
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
  const size_t excess_bytes = bytes_ > limit_bytes_ ? bytes_ - limit_bytes_ : 0;
  auto wanted = [&](uint64_t since) {
    return since <= least_low || written_bytes < excess_bytes ||
           (since <= target_low && written_bytes < max_bytes);
  };
  auto it = dirty_.begin();
  for (; it != dirty_.end() && wanted((*it)->dirty_since); ++it) {
    written_bytes += SizeOf(**it);
    AddToWriteBack(epoch, *it, &out);
  }
  out.low_water = it == dirty_.end() ? epoch : (*it)->dirty_since - 1;
  for (Customer* customer : open_) {
    if (!customer->open->changed || customer->dirty_since != 0) continue;
    if (it == dirty_.end() && wanted(epoch)) {
      written_bytes += SizeOf(*customer);
      AddToWriteBack(epoch, customer, &out);
    } else {
      out.low_water = std::min(out.low_water, epoch - 1);
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
    if (found != customers_.end() && ((*found)->dirty_since != 0 || ((*found)->open && (*found)->open->changed))) continue;
    out->rows.Delete(layout::DocumentKey(id));
    out->buried.push_back(id);
  }
}

void CustomerCache::Dig(const Customer& customer, uint64_t epoch) {
  // Rows of map and list states need the document's stamp for as long as they are there.
  bool rows_left = false;
  const std::string document = layout::DocumentKey(customer.id);
  status_.Update(store_->Scan(document + '\0', layout::PrefixEnd(document), [&](std::string_view, std::string_view) {
    rows_left = true;
    return false;
  }));
  if (rows_left || graves_.size() >= kMaxGraves) return;
  graves_[customer.id] = epoch;
  grave_order_.insert({epoch, customer.id});
}

void CustomerCache::Fill(const std::string& id) {
  auto it = graves_.find(id);
  if (it == graves_.end()) return;
  grave_order_.erase({it->second, id});
  graves_.erase(it);
}

void CustomerCache::CloseOpen(Customer* customer) {
  for (OpenCustomer::Value& value : customer->open->values) {
    if (!value.message) continue;
    if (spare_.size() <= value.state) spare_.resize(value.state + 1);
    if (spare_[value.state].size() < kMaxSpareMessages) spare_[value.state].push_back(std::move(value.message));
  }
  customer->open.reset();
}

void CustomerCache::MarkWritten(uint64_t epoch, Customer* customer, WriteBatch* batch) {
  bytes_ -= SizeOf(*customer);
  customer->rows.reset();
  customer->stamp = epoch;
  customer->dirty_since = 0;
  bytes_ += SizeOf(*customer);
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
  if (customer->body.empty()) Dig(*customer, epoch);
}

void CustomerCache::Commit(uint64_t epoch, WriteBack written, WriteBatch* batch) {
  for (Customer* customer : open_) {
    OpenCustomer& open = *customer->open;
    if (open.changed) {
      bytes_ -= SizeOf(*customer);
      customer->body = std::move(open.next_body);
      customer->body.shrink_to_fit();
      if (!open.rows.empty()) {
        if (!customer->rows) customer->rows = std::make_unique<CustomerRows>();
        for (auto& [key, value] : open.rows) (*customer->rows)[key] = std::move(value);
      }
      if (customer->dirty_since == 0) {
        customer->dirty_since = epoch;
        dirty_.splice(dirty_.end(), clean_, customer->place);
      }
      bytes_ += SizeOf(*customer);
    }
    CloseOpen(customer);
  }
  open_.clear();
  pinned_bytes_ = 0;
  for (auto& [key, value] : written.rows.writes()) {
    if (value) {
      batch->Put(key, *value);
    } else {
      batch->Delete(key);
    }
  }
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
    it = clean_.erase(it);
    bytes_ -= SizeOf(*customer);
    customers_.erase(customers_.find(std::string_view(customer->id)));
  }
}

void CustomerCache::Reset() {
  customers_.clear();
  clean_.clear();
  dirty_.clear();
  open_.clear();
  graves_.clear();
  grave_order_.clear();
  wakes_.Rewind();
  bytes_ = 0;
  pinned_bytes_ = 0;
  status_ = absl::OkStatus();
}

std::optional<uint64_t> CustomerCache::OldestDirty() const {
  if (dirty_.empty()) return std::nullopt;
  return dirty_.front()->dirty_since;
}

std::unique_ptr<google::protobuf::Message> CustomerCache::NewMessage(StateId state,
                                                                      const google::protobuf::Message& prototype) {
  if (state < spare_.size() && !spare_[state].empty()) {
    auto message = std::move(spare_[state].back());
    spare_[state].pop_back();
    message->Clear();
    return message;
  }
  return std::unique_ptr<google::protobuf::Message>(prototype.New());
}

}  // namespace ebb
