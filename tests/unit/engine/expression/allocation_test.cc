// Evaluation in the steady state takes no memory: each allocation of this program is counted.

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "gtest/gtest.h"
#include "tests/unit/engine/expression/rules.h"

namespace {

std::atomic<int64_t> allocations = 0;

void* Counted(std::size_t size) {
  ++allocations;
  void* const memory = std::malloc(size > 0 ? size : 1);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(std::size_t size) { return Counted(size); }
void* operator new[](std::size_t size) { return Counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace ebb::expression {
namespace {

test::Order LongOrder() {
  test::Order order;
  order.set_id("an id that is longer than what a string holds within itself");
  order.mutable_amount()->set_units(72);
  for (int i = 0; i < 20; ++i) {
    auto& line = *order.add_lines();
    line.set_category("a category that is longer than what a string holds within itself " + std::to_string(i));
    line.add_labels("label");
    order.add_numbers(i);
  }
  (*order.mutable_counts())["web"] = 3;
  order.mutable_placed()->set_seconds(1'772'407'815);
  order.mutable_points()->set_value(1);
  order.mutable_nickname()->set_value("a nickname that is longer than what a string holds within itself");
  return order;
}

int64_t AllocationsOf(std::string_view rule, const test::Order& order) {
  const auto expression = Compile(rule, Variables(), Kind::kNull);
  if (!expression.ok()) return -1;
  Scratch scratch;
  const std::vector<Input> inputs = Values(order);
  // The first one makes the scratch grow.
  const bool ok = expression->Evaluate(inputs, scratch).ok();
  const int64_t before = allocations;
  for (int i = 0; i < 100; ++i) {
    if (expression->Evaluate(inputs, scratch).ok() != ok) return -1;
  }
  return allocations - before;
}

TEST(AllocationTest, EvaluationDoesNotAllocate) {
  const test::Order order = LongOrder();
  for (const char* rule : {
           "order.amount.units > 50 && order.id in ['shoes', 'bags'] || flag",
           "order.lines.exists(l, l.category.endsWith('19') && 'label' in l.labels)",
           "order.numbers.all(n, n >= 0 && n < 100) && order.numbers[3] == 3",
           "order.id.upperAscii() + order.lines[0].category == '' || order.id.contains('longer')",
           "string(order.amount.units) + string(rate) + string(now) + string(wait) == ''",
           "int('72') == order.amount.units && double(order.amount.units) > 1.5",
           "[count, order.amount.units].exists(x, x > 50)",
           "order.counts['web'] == 3 && 'shop' in order.counts || has(order.counts.web)",
           "now - order.placed > duration('1h') || now.getHours('Europe/Berlin') < 8",
           "now.getHours(flag ? 'America/New_York' : name) < 24",
           "order.points > 0 && order.nickname != null && order.nickname.size() > 1",
           "flag ? order.id : name",
           // Failures are values, too.
           "order.amount.units / (count + 7) > 1",
           "order.lines[99].category",
           "order.counts.shop",
           "order.numbers.all(x, order.numbers.all(y, order.numbers.all(z, order.numbers.all(w, x + y + z + w >= 0))))",
       }) {
    EXPECT_EQ(AllocationsOf(rule, order), 0) << rule;
  }
}

TEST(AllocationTest, AllocationsAreCounted) {
  const int64_t before = allocations;
  const std::string text(100, 'x');
  EXPECT_EQ(allocations - before, 1) << text;
}

}  // namespace
}  // namespace ebb::expression
