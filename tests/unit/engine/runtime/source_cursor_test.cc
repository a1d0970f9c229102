#include "engine/runtime/source_cursor.h"

#include "engine/log/memory_log.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

class SourceCursorTest : public RuntimeTest {
 protected:
  SourceCursor cursor_{spec_->sources[0], 0, kPartitions, 1 << 20};
  MemoryInput input_{&broker_};
};

TEST_F(SourceCursorTest, LagIsWhatIsLeftToTake) {
  const TopicPartition partition = cursor_.partition();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(broker_.Append(partition, "", "record").ok());
  EXPECT_EQ(cursor_.lag(), std::nullopt) << "it is not being read";
  ASSERT_TRUE(cursor_.Start(&input_, 1).ok());
  EXPECT_EQ(cursor_.lag(), std::nullopt) << "nothing has come of it yet";
  ASSERT_TRUE(*cursor_.Fill());
  EXPECT_EQ(cursor_.lag(), 2);
  ASSERT_TRUE(cursor_.HasHead());
  cursor_.Take();
  EXPECT_EQ(cursor_.lag(), 1);
  cursor_.Rewind();
  EXPECT_EQ(cursor_.lag(), 2);
  cursor_.Stop();
  EXPECT_EQ(cursor_.lag(), std::nullopt);
}

TEST_F(SourceCursorTest, MarkersOfTransactionsAreNoLagOnceTheEndIsReached) {
  const TopicPartition partition = cursor_.partition();
  MemoryOutput output(&broker_, "upstream");
  output.Recover();
  ASSERT_EQ(output.State(), TransactionState::kNone);
  ASSERT_TRUE(output.Begin().ok());
  ASSERT_TRUE(output.Append({partition.topic, partition.partition, "key", "lost", {}}).ok());
  output.Abort();
  ASSERT_EQ(output.State(), TransactionState::kAborted);
  ASSERT_TRUE(cursor_.Start(&input_, 0).ok());
  ASSERT_FALSE(*cursor_.Fill());
  EXPECT_EQ(cursor_.position(), 0);
  EXPECT_EQ(cursor_.lag(), 0);
}

TEST_F(SourceCursorTest, SourceIsIdleOnlyOnceItsEndWasSeen) {
  SourceCursor small(spec_->sources[0], 0, kPartitions, 1);
  for (size_t i = 0; i < 2 * SourceCursor::kPollRecords; ++i) {
    ASSERT_TRUE(broker_.Append(small.partition(), "", "record").ok());
  }
  ASSERT_TRUE(small.Start(&input_, 0).ok());
  const auto take_all = [&] {
    while (small.HasHead()) small.Take();
  };
  ASSERT_TRUE(*small.Fill());
  take_all();
  EXPECT_FALSE(small.idle()) << "more may follow";
  ASSERT_TRUE(*small.Fill());
  take_all();
  EXPECT_TRUE(small.idle());
}

TEST_F(SourceCursorTest, NothingMoreIsTakenInWhileEnoughIsBuffered) {
  SourceCursor small(spec_->sources[0], 0, kPartitions, 1);
  for (size_t i = 0; i < 2 * SourceCursor::kPollRecords; ++i) {
    ASSERT_TRUE(broker_.Append(small.partition(), "", "record").ok());
  }
  ASSERT_TRUE(small.Start(&input_, 0).ok());
  EXPECT_TRUE(*small.Fill());
  EXPECT_FALSE(*small.Fill());
  EXPECT_EQ(small.Unread(), SourceCursor::kPollRecords);
}

TEST_F(SourceCursorTest, BatchesThatAreUsedAgainHoldWhatCameLast) {
  constexpr size_t kRecords = 2 * SourceCursor::kPollRecords;
  ASSERT_TRUE(cursor_.Start(&input_, 0).ok());
  const Customer::Owned ann = Customer::Make("ann");
  for (size_t round = 0; round < 3; ++round) {
    for (size_t i = 0; i < kRecords; ++i) {
      ASSERT_TRUE(broker_.Append(cursor_.partition(), "", Text("record ", round * kRecords + i)).ok());
    }
    ASSERT_TRUE(cursor_.Fill().ok());
    ASSERT_TRUE(cursor_.HasHead());
    EXPECT_EQ(cursor_.KnownCustomer(0), nullptr) << "of a batch that was here before";
    for (int attempt = 0; attempt < 2; ++attempt) {
      for (size_t i = 0; i < kRecords; ++i) {
        ASSERT_TRUE(cursor_.HasHead());
        ASSERT_EQ(cursor_.record().value, Text("record ", round * kRecords + i));
        cursor_.Take();
      }
      EXPECT_FALSE(cursor_.HasHead());
      EXPECT_GT(cursor_.kept_bytes(), 0u);
      if (attempt == 0) cursor_.Rewind();
    }
    cursor_.VisitNext([&](SourceCursor::Batch* batch) { batch->customers.assign(batch->records.size(), ann.get()); });
    cursor_.Release();
    EXPECT_EQ(cursor_.kept_bytes(), 0u);
  }
}

}  // namespace
}  // namespace ebb::testing
