#ifndef EBB_TESTS_FUZZ_FUZZ_H_
#define EBB_TESTS_FUZZ_FUZZ_H_

// What fuzz targets have in common. A target is a function of bytes that may return only where its claims hold.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/pipeline/surroundings.h"
#include "google/protobuf/message.h"
#include "state/text.h"

namespace ebb::fuzzing {

using Target = void (*)(std::string_view bytes);

// All targets of this program by name.
std::map<std::string, Target>& Targets();

struct Registration {
  Registration(const char* name, Target target) { Targets()[name] = target; }
};

// EBB_FUZZ_TARGET(name) { … `bytes` … }: defines a target.
#define EBB_FUZZ_TARGET(name)                                                  \
  static void name(std::string_view bytes);                                    \
  static const ::ebb::fuzzing::Registration name##_registration(#name, &name); \
  static void name([[maybe_unused]] std::string_view bytes)

// Ends the program, saying what was claimed, when it does not hold.
void Require(bool holds, std::string_view claim, std::string_view found = "");

// Takes values from the front of the bytes; when they are used up all further ones are zero and empty.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  uint8_t Byte();
  bool Flag() { return Byte() % 2 == 1; }
  // 0 to `end` − 1.
  size_t Below(size_t end) { return Byte() % end; }
  // Eight bytes, little-endian.
  uint64_t Number();
  // What stands behind its length, which takes two bytes.
  std::string_view Piece();
  std::string_view Rest();

 private:
  std::string_view left_;
};

// A world without variables, files and checks of properties.
Surroundings NoSurroundings();

// Messages as bytes, unknown fields left out, so that equal messages are equal bytes.
std::string Canonical(const google::protobuf::Message& message);

// Claims that the text explains something: not empty, in UTF-8, and of bounded length.
void RequireExplains(std::string_view text);

}  // namespace ebb::fuzzing

#endif  // EBB_TESTS_FUZZ_FUZZ_H_
