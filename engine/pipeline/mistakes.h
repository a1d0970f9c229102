#ifndef EBB_ENGINE_PIPELINE_MISTAKES_H_
#define EBB_ENGINE_PIPELINE_MISTAKES_H_

// The mistakes of configuration files, gathered so that one run names them all.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "engine/wording/wording.h"

namespace ebb {

// A place in a file, counted from 1.
struct Place {
  int line = 1;
  int column = 1;
  int file = 0;  // As Mistakes::AddFile numbers them.

  friend bool operator==(const Place&, const Place&) = default;
};

// Used by one thread.
class Mistakes {
 public:
  // More are counted, not listed.
  static constexpr size_t kMaxListed = 100;

  // The first file, number 0.
  explicit Mistakes(absl::string_view file_name) { AddFile(file_name); }

  // One more file: the number that its places carry.
  int AddFile(absl::string_view file_name);
  void Add(Place place, std::string text);
  // From here on no text shows `secret`, wherever it came from.
  void Hide(absl::string_view secret);
  bool empty() const { return found_.empty(); }
  // How many were added.
  size_t count() const { return found_.size(); }
  // Ok, or InvalidArgument: one line a mistake, "file:line:column: text", in order of file and place.
  absl::Status ToStatus() const;

 private:
  struct Mistake {
    Place place;
    std::string text;

    friend bool operator==(const Mistake&, const Mistake&) = default;
  };

  std::vector<std::string> file_names_;
  std::vector<Mistake> found_;
  std::vector<std::string> secrets_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_MISTAKES_H_
