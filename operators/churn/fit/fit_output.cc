#include "operators/churn/fit/fit_output.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_replace.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"

namespace ebb {
namespace {

// Colours are named by what they are for; the three series differ in lightness and in dash, too.
constexpr char kStyle[] = R"css(
:root { color-scheme: light dark;
  --page: #f7f7f5; --card: #ffffff; --ink: #1c1f23; --soft: #5b626b; --line: #dcdfe3;
  --series-0: #1f5fbf; --series-1: #b45309; --series-2: #6b7280; --good: #1a7f4b; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171a; --card: #1d2125; --ink: #eceef0; --soft: #a3abb4; --line: #363c43;
  --series-0: #7db0ff; --series-1: #f0a35e; --series-2: #a3abb4; --good: #5fd39a; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 4px; }
p { margin: 0 0 12px; max-width: 75ch; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px; margin-top: 20px; }
.remark { border-left: 4px solid var(--series-1); }
.remark p:last-child { margin: 0; }
.grid { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); margin-top: 20px; }
.grid .card { margin: 0; }
.tile b { display: block; font-size: 30px; line-height: 1.2; font-weight: 600; }
.tiles { grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
th { font-weight: 600; color: var(--soft); }
tr:last-child td { border-bottom: 0; }
tr.own td { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 8px 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; margin-top: 8px; }
svg text { fill: var(--soft); font-size: 12px; }
.axis { stroke: var(--line); }
.even { stroke: var(--soft); stroke-dasharray: 3 4; fill: none; }
.band { fill: var(--soft); opacity: .14; }
.s0 { stroke: var(--series-0); } .s1 { stroke: var(--series-1); stroke-dasharray: 7 4; }
.s2 { stroke: var(--series-2); stroke-dasharray: 2 3; }
.curve { fill: none; stroke-width: 2.2; }
.f0 { fill: var(--series-0); } .f1 { fill: var(--series-1); } .f2 { fill: var(--series-2); }
svg .label { font-weight: 600; } svg .label.f0 { fill: var(--series-0); }
svg .label.f1 { fill: var(--series-1); } svg .label.f2 { fill: var(--series-2); }
.outside { fill: var(--card); stroke: var(--bad); stroke-width: 2.5; }
.towards { fill: var(--series-1); } .away { fill: var(--series-0); }
svg .words { fill: var(--ink); font-size: 13px; }
summary { cursor: pointer; color: var(--soft); margin-top: 10px; }
@media print { .card { break-inside: avoid; } }
)css";

absl::Status Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  return file ? absl::OkStatus() : absl::PermissionDeniedError(Text("cannot write ", path, ": ", std::strerror(errno)));
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text, options);
  return text;
}

absl::Status WriteFiles(const std::string& directory, const std::vector<std::pair<std::string, std::string>>& files) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  for (const auto& [name, text] : files) {
    if (auto status = Write(directory + "/" + name, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string EscapedHtml(std::string_view text) {
  return absl::StrReplaceAll(std::string(text), {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string HtmlPage(std::string_view title, std::string_view intro, const std::vector<std::string>& remarks,
                     std::string_view body) {
  const std::string escaped = EscapedHtml(title);
  std::string html = Text(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      R"(<meta name="viewport" content="width=device-width, initial-scale=1"><title>)",
      escaped, "</title><style>", kStyle, "</style></head>\n<body><main><h1>", escaped, R"(</h1><p class="soft">)",
      intro, "</p>\n");
  if (!remarks.empty()) {
    html += R"(<section class="card remark">)";
    for (const std::string& remark : remarks) html += Text("<p>", remark, "</p>");
    html += "</section>\n";
  }
  return Text(html, body, "</main></body></html>\n");
}

}  // namespace ebb
