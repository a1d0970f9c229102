// Pipeline files as people write them: either a pipeline that means the same once printed and read again, or mistakes,
// each with its place.

#include <regex>

#include "absl/strings/str_split.h"
#include "engine/pipeline/mistakes.h"
#include "engine/pipeline/spec.h"
#include "state/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

constexpr char kSecret[] = "qXz7Secret\nof two lines";
constexpr char kFirstLine[] = "qXz7Secret";

Surroundings World(size_t which) {
  static const char* const kValues[] = {"", "purchases", "a: {b: [c]}\n- d", "${file:secret}", "\xff\xfe", "1h"};
  Surroundings world;
  world.variable = [which](std::string_view name) -> std::optional<std::string> {
    if (name == "UNSET") return std::nullopt;
    return kValues[which % std::size(kValues)];
  };
  world.file = [](std::string_view path) -> absl::StatusOr<std::string> {
    if (path == "secret") return std::string(kSecret) + "\n";
    return absl::NotFoundError("no such file");
  };
  return world;
}

// `known`: the secret stands in the file itself.
void CheckMistakes(const absl::Status& status, bool known) {
  Require(absl::IsInvalidArgument(status), "a pipeline that is wrong is an invalid argument", Text(status.ToString()));
  static const auto* const kLine =
      new std::regex(R"(fuzz\.yaml:(\d+:\d+: .+|: and \d+ more|\s*and \d+ more))", std::regex::optimize);
  const std::vector<std::string> lines = absl::StrSplit(status.message(), '\n');
  Require(lines.size() <= Mistakes::kMaxListed + 1, "the list of mistakes is bounded", Text(lines.size()));
  for (const std::string& line : lines) {
    Require(line.size() < 4096, "each is of bounded length", line.substr(0, 200));
    Require(std::regex_match(line.substr(0, 200), *kLine) || line.find(": and ") != std::string::npos,
            "each has its place", line);
  }
  Require(IsUtf8(Text(status.message())), "all is UTF-8", Text(status.message()));
  if (!known) Require(status.message().find(kFirstLine) == absl::string_view::npos, "none shows a secret");
}

void CheckPipeline(const PipelineSpec& spec, bool known) {
  const std::string printed = NormalisedPipeline(spec);
  if (!known) Require(printed.find(kFirstLine) == std::string::npos, "a pipeline is printed without secrets", printed);
  if (!spec.hidden.empty()) return;
  // What it holds may look like a variable again.
  if (printed.find("${") != std::string::npos) return;
  const auto again = LoadPipeline(printed, "again.yaml", NoSurroundings());
  Require(again.ok(), "a pipeline that was printed can be read", Text(again.status().message(), "\n", printed));
  Require((*again)->fingerprint == spec.fingerprint, "and is the same", printed);
  Require(NormalisedPipeline(**again) == printed, "and is printed the same", printed);
}

}  // namespace

EBB_FUZZ_TARGET(pipeline_file) {
  Bytes in(bytes);
  const Surroundings world = World(in.Byte());
  const std::string_view yaml = in.Rest();
  const bool known = yaml.find(kFirstLine) != std::string_view::npos;
  const auto spec = LoadPipeline(yaml, "fuzz.yaml", world);
  spec.ok() ? CheckPipeline(**spec, known) : CheckMistakes(spec.status(), known);
}

}  // namespace ebb::fuzzing
