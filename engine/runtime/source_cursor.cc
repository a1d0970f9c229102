#include "engine/runtime/source_cursor.h"

#include <algorithm>

#include "state/hash.h"
#include "state/near.h"

namespace ebb {

SourceCursor::SourceCursor(const SourceSpec& spec, int32_t partition, int32_t partitions, size_t buffer_bytes)
    : spec_(spec),
      partition_{spec.config.topic(), partition},
      buffer_bytes_(buffer_bytes),
      decoder_(spec, partition, partitions) {}

absl::Status SourceCursor::Start(Input* input, int64_t offset) {
  input_ = input;
  batches_.clear();
  visited_ = batch_ = record_ = first_record_ = bytes_ = kept_bytes_ = 0;
  at_end_ = has_head_ = decoded_ = false;
  position_ = from_ = offset;
  records_ = digest_ = 0;
  bound_.reset();
  return input_->Start(partition_, offset);
}

void SourceCursor::Stop() {
  if (input_ != nullptr) input_->Stop(partition_);
  input_ = nullptr;
}

size_t SourceCursor::Unread() const {
  size_t unread = 0;
  for (size_t i = batch_; i < batches_.size(); ++i) unread += batches_[i].records.size();
  return batch_ < batches_.size() ? unread - record_ : 0;
}

std::optional<int64_t> SourceCursor::lag() const {
  if (input_ == nullptr) return std::nullopt;
  if (idle()) return 0;
  const std::optional<int64_t> end = input_->KnownEnd(partition_);
  if (!end) return std::nullopt;
  return std::max<int64_t>(0, *end - position_);
}

absl::StatusOr<bool> SourceCursor::Fill() {
  bool came = false;
  for (int polls = 0; polls < kPollsPerFill && input_ != nullptr && bytes_ - kept_bytes_ < buffer_bytes_; ++polls) {
    incoming_.Clear();
    auto polled = input_->Poll(partition_, kPollRecords, &incoming_);
    if (absl::IsUnavailable(polled.status())) break;
    if (!polled.ok()) return polled.status();
    at_end_ = polled->at_end;
    end_offset_ = polled->end_offset;
    if (incoming_.empty()) break;
    came = true;
    const bool all = incoming_.size() < kPollRecords;
    Keep();
    if (all) break;
  }
  return came;
}

void SourceCursor::Keep() {
  Batch& batch = batches_.emplace_back();
  if (!incoming_.IsFull()) {
    batch.records = incoming_;  // As large as it has to be.
    if (incoming_.bytes() > buffer_bytes_ / kSpareShare) incoming_ = RecordBatch();
  } else {
    batch.records = std::move(incoming_);
    incoming_ = RecordBatch();
    if (!spare_.empty()) {
      batch.customers = std::move(spare_.back().customers);
      batch.customers.clear();
      incoming_ = std::move(spare_.back().records);
      spare_bytes_ -= incoming_.bytes();
      spare_.pop_back();
    }
  }
  bytes_ += batch.bytes();
}

bool SourceCursor::FindHead() {
  while (batch_ < batches_.size() && record_ >= batches_[batch_].records.size()) {
    kept_bytes_ += batches_[batch_].bytes();
    ++batch_;
    record_ = 0;
    if (bound_) DropTaken();
  }
  if (batch_ >= batches_.size()) {
    if (bound_ && at_end_ && end_offset_ >= *bound_) position_ = std::max(position_, *bound_);
    return false;
  }
  if (!decoded_) head_ = batches_[batch_].records[record_];
  if (bound_ && head_.offset >= *bound_) {
    // Nothing more lies before the bound, even where it had been reached by a record that is gone.
    position_ = *bound_;
    return false;
  }
  if (!decoded_) {
    rejection_ = decoder_.Decode(head_);
    decoded_ = true;
  }
  has_head_ = true;
  return true;
}

Customer* SourceCursor::KnownCustomer(uint64_t generation) const {
  const Batch& batch = batches_[batch_];
  if (batch.generation != generation || batch.customers.empty()) return nullptr;
  const auto& customers = batch.customers;
  ReadTogether(record_, customers.size(),
               [&](size_t i) -> const void* { return customers[i] == nullptr ? nullptr : &customers[i]->body; });
  ReadTogether(record_, customers.size(), [&](size_t i) -> const void* {
    const Customer* const customer = customers[i];
    if (customer == nullptr) return nullptr;
    return customer->open == nullptr ? customer->body.block() : &customer->open->values;
  });
  ReadTogether(record_, customers.size(), [&](size_t i) -> const void* {
    const OpenCustomer* const open = customers[i] == nullptr ? nullptr : customers[i]->open;
    return open == nullptr || open->values.empty() ? nullptr : open->values.front().message.get();
  });
  return customers[record_];
}

void SourceCursor::Take() {
  position_ = head_.offset + 1;
  ++records_;
  digest_ = StableHash64(head_.value.value_or(std::string_view()), digest_ ^ static_cast<uint64_t>(head_.offset));
  ++record_;
  has_head_ = decoded_ = false;
}

void SourceCursor::DropTaken() {
  for (; batch_ > 0; --batch_) {
    Batch& taken = batches_.front();
    bytes_ -= taken.bytes();
    kept_bytes_ -= taken.bytes();
    if (taken.records.IsFull() && spare_bytes_ + taken.records.bytes() <= buffer_bytes_ / kSpareShare) {
      spare_bytes_ += taken.records.bytes();
      spare_.push_back(std::move(taken));
    }
    batches_.pop_front();
    if (visited_ > 0) --visited_;
  }
}

void SourceCursor::Release() {
  DropTaken();
  first_record_ = record_;
  from_ = position_;
  records_ = digest_ = 0;
}

void SourceCursor::Rewind() {
  batch_ = 0;
  kept_bytes_ = 0;
  record_ = first_record_;
  has_head_ = decoded_ = false;
  position_ = from_;
  records_ = digest_ = 0;
}

}  // namespace ebb
