#ifndef EBB_STATE_COMPACT_BYTES_H_
#define EBB_STATE_COMPACT_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace ebb {

// Bytes that are kept for long and read as a whole: one pointer to one block of memory, which begins with their number.
// Of millions of strings, three words each are saved. At most 4 GiB.
class CompactBytes {
 public:
  // Views of what it held end. `bytes` may not lie in it.
  void Assign(std::string_view bytes) {
    if (BlockBytes(bytes.size()) != block_bytes()) {
      block_.reset(bytes.empty() ? nullptr : new char[BlockBytes(bytes.size())]);
    }
    if (bytes.empty()) return;
    const auto size = static_cast<uint32_t>(bytes.size());
    std::memcpy(block_.get(), &size, sizeof(size));
    std::memcpy(block_.get() + sizeof(size), bytes.data(), bytes.size());
  }

  bool empty() const { return block_ == nullptr; }
  size_t size() const {
    uint32_t size = 0;
    if (block_ != nullptr) std::memcpy(&size, block_.get(), sizeof(size));
    return size;
  }
  // Holds until the next Assign, also where *this is moved.
  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(block_.get() + sizeof(uint32_t), size());
  }
  // The beginning of the block; null when empty. Asks no memory for anything.
  const void* block() const { return block_.get(); }
  // What the block takes.
  size_t block_bytes() const { return BlockBytes(size()); }

 private:
  // In the steps of the allocator, so that a block serves again for what is about as large.
  static size_t BlockBytes(size_t bytes) {
    constexpr size_t kStep = 16;
    return bytes == 0 ? 0 : (sizeof(uint32_t) + bytes + kStep - 1) / kStep * kStep;
  }

  std::unique_ptr<char[]> block_;
};

}  // namespace ebb

#endif  // EBB_STATE_COMPACT_BYTES_H_
