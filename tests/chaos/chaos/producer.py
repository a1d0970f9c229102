"""Sends the shop's events at their times, until it is told to stop: a process of its own, which never pauses.

Usage: producer.py BOOTSTRAP SEED RATE SUMMARY    (SIGTERM ends it; SUMMARY is written then)
"""

import collections
import json
import pathlib
import signal
import sys
import time

from confluent_kafka import Producer

from cluster import PARTITIONS, client
from shop import BAD_VALUE, SOURCES, Shop

FLUSH_LIMIT_S = 120


class Sender:
    def __init__(self, bootstrap):
        self.producer = Producer({
            **client(bootstrap), "enable.idempotence": True, "acks": "all", "linger.ms": 5,
            "partitioner": "murmur2_random", "message.timeout.ms": 600_000, "queue.buffering.max.messages": 2_000_000})
        self.sent = collections.Counter()
        self.acknowledged = collections.Counter()
        self.errors = collections.Counter()
        self.slowest_ms = 0

    def send(self, source, customer, value, partition=-1):
        began = time.monotonic()

        def delivered(error, _):
            if error:
                self.errors[str(error)] += 1
                return
            self.acknowledged[source] += 1
            self.slowest_ms = max(self.slowest_ms, round((time.monotonic() - began) * 1000))

        self.producer.produce(f"chaos.{source}", key=customer, value=value, partition=partition, on_delivery=delivered)
        self.sent[source] += 1

    def warm_up(self):
        """Opens all connections with records that cannot be read, so that the first events are not late."""
        for source in SOURCES:
            for partition in range(PARTITIONS):
                self.send(source, "warm-up", BAD_VALUE, partition)
        self.producer.flush(FLUSH_LIMIT_S)
        self.slowest_ms = 0


def main():
    bootstrap, seed, rate, summary = sys.argv[1:]
    sender = Sender(bootstrap)
    sender.warm_up()
    start_ms = round(time.time() * 1000)
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    latest = time.monotonic()
    longest_pause = 0.0
    for at_ms, source, customer, value in Shop(int(seed), float(rate), start_ms).events():
        while not stopped and (wait_s := at_ms / 1000 - time.time()) > 0:
            sender.producer.poll(min(wait_s, 0.02))
        if stopped:
            break
        sender.send(source, customer, value)
        sender.producer.poll(0)
        longest_pause = max(longest_pause, time.monotonic() - latest)
        latest = time.monotonic()
    sender.producer.flush(FLUSH_LIMIT_S)
    pathlib.Path(summary).write_text(json.dumps({
        "sent": sender.sent, "acknowledged": sender.acknowledged, "errors": sender.errors,
        "slowest_ms": sender.slowest_ms, "longest_pause_s": longest_pause, "ended_ms": round(time.time() * 1000)}))


if __name__ == "__main__":
    main()
