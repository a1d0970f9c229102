#include "tests/unit/engine/log/ports_suite.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class PortsTest : public testing::Test {
 protected:
  void SetUp() override { world_ = NewPortsWorld(); }

  // A process of one worker: member of a group over one source topic.
  struct Process {
    std::unique_ptr<Membership> membership;
    std::unique_ptr<Output> output;
    std::shared_ptr<const GroupToken> token;
    std::vector<TopicPartition> assigned;
  };

  // The time that a real cluster may take for anything.
  static constexpr absl::Duration kPatience = absl::Seconds(45);

  // Calls `step` until it returns true. False: patience is at an end.
  static bool Await(const std::function<bool()>& step);
  static TransactionState Settle(Output& output);
  // Polls every process, releasing what is revoked, until all hold an assignment that `done` accepts.
  static bool AwaitAssignments(const std::vector<Process*>& processes, const std::function<bool()>& done);

  Process NewProcess(const std::string& topic, const std::string& instance, const std::string& transactional_id);
  // Appends, waiting as long as the port is not ready.
  static absl::Status Append(Output& output, const OutputRecord& record);
  // Commits one transaction, with an offset of the source's.
  TransactionState Commit(Process& process, const std::vector<OutputRecord>& records, int64_t offset);
  // Aborts one transaction once its record is written, which makes the end of its partition `written_end`.
  TransactionState Abort(Process& process, const OutputRecord& record, int64_t written_end);
  // Waits until the end of what is written, committed or not, is `end`.
  bool AwaitWritten(const TopicPartition& partition, int64_t end);
  // Reads from `offset` until at_end; "key=value@offset" of each record.
  std::vector<std::string> ReadToEnd(const TopicPartition& partition, int64_t offset, int64_t* end = nullptr);
  template <typename Answer>
  static Answer Ask(const std::function<Answer()>& question) {
    Answer answer = question();
    Await([&] {
      if (!absl::IsUnavailable(answer.status())) return true;
      answer = question();
      return false;
    });
    return answer;
  }

  std::unique_ptr<PortsWorld> world_;
  std::string group_;
  std::string source_;
};

bool PortsTest::Await(const std::function<bool()>& step) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (!step()) {
    if (absl::Now() > deadline) return false;
  }
  return true;
}

TransactionState PortsTest::Settle(Output& output) {
  TransactionState state = TransactionState::kPending;
  Await([&] { return (state = output.State()) != TransactionState::kPending; });
  return state;
}

bool PortsTest::AwaitAssignments(const std::vector<Process*>& processes, const std::function<bool()>& done) {
  return Await([&] {
    for (Process* process : processes) {
      std::optional<GroupEvent> event = process->membership->Poll(absl::Milliseconds(10));
      if (!event.has_value()) continue;
      EXPECT_NE(event->kind, GroupEvent::Kind::kFailed) << event->error;
      process->assigned.clear();
      process->token = nullptr;
      if (event->kind == GroupEvent::Kind::kAssigned) {
        process->assigned = event->partitions;
        process->token = event->token;
      } else {
        process->membership->Release();
      }
    }
    const auto holds = [](const Process* process) { return process->token != nullptr; };
    return std::all_of(processes.begin(), processes.end(), holds) && done();
  });
}

PortsTest::Process PortsTest::NewProcess(const std::string& topic, const std::string& instance,
                                         const std::string& transactional_id) {
  Process process{world_->NewMembership(group_, instance), world_->NewOutput(transactional_id), nullptr, {}};
  EXPECT_EQ(process.membership->Join({topic}), absl::OkStatus());
  process.output->Recover();
  EXPECT_EQ(Settle(*process.output), TransactionState::kNone) << process.output->LastError();
  return process;
}

absl::Status PortsTest::Append(Output& output, const OutputRecord& record) {
  absl::Status status;
  Await([&] {
    status = output.Append(record);
    if (!absl::IsResourceExhausted(status)) return true;
    output.State();
    return false;
  });
  return status;
}

TransactionState PortsTest::Commit(Process& process, const std::vector<OutputRecord>& records, int64_t offset) {
  EXPECT_EQ(process.output->Begin(), absl::OkStatus());
  for (const OutputRecord& record : records) EXPECT_EQ(Append(*process.output, record), absl::OkStatus());
  process.output->Commit({{{source_, 0}, offset}}, process.token);
  return Settle(*process.output);
}

TransactionState PortsTest::Abort(Process& process, const OutputRecord& record, int64_t written_end) {
  EXPECT_EQ(process.output->Begin(), absl::OkStatus());
  EXPECT_EQ(Append(*process.output, record), absl::OkStatus());
  EXPECT_TRUE(AwaitWritten({record.topic, record.partition}, written_end));
  process.output->Abort();
  return Settle(*process.output);
}

bool PortsTest::AwaitWritten(const TopicPartition& partition, int64_t end) {
  std::unique_ptr<Cluster> cluster = world_->NewCluster(group_);
  return Await([&] {
    const auto bounds = Ask<absl::StatusOr<Cluster::Bounds>>([&] { return cluster->WrittenBounds(partition); });
    return bounds.ok() && bounds->end == end;
  });
}

std::vector<std::string> PortsTest::ReadToEnd(const TopicPartition& partition, int64_t offset, int64_t* end) {
  std::vector<std::string> read;
  std::unique_ptr<Input> input = world_->NewInput();
  EXPECT_EQ(input->Start(partition, offset), absl::OkStatus());
  RecordBatch batch;
  EXPECT_TRUE(Await([&] {
    const absl::StatusOr<Input::Polled> polled = input->Poll(partition, 3, &batch);
    EXPECT_EQ(polled.status(), absl::OkStatus());
    if (!polled.ok()) return true;
    if (polled->at_end && end != nullptr) *end = polled->end_offset;
    return polled->at_end;
  }));
  for (size_t i = 0; i < batch.size(); ++i) {
    read.push_back(absl::StrCat(std::string(batch[i].key), "=", std::string(batch[i].value.value_or("(none)")), "@",
                                batch[i].offset));
  }
  return read;
}

OutputRecord Make(const std::string& topic, std::string key, std::optional<std::string> value) {
  return {topic, 0, std::move(key), std::move(value), {{"ce_id", "1"}}};
}

class OneProcess : public PortsTest {
 protected:
  void SetUp() override {
    PortsTest::SetUp();
    group_ = world_->NewName();
    source_ = world_->NewTopic(1);
    out_ = world_->NewTopic(1);
    instance_ = world_->NewName();
    id_ = world_->NewName();
    process_ = NewProcess(source_, instance_, id_);
    ASSERT_TRUE(AwaitAssignments({&process_}, [&] { return process_.assigned.size() == 1; }));
  }
  void TearDown() override { process_.membership->Leave(true); }

  std::string out_;
  std::string instance_;
  std::string id_;
  Process process_;
};

TEST_F(OneProcess, ReadersSeeWhatIsCommittedAndNothingThatIsAborted) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", std::nullopt)}, 1),
            TransactionState::kCommitted);
  EXPECT_EQ(Abort(process_, Make(out_, "lost", "2"), 4), TransactionState::kAborted);
  EXPECT_EQ(Commit(process_, {Make(out_, "c", "3")}, 2), TransactionState::kCommitted);
  // Offsets 2, 4 and 6 are markers, 3 is aborted.
  int64_t end = 0;
  EXPECT_THAT(ReadToEnd({out_, 0}, 0, &end), ElementsAre("a=1@0", "b=(none)@1", "c=3@5"));
  EXPECT_EQ(end, 7);
}

TEST_F(OneProcess, ReaderIsAtTheEndBehindMarkersAndAbortedRecords) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1")}, 1), TransactionState::kCommitted);
  EXPECT_EQ(Abort(process_, Make(out_, "b", "2"), 3), TransactionState::kAborted);
  int64_t end = 0;
  EXPECT_THAT(ReadToEnd({out_, 0}, 1, &end), IsEmpty());
  EXPECT_EQ(end, 4);
  EXPECT_THAT(ReadToEnd({out_, 0}, 4, &end), IsEmpty());
  EXPECT_EQ(end, 4);
}

TEST_F(OneProcess, HeadersComeWithTheirRecord) {
  OutputRecord many = Make(out_, "many", "1");
  many.headers = {{"trace", "1"}, {"trace", "2"}, {"empty", ""}, {"bytes", std::string("\0\xff", 2)}};
  OutputRecord none = Make(out_, "none", "2");
  none.headers.clear();
  const OutputRecord tombstone = Make(out_, "tombstone", std::nullopt);
  EXPECT_EQ(Commit(process_, {many, none, tombstone}, 1), TransactionState::kCommitted);
  std::unique_ptr<Input> input = world_->NewInput();
  ASSERT_EQ(input->Start({out_, 0}, 0), absl::OkStatus());
  RecordBatch batch;
  ASSERT_TRUE(Await([&] { return input->Poll({out_, 0}, 100, &batch)->at_end; }));
  ASSERT_EQ(batch.size(), 3u);
  const auto headers = [&](size_t i) {
    std::vector<Header> of_record;
    batch[i].VisitHeaders([&](std::string_view name, std::string_view value) { of_record.emplace_back(name, value); });
    return of_record;
  };
  EXPECT_EQ(headers(0), many.headers);
  EXPECT_THAT(headers(1), IsEmpty());
  EXPECT_EQ(headers(2), tombstone.headers);
}

TEST_F(OneProcess, EndIsKnownOnceTheReaderHasHeardOfIt) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", "2"), Make(out_, "c", "3")}, 1),
            TransactionState::kCommitted);
  std::unique_ptr<Input> input = world_->NewInput();
  const TopicPartition partition{out_, 0};
  EXPECT_EQ(input->KnownEnd(partition), std::nullopt) << "it is not being read";
  ASSERT_EQ(input->Start(partition, 0), absl::OkStatus());
  RecordBatch batch;
  ASSERT_TRUE(Await([&] { return input->Poll(partition, 1, &batch)->records == 1; }));
  EXPECT_EQ(input->KnownEnd(partition), 4) << "three records and a marker";
  ASSERT_TRUE(Await([&] { return input->Poll(partition, 1, &batch)->at_end; }));
  EXPECT_EQ(input->KnownEnd(partition), 4);
  EXPECT_EQ(Commit(process_, {Make(out_, "d", "4")}, 2), TransactionState::kCommitted);
  ASSERT_TRUE(Await([&] { return input->Poll(partition, 1, &batch)->at_end && batch.size() == 4; }));
  EXPECT_EQ(input->KnownEnd(partition), 6);
  input->Stop(partition);
  EXPECT_EQ(input->KnownEnd(partition), std::nullopt);
}

TEST_F(OneProcess, ReaderAtTheEndGoesOnWhenMoreIsCommitted) {
  std::unique_ptr<Input> input = world_->NewInput();
  ASSERT_EQ(input->Start({out_, 0}, 0), absl::OkStatus());
  RecordBatch batch;
  const auto at_end = [&] { return input->Poll({out_, 0}, 100, &batch)->at_end; };
  ASSERT_TRUE(Await(at_end));
  EXPECT_TRUE(at_end()) << "being at the end lasts until there is more";
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1")}, 1), TransactionState::kCommitted);
  ASSERT_TRUE(Await([&] { return at_end() && batch.size() == 1; }));
  EXPECT_EQ(batch[0].value, "1");
}

TEST_F(OneProcess, StartReadsAnewFromTheGivenOffset) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", "2"), Make(out_, "c", "3")}, 1),
            TransactionState::kCommitted);
  std::unique_ptr<Input> input = world_->NewInput();
  RecordBatch batch;
  ASSERT_EQ(input->Start({out_, 0}, 0), absl::OkStatus());
  ASSERT_TRUE(Await([&] { return input->Poll({out_, 0}, 2, &batch)->records > 0; }));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(input->Start({out_, 0}, 1), absl::OkStatus());
    batch.Clear();
    ASSERT_TRUE(Await([&] { return input->Poll({out_, 0}, 1, &batch)->records > 0; }));
    EXPECT_EQ(batch[0].offset, 1);
  }
  input->Stop({out_, 0});
  EXPECT_EQ(input->Poll({out_, 0}, 1, &batch).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(OneProcess, OffsetThatIsNoLongerKeptIsOutOfRange) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", "2"), Make(out_, "c", "3")}, 1),
            TransactionState::kCommitted);
  world_->Trim({out_, 0}, 2);
  const auto first_error = [&](int64_t offset) {
    std::unique_ptr<Input> input = world_->NewInput();
    EXPECT_EQ(input->Start({out_, 0}, offset), absl::OkStatus());
    RecordBatch batch;
    absl::Status status;
    Await([&] {
      const absl::StatusOr<Input::Polled> polled = input->Poll({out_, 0}, 10, &batch);
      status = polled.status();
      return !status.ok() || polled->at_end;
    });
    return status.code();
  };
  EXPECT_EQ(first_error(0), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(first_error(99), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(first_error(2), absl::StatusCode::kOk);
  std::unique_ptr<Cluster> cluster = world_->NewCluster(group_);
  const auto bounds = Ask<absl::StatusOr<Cluster::Bounds>>([&] { return cluster->WrittenBounds({out_, 0}); });
  ASSERT_EQ(bounds.status(), absl::OkStatus());
  EXPECT_EQ(bounds->begin, 2);
}

TEST_F(OneProcess, WrittenEndCountsRecordsOfAnOpenTransaction) {
  ASSERT_EQ(process_.output->Begin(), absl::OkStatus());
  ASSERT_EQ(Append(*process_.output, Make(out_, "a", "1")), absl::OkStatus());
  EXPECT_TRUE(AwaitWritten({out_, 0}, 1));
  int64_t end = -1;
  EXPECT_THAT(ReadToEnd({out_, 0}, 0, &end), IsEmpty());
  EXPECT_EQ(end, 0);
}

TEST_F(OneProcess, CommitCarriesTheOffsets) {
  std::unique_ptr<Cluster> cluster = world_->NewCluster(group_);
  const auto committed = [&] {
    return Ask<absl::StatusOr<std::vector<std::optional<int64_t>>>>(
        [&] { return cluster->CommittedOffsets({{source_, 0}}); });
  };
  auto offsets = committed();
  ASSERT_EQ(offsets.status(), absl::OkStatus());
  EXPECT_THAT(*offsets, ElementsAre(std::nullopt));
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1")}, 17), TransactionState::kCommitted);
  offsets = committed();
  ASSERT_EQ(offsets.status(), absl::OkStatus());
  EXPECT_THAT(*offsets, ElementsAre(17));
  EXPECT_EQ(Commit(process_, {}, 18), TransactionState::kCommitted);
  offsets = committed();
  ASSERT_EQ(offsets.status(), absl::OkStatus());
  EXPECT_THAT(*offsets, ElementsAre(18));
}

TEST_F(OneProcess, CommitWithoutOffsetsIsRefused) {
  ASSERT_EQ(process_.output->Begin(), absl::OkStatus());
  ASSERT_EQ(Append(*process_.output, Make(out_, "a", "1")), absl::OkStatus());
  process_.output->Commit({}, process_.token);
  EXPECT_EQ(Settle(*process_.output), TransactionState::kAborted);
  EXPECT_EQ(process_.output->LastError().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(ReadToEnd({out_, 0}, 0), IsEmpty());
}

TEST_F(OneProcess, LastOffsetIsThatOfTheLastCommittedRecord) {
  EXPECT_EQ(process_.output->LastOffset({out_, 0}), -1);
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", "2")}, 1), TransactionState::kCommitted);
  EXPECT_EQ(process_.output->LastOffset({out_, 0}), 1);
  EXPECT_EQ(Abort(process_, Make(out_, "c", "3"), 4), TransactionState::kAborted);
  EXPECT_EQ(process_.output->LastOffset({out_, 0}), 1);
  EXPECT_EQ(Commit(process_, {Make(out_, "d", "4")}, 2), TransactionState::kCommitted);
  EXPECT_EQ(ReadToEnd({out_, 0}, process_.output->LastOffset({out_, 0})).at(0).substr(0, 3), "d=4");
}

TEST_F(OneProcess, BeginNeedsAKnownOutcome) {
  ASSERT_EQ(process_.output->Begin(), absl::OkStatus());
  EXPECT_EQ(process_.output->Begin().code(), absl::StatusCode::kFailedPrecondition);
  process_.output->Abort();
  EXPECT_EQ(Settle(*process_.output), TransactionState::kAborted);
  EXPECT_EQ(process_.output->Begin(), absl::OkStatus());
  std::unique_ptr<Output> other = world_->NewOutput(world_->NewName());
  EXPECT_EQ(other->Begin().code(), absl::StatusCode::kFailedPrecondition) << "it has not recovered yet";
}

TEST_F(OneProcess, PartitionOutOfRangeDoomsTheTransactionAndNothingElse) {
  ASSERT_EQ(process_.output->Begin(), absl::OkStatus());
  OutputRecord record = Make(out_, "a", "1");
  record.partition = 7;
  EXPECT_EQ(Append(*process_.output, record).code(), absl::StatusCode::kNotFound);
  process_.output->Abort();
  EXPECT_EQ(Settle(*process_.output), TransactionState::kAborted);
  EXPECT_EQ(Commit(process_, {Make(out_, "b", "2")}, 1), TransactionState::kCommitted);
  EXPECT_THAT(ReadToEnd({out_, 0}, 0), ElementsAre(testing::StartsWith("b=2@")));
}

TEST_F(OneProcess, RecordsGoToThePartitionOfTheirKey) {
  const std::string wide = world_->NewTopic(5);
  std::vector<OutputRecord> records;
  std::map<int32_t, std::vector<std::string>> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string key = absl::StrCat("customer-", i);
    records.push_back({wide, OutputRecord::kByKey, key, "", {}});
    std::vector<std::string>& there = expected[PartitionOf(key, 5)];
    there.push_back(absl::StrCat(key, "=@", there.size()));
  }
  EXPECT_EQ(Commit(process_, records, 1), TransactionState::kCommitted);
  for (const auto& [partition, there] : expected) EXPECT_EQ(ReadToEnd({wide, partition}, 0), there);
}

TEST_F(OneProcess, RecoverFencesThePredecessorAndAbortsWhatItLeft) {
  ASSERT_EQ(process_.output->Begin(), absl::OkStatus());
  ASSERT_EQ(Append(*process_.output, Make(out_, "zombie", "1")), absl::OkStatus());
  ASSERT_TRUE(AwaitWritten({out_, 0}, 1));
  std::unique_ptr<Output> successor = world_->NewOutput(id_);
  successor->Recover();
  ASSERT_EQ(Settle(*successor), TransactionState::kNone);
  process_.output->Commit({{{source_, 0}, 5}}, process_.token);
  EXPECT_EQ(Settle(*process_.output), TransactionState::kFenced) << process_.output->LastError();

  std::swap(process_.output, successor);
  EXPECT_EQ(Commit(process_, {Make(out_, "heir", "2")}, 1), TransactionState::kCommitted);
  EXPECT_THAT(ReadToEnd({out_, 0}, 0), ElementsAre("heir=2@2"));
}

TEST_F(OneProcess, FencedOutputGoesOnAfterRecoverAndFencesTheOtherInTurn) {
  std::unique_ptr<Output> other = world_->NewOutput(id_);
  ASSERT_EQ(Commit(process_, {Make(out_, "a", "1")}, 1), TransactionState::kCommitted);
  other->Recover();
  ASSERT_EQ(Settle(*other), TransactionState::kNone);
  const auto commit_in_vain = [&](Output& output) {
    EXPECT_EQ(output.Begin(), absl::OkStatus());
    // That it is fenced an output may hear only at the commit.
    Append(output, Make(out_, "lost", "2")).IgnoreError();
    output.Commit({{{source_, 0}, 2}}, process_.token);
    return Settle(output);
  };
  ASSERT_EQ(commit_in_vain(*process_.output), TransactionState::kFenced) << process_.output->LastError();
  EXPECT_FALSE(process_.output->Begin().ok());
  process_.output->Recover();
  ASSERT_EQ(Settle(*process_.output), TransactionState::kNone) << process_.output->LastError();
  EXPECT_EQ(Commit(process_, {Make(out_, "again", "2")}, 2), TransactionState::kCommitted);
  EXPECT_EQ(commit_in_vain(*other), TransactionState::kFenced) << other->LastError();
  EXPECT_THAT(ReadToEnd({out_, 0}, 0), ElementsAre("a=1@0", testing::StartsWith("again=2@")));
}

TEST_F(OneProcess, ClusterKnowsItsTopics) {
  const std::string wide = world_->NewTopic(3);
  std::unique_ptr<Cluster> cluster = world_->NewCluster(group_);
  const auto count = [&](const std::string& topic) {
    return Ask<absl::StatusOr<int32_t>>([&] { return cluster->PartitionCount(topic); });
  };
  ASSERT_EQ(count(wide).status(), absl::OkStatus());
  EXPECT_EQ(*count(wide), 3);
  EXPECT_EQ(count("no-such-topic").status().code(), absl::StatusCode::kNotFound);
  const auto bounds = [&](const TopicPartition& partition) {
    return Ask<absl::StatusOr<Cluster::Bounds>>([&] { return cluster->WrittenBounds(partition); });
  };
  EXPECT_EQ(bounds({"no-such-topic", 0}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(bounds({wide, 3}).status().code(), absl::StatusCode::kNotFound);
  const auto settings = Ask<absl::StatusOr<std::map<std::string, std::string>>>(
      [&] { return cluster->TopicSettings(wide); });
  ASSERT_EQ(settings.status(), absl::OkStatus());
  EXPECT_EQ(settings->at("cleanup.policy"), "delete");
}

TEST_F(OneProcess, OffsetIsFoundByTime) {
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1"), Make(out_, "b", "2")}, 1), TransactionState::kCommitted);
  std::unique_ptr<Cluster> cluster = world_->NewCluster(group_);
  const auto offset_at = [&](absl::Time time) {
    return Ask<absl::StatusOr<int64_t>>([&] { return cluster->OffsetAt({out_, 0}, time); });
  };
  ASSERT_EQ(offset_at(absl::UnixEpoch()).status(), absl::OkStatus());
  EXPECT_EQ(*offset_at(absl::UnixEpoch()), 0);
  EXPECT_EQ(*offset_at(absl::Now() + absl::Hours(1)), 3);
}

TEST_F(OneProcess, JoiningATopicThatIsMissingFails) {
  std::unique_ptr<Membership> membership = world_->NewMembership(world_->NewName(), world_->NewName());
  const absl::Status status = membership->Join({source_, "no-such-topic"});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("no-such-topic"));
}

TEST_F(OneProcess, RestartOfAnInstanceFindsItsPartitionsAgain) {
  process_.membership->Leave(false);
  Process restarted = NewProcess(source_, instance_, id_);
  ASSERT_TRUE(AwaitAssignments({&restarted}, [&] { return restarted.assigned.size() == 1; }));
  const std::shared_ptr<const GroupToken> old = std::exchange(process_.token, restarted.token);
  std::swap(process_.output, restarted.output);
  std::swap(process_.membership, restarted.membership);
  EXPECT_EQ(Commit(process_, {Make(out_, "a", "1")}, 1), TransactionState::kCommitted);
  process_.token = old;
  EXPECT_NE(Commit(process_, {Make(out_, "b", "2")}, 2), TransactionState::kCommitted)
      << "the token of an earlier life";
}

class TwoProcesses : public PortsTest {
 protected:
  static constexpr int32_t kPartitions = 4;

  void SetUp() override {
    PortsTest::SetUp();
    group_ = world_->NewName();
    source_ = world_->NewTopic(kPartitions);
    out_ = world_->NewTopic(1);
    first_ = NewProcess(source_, "first", world_->NewName());
    ASSERT_TRUE(AwaitAssignments({&first_}, [&] { return first_.assigned.size() == kPartitions; }));
    old_token_ = first_.token;
    second_ = NewProcess(source_, "second", world_->NewName());
    ASSERT_TRUE(AwaitAssignments({&first_, &second_}, [&] { return first_.assigned.size() == kPartitions / 2; }));
  }
  void TearDown() override {
    first_.membership->Leave(true);
    if (second_.membership != nullptr) second_.membership->Leave(true);
  }

  std::string out_;
  Process first_;
  Process second_;
  std::shared_ptr<const GroupToken> old_token_;
};

TEST_F(TwoProcesses, PartitionsAreSharedOutAnewWhenOneComesAndGoes) {
  EXPECT_THAT(first_.assigned, ElementsAre(TopicPartition{source_, 0}, TopicPartition{source_, 1}));
  EXPECT_THAT(second_.assigned, ElementsAre(TopicPartition{source_, 2}, TopicPartition{source_, 3}));
  const absl::Time before = absl::Now();
  second_.membership->Leave(true);
  second_.membership.reset();
  EXPECT_TRUE(AwaitAssignments({&first_}, [&] { return first_.assigned.size() == kPartitions; }));
  EXPECT_LT(absl::Now() - before, absl::Seconds(5)) << "a member that leaves for good is not waited for";
}

TEST_F(TwoProcesses, CommitWithTheTokenOfAnOldGenerationIsRefused) {
  EXPECT_EQ(Commit(first_, {Make(out_, "a", "1")}, 1), TransactionState::kCommitted);
  std::swap(first_.token, old_token_);
  EXPECT_EQ(Commit(first_, {Make(out_, "b", "2")}, 9), TransactionState::kAborted);
  EXPECT_FALSE(first_.output->LastError().ok());
  std::swap(first_.token, old_token_);
  EXPECT_EQ(Commit(first_, {Make(out_, "c", "3")}, 2), TransactionState::kCommitted);
  EXPECT_THAT(ReadToEnd({out_, 0}, 0), ElementsAre("a=1@0", testing::StartsWith("c=3@")));
}

TEST_F(TwoProcesses, NobodyGetsPartitionsBeforeTheirOwnerHasReleasedThem) {
  second_.membership->Leave(true);
  second_.membership.reset();
  // `first` is told to let go, and does so late.
  bool told = false;
  ASSERT_TRUE(Await([&] {
    const std::optional<GroupEvent> event = first_.membership->Poll(absl::Milliseconds(10));
    if (!event.has_value()) return false;
    EXPECT_EQ(event->kind, GroupEvent::Kind::kRevoked);
    EXPECT_THAT(event->partitions, SizeIs(kPartitions / 2));
    told = true;
    return true;
  }));
  ASSERT_TRUE(told);
  second_ = NewProcess(source_, "third", world_->NewName());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(first_.membership->Poll(absl::Milliseconds(10)), std::nullopt);
    EXPECT_EQ(second_.membership->Poll(absl::Milliseconds(10)), std::nullopt);
  }
  EXPECT_EQ(Commit(first_, {Make(out_, "last words", "1")}, 1), TransactionState::kCommitted)
      << "the old assignment holds until it is released";
  first_.membership->Release();
  EXPECT_TRUE(AwaitAssignments({&first_, &second_}, [&] { return second_.assigned.size() == kPartitions / 2; }));
}

}  // namespace
}  // namespace ebb
