#include "operators/churn/fit/training_data.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "google/protobuf/message.h"
#include "state/hash.h"
#include "state/serialize.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A field, and that of the row in which its message lies; null when it lies in the row itself.
struct Column {
  const FieldDescriptor* within = nullptr;
  const FieldDescriptor* field = nullptr;
};

std::map<std::string, Column> ColumnsOf(const Descriptor& row) {
  std::map<std::string, Column> columns;
  for (int i = 0; i < row.field_count(); ++i) {
    const FieldDescriptor* const outer = row.field(i);
    if (outer->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      columns[outer->name()] = {nullptr, outer};
      continue;
    }
    for (int j = 0; j < outer->message_type()->field_count(); ++j) {
      columns[outer->message_type()->field(j)->name()] = {outer, outer->message_type()->field(j)};
    }
  }
  return columns;
}

// A cell, and where it begins: line and column from 1, columns in bytes.
struct Cell {
  std::string text;
  int64_t line = 0;
  int64_t column = 0;
};

// Reads records one after the other. Source: RFC 4180; a line may end in LF alone.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in) : in_(*in.rdbuf()) {}

  // False at the end. A quoted cell that does not end takes in the rest, and unclosed() says where it began.
  bool Next(std::vector<Cell>* cells) {
    cells->clear();
    while (in_.sgetc() == '\n' || in_.sgetc() == '\r') Take();
    if (in_.sgetc() == kEnd) return false;
    for (bool more = true; more;) more = TakeCell(&cells->emplace_back());
    return true;
  }
  const std::optional<Cell>& unclosed() const { return unclosed_; }

 private:
  static constexpr int kEnd = std::char_traits<char>::eof();

  int Take() {
    const int c = in_.sbumpc();
    ++column_;
    if (c == '\n') {
      ++line_;
      column_ = 1;
    }
    return c;
  }

  // True when another cell follows in the record.
  bool TakeCell(Cell* cell) {
    cell->line = line_;
    cell->column = column_;
    if (in_.sgetc() == '"') TakeQuoted(cell);
    for (;;) {
      const int c = in_.sgetc();
      if (c == kEnd) return false;
      Take();
      if (c == ',') return true;
      if (c == '\n') return false;
      if (c == '\r' && in_.sgetc() == '\n') continue;
      cell->text += static_cast<char>(c);
    }
  }

  void TakeQuoted(Cell* cell) {
    Take();
    for (;;) {
      const int c = in_.sgetc();
      if (c == kEnd) {
        unclosed_ = *cell;
        return;
      }
      Take();
      if (c == '"') {
        if (in_.sgetc() != '"') return;
        Take();
      }
      cell->text += static_cast<char>(c);
    }
  }

  std::streambuf& in_;
  int64_t line_ = 1;
  int64_t column_ = 1;
  std::optional<Cell> unclosed_;
};

// Sets a field from the text of a cell. What was expected when it is not that.
std::optional<std::string_view> Store(const std::string& text, const FieldDescriptor* field, Message* message) {
  const auto* const reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number = 0;
      if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) return "a finite number";
      reflection->SetDouble(message, field, number);
      return std::nullopt;
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return "a whole number";
      reflection->SetInt64(message, field, number);
      return std::nullopt;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "0" && text != "1") return "1 or 0";
      reflection->SetBool(message, field, text == "1");
      return std::nullopt;
    default: reflection->SetString(message, field, text); return std::nullopt;
  }
}

class Reader {
 public:
  Reader(std::istream& in, const std::string& name) : csv_(in), name_(name) {}

  absl::StatusOr<TrainingRowList> Read() {
    if (auto status = ReadHead(); !status.ok()) return status;
    TrainingRowList rows;
    std::vector<Cell> cells;
    while (csv_.Next(&cells)) {
      if (csv_.unclosed()) return At(*csv_.unclosed(), "the quotation mark has no second one");
      if (cells.size() != columns_.size()) {
        return At(cells.front(),
                  Text("expected ", columns_.size(), " cells, as in the first line, got ", cells.size()));
      }
      if (auto status = ReadRow(cells, &rows.emplace_back()); !status.ok()) return status;
    }
    return rows;
  }

 private:
  absl::Status At(const Cell& cell, std::string_view what) const {
    return absl::InvalidArgumentError(Text(name_, ":", cell.line, ":", cell.column, ": ", what));
  }

  absl::Status ReadHead() {
    std::vector<Cell> cells;
    if (!csv_.Next(&cells))
      return absl::InvalidArgumentError(Text(name_, ":1:1: expected the names of columns, got nothing"));
    std::map<std::string, Column> missing = ColumnsOf(*v1::TrainingRow::descriptor());
    const std::map<std::string, Column> all = missing;
    for (const Cell& cell : cells) {
      const auto known = all.find(cell.text);
      columns_.push_back(known == all.end() ? Column() : known->second);
      if (known != all.end() && missing.erase(cell.text) == 0)
        return At(cell, Text("column ", cell.text, " comes twice"));
    }
    if (missing.empty()) return absl::OkStatus();
    return At(cells.front(), Text("column ", missing.begin()->first,
                                  " is missing; expected a file that ebb replay "
                                  "--features-at of this version has written"));
  }

  absl::Status ReadRow(const std::vector<Cell>& cells, v1::TrainingRow* row) {
    for (size_t i = 0; i < cells.size(); ++i) {
      const Column& column = columns_[i];
      if (column.field == nullptr) continue;
      Message* const message =
          column.within == nullptr ? row : row->GetReflection()->MutableMessage(row, column.within);
      if (auto expected = Store(cells[i].text, column.field, message)) {
        return At(cells[i], Text(column.field->name(), ": expected ", *expected, ", got ", cells[i].text));
      }
    }
    if (horizon_days_ == 0) horizon_days_ = row->horizon_days();
    if (!(row->horizon_days() > 0) || row->horizon_days() != horizon_days_) {
      return At(cells.front(), Text("horizon_days: expected ", horizon_days_ > 0 ? Text(horizon_days_) : "more than 0",
                                    " as in the rows before, got ", row->horizon_days()));
    }
    return absl::OkStatus();
  }

  CsvReader csv_;
  const std::string& name_;
  std::vector<Column> columns_;
  double horizon_days_ = 0;
};

std::pair<int64_t, std::string_view> OrderOf(const v1::TrainingRow& row) {
  return {row.cutoff_ms(), std::string_view(row.customer_id())};
}

}  // namespace

absl::StatusOr<TrainingRowList> ReadTrainingRows(std::istream& in, const std::string& name) {
  auto rows = Reader(in, name).Read();
  if (!rows.ok()) return rows;
  std::sort(rows->begin(), rows->end(),
            [](const v1::TrainingRow& a, const v1::TrainingRow& b) { return OrderOf(a) < OrderOf(b); });
  const auto twice =
      std::adjacent_find(rows->begin(), rows->end(),
                         [](const v1::TrainingRow& a, const v1::TrainingRow& b) { return OrderOf(a) == OrderOf(b); });
  if (twice == rows->end()) return rows;
  return absl::InvalidArgumentError(
      Text(name, ": customer ", twice->customer_id(), " has two rows at the cut-off ", twice->cutoff_ms()));
}

absl::StatusOr<TrainingRowList> ReadTrainingFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(Text("cannot read ", path, ": ", std::strerror(errno)));
  return ReadTrainingRows(file, path);
}

std::vector<int64_t> CutoffsOf(const TrainingRowList& rows) {
  std::vector<int64_t> cutoffs;
  for (const v1::TrainingRow& row : rows) {
    if (cutoffs.empty() || cutoffs.back() != row.cutoff_ms()) cutoffs.push_back(row.cutoff_ms());
  }
  return cutoffs;
}

TrainingRowList TakeLastCutoff(TrainingRowList* rows) {
  if (rows->empty()) return {};
  const auto first = std::find_if(rows->begin(), rows->end(), [&](const v1::TrainingRow& row) {
    return row.cutoff_ms() == rows->back().cutoff_ms();
  });
  TrainingRowList last(first, rows->end());
  rows->erase(first, rows->end());
  return last;
}

std::string FingerprintOf(const TrainingRowList& rows) {
  uint64_t digest = 0;
  std::string bytes;
  for (const v1::TrainingRow& row : rows) {
    bytes.clear();
    AppendMessage(row, row.ByteSizeLong(), &bytes);
    digest = StableHash64(bytes, digest);
  }
  return Text(absl::Hex(digest, absl::kZeroPad16));
}

std::string DefaultVersion(const std::string& fingerprint) { return fingerprint.substr(0, 8); }

}  // namespace ebb
