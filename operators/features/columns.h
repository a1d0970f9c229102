#ifndef EBB_OPERATORS_FEATURES_COLUMNS_H_
#define EBB_OPERATORS_FEATURES_COLUMNS_H_

// Rows of tables that are kept as columns. Stateless; any thread.

#include <algorithm>

#include "google/protobuf/repeated_field.h"

namespace ebb {

template <class T, class V>
void InsertAt(google::protobuf::RepeatedField<T>* column, int row, V value) {
  column->Add(static_cast<T>(value));
  std::rotate(column->begin() + row, column->end() - 1, column->end());
}

// Removes `count` rows from `row` on from each of the columns.
template <class... Columns>
void EraseRows(int row, int count, Columns*... columns) {
  (columns->erase(columns->begin() + row, columns->begin() + row + count), ...);
}

// The row that holds `value`, -1 when there is none.
template <class T, class V>
int RowOf(const google::protobuf::RepeatedField<T>& column, V value) {
  const auto found = std::find(column.begin(), column.end(), static_cast<T>(value));
  return found == column.end() ? -1 : static_cast<int>(found - column.begin());
}

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_COLUMNS_H_
