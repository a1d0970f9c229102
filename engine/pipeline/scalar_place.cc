#include "engine/pipeline/scalar_place.h"

#include <algorithm>
#include <cstddef>

#include "state/utf8.h"

namespace ebb {
namespace {

constexpr size_t kNone = absl::string_view::npos;

// Goes along a scalar in the file and in what was read of it.
class Walk {
 public:
  Walk(absl::string_view yaml, const ConfigNode& scalar) : yaml_(yaml), text_(scalar.text) {
    size_t line_start = 0;
    for (int line = 1; line < scalar.place.line && line_start != kNone; ++line) {
      line_start = yaml_.find('\n', line_start);
      if (line_start != kNone) ++line_start;
    }
    if (line_start == kNone) return;
    at_ = line_start + static_cast<size_t>(scalar.place.column) - 1;
    if (at_ >= yaml_.size()) at_ = kNone;
    if (at_ == kNone) return;
    if (yaml_[at_] == '"' || yaml_[at_] == '\'') quote_ = yaml_[at_++];
    if (quote_ == 0 && (yaml_[at_] == '|' || yaml_[at_] == '>')) EnterBlock();
  }

  // Goes past one byte of the text. False when the file has something else.
  bool Step() {
    const char byte = text_[passed_];
    if (at_ == kNone || at_ >= yaml_.size()) return false;
    const absl::string_view two = yaml_.substr(at_, 2);
    if (const size_t next = NextLine(); (byte == ' ' || byte == '\n') && next != kNone) {
      at_ = next;
    } else if (byte != '\n' && yaml_[at_] == byte && (quote_ == 0 || byte != quote_) && two != "\\\\") {
      ++at_;
    } else if (two.size() == 2 && two[1] == byte &&
               ((quote_ == '\'' && two == "''") || (quote_ == '"' && (two == "\\\"" || two == "\\\\")))) {
      at_ += 2;
    } else {
      return false;
    }
    ++passed_;
    return true;
  }

  bool AtCharacter() const { return passed_ == text_.size() || !ContinuesCharacter(text_[passed_]); }
  bool AtEnd() const { return passed_ == text_.size(); }
  bool IsLost() const { return at_ == kNone; }

  Place place() const {
    const auto line_end = yaml_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, yaml_.size()));
    const size_t line_start = yaml_.substr(0, at_).rfind('\n') + 1;  // 0 where there is none.
    return {1 + static_cast<int>(std::count(yaml_.begin(), line_end, '\n')), 1 + static_cast<int>(at_ - line_start)};
  }

 private:
  void EnterBlock() {
    at_ = yaml_.find('\n', at_);
    if (at_ == kNone) return;
    ++at_;
    const size_t first = std::min(yaml_.find_first_not_of(' ', at_), yaml_.size());
    indent_ = first - at_;
    at_ = first;
  }

  // Where the text goes on when nothing more follows in this line; kNone when something does.
  size_t NextLine() const {
    const size_t rest = yaml_.find_first_not_of(" \t\r", at_);
    if (rest == kNone || yaml_[rest] != '\n') return kNone;
    if (indent_ > 0) return std::min(rest + 1 + indent_, yaml_.size());
    return std::min(yaml_.find_first_not_of(" \t\r\n", rest), yaml_.size());
  }

  absl::string_view yaml_;
  absl::string_view text_;
  char quote_ = 0;
  size_t indent_ = 0;  // Of a block.
  size_t at_ = kNone;  // In the file.
  size_t passed_ = 0;  // Of the text.
};

}  // namespace

std::optional<Place> PlaceWithin(absl::string_view yaml, const ConfigNode& scalar, int column) {
  if (scalar.kind != ConfigNode::Kind::kScalar) return std::nullopt;
  Walk walk(yaml, scalar);
  for (int character = 1; character < column && !walk.AtEnd(); ++character) {
    do {
      if (!walk.Step()) return std::nullopt;
    } while (!walk.AtCharacter());
  }
  if (walk.IsLost()) return std::nullopt;
  // What follows must be the text as well: a value that ${…} replaced may begin like the file.
  Place place = walk.place();
  place.file = scalar.place.file;
  while (!walk.AtEnd()) {
    if (!walk.Step()) return std::nullopt;
  }
  return place;
}

}  // namespace ebb
