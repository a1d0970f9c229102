#!/usr/bin/env python3
"""How long it takes until new input is processed, by size of the state, kind of end, and recovery budget.

A broker of its own is started; the state is built by one purchase of each customer. For every row the process then
reads a backlog of further purchases, is ended in the middle of it, and is started again while the rest still waits.
"""

import argparse
import datetime
import pathlib
import shutil
import tempfile
import time

import stage
from heading import heading

PARTITIONS = 4
ENDS = ["clean stop", "kill", "state lost"]
# A row's backlog: enough for the debt that the budget allows, within bounds that keep a run short.
RECORDS_PER_SECOND = 120_000
LEAST_RECORDS, MOST_RECORDS = 600_000, 3_000_000
FRACTION_BEFORE_THE_END = 0.7


def time_of(stamp):
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def drained(engine):
    """All that was sent is processed and committed."""
    lag = engine.metrics().get("ebb_source_caught_up", {})
    return len(lag) == PARTITIONS and all(lag.values())


class Row:
    def __init__(self, customers, end, budget):
        self.customers, self.end, self.budget = customers, end, budget
        self.ended_in = None

    def measure(self, engine, feed):
        count = max(LEAST_RECORDS, min(MOST_RECORDS, RECORDS_PER_SECOND * self.budget))
        feed.send(count)
        engine.start(self.budget)
        stage.wait_until(lambda: engine.total("ebb_records_in_total") >= count * FRACTION_BEFORE_THE_END, 900,
                         f"{count} records processed")
        samples = engine.metrics()
        self.debt = sum(samples["ebb_debt_records"].values())
        self.state_bytes = sum(samples["ebb_state_bytes"].values())
        if self.end == "clean stop":
            self.ended_in = engine.stop()
        else:
            engine.kill()
        if self.end == "state lost":
            shutil.rmtree(engine.state)
        engine.start(self.budget)
        stage.wait_until(lambda: engine.total("ebb_records_in_total") > 0, 3600, "new input is processed")
        self.first = time.time() - engine.started
        stage.wait_until(lambda: len(stage.LIVE.findall(engine.said())) == PARTITIONS, 3600, "every task is live")
        lives = stage.LIVE.findall(engine.said())
        self.all = max(time_of(stamp) for stamp, *_ in lives) - engine.started
        self.restored, self.epochs, self.redone = (sum(int(live[i] or 0) for live in lives) for i in (2, 3, 4))
        self.redo_s = max(int(live[5] or 0) for live in lives) / 1000
        stage.wait_until(lambda: drained(engine), 900, "the backlog is processed")
        engine.stop()

    def line(self):
        ended = f"{self.ended_in:.1f}" if self.ended_in is not None else "–"
        return (f"| {self.customers:,} | {self.state_bytes / 2**20:,.0f} | {self.end} | {self.budget} | {self.debt:,.0f} | "
                f"{ended} | **{self.first:.1f}** | {self.all:.1f} | {self.restored:,} | {self.epochs:,} | "
                f"{self.redone:,} |")


HEAD = """\
| customers | state, MiB | end | recovery_budget, s | debt then, records | stop took, s | first new input, s | \
all tasks live, s | changelog records restored | epochs redone | records redone |
|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", default="10000,1000000", help="sizes of the state (default %(default)s)")
    parser.add_argument("--budgets", default="0,3,10,30", help="recovery budgets in seconds (default %(default)s)")
    parser.add_argument("--memory", default="1GiB", help="`memory` of the process (default %(default)s)")
    parser.add_argument("--directory", help="where broker and state are kept; a temporary one unless given")
    options = parser.parse_args()
    directory = pathlib.Path(options.directory or tempfile.mkdtemp(prefix="ebb-recovery-"))
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{heading()}\n{HEAD}", flush=True)
    for customers in map(int, options.customers.split(",")):
        kafka = stage.Kafka(directory / f"kafka-{customers}")
        kafka.start()
        engine = stage.Engine(directory, kafka.bootstrap, application=f"recovery-{customers}", memory=options.memory)
        try:
            kafka.create(f"purchases:{PARTITIONS}", f"features:{PARTITIONS}:cleanup.policy=compact",
                         f"dead-letters:{PARTITIONS}")
            feed = stage.Feed(kafka.bootstrap, customers)
            feed.send(customers)
            engine.start()
            stage.wait_until(lambda: drained(engine), 3600, "the state is built")
            engine.stop()
            for end in ENDS:
                for budget in map(int, options.budgets.split(",")):
                    row = Row(customers, end, budget)
                    row.measure(engine, feed)
                    print(row.line(), flush=True)
        finally:
            if engine.process and engine.process.poll() is None:
                engine.kill()
            kafka.stop()
            shutil.rmtree(directory / f"kafka-{customers}", ignore_errors=True)
            shutil.rmtree(engine.state, ignore_errors=True)
    if not options.directory:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
