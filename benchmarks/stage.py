"""What the benchmarks on a broker share: a broker, a pipeline with a small state, a feed, and `ebb run` watched."""

import multiprocessing
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

from confluent_kafka import Producer  # noqa: E402
from support import Kafka, field, free_port, wait_until  # noqa: E402,F401

EBB = os.environ.get("EBB_BINARY", str(ROOT / "build/release/ebb"))

PIPELINE = """\
application: {application}
kafka: {{bootstrap: {bootstrap}}}
runtime: {{instance: {instance}, state_dir: {state_dir}, memory: {memory}, recovery_budget: {budget}s}}
admin: {{listen: {admin}}}
time: {{idle: hold}}
sources:
  purchases: {{topic: purchases, type: ebb.v1.Purchase}}
operators:
  - {{id: profile, type: customer-profile, inputs: [purchases]}}
sinks:
  features: {{topic: features, type: ebb.v1.CustomerFeatures, inputs: [profile]}}
dead_letters: {{topic: dead-letters}}
"""

LIVE = re.compile(r"^(\S+) info partition (\d+): (?:kept|live at epoch \d+; (\d+) changelog records restored, (\d+) "
                  r"epochs and (\d+) records redone in (\d+) ms)", re.M)


# Order, one line and its currency: the part of a purchase that is the same in all.
TAIL = (field(3, 1) + field(4, field(1, b"sku-1") + field(2, b"c-1") + field(3, 1000) + field(4, 967)) +
        field(7, b"EUR"))


def purchase(number, customer, time_ms):
    """A purchase of one article, as its protobuf bytes: about 75."""
    header = field(1, f"e{number}".encode()) + field(2, customer.encode()) + field(3, time_ms)
    return field(1, header) + field(2, f"o{number}".encode()) + TAIL


def customer_name(number):
    return f"customer-{number:08d}"


def producer_of(bootstrap, settings):
    return Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "compression.type": "lz4",
                     "queue.buffering.max.messages": 500_000, "log_level": 2, **settings})


def send(producer, topic, customer, value):
    """Waits while the producer's queue is full."""
    while True:
        try:
            producer.produce(topic, value, customer)
            return
        except BufferError:
            producer.poll(0.05)


def _feed(bootstrap, first, count, customers, start_ms, rate):
    producer = producer_of(bootstrap, {"linger.ms": 20, "batch.size": 256 * 1024})
    began = time.monotonic()
    for i in range(first, first + count):
        # Each customer once, then again in an order that a cache cannot guess.
        number = i if i < customers else (i * 2654435761 + (i >> 7)) % customers
        customer = customer_name(number)
        send(producer, "purchases", customer, purchase(i, customer, start_ms + i))
        if i % 1000 == 0:
            producer.poll(0)
            if rate:
                time.sleep(max(0.0, began + (i - first) / rate - time.monotonic()))
    producer.flush()


class Feed:
    """Purchases of a number of customers, on and on, from a process of its own; one millisecond of event time apart."""

    def __init__(self, bootstrap, customers):
        self.bootstrap, self.customers = bootstrap, customers
        self.sent = 0
        self.start_ms = int((time.time() - 86400 * 20) * 1000)

    def start(self, count, rate=None):
        process = multiprocessing.Process(target=_feed, args=(self.bootstrap, self.sent, count, self.customers,
                                                              self.start_ms, rate))
        process.start()
        self.sent += count
        return process

    def send(self, count):
        process = self.start(count)
        process.join()
        if process.exitcode != 0:
            raise RuntimeError("the feed failed")


class Engine:
    """One `ebb run`: its file, its state, its log."""

    def __init__(self, directory, bootstrap, instance="one", application="bench", memory="1GiB", pipeline=PIPELINE,
                 binary=EBB):
        self.pipeline, self.binary = pipeline, binary
        self.directory = pathlib.Path(directory)
        self.state = self.directory / f"{instance}-state"
        self.log = self.directory / f"{instance}.log"
        self.file = self.directory / f"{instance}.yaml"
        self.settings = dict(application=application, bootstrap=bootstrap, instance=instance, state_dir=self.state,
                             memory=memory)
        self.process = None

    def start(self, budget=10):
        self.admin = f"127.0.0.1:{free_port()}"
        self.file.write_text(self.pipeline.format(budget=budget, admin=self.admin, **self.settings))
        self.log_from = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.started = time.time()
            self.process = subprocess.Popen([self.binary, "run", str(self.file)], stdout=log, stderr=log)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """A clean stop; how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(600) != 0:
            raise RuntimeError(f"a clean stop ended with {self.process.returncode}, see {self.log}")
        return time.monotonic() - began

    def said(self):
        with open(self.log) as log:
            log.seek(self.log_from)
            return log.read()

    def metrics(self):
        """The samples of a metric by its labels, of all metrics; empty before the page is there."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.binary} has ended with {self.process.returncode}, see {self.log}")
        try:
            with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=30) as answer:
                page = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return {}
        samples = {}
        for line in page.splitlines():
            if not line.startswith("#"):
                name, _, rest = line.partition("{")
                labels, _, value = rest.rpartition("} ") if rest else ("", "", line.rsplit(" ", 1)[1])
                samples.setdefault(name if rest else line.rsplit(" ", 1)[0], {})[labels] = float(value)
        return samples

    def total(self, name):
        return sum(self.metrics().get(name, {}).values())
