#include "engine/observe/log.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_color_sinks.h"
#include "spdlog/spdlog.h"
#include "state/utf8.h"

namespace ebb {
namespace {

// How many bytes of well-formed UTF-8 `text` begins with, 0 when it begins with none. Source: RFC 3629, section 4.
size_t LeadingCharacter(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const auto follows = [&](size_t i) { return i < text.size() && ContinuesCharacter(text[i]); };
  const int first = byte(0);
  const int second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool too_large = first == 0xF4 && second > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

// The text as it stands within JSON quotes. Neither lines nor terminals can be broken by it.
std::string Escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = LeadingCharacter(text);
    const char c = text.front();
    if (size == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (size == 1 && (c < 0x20 || c == 0x7F)) {
      out += Text("\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else if (size == 2 && text[0] == '\xC2' && static_cast<unsigned char>(text[1]) < 0xA0) {
      // U+0080 to U+009F: to a terminal these are control characters as well.
      out += Text("\\u", absl::Hex(static_cast<unsigned char>(text[1]), absl::kZeroPad4));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

std::string Quote(std::string_view text) { return Text("\"", Escape(text), "\""); }

std::string JsonMembers(std::string_view message, std::initializer_list<LogField> fields) {
  std::string out = Text("\"message\":", Quote(message));
  for (const LogField& field : fields) {
    out += Text(",", Quote(field.key()), ":", field.is_text() ? Quote(field.value()) : field.value());
  }
  return out;
}

std::string Line(std::string_view message, std::initializer_list<LogField> fields) {
  // A message is a sentence and needs no quotes: its quotation marks stay as they are.
  std::string out;
  for (size_t i = 0; i < message.size();) {
    const size_t mark = std::min(message.find_first_of("\"\\", i), message.size());
    out += Escape(message.substr(i, mark - i));
    if (mark < message.size()) out += message[mark];
    i = mark + 1;
  }
  for (const LogField& field : fields) {
    const std::string escaped = Escape(field.value());
    const bool plain = !escaped.empty() && escaped.find_first_of(" \"\\=") == std::string::npos;
    out += Text(" ", field.key(), "=", plain ? escaped : Text("\"", escaped, "\""));
  }
  return out;
}

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::off;
}

// The one log. Never destroyed, so that threads may log until the very end.
class Writer {
 public:
  static Writer& Get() {
    static Writer* const writer = new Writer;
    return *writer;
  }

  void Set(LogFormat format, LogLevel least) {
    const char* pattern = format == LogFormat::kText ? "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v"
                                                     : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
    logger_.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger_.set_level(LevelOf(least));
    format_ = format;
  }

  void Write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
    if (!logger_.should_log(LevelOf(level))) return;
    const std::string text = format_ == LogFormat::kText ? Line(message, fields) : JsonMembers(message, fields);
    logger_.log(LevelOf(level), spdlog::string_view_t(text.data(), text.size()));
  }

 private:
  Writer() : logger_("ebb", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    logger_.flush_on(spdlog::level::debug);
    Set(LogFormat::kText, LogLevel::kInfo);
  }

  spdlog::logger logger_;
  LogFormat format_ = LogFormat::kText;
};

}  // namespace

LogField::LogField(std::string_view key, double value)
    : key_(key), value_(Text(value)), is_text_(!std::isfinite(value)) {}

void SetLog(LogFormat format, LogLevel least) { Writer::Get().Set(format, least); }

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  Writer::Get().Write(level, message, fields);
}

}  // namespace ebb
