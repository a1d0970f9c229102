"""Runs `ebb demo` as a person would, on its embedded broker or, with --bootstrap, on a real one.

Usage: demo_test.py EBB [--bootstrap HOST:PORT]
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

EBB = ""
BOOTSTRAP = []

MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d"
RESULT = re.compile(rf"^{MOMENT}  (alert|trigger) +([a-z-]+) +customer-\d{{6}}  (.+): (.+)$")
TOTAL = re.compile(r"^  ([a-z][a-z/ ]*[a-z]) +([\d,]+)(?:   (.*))?$")


class Run:
    """A demo whose output is read line by line."""

    def __init__(self, *options):
        self.began = time.monotonic()
        self.directory = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [EBB, "demo", *BOOTSTRAP, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": self.directory.name},
        )
        self.results = []  # (kind, name)
        self.first_alert = None  # Seconds after the start.
        self.totals = {}  # By name: (total, {what: count})

    def read(self, until=lambda line: False):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if match := RESULT.match(line):
                self.results.append(match.group(1, 2))
                if match.group(1) == "alert" and self.first_alert is None:
                    self.first_alert = time.monotonic() - self.began
            elif match := TOTAL.match(line):
                parts = [part.rsplit(" ", 1) for part in (match.group(3) or "").split(", ") if part]
                self.totals[match.group(1)] = (number(match.group(2)), {what: number(n) for what, n in parts})
            if until(line):
                return
        self.errors = self.process.communicate()[1]
        self.code = self.process.returncode
        self.took = time.monotonic() - self.began
        self.left_behind = os.listdir(self.directory.name)
        self.directory.cleanup()

    def interrupt(self, signal_number):
        self.process.send_signal(signal_number)
        asked = time.monotonic()
        self.read()
        return time.monotonic() - asked


def number(text):
    return int(text.replace(",", ""))


def counts(names):
    return {name: names.count(name) for name in set(names)}


class DemoTest(unittest.TestCase):
    def check_summary(self, run):
        self.assertEqual((run.code, run.errors, run.left_behind), (0, "", []))
        for kind, name in (("alert", "alerts"), ("trigger", "triggers")):
            shown = counts([what for result, what in run.results if result == kind])
            self.assertEqual(run.totals[name], (sum(shown.values()), shown))
        for total, parts in (run.totals["alerts"], run.totals["triggers"], run.totals["withheld"]):
            self.assertEqual(total, sum(parts.values()))
        self.assertIn("dead letters", run.totals)
        self.assertGreater(run.totals["events"][0], 0)

    def test_shows_alerts_soon_and_sums_up(self):
        run = Run("--seconds", "12", "--seed", "7")
        run.read()
        self.check_summary(run)
        self.assertLess(run.first_alert, 10)
        self.assertLess(run.took, 18)
        self.assertGreaterEqual(set(run.totals["alerts"][1]), {"raised", "escalated"})
        self.assertGreaterEqual(len(run.totals["triggers"][1]), 3)
        self.assertGreaterEqual(len(run.totals["withheld"][1]), 3)
        self.assertGreater(run.totals["dead letters"][0], 0)
        self.assertTrue(20 < len(run.results) < 1000, len(run.results))

    def test_interrupt_at_work_ends_it_with_the_summary(self):
        run = Run("--seconds", "60", "--seed", "7")
        run.read(until=lambda line: RESULT.match(line))
        self.assertLess(run.interrupt(signal.SIGINT), 5)
        self.check_summary(run)

    def test_interrupt_at_the_start_ends_it_with_the_summary(self):
        run = Run("--seconds", "60")
        run.read(until=lambda line: "broker" in line)
        self.assertLess(run.interrupt(signal.SIGTERM), 5)
        self.check_summary(run)

    def test_same_seed_is_the_same_shop(self):
        def events(seed):
            run = Run("--seconds", "8", "--seed", seed)
            run.read()
            return run.totals["events"]

        first = events("3")
        self.assertEqual(first, events("3"))
        self.assertNotEqual(first, events("4"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ebb")
    parser.add_argument("--bootstrap")
    options, rest = parser.parse_known_args()
    EBB = options.ebb
    BOOTSTRAP = ["--bootstrap", options.bootstrap] if options.bootstrap else []
    unittest.main(argv=[sys.argv[0], *rest])
