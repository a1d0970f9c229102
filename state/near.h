#ifndef EBB_STATE_NEAR_H_
#define EBB_STATE_NEAR_H_

// Brings memory near that will soon be asked for, for loops over things that lie anywhere.

#include <algorithm>
#include <cstddef>

namespace ebb {

// How many reads wait for memory together.
inline constexpr size_t kTogether = 16;

// Called for each `i` of a loop up to `end`: every kTogether-th time it reads a byte at address_of(j) of those that
// come next, null for none. They wait together, and not one after the other when the loop comes to them. To prefetch is
// not enough: a processor lets that go where it does not know the page.
template <class AddressOf>
void ReadTogether(size_t i, size_t end, AddressOf address_of) {
  if (i % kTogether != 0) return;
  for (size_t j = i; j < std::min(i + kTogether, end); ++j) {
    const void* const address = address_of(j);
    if (address != nullptr) (void)*static_cast<const volatile unsigned char*>(address);
  }
}

}  // namespace ebb

#endif  // EBB_STATE_NEAR_H_
