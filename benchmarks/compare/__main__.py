"""Compares the systems over the workloads. benchmarks/run.sh starts it, and says how."""

import argparse
import json
import os
import pathlib
import platform
import re
import shlex
import signal
import subprocess
import sys
import time

import report
import systems
from workloads import LARGE, SMALL, WORKLOADS

sys.path.insert(0, str(systems.ROOT / "tests/integration"))
sys.path.append(str(systems.ROOT / "benchmarks"))

import latency  # noqa: E402  (needs the paths above)
from heading import commit, cpu  # noqa: E402
from run import Run  # noqa: E402
from stage import Stage, write_whole  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(prog="benchmarks/run.sh",
                                     description="What Ebb and others cost: see benchmarks/README.md")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="two workloads, few events: ten minutes (the default)")
    size.add_argument("--full", action="store_true", help="all workloads, and enough events for a JVM to be warm")
    size.add_argument("--latency", action="store_true",
                      help="instead: how old alerts are when a reader has them, at a fixed pace; a quarter of an hour")
    parser.add_argument("--rounds", type=int, default=1,
                        help="each forth and back over the systems (default %(default)s)")
    parser.add_argument("--events", type=int, help="of every workload, in place of its own number")
    parser.add_argument("--workloads", help="names with commas between (default: all that have events)")
    parser.add_argument("--systems", help="names with commas between (default: all)")
    parser.add_argument("--all-settings", action="store_true", help="the peers also with settings that do worse")
    parser.add_argument("--commit-ms", type=int, default=500, help="longest time between commits (default %(default)s)")
    parser.add_argument("--port", type=int, default=23092, help="of the broker (default %(default)s)")
    parser.add_argument("--directory", default=str(systems.ROOT / "build/comparison"),
                        help="broker, input, results; runs that it holds already are not made again")
    return parser.parse_args()


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr.splitlines()
    rdkafka = subprocess.run(["pkg-config", "--modversion", "rdkafka"], capture_output=True, text=True,
                             check=False).stdout.strip()
    versions = dict(re.findall(r"<((?:kafka|flink|flink\.connector)\.version)>([^<]+)<",
                               (systems.ROOT / "benchmarks/peers/pom.xml").read_text()))
    return {"cpu": cpu(), "cores": os.cpu_count(), "memory_gib": round(memory, 1), "kernel": platform.release(),
            "librdkafka": rdkafka, "java": java[0] if java else "", **versions, "commit": commit()}


def chosen_workloads(options):
    """Those that are named, or all that have events."""
    if not options.workloads:
        return [workload for workload in WORKLOADS if options.events or workload.events(options.full)]
    by_name = {workload.name: workload for workload in WORKLOADS}
    workloads = []
    for name in options.workloads.split(","):
        if name not in by_name:
            raise SystemExit(f"--workloads: expected some of {', '.join(by_name)}, got '{name}'")
        if not options.events and not by_name[name].events(options.full):
            raise SystemExit(f"--workloads: {name} is no part of a quick run; give --full, or --events")
        workloads.append(by_name[name])
    return workloads


def plan(chosen, rounds):
    """The order of runs, forth and back, so that what drifts falls on all alike: (run, system)."""
    order = [system for _ in range(rounds) for system in [*chosen, *reversed(chosen)]]
    counts = {}
    for system in order:
        counts[system.name] = counts.get(system.name, 0) + 1
        yield counts[system.name], system


def compare(options, stage, workload, chosen, results_dir):
    """Makes the runs that are not there yet; all results by system."""
    events = options.events or workload.events(options.full)
    prefix = stage.fill(workload, events)
    by_system = {system.name: [] for system in chosen}
    for number, system in plan(chosen, options.rounds):
        file = results_dir / f"{workload.name}.{events}.{options.commit_ms}ms.{system.name}.{number}.json"
        if file.exists():
            result = json.loads(file.read_text())
        else:
            application = f"{workload.name}.{system.name}.{number}.{int(time.time())}"
            run = Run(stage, system, workload, events, prefix, application, options.commit_ms)
            result = run.measure()
            result.update(system=system.name, workload=workload.name, events=events, run=number,
                          memory_mib=system.memory_mib, environment=system.environment,
                          command=shlex.join(system.command))
            # One that went wrong is told, and made again next time.
            if "wrong" not in result:
                write_whole(file, result)
        print(f"{workload.name} {system.name} {number}: " + (result.get("wrong") or
              f"{result['cpu_s_per_million']:.2f} CPU-s per million, {result['events_per_s']:,.0f} events/s"),
              file=sys.stderr, flush=True)
        by_system[system.name].append(result)
    return {system: by_system[system.name] for system in chosen}


def main():
    options = arguments()
    # Told to end, it ends what it has started; what was measured by then is kept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    directory = pathlib.Path(options.directory).resolve()
    workloads = chosen_workloads(options)
    stage = Stage(directory, options.port)
    stage.start()
    text = [f"`benchmarks/run.sh {shlex.join(sys.argv[1:])}`", ""]
    text += [f"- {name}: {value}" for name, value in machine().items()] + [""]
    everything = {"machine": machine(), "command": sys.argv[1:], "results": []}
    by_workload = {}
    try:
        if options.latency:
            text.append(latency.compare(stage, options.systems.split(",") if options.systems else None))
            (directory / "latency.md").write_text("\n".join(text))
            return 0
        for workload in workloads:
            chosen = systems.of(workload, options.all_settings)
            if options.systems:
                chosen = [system for system in chosen if system.name in options.systems.split(",")]
            results_dir = directory / "results" / systems.fingerprint(chosen)
            results_dir.mkdir(parents=True, exist_ok=True)
            by_system = compare(options, stage, workload, chosen, results_dir)
            events = options.events or workload.events(options.full)
            text += [f"## {workload.name}: {workload.customers:,} customers, {workload.spread}, {events:,} events", "",
                     report.table(by_system), ""]
            everything["results"] += [result for results in by_system.values() for result in results]
            by_workload[workload] = by_system
            if SMALL in by_workload and LARGE in by_workload and workload in (SMALL, LARGE):
                text += [report.growth(SMALL, by_workload[SMALL], LARGE, by_workload[LARGE]), ""]
            (directory / "report.md").write_text("\n".join(text))
            (directory / "report.json").write_text(json.dumps(everything, indent=1))
    except RuntimeError as failure:
        raise SystemExit(f"{failure}\nWhat was measured is kept; the same command goes on from there.") from None
    finally:
        stage.stop()
    print("\n".join(text))
    return 1 if any("wrong" in result for result in everything["results"]) else 0


if __name__ == "__main__":
    sys.exit(main())
