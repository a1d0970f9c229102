#ifndef EBB_ENGINE_OBSERVE_LOG_H_
#define EBB_ENGINE_OBSERVE_LOG_H_

// The log of the process, on standard error: one line an entry, for people or for programs.
//
//   Log(LogLevel::kInfo, "live", {{"partition", 3}, {"epoch", 17}});
//
//   2026-05-04T10:11:12.345Z info live partition=3 epoch=17
//   {"time":"2026-05-04T10:11:12.345Z","level":"info","message":"live","partition":3,"epoch":17}
//
// Secrets are never passed here.

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include "state/text.h"

namespace ebb {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

// A name and a value beside the message. In JSON numbers and truth values stay what they are. Names are written as they
// are: constants of the program, not "time", "level" or "message".
class LogField {
 public:
  LogField(std::string_view key, std::string_view value) : key_(key), value_(value), is_text_(true) {}
  LogField(std::string_view key, const char* value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, const std::string& value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, bool value) : key_(key), value_(value ? "true" : "false") {}
  // A number that is not finite becomes text.
  LogField(std::string_view key, double value);
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
  LogField(std::string_view key, Integer value) : key_(key), value_(Text(value)) {}

  const std::string& key() const { return key_; }
  const std::string& value() const { return value_; }
  bool is_text() const { return is_text_; }

 private:
  std::string key_;
  std::string value_;
  bool is_text_ = false;
};

// What is written from now on; at first text from kInfo on. Before other threads log.
void SetLog(LogFormat format, LogLevel least);

// Writes an entry unless it is below the least level. Thread-safe. Whatever the texts contain, it stays one line, and
// in JSON valid.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_LOG_H_
