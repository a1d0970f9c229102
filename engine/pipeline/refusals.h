#ifndef EBB_ENGINE_PIPELINE_REFUSALS_H_
#define EBB_ENGINE_PIPELINE_REFUSALS_H_

// What an operator's Configure finds wrong, gathered so that one run names it all. Used by one thread.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "state/text.h"

namespace ebb {

class Refusals {
 public:
  // `path` leads to the field, such as "unless[0].when".
  void Add(std::string_view path, std::string_view text) { AddLine(Text(path, ": ", text)); }
  // The same where a column, from 1, of the field's text is meant.
  void Add(std::string_view path, int column, std::string_view text) { AddLine(Text(path, ":", column, ": ", text)); }

  bool empty() const { return lines_.empty(); }
  // Ok, or InvalidArgument as SetConfig returns it.
  absl::Status ToStatus() const { return empty() ? absl::OkStatus() : absl::InvalidArgumentError(lines_); }

 private:
  void AddLine(const std::string& line) { lines_ += (lines_.empty() ? "" : "\n") + line; }

  std::string lines_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_REFUSALS_H_
