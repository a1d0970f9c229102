"""The command line, and the table that it prints."""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

from bench import EBB_CRASH, Bench
from cell import cells_of, run_cell


TOLD_LINES = 30  # Of the log of a process whose case has a fault.
RECOVERY = re.compile(r"live at epoch \d+; (\d+) changelog records restored, (\d+) epochs and (\d+) records redone in "
                      r"\d+ ms, (\d+) skipped")


def all_cells():
    listing = subprocess.run([EBB_CRASH], env=dict(os.environ, EBB_CRASH_LIST="1"), check=True, capture_output=True,
                             text=True).stdout
    cells = list(cells_of(listing))
    lost = sorted({cell.step for cell in cells if cell.scenario is None})
    if lost:
        sys.exit(f"crash: no scenario leads to {', '.join(lost)}; see scenarios.py")
    return cells


def wanted(options, cells):
    if options.steps:
        chosen = []
        for wish in options.steps:
            step, _, action = wish.partition(":")
            found = [cell for cell in cells if step in (cell.step, cell.step.split(".")[0])
                     and action in ("", cell.action)]
            if not found:
                sys.exit(f"crash: there is no case {wish}; see --list")
            chosen += found
        return chosen
    if options.sample is not None:
        return random.Random(options.seed).sample(cells, min(options.sample, len(cells)))
    return cells


def show(outcome):
    verdict = "FAULT" if outcome.fault else "ok"
    print(f"{verdict:5} {outcome.cell.name:34} {outcome.seconds:5.1f} s  {outcome.fault or outcome.course}", flush=True)


def table(outcomes):
    """One line a step: what became of each action."""
    marks = {}
    for outcome in outcomes:
        mark = "FAULT" if outcome.fault else "went on" if outcome.course == "went on" else "ended"
        marks.setdefault((outcome.cell.step, outcome.cell.scenario), {})[outcome.cell.action] = mark
    print(f"\n{'step':30} {'in a process that is':20} {'kill':8} {'error':8} hang")
    for (step, scenario), found in marks.items():
        print(f"{step:30} {scenario.name:20} " + " ".join(f"{found.get(a, '-'):8}" for a in ("kill", "error", "hang")).rstrip())


def recoveries(directory):
    """What the processes had to do to come back: a matrix without any of it would show nothing."""
    figures = [[int(figure) for figure in found] for log in directory.glob("*.log")
               for found in RECOVERY.findall(log.read_text(errors="replace"))]
    restored, epochs, records, skipped = (sum(column) for column in zip(*figures))
    print(f"\nrecoveries of a task: {len(figures)}, {sum(figure[1] > 0 for figure in figures)} of them with redo; "
          f"{restored} changelog records restored, {epochs} epochs and {records} records redone, {skipped} skipped for "
          f"customers ahead")


def tell(directory, name):
    """The last words of a case's processes."""
    for log in sorted(directory.glob(f"{name}-*.log")):
        lines = log.read_text(errors="replace").splitlines()
        print(f"\n{log.name}, the last of its {len(lines)} lines:", *lines[-TOLD_LINES:], sep="\n  ", flush=True)


def run(options, cells):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="crash-", dir="/tmp"))
    bench = Bench(directory, options.port)
    try:
        bench.start()
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            futures = [pool.submit(run_cell, bench, cell, f"crash-{i:03}") for i, cell in enumerate(cells)]
            outcomes = []
            for i, future in enumerate(futures):
                outcomes.append(future.result())
                show(outcomes[-1])
                if outcomes[-1].fault:
                    tell(directory, f"crash-{i:03}")
        table(outcomes)
        recoveries(directory)
    finally:
        bench.stop()
        if options.keep:
            print(f"logs and pipelines: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    faults = sum(bool(outcome.fault) for outcome in outcomes)
    print(f"{len(outcomes)} cases, {faults} with a fault")
    return 1 if faults else 0


def main(arguments, usage):
    parser = argparse.ArgumentParser(prog="crash", usage=usage.split("Usage: ")[1].rstrip(), add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--port", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("steps", nargs="*")
    options = parser.parse_args(arguments)
    if options.help:
        print(usage)
        return 0
    if not (options.all or options.list or options.steps or options.sample is not None):
        print(usage, file=sys.stderr)
        return 2
    cells = wanted(options, all_cells())
    if options.list:
        for cell in cells:
            print(f"{cell.name:36} {cell.scenario.name}")
        return 0
    return run(options, cells)
