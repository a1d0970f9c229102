"""The course of a run: strike, watch, verify, sum up."""

import argparse
import collections
import contextlib
import copy
import os
import pathlib
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

from cluster import ROOT
from collect import collect
from faults import Faults
from self_test import MUTANTS
from stage import PROCESSES, Stage
from support import wait_until
from verify import Violations, compare_with_replay, verify

SLOW_S = 20  # A fault whose end is awaited for so long is looked into.
RESUME_LIMIT_S = 60  # The next fault does not wait longer for the last one.
OVERLAP_SHARE = 0.2  # Of faults that are followed by the next one without waiting.
SELF_TEST_EVENTS = 22_500
SELF_TEST_LIMIT_S = 300
MOST_LATE_SHARE = 0.02  # Of customers that may be left out since an event of theirs came late.


class Talker:
    def __init__(self, path):
        self.began = time.monotonic()
        self.file = open(path, "a", encoding="utf-8")

    def __call__(self, text):
        line = f"[{time.monotonic() - self.began:7.1f} s] {text}"
        print(line, flush=True)
        print(line, file=self.file, flush=True)


def deck(chance):
    """Kinds of faults without end: each once, in a new order, and again."""
    while True:
        kinds = Faults.KINDS.copy()
        chance.shuffle(kinds)
        yield from kinds


def storm(stage, faults, chance, seconds, say):
    """Strikes until time is over. Returns what stopped it early, if anything did."""
    end = time.monotonic() + seconds
    kinds = deck(chance)
    while time.monotonic() < end:
        struck = len(faults.strikes)
        faults.strike(next(kinds))
        if chance.random() >= OVERLAP_SHARE:
            await_resumed(stage, faults, struck, say)
        if stuck := stage.progress.stuck():
            return f"partitions {stuck} have not moved for {stage.progress.STUCK_AFTER_S} s"
        time.sleep(chance.uniform(0, 1.5))  # Where in an epoch the next one falls; nothing is waited for.
    return None


def await_resumed(stage, faults, struck, say):
    def resumed():
        return note_resumed(stage, faults, struck, say)

    try:
        wait_until(resumed, SLOW_S, "all partitions go on")
    except AssertionError:
        for ebb in stage.ebbs:
            if ebb.wanted:
                say(f"{'':18} {ebb.name} after {SLOW_S} s: {ebb.ask('/readyz')}")
                ebb.diagnose(f"slow-{struck}", with_threads=False)
        with contextlib.suppress(AssertionError):
            wait_until(resumed, RESUME_LIMIT_S - SLOW_S, "all partitions go on")


def note_resumed(stage, faults, struck, say):
    """Notes of each strike when all partitions went on; None while one has not."""
    for strike in faults.strikes:
        if strike.resumed_after is None and (at := stage.progress.resumed(strike.at)) is not None:
            strike.resumed_after = at - strike.at
    open_ones = [s for s in faults.strikes[struck:] if s.resumed_after is None]
    if open_ones:
        return None
    if faults.strikes[struck:]:
        say(f"{'':18} all partitions went on after {faults.strikes[-1].resumed_after:.1f} s")
    return True


def await_progress(stage, faults, say):
    """After the last fault: every partition must go on."""
    since = time.monotonic()
    try:
        wait_until(lambda: stage.progress.resumed(since) is not None, stage.progress.STUCK_AFTER_S,
                   "every partition goes on after the last fault")
    except AssertionError as error:
        return str(error)
    note_resumed(stage, faults, len(faults.strikes), say)
    return None


def summary(faults, stage, data, sent, violations, excused, say):
    by_kind = collections.Counter(s.kind for s in faults.strikes)
    inside = sum(s.inside for s in faults.strikes)
    say("faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(by_kind.items())))
    say(f"{len(faults.strikes)} faults of {len(by_kind)} kinds, {inside} of them inside an open transaction")
    for name, kinds in (("processes", {"kill", "state-deleted", "state-old", "disk-full", "process-removed"}),
                        ("brokers", {"broker-kill", "coordinator-kill"}),
                        ("all others", set(Faults.KINDS) - {"kill", "state-deleted", "state-old", "disk-full",
                                                            "process-removed", "broker-kill", "coordinator-kill"})):
        times = sorted(s.resumed_after for s in faults.strikes if s.kind in kinds and s.resumed_after is not None)
        if times:
            say(f"progress on all partitions after faults of {name}: p50 {statistics.median(times):.1f} s, "
                f"max {times[-1]:.1f} s")
    for ebb in stage.ebbs:
        for code, lines in ebb.ends:
            say(f"{ebb.name} had ended by itself with {code}: {lines[-1] if lines else ''}")
    say(f"input: {sum(sent['sent'].values())} events, {sum(sent['acknowledged'].values())} acknowledged, the slowest "
        f"after {sent['slowest_ms'] / 1000:.1f} s; longest time without one {sent['longest_pause_s']:.1f} s")
    say("results: " + ", ".join(f"{sink} {len(rows)}" for sink, rows in data.results.items())
        + f"; epochs {sum(map(len, data.epochs.values()))}; customers {len(data.events)}, "
        f"{len(excused)} left out since an event of theirs came late")
    say(", ".join(f"{kind}: {violations.count(kind)}" for kind in
                  ("lost", "doubled", "unfounded", "torn", "order", "schedule", "features", "replay")))


def self_test(data, sent, say):
    """True when the data are right and each mutant is reported."""
    violations, _ = verify(data, sent["acknowledged"])
    violations.show(sys.stdout)
    good = not violations.found
    for mutate, kinds in MUTANTS:
        mutant = copy.copy(data)
        for name, value in vars(data).items():
            if name in ("results", "committed"):
                setattr(mutant, name, {k: v.copy() if isinstance(v, list) else v for k, v in value.items()})
        mutant.epochs = {p: [copy.copy(epoch) for epoch in epochs] for p, epochs in data.epochs.items()}
        for epochs in mutant.epochs.values():
            for epoch in epochs:
                epoch.slices = [copy.copy(piece) for piece in epoch.slices]
        mutant.dead = data.dead.copy()
        mutant.results["features"] = [copy.copy(row) for row in mutant.results["features"]]
        mutate(mutant)
        found = {kind for kind, texts in verify(mutant, sent["acknowledged"])[0].found.items() if texts}
        caught = bool(found & kinds)
        good &= caught
        say(f"{mutate.__name__.replace('_', ' '):<45} {'reported as' if caught else 'NOT REPORTED, found'} "
            f"{', '.join(sorted(found))}")
    return good


def main(usage):
    parser = argparse.ArgumentParser(usage=usage, add_help=False)
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--ebb", type=pathlib.Path,
                        default=os.environ.get("EBB_BINARY", ROOT / "build/release/ebb"))
    parser.add_argument("--dir", type=pathlib.Path)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(usage)
        return 0
    directory = (options.dir or pathlib.Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    if (directory / "kafka").exists():
        parser.error(f"--dir: {directory} has an earlier run; name another")
    directory.mkdir(parents=True, exist_ok=True)
    say = Talker(directory / "run.log")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that everything that was started is stopped.
    say(f"seed {options.seed}, in {directory}")
    good = run(options, directory, say)
    say("all is right" if good else f"NOT RIGHT; seed {options.seed}, logs in {directory}")
    if good and options.dir is None:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if good else 1


def run(options, directory, say):
    chance = random.Random(options.seed)
    with Stage(options.ebb, directory, options.seed, options.rate, say) as stage:
        stage.start()
        say(f"every partition moves: {PROCESSES} processes, 3 brokers")
        faults = Faults(stage.cluster, stage.proxy, stage.ebbs[:PROCESSES], stage.ebbs[PROCESSES], chance, say)
        if options.self_test:
            wait_until(lambda: stage.progress.total() >= SELF_TEST_EVENTS, SELF_TEST_LIMIT_S, "enough to be verified")
            wrong = None
        else:
            wrong = storm(stage, faults, chance, options.minutes * 60, say) or await_progress(stage, faults, say)
        if wrong:
            say(f"VIOLATION stuck: {wrong}")
            for ebb in stage.ebbs:
                if ebb.wanted:
                    say(f"{ebb.name}: {ebb.ask('/readyz')}")
                    ebb.diagnose("stuck", with_threads=True)
            return False
        say("the faults are over; the input ends, and the rest is processed")
        sent, until = stage.finish()
        data = collect(stage.cluster.bootstrap, directory)
        say("collected")
    if options.self_test:
        return self_test(data, sent, say)
    violations, excused = verify(data, sent["acknowledged"])
    say("compared with the rules")
    compare_with_replay(data, stage.binary, until, excused, violations)
    if len(excused) > MOST_LATE_SHARE * len(data.events):
        violations.add("late", f"{len(excused)} customers had late events: the lateness is too short for this machine")
    summary(faults, stage, data, sent, violations, excused, say)
    violations.show(sys.stdout)
    violations.show(say.file)
    return not any(violations.found.values())
