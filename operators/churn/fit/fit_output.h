#ifndef EBB_OPERATORS_CHURN_FIT_FIT_OUTPUT_H_
#define EBB_OPERATORS_CHURN_FIT_FIT_OUTPUT_H_

// What commands that fit something leave behind. Stateless; any thread.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace ebb {

// JSON in the proto3 mapping, with every field under its own name, over several lines.
std::string ToJson(const google::protobuf::Message& message);

// Writes (name, text) each, and makes the directory where it is missing. PermissionDenied: one cannot be written; those
// before it are.
absl::Status WriteFiles(const std::string& directory, const std::vector<std::pair<std::string, std::string>>& files);

// A text as HTML shows it.
std::string EscapedHtml(std::string_view text);

// A page of HTML that opens by itself: it fetches nothing and runs nothing. Readable on light and on dark, and printed.
// `title` is text; `intro`, `remarks` and `body` are HTML, a remark one paragraph. Colours and classes are those of
// fit_output.cc.
std::string HtmlPage(std::string_view title, std::string_view intro, const std::vector<std::string>& remarks,
                     std::string_view body);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_FIT_OUTPUT_H_
