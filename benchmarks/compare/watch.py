"""Watches a process and a consumer group: CPU, memory, and how far it has committed."""

import contextlib
import dataclasses
import os
import pathlib

from confluent_kafka import Consumer, KafkaException, TopicPartition

TICKS = os.sysconf("SC_CLK_TCK")
PARTITIONS = 4
KINDS = ["browse", "purchase", "support"]


def cpu_seconds(pid):
    """User and system time of a process and of its children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


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


class Group:
    """How far a consumer group has committed its input."""

    def __init__(self, bootstrap, group, prefix):
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False,
                                  "log_level": 2})
        self.partitions = [TopicPartition(f"{prefix}.{kind}", p) for kind in KINDS for p in range(PARTITIONS)]
        self.last = 0

    def committed(self):
        """How many events; as many as the time before while the group's coordinator cannot say."""
        with contextlib.suppress(KafkaException):
            self.last = sum(max(0, t.offset) for t in self.consumer.committed(self.partitions, timeout=30))
        return self.last

    def close(self):
        self.consumer.close()


def ends(bootstrap, topic, isolation):
    """The end offsets of a topic's partitions, as a reader of this isolation sees them."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-ends", "isolation.level": isolation,
                         "log_level": 2})
    try:
        return [consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30)[1] for p in range(PARTITIONS)]
    finally:
        consumer.close()
