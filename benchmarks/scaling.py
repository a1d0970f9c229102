#!/usr/bin/env python3
"""What a second worker brings: a pipeline over files, with no broker to share the machine with.

`ebb replay` runs by turns with each number of workers over the same files. What counts begins when it has read them
once, to learn which record belongs where, and ends with its end. Results must be the same lines each time.
"""

import argparse
import dataclasses
import hashlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from heading import heading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "compare"))

import jobs  # noqa: E402  (needs the path above)
import systems  # noqa: E402
import watch  # noqa: E402

sys.path.insert(0, str(systems.ROOT / "tests/integration"))

from support import wait_until  # noqa: E402

MEMORY_MIB = 2048
OPEN_S = 600


@dataclasses.dataclass(frozen=True)
class Workload:
    """`making` writes DIR/KIND.pb for each kind when it is told where DIR is."""

    name: str
    kinds: tuple
    making: list
    replay: list  # The command and the pipeline.

    def files(self, directory):
        """The input, made unless it is there whole."""
        digest = hashlib.sha256(repr(self.making).encode()).hexdigest()[:8]
        files = directory / f"{self.name}-{digest}"
        if not files.exists():
            part = files.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            systems.run(*self.making, "--output", str(part))
            part.rename(files)
        return files


def workloads(options):
    job, retail = jobs.FEATURES, jobs.RETAIL
    return [
        Workload("features", job.kinds, [str(systems.GENERATE), "--events", str(options.events), "--customers",
                                         str(options.customers)],
                 [systems.EBB.command[0], "replay", systems.EBB.command[2]]),
        Workload("retail", retail.kinds, [str(systems.SHIPPED), "generate", "--format", "protobuf", "--events",
                                          str(options.shop_events), "--customers", str(options.shop_customers)],
                 [str(systems.SHIPPED), "replay", str(systems.RETAIL)]),
    ]


def digest_of(output):
    """Of all lines of results, whatever their order: how many, and a digest."""
    tally = jobs.Tally()
    for path in sorted(output.glob("*.jsonl")):
        with open(path, "rb") as lines:
            for line in lines:
                tally.take(path.name.encode() + b" " + line)
    return tuple(tally.told())


class Run:
    """One replay: its seconds, its CPU-seconds, and its results as a digest."""

    def __init__(self, workload, files, workers, directory):
        output = directory / "results"
        shutil.rmtree(output, ignore_errors=True)
        inputs = [word for kind in workload.kinds for word in ("--input", f"{kind}={files}/{kind}.pb")]
        command = [*workload.replay, *inputs, "--partitions", str(watch.PARTITIONS), "--workers", str(workers),
                   "--memory", str(MEMORY_MIB), "--output", str(output)]
        # What the job's pipeline asks for and replay does not use.
        unused = {f"BENCH_{name}": "unused" for name in ("APPLICATION", "BOOTSTRAP", "INPUT", "OUTPUT", "STATE_DIR")}
        with open(directory / "replay.log", "wb") as log:
            process = subprocess.Popen(systems.bound(*command), env={**os.environ, **unused}, stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log)
        # State is opened when the files have been read once.
        wait_until(lambda: (output / ".state").exists() or watch.has_ended(process), OPEN_S, "the files are read once")
        began, cpu = time.monotonic(), 0.0 if watch.has_ended(process) else watch.cpu_seconds(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}; see {directory / 'replay.log'}")
        self.seconds = time.monotonic() - began
        self.cpu_s = usage.ru_utime + usage.ru_stime - cpu
        self.results = digest_of(output)
        shutil.rmtree(output)


def measure(workload, events, options, directory):
    files = workload.files(directory)
    workers = [int(count) for count in options.workers.split(",")]
    runs = {count: [] for count in workers}
    for _ in range(options.rounds):
        for count in workers:
            runs[count].append(Run(workload, files, count, directory))
    digests = {run.results for of_count in runs.values() for run in of_count}
    if len(digests) > 1:
        raise SystemExit(f"{workload.name}: expected the same results from all runs, got {sorted(digests)} as number "
                         "of lines and digest")
    first = None
    for count, of_count in runs.items():
        rate = statistics.median(events / run.seconds for run in of_count)
        cpu = statistics.median(run.cpu_s for run in of_count) / events * 1e6
        first = first or rate
        print(f"| {workload.name} | {count} | {rate:,.0f} | {cpu:.2f} | {rate / first:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2", help="numbers of workers (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, by turns (default %(default)s)")
    parser.add_argument("--events", type=int, default=6_000_000, help="of the job (default %(default)s)")
    parser.add_argument("--customers", type=int, default=1_000_000, help="of the job (default %(default)s)")
    parser.add_argument("--shop-events", type=int, default=1_500_000, help="of the shop (default %(default)s)")
    parser.add_argument("--shop-customers", type=int, default=20_000, help="of the shop (default %(default)s)")
    parser.add_argument("--directory", default=str(systems.ROOT / "build/scaling"),
                        help="input, which is kept, and results, which are not (default %(default)s)")
    options = parser.parse_args()
    directory = pathlib.Path(options.directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{heading()}\n"
          "| workload | workers | events/s | CPU-s per million | times the first row |\n|---|---:|---:|---:|---:|",
          flush=True)
    features, retail = workloads(options)
    measure(features, options.events, options, directory)
    measure(retail, options.shop_events, options, directory)


if __name__ == "__main__":
    main()
