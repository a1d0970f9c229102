"""The three brokers, their topics, and what a client of its own sees of them."""

import bisect
import os
import pathlib
import signal
import subprocess
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from shop import SOURCES

ROOT = pathlib.Path(__file__).resolve().parents[3]
SINKS = ["features", "alerts", "triggers", "withheld", "dead-letters"]
PARTITIONS = 12
BROKERS = 3
GROUP = "chaos"
PORT = 22000  # Brokers; controllers follow ten further on.
LISTENERS = 22020  # Where the brokers listen for the proxy,
PROXY = 22040  # and where the proxy listens.

START_ATTEMPTS = 3


def client(bootstrap):
    """What all clients of the test have in common: brokers that are away are no news here."""
    return {"bootstrap.servers": bootstrap, "log_level": 2}


def source_partitions():
    return [TopicPartition(f"chaos.{source}", p) for source in SOURCES for p in range(PARTITIONS)]


class Cluster:
    def __init__(self, directory):
        self.directory = directory
        self.bootstrap = ",".join(f"127.0.0.1:{PORT + i}" for i in range(BROKERS))
        self.starting = []
        self.admin = None

    def kafka(self, command, *arguments):
        with open(self.directory.parent / "kafka.log", "ab") as log:
            return subprocess.Popen(["bash", str(ROOT / "deploy/kafka/kafka.sh"), command, "--dir",
                                     str(self.directory), *arguments], stdout=log, stderr=log)

    def start(self):
        # It gives up after a minute, which a busy machine may need for three brokers; what has started stays.
        for _ in range(START_ATTEMPTS):
            if self.kafka("start", "--brokers", str(BROKERS), "--port", str(PORT), "--proxied",
                          f"{LISTENERS}:{PROXY}").wait() == 0:
                return
        raise RuntimeError(f"the brokers do not start; see {self.directory.parent}/kafka.log")

    def create_topics(self):
        topics = [NewTopic(f"chaos.{name}", num_partitions=PARTITIONS, replication_factor=BROKERS)
                  for name in SOURCES + SINKS]
        # One for all questions: to destroy a client holds up every thread of Python while a broker is away.
        self.admin = AdminClient(client(self.bootstrap))
        for done in self.admin.create_topics(topics).values():
            done.result()

    def stop(self):
        for process in self.starting:
            process.wait()
        self.kafka("stop").wait()

    def pid(self, broker):
        return int((self.directory / str(broker) / "pid").read_text())

    def kill(self, broker):
        os.kill(self.pid(broker), signal.SIGKILL)

    def restart(self):
        """Starts the brokers that do not run, and does not wait."""
        self.starting = [p for p in self.starting if p.poll() is None] + [self.kafka("start")]

    def whole(self):
        """Every partition has all of its replicas in sync, and a broker that was restarted has come up."""
        if any(process.poll() is None for process in self.starting):
            return False
        try:
            topics = self.admin.list_topics(timeout=5).topics
        except KafkaException:
            return False
        return all(len(p.isrs) == BROKERS for topic in topics.values() for p in topic.partitions.values())


class Progress:
    """Follows the group's committed offsets, in a thread of its own and past the proxy."""

    POLL_S = 0.2
    STUCK_AFTER_S = 120

    def __init__(self, bootstrap):
        self.consumer = Consumer({**client(bootstrap), "group.id": GROUP, "enable.auto.commit": False,
                                  "isolation.level": "read_uncommitted"})
        self.lock = threading.Lock()
        self.committed = [0] * PARTITIONS  # All sources of a partition together.
        self.moves = [[] for _ in range(PARTITIONS)]  # When each moved on.
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(self.POLL_S):
            try:
                answers = self.consumer.committed(source_partitions(), timeout=3)
            except KafkaException:
                continue
            totals = [0] * PARTITIONS
            for answer in answers:
                totals[answer.partition] += max(answer.offset, 0)
            now = time.monotonic()
            with self.lock:
                for p, total in enumerate(totals):
                    if total > self.committed[p]:
                        self.committed[p] = total
                        self.moves[p].append(now)

    def resumed(self, since):
        """When every partition had committed twice after a moment (once may be what was under way); None if not yet."""
        with self.lock:
            after = [moves[bisect.bisect_right(moves, since):][:2] for moves in self.moves]
        return max(moves[1] for moves in after) if all(len(moves) > 1 for moves in after) else None

    def stuck(self):
        """Partitions that have not moved on for too long."""
        limit = time.monotonic() - self.STUCK_AFTER_S
        with self.lock:
            return [p for p, moves in enumerate(self.moves) if moves and moves[-1] < limit]

    def total(self):
        with self.lock:
            return sum(self.committed)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.consumer.close()
