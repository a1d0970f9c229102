"""Watches a process and a consumer group: CPU, memory, and how far it has committed."""

import contextlib
import dataclasses
import os
import pathlib
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

TICKS = os.sysconf("SC_CLK_TCK")
PARTITIONS = 4
BATCH, BATCH_S = 5000, 0.1
PATIENCE_S, PAUSE_S = 30, 0.1


def cpu_seconds(pid):
    """User and system time of a process and of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def has_ended(process):
    """Whether it has, without reaping it as poll() would, and its total CPU time with it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def peak_rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def bytes_below(*directories):
    """The sizes of all files; those that vanish meanwhile are left out."""
    total = 0
    for directory in directories:
        for path, _, names in os.walk(directory):
            for name in names:
                try:
                    total += os.lstat(os.path.join(path, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
    return total


@dataclasses.dataclass
class Sample:
    time: float  # Monotonic.
    events: int  # Committed.
    cpu: float


def longest_stall(samples):
    """The longest time without a commit between the first commit and the last: all input is there from the start, so
    that some waits all the while."""
    moved = [b for a, b in zip(samples, samples[1:]) if b.events > a.events]
    return max((b.time - a.time for a, b in zip(moved, moved[1:])), default=0.0)


class Group:
    """How far a consumer group has committed its input."""

    def __init__(self, bootstrap, group, topics):
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
                                  "log_level": 2})
        self.partitions = [TopicPartition(topic, p) for topic in topics for p in range(PARTITIONS)]
        self.last = 0

    def committed(self):
        """How many events; as many as the time before while the group's coordinator cannot say."""
        with contextlib.suppress(KafkaException):
            self.last = sum(max(0, t.offset) for t in self.consumer.committed(self.partitions, timeout=30))
        return self.last

    def close(self):
        self.consumer.close()


def ends(bootstrap, topics, isolation):
    """The end offsets of each topic's partitions, as a reader of this isolation sees them; None of one that is not
    there."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-ends", "isolation.level": isolation,
                         "log_level": 2})

    def end(topic, partition):
        if topic not in there:
            return None
        began = time.monotonic()
        while True:
            try:
                return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)[1]
            except KafkaException as failure:
                # A broker that has just started takes a moment to lead its partitions.
                if failure.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                if time.monotonic() - began > PATIENCE_S:
                    raise
                time.sleep(PAUSE_S)

    try:
        there = consumer.list_topics(timeout=PATIENCE_S).topics
        return {topic: [end(topic, p) for p in range(PARTITIONS)] for topic in topics}
    finally:
        consumer.close()


def committed_records(bootstrap, topic):
    """Every record of a topic, one partition after the other."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-judge", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True, "log_level": 2})
    try:
        for partition in range(PARTITIONS):
            consumer.assign([TopicPartition(topic, partition, 0)])
            ended, heard = False, time.monotonic()
            while not ended:
                # Returns when the batch is full or the time is over, never before.
                records = consumer.consume(BATCH, timeout=BATCH_S)
                if records:
                    heard = time.monotonic()
                elif time.monotonic() - heard > PATIENCE_S:
                    raise RuntimeError(f"{topic} partition {partition} has not answered for {PATIENCE_S} s")
                for record in records:
                    if record.error() is None:
                        yield record
                    elif record.error().code() == KafkaError._PARTITION_EOF:
                        ended = True
                    else:
                        raise KafkaException(record.error())
    finally:
        consumer.close()
