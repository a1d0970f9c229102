"""How long an alert takes, from the moment at which its event is meant to be sent until somebody who reads only what is
committed has it, while events come at a fixed pace."""

import dataclasses
import datetime
import math
import subprocess
import threading
import time

import systems
import watch
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from run import Run
from support import wait_until
from workloads import Workload

RATES = (5_000, 50_000)  # Events a second.
SECONDS = 60
LEAD_S = 3  # From the start of the generator to its first event.
WARM_UP_S = 20  # Of the events, not counted: a JVM is slow at first.
START_S = 60
BATCH = 500
WORKLOAD = Workload("paced", "uniform", 100_000, 0, 0)


@dataclasses.dataclass(frozen=True)
class Setting:
    """A system as it is run here: `commit_ms` between commits, and what else it is told."""

    name: str
    system: systems.System
    commit_ms: int
    more: dict = dataclasses.field(default_factory=dict)


SETTINGS = [
    Setting("ebb as it comes", systems.EBB, 500),
    Setting("ebb, prompt", systems.EBB, 500,
            {"BENCH_COMMIT_DELAY": "1ms", "BENCH_LINGER_MS": "1", "BENCH_RETRY_BACKOFF_MS": "2"}),
    Setting("ebb, thrifty", systems.EBB, 500, {"BENCH_COMMIT_DELAY": "150ms", "BENCH_FETCH_MIN_BYTES": "1000000"}),
    Setting("floor, 20 ms", systems.FLOOR, 20),
    Setting("floor, 500 ms", systems.FLOOR, 500),
    Setting("kafka-streams, 100 ms", systems.STREAMS, 100),
    Setting("kafka-streams, 500 ms", systems.STREAMS, 500),
]


class Reader:
    """Reads alerts as they are committed, and notes how old each is, by its event's time."""

    def __init__(self, bootstrap, topic):
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-latency",
                                  "isolation.level": "read_committed", "fetch.wait.max.ms": 10,
                                  "enable.auto.commit": False, "log_level": 2})
        self.consumer.assign([TopicPartition(topic, p, 0) for p in range(watch.PARTITIONS)])
        self.seen = []  # (event time, age), in milliseconds.
        self.ending = False
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while not self.ending:
            # Asked for many, the client waits until there are so many: for the first one alone it wakes at once.
            first = self.consumer.poll(0.05)
            now = time.time() * 1000
            records = [first, *self.consumer.consume(BATCH, timeout=0)] if first else []
            for record in records:
                if record.error() is None:
                    event_ms = event_time_ms(record)
                    self.seen.append((event_ms, now - event_ms))

    def end(self):
        self.ending = True
        self.thread.join()
        self.consumer.close()


def event_time_ms(record):
    return datetime.datetime.fromisoformat(dict(record.headers())["ce_time"].decode()).timestamp() * 1000


def percentile(ages, share):
    return sorted(ages)[min(len(ages) - 1, math.ceil(share * len(ages)) - 1)]


class PacedRun(Run):
    def __init__(self, stage, setting, rate):
        application = f"paced.{setting.system.name}.{setting.commit_ms}.{rate}.{int(time.time())}"
        super().__init__(stage, setting.system, WORKLOAD, rate * SECONDS, f"in.{application}", application,
                         setting.commit_ms)
        self.setting, self.rate = setting, rate

    def _environment(self):
        return {**super()._environment(), **self.setting.more}

    def measure(self):
        """What was measured, as a dictionary; `wrong` says why there is nothing, if there is nothing."""
        inputs = WORKLOAD.job.inputs(self.prefix)
        self.stage.topics("create", *(f"{topic}:{watch.PARTITIONS}" for topic in inputs))
        self._prepare()
        process = reader = None
        try:
            process = self._start()
            self._await_member()
            reader = Reader(self.stage.bootstrap, self.output)
            begin_ms = int(time.time() * 1000) + LEAD_S * 1000
            generator = subprocess.Popen(
                systems.bound(*WORKLOAD.job.making(WORKLOAD, self.events, self.prefix), "--bootstrap",
                              self.stage.bootstrap, "--rate", str(self.rate), "--start-ms", str(begin_ms)),
                stdout=subprocess.DEVNULL)
            warm_ms = begin_ms + WARM_UP_S * 1000
            time.sleep(max(0.0, warm_ms / 1000 - time.time()))
            cpu = watch.cpu_seconds(process.pid)
            if generator.wait() != 0:
                raise RuntimeError("the generator failed")
            cpu = watch.cpu_seconds(process.pid) - cpu
            self._await_end(process)
            self._settle()
            ages = [age for event_ms, age in reader.seen if event_ms >= warm_ms]
            if not ages:
                raise RuntimeError("no alert came after the warm-up")
            result = {f"p{share * 100:g}": percentile(ages, share) for share in (0.5, 0.99, 0.999)}
            result.update(max=max(ages), alerts=len(ages), peak_rss_bytes=watch.peak_rss_bytes(process.pid),
                          cpu_s_per_million=cpu / (self.rate * (SECONDS - WARM_UP_S)) * 1e6)
            self._stop(process)
            WORKLOAD.job.judge(self.stage, self.prefix, self.output)
            return result
        except (RuntimeError, AssertionError) as failure:
            return {"wrong": f"{failure}; see {self.log}"}
        finally:
            if reader:
                reader.end()
            if process and process.returncode is None:
                process.kill()
                process.wait()
            self._clean()
            self.stage.topics("delete", *inputs)

    def _await_member(self):
        """Waits until the group has somebody who owns partitions."""
        admin = AdminClient({"bootstrap.servers": self.stage.bootstrap, "log_level": 2})

        def owned():
            try:
                group = admin.describe_consumer_groups([self.application])[self.application].result(10)
            except KafkaException:  # A broker that has only just started may still be loading its groups.
                return False
            return any(member.assignment.topic_partitions for member in group.members)

        wait_until(owned, START_S, f"{self.system.name} owns partitions")

    def _await_end(self, process):
        group = watch.Group(self.stage.bootstrap, self.application, WORKLOAD.job.inputs(self.prefix))
        try:
            wait_until(lambda: group.committed() >= self.events, START_S, f"{self.system.name} has read everything")
        finally:
            group.close()


HEAD = "| events/s | system | p50, ms | p99, ms | p99.9, ms | max, ms | CPU-s per million | peak RSS, MiB | alerts |\n"


def line(rate, setting, result):
    if "wrong" in result:
        return f"| {rate:,} | {setting.name} | wrong or failed: {result['wrong']} ||||||||"
    ages = " | ".join(f"{result[name]:,.0f}" for name in ("p50", "p99", "p99.9", "max"))
    return (f"| {rate:,} | {setting.name} | {ages} | {result['cpu_s_per_million']:.1f} | "
            f"{result['peak_rss_bytes'] / 2**20:,.0f} | {result['alerts']:,} |")


def compare(stage, names):
    """A table of the settings whose systems are among `names`, or of all."""
    lines = [HEAD + "|---:|---|" + "---:|" * 7]
    for rate in RATES:
        for setting in SETTINGS:
            if names and setting.system.name not in names:
                continue
            lines.append(line(rate, setting, PacedRun(stage, setting, rate).measure()))
            print(lines[-1], flush=True)
    return "\n".join(lines)
