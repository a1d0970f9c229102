"""The systems that do the jobs: how each is started, and which topics it keeps."""

import dataclasses
import hashlib
import os
import pathlib
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("BENCH_BINARIES", str(ROOT / "build/benchmarks/benchmarks")))
PEERS = pathlib.Path(os.environ.get("BENCH_PEERS", str(ROOT / "build/peers")))

GENERATE = BINARIES / "job/bench-generate"
ORACLE = BINARIES / "job/bench-oracle"
SHIPPED = BINARIES.parent / "ebb"
RETAIL = ROOT / "deploy/pipelines/retail.yaml"

EBB_MEMORY_MIB = 2048
RETAIL_MEMORY_MIB = 1024  # What Ebb takes unless it is told, as retail.yaml does not.

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
    memory_mib: int | None = None  # What it is told to keep within, if anything.

    def changelog_topic(self, application):
        return self.changelog.replace("APP", application)


def bound(*command):
    """The command as one that is killed when this process ends, however it does; the process id is the command's."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def run(*command):
    """What a program says that must succeed."""
    done = subprocess.run(bound(*command), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


def _ebb(name, what, pipeline="pipeline.yaml", **environment):
    command = [str(BINARIES / "ebb/ebb-bench"), "run", str(ROOT / "benchmarks/ebb" / pipeline)]
    return System(name, what, command, "APP.changelog", {"BENCH_MEMORY": f"{EBB_MEMORY_MIB}MiB", **environment},
                  memory_mib=EBB_MEMORY_MIB)


def _streams(name, cache_mb):
    return System(name, f"Kafka Streams, record cache {cache_mb} MB",
                  _java("kafka-streams", "1g", "ebb.bench.streams.Main"), "APP-features-changelog",
                  {"BENCH_CACHE_MB": str(cache_mb)})


def _flink(name, compaction):
    return System(name, f"Flink, {compaction.lower()} compaction",
                  _java("flink", "1g", "ebb.bench.flink.Main", OPENED), "", {"BENCH_COMPACTION": compaction})


LOOP = [str(BINARIES / "floor/bench-floor"), "--bootstrap", "$BENCH_BOOTSTRAP", "--application", "$BENCH_APPLICATION",
        "--input", "$BENCH_INPUT", "--output", "$BENCH_OUTPUT", "--commit-ms", "$BENCH_COMMIT_MS"]
FLOOR = System("floor", "librdkafka and a hash map", LOOP, "APP.changelog",
               topics=("APP.changelog:4:cleanup.policy=compact",))
FLOOR_THROUGH = System("floor", "librdkafka alone", [*LOOP, "--pass-through"], "")
EBB = _ebb("ebb", "Ebb as it comes")
EBB_THROUGH = _ebb("ebb", "Ebb with an operator without state", "pass-through.yaml")
EBB_RETAIL = System("ebb", "Ebb with the shipped pipeline", [str(SHIPPED), "run", str(RETAIL)], "APP.changelog",
                    {"EBB_APPLICATION": "$BENCH_APPLICATION", "KAFKA_BOOTSTRAP": "$BENCH_BOOTSTRAP",
                     "EBB_STATE_DIR": "$BENCH_STATE_DIR", "EBB_ADMIN_LISTEN": "$BENCH_ADMIN", "EBB_TIME_IDLE": "hold"},
                    memory_mib=RETAIL_MEMORY_MIB)
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
    if workload.job.name == "pass-through":
        return [EBB_THROUGH, FLOOR_THROUGH]
    if workload.job.name == "retail":
        return [EBB_RETAIL]
    cached, plain = (STREAMS_CACHED if workload.is_small else STREAMS_CACHED_LARGE), STREAMS
    streams = [cached, plain] if workload.is_small else [plain, cached]
    flink = [FLINK_LEVEL, FLINK_UNIVERSAL] if workload.is_small else [FLINK_UNIVERSAL, FLINK_LEVEL]
    count = 2 if all_settings else 1
    chosen = [EBB, FLOOR, *streams[:count], *flink[:count], EBB_0]
    return [system for system in chosen if system.name not in workload.without]
