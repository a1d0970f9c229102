#include "engine/pipeline/mistakes.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace ebb {

int Mistakes::AddFile(absl::string_view file_name) {
  file_names_.emplace_back(file_name);
  return static_cast<int>(file_names_.size()) - 1;
}

void Mistakes::Add(Place place, std::string text) {
  for (const std::string& secret : secrets_) text = absl::StrReplaceAll(text, {{secret, "***"}});
  found_.push_back({place, std::move(text)});
}

void Mistakes::Hide(absl::string_view secret) {
  if (secret.empty()) return;
  secrets_.emplace_back(secret);
  if (std::string escaped = absl::Utf8SafeCEscape(secret); escaped != secret) secrets_.push_back(std::move(escaped));
}

absl::Status Mistakes::ToStatus() const {
  if (found_.empty()) return absl::OkStatus();
  std::vector<Mistake> sorted = found_;
  const auto order = [](const Mistake& mistake) {
    return std::tie(mistake.place.file, mistake.place.line, mistake.place.column, mistake.text);
  };
  std::sort(sorted.begin(), sorted.end(), [&](const Mistake& a, const Mistake& b) { return order(a) < order(b); });
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  std::vector<std::string> lines;
  for (const Mistake& mistake : sorted) {
    const std::string& file_name = file_names_[static_cast<size_t>(mistake.place.file)];
    if (lines.size() == kMaxListed) {
      lines.push_back(absl::StrCat(file_name, ": and ", sorted.size() - kMaxListed, " more"));
      break;
    }
    lines.push_back(absl::StrCat(file_name, ":", mistake.place.line, ":", mistake.place.column, ": ", mistake.text));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

}  // namespace ebb
