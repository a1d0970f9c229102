#include "engine/observe/worker_metrics.h"

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <set>

#include "ebb/v1/purchase.pb.h"
#include "engine/log/memory_broker.h"
#include "engine/log/memory_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/memory_store.h"
#include "state/text.h"

namespace ebb {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kPipeline[] = R"(
application: shop
sources:
  returns: {topic: returns, type: ebb.v1.Purchase, lateness: 1s}
  sales: {topic: sales, type: ebb.v1.Purchase, lateness: 1s, late: dead_letter}
operators:
  - {id: echo, type: observed, inputs: [sales, returns]}
sinks:
  sold: {topic: sold, type: ebb.v1.Purchase, inputs: [echo]}
dead_letters: {topic: dead}
time: {idle: hold, max_wait: 1s}
)";

constexpr int64_t kStartMs = 1'700'000'000'000;

// Hands on what it takes, and counts it.
class Observed final : public Operator<Takes<v1::Purchase>, Emits<v1::Purchase>, v1::OperatorConfig> {
 public:
  void On(const v1::Purchase& purchase, Context& ctx) override {
    seen_.Add(ctx);
    *last_.Mutable(ctx).mutable_header() = purchase.header();
    ctx.Emit(purchase);
  }

 private:
  ValueState<v1::Purchase> last_{this, "last"};
  Counter seen_{this, "seen"};
  Counter missed_{this, "missed"};
};
EBB_OPERATOR("observed", Observed);

// What `promtool check metrics` has to say of a page, and how it exits.
std::pair<std::string, int> AskPromtool(const std::string& page) {
  const std::string path = testing::TempDir() + Text("/page-", getpid());
  std::ofstream(path) << page;
  FILE* promtool = popen(Text("promtool check metrics <'", path, "' 2>&1").c_str(), "r");
  std::string said;
  char buffer[4096];
  for (size_t size; (size = fread(buffer, 1, sizeof(buffer), promtool)) > 0;) said.append(buffer, size);
  const int status = pclose(promtool);
  remove(path.c_str());
  return {said, WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

// A worker over a broker in memory, whose page is read.
class WorkerMetricsTest : public testing::Test {
 protected:
  static constexpr int32_t kPartitions = 2;

  WorkerMetricsTest() : clock_(absl::FromUnixMillis(kStartMs)) {
    const Surroundings none{[](std::string_view) { return std::nullopt; },
                            [](std::string_view) { return absl::NotFoundError("no files"); }, nullptr};
    auto spec = LoadPipeline(kPipeline, "test.yaml", none);
    EXPECT_TRUE(spec.ok()) << spec.status();
    spec_ = *spec;
    for (const char* topic : {"returns", "sales", "sold", "dead"}) broker_.CreateTopic(topic, kPartitions);
    broker_.CreateTopic("changelog", kPartitions);
    EXPECT_TRUE(membership_.Join({"returns", "sales"}).ok());
    token_ = membership_.Poll(absl::ZeroDuration())->token;
    WorkerOptions options;
    options.task.changelog_topic = "changelog";
    worker_ = std::make_unique<Worker>(spec_, options, WorkerPorts{&input_, &output_, &cluster_, &stores_, &clock_});
    process_.version = "1.2.3";
    process_.started = absl::FromUnixMillis(kStartMs);
  }

  // A sale, a second after the one before, to a customer of that partition.
  void Sell(int32_t partition) {
    std::string customer = "customer";
    while (PartitionOf(customer, kPartitions) != partition) customer += "'";
    v1::Purchase purchase;
    purchase.mutable_header()->set_event_id(Text("sale-", sales_));
    purchase.mutable_header()->set_customer_id(customer);
    purchase.mutable_header()->set_event_time_ms(kStartMs + sales_++ * 1000);
    Send("sales", partition, purchase.SerializeAsString());
  }
  void Send(const char* topic, int32_t partition, const std::string& value) {
    ASSERT_TRUE(broker_.Append({topic, partition}, "", value, kStartMs).ok());
  }

  void Assign(const std::set<int32_t>& partitions) {
    worker_->Park();
    StepUntil([&] { return worker_->parked(); });
    worker_->Assign(partitions, kPartitions, token_);
  }
  void Finish() {
    StepUntil([&] { return worker_->Finished(); });
  }
  template <class Done>
  void StepUntil(Done done) {
    for (int i = 0; i < 100'000 && !done(); ++i) {
      const auto stepped = worker_->Step();
      ASSERT_TRUE(stepped.ok()) << stepped.status();
      clock_.Advance(absl::Milliseconds(1));
    }
    ASSERT_TRUE(done());
  }

  void Snap() { snapshot_ = TakeSnapshot(*worker_, *spec_, std::move(snapshot_)); }
  std::string Page() { return RenderMetrics(*spec_, {snapshot_}, process_); }
  // The value of a sample, such as `ebb_records_in_total{source="sales"}`; "none" when it is absent.
  std::string Value(const std::string& sample) {
    const std::string page = "\n" + Page();
    const size_t at = page.find("\n" + sample + " ");
    if (at == std::string::npos) return "none";
    const size_t begin = at + sample.size() + 2;
    return page.substr(begin, page.find('\n', begin) - begin);
  }

  MemoryBroker broker_;
  MemoryStores stores_;
  ManualClock clock_;
  MemoryInput input_{&broker_};
  MemoryOutput output_{&broker_, "shop-0"};
  MemoryCluster cluster_{&broker_, "shop"};
  MemoryMembership membership_{&broker_, "shop", "one"};
  std::shared_ptr<const GroupToken> token_;
  std::shared_ptr<const PipelineSpec> spec_;
  std::unique_ptr<Worker> worker_;
  WorkerSnapshot snapshot_;
  ProcessFigures process_;
  int sales_ = 0;
};

TEST_F(WorkerMetricsTest, WhatIsKnownBeforehandIsZeroBeforeAnythingHappens) {
  EXPECT_EQ(Value("ebb_build_info{version=\"1.2.3\"}"), "1");
  EXPECT_EQ(Value("ebb_process_start_timestamp_seconds"), "1700000000");
  for (const char* sample :
       {"ebb_records_in_total{source=\"returns\"}", "ebb_late_records_total{source=\"sales\"}",
        "ebb_dead_letters_total{source=\"sales\",reason=\"unparsable\"}", "ebb_results_total{sink=\"sold\"}",
        "ebb_operator_events_total{operator=\"echo\",event=\"missed\"}", "ebb_transactions_total{result=\"unknown\"}",
        "ebb_rebalances_total{kind=\"lost\"}", "ebb_event_to_commit_seconds_count"}) {
    EXPECT_EQ(Value(sample), "0") << sample;
  }
}

TEST_F(WorkerMetricsTest, PageTellsWhatAWorkerDid) {
  for (int i = 0; i < 5; ++i) Sell(0);
  Sell(1);
  Send("sales", 1, "nonsense");
  sales_ = 0;
  Sell(0);  // Behind the watermark.
  Assign({0, 1});
  Finish();
  Snap();
  EXPECT_EQ(Value("ebb_records_in_total{source=\"sales\"}"), "8");
  EXPECT_NE(Value("ebb_bytes_in_total{source=\"sales\"}"), "0");
  EXPECT_EQ(Value("ebb_records_in_total{source=\"returns\"}"), "0");
  EXPECT_EQ(Value("ebb_late_records_total{source=\"sales\"}"), "1");
  EXPECT_EQ(Value("ebb_dead_letters_total{source=\"sales\",reason=\"late\"}"), "1");
  EXPECT_EQ(Value("ebb_dead_letters_total{source=\"sales\",reason=\"unparsable\"}"), "1");
  EXPECT_EQ(Value("ebb_results_total{sink=\"sold\"}"), "6");
  EXPECT_EQ(Value("ebb_operator_events_total{operator=\"echo\",event=\"seen\"}"), "6");
  EXPECT_EQ(Value("ebb_operator_events_total{operator=\"echo\",event=\"missed\"}"), "0");
  EXPECT_NE(Value("ebb_transactions_total{result=\"committed\"}"), "0");
  EXPECT_EQ(Value("ebb_task_state{partition=\"1\",state=\"live\"}"), "1");
  EXPECT_EQ(Value("ebb_task_state{partition=\"1\",state=\"recovering\"}"), "0");
  EXPECT_EQ(Value("ebb_watermark_timestamp_seconds{partition=\"0\"}"), "1700000003");
  EXPECT_EQ(Value("ebb_timers_behind_seconds{partition=\"0\"}"), "0");
  EXPECT_EQ(Value("ebb_source_position{partition=\"0\",source=\"sales\"}"), "6");
  EXPECT_EQ(Value("ebb_source_caught_up{partition=\"0\",source=\"sales\"}"), "1");
  EXPECT_EQ(Value("ebb_time_holder{partition=\"0\",source=\"returns\"}"), "0");
  EXPECT_EQ(Value("ebb_cache_customers{partition=\"1\"}"), "1");
  EXPECT_NE(Value("ebb_epoch{partition=\"0\"}"), "0");
  EXPECT_EQ(Value("ebb_redo_rate_records_per_second{worker=\"0\"}"), "50000");
}

TEST_F(WorkerMetricsTest, AbortedEpochCountsForNothing) {
  for (int i = 0; i < 3; ++i) Sell(0);
  Send("sales", 0, "nonsense");
  sales_ = 0;
  Sell(0);  // Behind the watermark.
  int refused = 0;
  broker_.set_oracle([&](MemoryBroker::Step step, std::string_view) {
    return step == MemoryBroker::Step::kCommit && refused++ < 2 ? MemoryBroker::Fate::kRefused
                                                                : MemoryBroker::Fate::kHappens;
  });
  Assign({0});
  Finish();
  Snap();
  EXPECT_EQ(Value("ebb_epochs_aborted_total"), "2");
  EXPECT_EQ(Value("ebb_records_in_total{source=\"sales\"}"), "5");
  EXPECT_EQ(Value("ebb_late_records_total{source=\"sales\"}"), "1");
  EXPECT_EQ(Value("ebb_dead_letters_total{source=\"sales\",reason=\"late\"}"), "1");
  EXPECT_EQ(Value("ebb_dead_letters_total{source=\"sales\",reason=\"unparsable\"}"), "1");
  EXPECT_EQ(Value("ebb_results_total{sink=\"sold\"}"), "3");
  EXPECT_EQ(Value("ebb_operator_events_total{operator=\"echo\",event=\"seen\"}"), "3");
}

TEST_F(WorkerMetricsTest, LagIsWhatIsLeftOfTheSourceOnceItIsKnown) {
  const std::string sample = "ebb_source_lag_records{partition=\"0\",source=\"sales\"}";
  WorkerOptions options;
  options.task.changelog_topic = "changelog";
  options.task.epoch_records = 10;
  worker_ = std::make_unique<Worker>(spec_, options, WorkerPorts{&input_, &output_, &cluster_, &stores_, &clock_});
  for (int i = 0; i < 30; ++i) Sell(0);
  Assign({0});
  Snap();
  EXPECT_EQ(Value(sample), "none");
  StepUntil([&] { return worker_->slots().at(0).task->stats().epochs == 1; });
  Snap();
  EXPECT_EQ(Value(sample), "20");
  Finish();
  Snap();
  EXPECT_EQ(Value(sample), "0");
}

TEST_F(WorkerMetricsTest, DebtIsToldInRecordsEpochsAndSeconds) {
  for (int i = 0; i < 5; ++i) Sell(0);
  Assign({0, 1});
  // Committed, but idle for too short a time to have been written back.
  StepUntil([&] { return worker_->slots().at(0).task->debt().work() > 0; });
  Snap();
  EXPECT_EQ(Value("ebb_debt_records{partition=\"0\"}"), "5");
  EXPECT_EQ(Value("ebb_low_water_lag_epochs{partition=\"0\"}"), "1");
  EXPECT_EQ(Value("ebb_debt_seconds{worker=\"0\"}").substr(0, 5), "0.000");
  EXPECT_NE(Value("ebb_debt_seconds{worker=\"0\"}"), "0");
  EXPECT_EQ(Value("ebb_cache_dirty_customers{partition=\"0\"}"), "1");
}

TEST_F(WorkerMetricsTest, WhatIsNotKnownIsAbsent) {
  Assign({0, 1});
  Finish();
  Snap();
  EXPECT_EQ(Value("ebb_task_state{partition=\"0\",state=\"live\"}"), "1");
  EXPECT_EQ(Value("ebb_watermark_timestamp_seconds{partition=\"0\"}"), "none");
  EXPECT_THAT(Page(), Not(HasSubstr("-1")));
}

TEST_F(WorkerMetricsTest, RecoveringTaskIsNotLive) {
  Assign({0, 1});
  Snap();
  EXPECT_EQ(Value("ebb_task_state{partition=\"0\",state=\"live\"}"), "0");
  EXPECT_EQ(Value("ebb_task_state{partition=\"0\",state=\"recovering\"}"), "1");
  EXPECT_EQ(Value("ebb_restore_remaining_records{partition=\"0\"}"), "0");
}

TEST_F(WorkerMetricsTest, SumsDoNotFallWhenATaskLeaves) {
  Sell(0);
  Sell(1);
  Assign({0, 1});
  Finish();
  Snap();
  Assign({0});
  Finish();
  Snap();
  EXPECT_EQ(Value("ebb_records_in_total{source=\"sales\"}"), "2");
  EXPECT_EQ(Value("ebb_operator_events_total{operator=\"echo\",event=\"seen\"}"), "2");
  EXPECT_EQ(Value("ebb_epoch{partition=\"1\"}"), "none");
  Snap();
  EXPECT_EQ(Value("ebb_records_in_total{source=\"sales\"}"), "2") << "counted once, however often it is looked";
}

TEST_F(WorkerMetricsTest, SumsDoNotFallWhenATaskLeavesAndComesBackUnseen) {
  Sell(1);
  Assign({0, 1});
  Finish();
  Snap();
  Assign({0});
  Finish();
  Sell(0);
  Assign({0, 1});
  Finish();
  Snap();
  EXPECT_EQ(Value("ebb_records_in_total{source=\"sales\"}"), "2");
  EXPECT_EQ(Value("ebb_results_total{sink=\"sold\"}"), "2");
}

TEST_F(WorkerMetricsTest, TaskOnItsWayBetweenWorkersIsShownOnce) {
  Sell(0);
  Assign({0});
  Finish();
  Snap();
  const std::string page = RenderMetrics(*spec_, {snapshot_, snapshot_}, process_);
  const size_t first = page.find("\nebb_epoch{partition=\"0\"}");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(page.find("\nebb_epoch{partition=\"0\"}", first + 1), std::string::npos);
}

TEST_F(WorkerMetricsTest, PromtoolFindsNothingToSay) {
  Sell(0);
  Assign({0, 1});
  Finish();
  Snap();
  snapshot_.figures.last_commit = absl::FromUnixMillis(kStartMs);
  snapshot_.figures.commit_durations.Add(absl::Milliseconds(12));
  ReadProcessUsage(&process_);
  EXPECT_GT(process_.resident_bytes, 1u << 20);
  EXPECT_GT(process_.cpu_seconds, 0);
  process_.limits = {{"memory_bytes", 1 << 30}};
  process_.rocksdb = {{"block_cache_bytes", 4096}, {"write_stalls_total", 2}};
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr("# TYPE ebb_rocksdb_write_stalls_total counter\nebb_rocksdb_write_stalls_total 2\n"));
  EXPECT_THAT(page, HasSubstr("ebb_rocksdb_block_cache_bytes 4096\n"));
  EXPECT_THAT(page, HasSubstr("ebb_limit{name=\"memory_bytes\"} 1073741824\n"));
  EXPECT_THAT(page, HasSubstr("ebb_last_commit_timestamp_seconds{worker=\"0\"} 1700000000\n"));
  const auto [said, exit_code] = AskPromtool(page);
  EXPECT_EQ(said, "") << page;
  EXPECT_EQ(exit_code, 0);
  EXPECT_EQ(AskPromtool("# TYPE ebb_wrong counter\nebb_wrong 1\n").second, 3) << "promtool must be there and look";
}

}  // namespace
}  // namespace ebb
