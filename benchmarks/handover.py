#!/usr/bin/env python3
"""What a change of the number of processes costs: the gap for tasks that stay, and for those that move.

Input is paced and never pauses. Processes are added and ended cleanly, one every `--seconds`: 1, 2, 3, 2, 1. A gap is the
longest time for which a partition's committed offset stood still around a change; without any change it is about
the commit interval, which the first row shows.
"""

import argparse
import pathlib
import shutil
import tempfile
import threading
import time

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

import stage
from heading import heading

PARTITIONS = 12
APPLICATION = "handover"


class Watch:
    """Follows committed offsets: by partition, the moments at which they were seen to have moved, and the sums."""

    def __init__(self, bootstrap):
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": APPLICATION, "enable.auto.commit": False})
        self.moved = {p: [] for p in range(PARTITIONS)}
        self.sums = []
        self.ending = False
        self.thread = threading.Thread(target=self._follow)
        self.thread.start()

    def _follow(self):
        partitions = [TopicPartition("purchases", p) for p in range(PARTITIONS)]
        last = {}
        while not self.ending:
            offsets = {t.partition: t.offset for t in self.consumer.committed(partitions, timeout=10)}
            now = time.monotonic()
            for partition, offset in offsets.items():
                if offset > last.get(partition, 0):
                    self.moved[partition].append(now)
            last = offsets
            self.sums.append((now, sum(max(0, offset) for offset in offsets.values())))
            time.sleep(0.01)

    def end(self):
        self.ending = True
        self.thread.join()
        self.consumer.close()

    def gap(self, partition, begin, end):
        moments = [begin] + [t for t in self.moved[partition] if begin <= t <= end] + [end]
        return max(b - a for a, b in zip(moments, moments[1:]))

    def rate(self, begin, end):
        inside = [(t, n) for t, n in self.sums if begin <= t <= end]
        (t0, n0), (t1, n1) = inside[0], inside[-1]
        return (n1 - n0) / (t1 - t0)


def owners(admin):
    """By partition, the member that owns it."""
    group = admin.describe_consumer_groups([APPLICATION])[APPLICATION].result(10)
    return {t.partition: member.group_instance_id or member.client_id for member in group.members
            for t in member.assignment.topic_partitions}


HEAD = """\
| change | processes | tasks that stayed | their longest gap, s | tasks that moved | their longest gap, s | \
records/s after it |
|---|---:|---:|---:|---:|---:|---:|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=100_000, help="size of the state (default %(default)s)")
    parser.add_argument("--rate", type=int, default=10_000, help="records a second (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=20, help="between changes (default %(default)s)")
    parser.add_argument("--directory", help="where broker and state are kept; a temporary one unless given")
    options = parser.parse_args()
    directory = pathlib.Path(options.directory or tempfile.mkdtemp(prefix="ebb-handover-"))
    directory.mkdir(parents=True, exist_ok=True)
    kafka = stage.Kafka(directory / "kafka")
    kafka.start()
    engines = {name: stage.Engine(directory, kafka.bootstrap, instance=name, application=APPLICATION)
               for name in ("one", "two", "three")}
    feed_process = watch = None
    try:
        kafka.create(f"purchases:{PARTITIONS}", f"features:{PARTITIONS}:cleanup.policy=compact",
                     f"dead-letters:{PARTITIONS}")
        feed = stage.Feed(kafka.bootstrap, options.customers)
        feed.send(options.customers)
        engines["one"].start()
        stage.wait_until(lambda: engines["one"].total("ebb_source_caught_up") == PARTITIONS, 600, "the state is built")
        feed_process = feed.start(options.rate * (options.seconds + 5) * 6, options.rate)
        watch = Watch(kafka.bootstrap)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        print(f"{heading()}\n{HEAD}", flush=True)
        steps = [("none", lambda: None, 1), ("second process starts", engines["two"].start, 2),
                 ("third process starts", engines["three"].start, 3), ("third ends cleanly", engines["three"].stop, 2),
                 ("second ends cleanly", engines["two"].stop, 1)]
        time.sleep(5)
        for change, do, processes in steps:
            before = owners(admin)
            begin = time.monotonic()
            do()
            time.sleep(max(0.0, begin + options.seconds - time.monotonic()))
            end = time.monotonic()
            after = owners(admin)
            stayed = [p for p in range(PARTITIONS) if before.get(p) == after.get(p)]
            moved = [p for p in range(PARTITIONS) if before.get(p) != after.get(p)]
            longest = [f"{max(watch.gap(p, begin, end) for p in part):.2f}" if part else "–" for part in (stayed, moved)]
            print(f"| {change} | {processes} | {len(stayed)} | **{longest[0]}** | {len(moved)} | **{longest[1]}** | "
                  f"{watch.rate((begin + end) / 2, end):,.0f} |", flush=True)
    finally:
        if watch:
            watch.end()
        if feed_process:
            feed_process.terminate()
        for engine in engines.values():
            if engine.process and engine.process.poll() is None:
                engine.kill()
        kafka.stop()
        if not options.directory:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
