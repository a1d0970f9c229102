"""The systems that do the job: how each is started, and which topics it keeps."""

import dataclasses
import hashlib
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("BENCH_BINARIES", str(ROOT / "build/benchmarks/benchmarks")))
PEERS = pathlib.Path(os.environ.get("BENCH_PEERS", str(ROOT / "build/peers")))

GENERATE = BINARIES / "job/bench-generate"
ORACLE = BINARIES / "job/bench-oracle"

# What Flink asks for on Java 17, beyond what is open.
OPENED = ["java.lang", "java.lang.reflect", "java.nio", "java.time", "java.util", "java.util.concurrent"]
# The throughput collector, and a heap that does not grow: better than the default for both.
JAVA = ["java", "-XX:+UseParallelGC", f"-Dlog4j2.configurationFile={ROOT}/benchmarks/peers/log4j2.xml"]


def _java(module, heap, main, opened=()):
    classes = f"{PEERS}/{module}/{module}-1.jar:{PEERS}/{module}/lib/*"
    opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in opened]
    return [*JAVA, f"-Xms{heap}", f"-Xmx{heap}", *opens, "-cp", classes, main]


@dataclasses.dataclass(frozen=True, eq=False)
class System:
    """One system with its settings; `environment` comes on top of what every system is told."""

    name: str
    what: str
    command: list
    changelog: str  # The topic of state, APP for the application's name; empty if there is none.
    environment: dict = dataclasses.field(default_factory=dict)
    topics: tuple = ()  # To be created for it, as topics.sh writes them.

    def changelog_topic(self, application):
        return self.changelog.replace("APP", application)


def _ebb(name, what, **environment):
    command = [str(BINARIES / "ebb/ebb-bench"), "run", str(ROOT / "benchmarks/ebb/pipeline.yaml")]
    return System(name, what, command, "APP.changelog", environment)


def _streams(name, cache_mb):
    return System(name, f"Kafka Streams, record cache {cache_mb} MB", _java("kafka-streams", "1g", "ebb.bench.streams.Main"),
                  "APP-features-changelog", {"BENCH_CACHE_MB": str(cache_mb)})


def _flink(name, compaction):
    return System(name, f"Flink, {compaction.lower()} compaction", _java("flink", "1g", "ebb.bench.flink.Main", OPENED), "",
                  {"BENCH_COMPACTION": compaction})


FLOOR = System("floor", "librdkafka and a hash map",
               [str(BINARIES / "floor/bench-floor"), "--bootstrap", "$BENCH_BOOTSTRAP", "--application",
                "$BENCH_APPLICATION", "--input", "$BENCH_INPUT", "--output", "$BENCH_OUTPUT", "--commit-ms",
                "$BENCH_COMMIT_MS"],
               "APP.changelog", topics=("APP.changelog:4:cleanup.policy=compact",))
EBB = _ebb("ebb", "Ebb as it comes")
EBB_0 = _ebb("ebb-budget-0", "Ebb, recovery_budget: 0s", BENCH_RECOVERY_BUDGET="0s")
STREAMS_CACHED = _streams("kafka-streams-cache", 64)
STREAMS_CACHED_LARGE = _streams("kafka-streams-cache", 256)
STREAMS = _streams("kafka-streams", 0)
FLINK_LEVEL = _flink("flink-level", "LEVEL")
FLINK_UNIVERSAL = _flink("flink-universal", "UNIVERSAL")


def fingerprint(systems):
    """Of their programs and settings: what was measured with others does not count."""
    digest = hashlib.sha256()
    for system in systems:
        digest.update(repr((system.command, sorted(system.environment.items()))).encode())
        for path in (pathlib.Path(part) for word in system.command for part in word.split(":")):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def of(workload, all_settings):
    """The systems to compare; with `all_settings`, the peers with those too that are known to do worse."""
    cached, plain = (STREAMS_CACHED if workload.is_small else STREAMS_CACHED_LARGE), STREAMS
    streams = [cached, plain] if workload.is_small else [plain, cached]
    flink = [FLINK_LEVEL, FLINK_UNIVERSAL] if workload.is_small else [FLINK_UNIVERSAL, FLINK_LEVEL]
    count = 2 if all_settings else 1
    return [EBB, FLOOR, *streams[:count], *flink[:count], EBB_0]
