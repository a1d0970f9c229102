"""Reads back what went in, as far as the group has committed, and what came out, as far as it is committed."""

import array
import json
import time

from confluent_kafka import Consumer, TopicPartition

import changelog
from cluster import GROUP, PARTITIONS, SINKS, client, source_partitions
from shop import SOURCES
from support import wait_until

NO_TIME = -1  # Of an event that cannot be read.
BATCH = 1000
BATCH_S = 0.1  # A batch that is not full is waited for so long.
SILENCE_LIMIT_S = 60
SETTLE_LIMIT_S = 60


class Row:
    """One result, of the task of `partition`."""

    __slots__ = ("partition", "timestamp_ms", "customer", "id", "value")

    def __init__(self, partition, timestamp_ms, customer, identity, value):
        self.partition, self.timestamp_ms, self.customer = partition, timestamp_ms, customer
        self.id, self.value = identity, value


class Collected:
    """`times` and `who`: by source and partition, of each offset. `events`: of each customer, (time, source, event).
    `results`: by sink, rows in the order of their partition. `epochs`: by partition."""

    def __init__(self):
        self.times = {(s, p): array.array("q") for s in SOURCES for p in range(PARTITIONS)}
        self.who = {(s, p): [] for s in SOURCES for p in range(PARTITIONS)}
        self.events = {}
        self.bad = set()  # (source, partition, offset)
        self.results = {sink: [] for sink in SINKS}
        self.dead = []  # (source, partition, offset, reason), by the headers of the dead letters
        self.epochs = {p: [] for p in range(PARTITIONS)}
        self.sources = {}  # By partition, in the order of its epoch records.
        self.committed = {}  # By source and partition.
        self.unread = 0  # Records beyond the committed offsets.
        self.files = None


def read(bootstrap, topic, isolation, ends=None):
    """Yields the messages of a topic: up to `ends` by partition, or to its end."""
    consumer = Consumer({**client(bootstrap), "group.id": "verifier", "enable.auto.commit": False,
                         "isolation.level": isolation, "enable.partition.eof": True})
    try:
        going = {p for p in range(PARTITIONS) if ends is None or ends[p] > 0}
        consumer.assign([TopicPartition(topic, p, 0) for p in going])
        heard = time.monotonic()
        while going:
            messages = consumer.consume(BATCH, BATCH_S)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() > heard + SILENCE_LIMIT_S:
                raise RuntimeError(f"{topic} does not answer")
            for message in messages:
                p = message.partition()
                if p not in going:
                    continue
                if message.error():
                    going.discard(p)  # Its end.
                    continue
                if ends is None or message.offset() < ends[p]:
                    yield message
                if ends is not None and message.offset() >= ends[p] - 1:
                    going.discard(p)
    finally:
        consumer.close()


def await_settled(bootstrap):
    """Waits until no transaction is open in any topic of results: what was left behind has been aborted then."""
    handles = [Consumer({**client(bootstrap), "group.id": "verifier", "isolation.level": isolation})
               for isolation in ("read_committed", "read_uncommitted")]

    def settled(partition):
        return len({handle.get_watermark_offsets(partition, timeout=10)[1] for handle in handles}) == 1

    try:
        for topic in SINKS + ["changelog"]:
            for p in range(PARTITIONS):
                partition = TopicPartition(f"{GROUP}.{topic}", p)
                wait_until(lambda: settled(partition), SETTLE_LIMIT_S, f"no open transaction in {topic}, partition {p}")
    finally:
        for handle in handles:
            handle.close()


def collect(bootstrap, directory):
    await_settled(bootstrap)
    data = Collected()
    data.files = directory / "collected"
    data.files.mkdir(exist_ok=True)
    consumer = Consumer({**client(bootstrap), "group.id": GROUP, "enable.auto.commit": False})
    for answer in consumer.committed(source_partitions(), timeout=30):
        data.committed[answer.topic.split(".", 1)[1], answer.partition] = max(answer.offset, 0)
        data.unread += consumer.get_watermark_offsets(answer, timeout=10)[1] - max(answer.offset, 0)
    consumer.close()
    for source in SOURCES:
        collect_source(bootstrap, data, source)
    for sink in SINKS:
        collect_sink(bootstrap, data, sink)
    collect_changelog(bootstrap, data)
    return data


def collect_source(bootstrap, data, source):
    ends = [data.committed[source, p] for p in range(PARTITIONS)]
    with open(data.files / f"{source}.jsonl", "wb") as out:
        for message in read(bootstrap, f"chaos.{source}", "read_uncommitted", ends):
            place = source, message.partition()
            assert message.offset() == len(data.times[place]), f"{place}: offsets are not consecutive"
            customer = message.key().decode()
            data.who[place].append(customer)
            try:
                event = json.loads(message.value())
            except ValueError:
                data.bad.add((*place, message.offset()))
                data.times[place].append(NO_TIME)
                continue
            at_ms = int(event["header"]["eventTimeMs"])
            data.times[place].append(at_ms)
            data.events.setdefault(customer, []).append((at_ms, source, event))
            out.write(message.value() + b"\n")


def collect_sink(bootstrap, data, sink):
    with open(data.files / f"results-{sink}.jsonl", "wb") as out:
        for message in read(bootstrap, f"chaos.{sink}", "read_committed"):
            headers = {name: value.decode() for name, value in message.headers() or []}
            partition, value = message.partition(), None
            if sink == "dead-letters":
                topic, at, offset, reason = (headers[f"__streams.errors.{what}"]
                                             for what in ("topic", "partition", "offset", "exception"))
                partition = int(at)  # Of the task; the key may lead the dead letter elsewhere.
                data.dead.append((topic.split(".", 1)[1], partition, int(offset), reason))
            else:
                value = json.loads(message.value())
                out.write(message.value() + b"\n")
            data.results[sink].append(Row(partition, message.timestamp()[1], (message.key() or b"").decode(),
                                          headers.get("ce_id"), value))


def collect_changelog(bootstrap, data):
    entries = [0] * PARTITIONS
    for message in read(bootstrap, f"{GROUP}.changelog", "read_committed"):
        p, key = message.partition(), message.key()
        if key[0] == changelog.EPOCH:
            data.epochs[p].append(changelog.Epoch(message.value(), message.timestamp()[1], entries[p]))
            entries[p] = 0
            continue
        entries[p] += 1
        if key[0] == changelog.META and message.value():
            data.sources[p] = changelog.sources_of(message.value())
