"""What the cases of tests/bad-input share: pipelines, processes, records, and rows."""

import json
import re
import signal
import subprocess
import threading
import time

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from support import EBB, Kafka, Pipeline, field, wait_until

PARTITIONS = 2
END_LIMIT = 25  # Seconds: what is refused is refused soon, but after a crash the group waits a session out.
READY_LIMIT = 60
LOG_LINE = re.compile(r"^\S+Z (debug|info|warning|error) (.*)$")

# NAME is replaced by that of the case.
PIPELINE = """\
application: NAME
kafka: {bootstrap: "${KAFKA_BOOTSTRAP}"}
runtime: {state_dir: "${EBB_STATE_DIR}", session_timeout: 6s}
admin: {listen: "${EBB_ADMIN_LISTEN}"}
time: {idle: hold}
sources:
  purchases: {topic: NAME.purchases, type: ebb.v1.Purchase, format: json}
  browses: {topic: NAME.browses, type: ebb.v1.Browse}
operators:
  - {id: intake, type: intake, inputs: [purchases, browses]}
  - {id: profile, type: customer-profile, inputs: [intake]}
sinks:
  features: {topic: NAME.features, type: ebb.v1.CustomerFeatures, inputs: [profile], format: json}
dead_letters: {topic: NAME.dead-letters}
"""


class Row:
    """What was done, what came of it, what a person sees, and what of that is not as it should be."""

    def __init__(self, done, outcome, message, faults=()):
        self.done = done
        self.outcome = outcome
        self.message = message
        self.faults = list(faults)

    def expect(self, true, otherwise):
        if not true:
            self.faults.append(otherwise)
        return self

    def expect_words(self, *words):
        for word in words:
            self.expect(word in self.message, f"the message does not say {word!r}")
        return self


def now_ms():
    return int(time.time() * 1000)


def purchase(customer, event, time_ms=None, **changes):
    """A sound purchase, but for the changes: a field is replaced, one of the header by its name after `header_`."""
    header = {"eventId": event, "customerId": customer, "eventTimeMs": str(time_ms or now_ms()), "source": "till-1",
              "channel": "CHANNEL_STORE"}
    value = {"orderId": f"order-{event}", "kind": "ORDER", "currency": "EUR",
             "lines": [{"sku": "milk", "category": "dairy", "quantityMilli": "1000", "priceMinor": "129"}]}
    for name, change in changes.items():
        target, name = (header, name[len("header_"):]) if name.startswith("header_") else (value, name)
        target[name] = change
    return json.dumps({"header": header, **value}).encode()


def browse(customer, event, time_ms=None, sku=b"milk"):
    """A sound view of an article, in protobuf."""
    header = (field(1, event.encode()) + field(2, customer.encode()) + field(3, time_ms or now_ms()) +
              field(4, b"web"))
    return field(1, header) + field(2, 1) + field(5, sku)


def read_message(log):
    """What stands at the end of a log: its errors, else its last warning, else what a refused file is told."""
    lines = [LOG_LINE.match(line) for line in log.splitlines()]
    for level, last in (("error", 0), ("warning", -1)):
        found = [line.group(2) for line in lines if line and line.group(1) == level]
        if found:
            return "\n".join(found[last:])
    return "\n".join(line for line in log.splitlines() if not LOG_LINE.match(line))


def admin_of(kafka):
    return AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 4})


def read_line(log, words):
    """The first line of a log with these words, without its time; empty when there is none."""
    return next((line.split(" ", 1)[1] for line in log.splitlines() if words in line and " " in line), "")


class Bench:
    """A broker for all cases, and what they leave behind."""

    def __init__(self, directory, kafka):
        self.directory = directory
        self.kafka = kafka
        self._lock = threading.Lock()
        self._processes = []
        self._brokers = [kafka]

    def close(self):
        for process in self._processes:
            process.kill()
            process.wait()
        for broker in self._brokers:
            broker.stop()

    def broker(self, name, kind=Kafka):
        broker = kind(self.directory / name)
        with self._lock:
            self._brokers.append(broker)
        return broker

    def pipeline(self, name, edit=lambda text: text, broker=None, state=None):
        """The small pipeline above, under that name."""
        broker = broker or self.kafka
        with self._lock:  # Ports are looked for one after the other.
            pipeline = Pipeline(name, self.directory, broker.bootstrap,
                                edit=lambda _: edit(PIPELINE.replace("NAME", name)))
        if state is not None:
            pipeline.environment["EBB_STATE_DIR"] = str(state)
        return pipeline

    def create(self, *topics, broker=None, **settings):
        """Topics by name, or (name, partitions)."""
        wanted = [topic if isinstance(topic, tuple) else (topic, PARTITIONS) for topic in topics]
        admin = admin_of(broker or self.kafka)
        created = admin.create_topics([NewTopic(name, count, 1, config=settings) for name, count in wanted])
        for topic, future in created.items():
            future.result(30)
            # A broker learns of it a moment after it has been decided on.
            wait_until(lambda: admin.list_topics(topic, timeout=10).topics[topic].error is None, 30, f"topic {topic}")

    def start(self, pipeline, *arguments, command=(), ready=True):
        """`ebb run`, by way of `command`; by default until it is ready."""
        with open(pipeline.directory / f"{pipeline.name}.log", "ab") as log:
            process = subprocess.Popen([*command, EBB, "run", str(pipeline.file), *arguments],
                                       env=pipeline.environment, stdout=log, stderr=log)
        with self._lock:
            self._processes.append(process)
        if ready:
            wait_until(lambda: pipeline.get("/readyz") or process.poll() is not None, READY_LIMIT,
                       f"{pipeline.name} ready:\n{pipeline.log()}")
            assert process.poll() is None, f"{pipeline.name} ended with {process.returncode}:\n{pipeline.log()}"
        return process

    def stop(self, process, within=20):
        """SIGTERM; the exit code, which is "none" of a process that does not end."""
        process.send_signal(signal.SIGTERM)
        return self.exit_code(process, within)

    @staticmethod
    def exit_code(process, within):
        try:
            return process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "none"

    def refused(self, done, pipeline, *words, within=END_LIMIT, process=None, log_from=0):
        """A row for a process that ends by itself with exit code 1 and these words."""
        process = process or self.start(pipeline, ready=False)
        began = time.monotonic()
        code = self.exit_code(process, within)
        took = time.monotonic() - began
        row = Row(done, f"exit code {code} after {took:.1f} s", read_message(pipeline.log()[log_from:]))
        row.expect(code == 1, f"expected exit code 1 within {within} s; the log:\n{pipeline.log()[log_from:][-2000:]}")
        return row.expect_words(*words)


class Sender:
    """Sends records, and knows where each went."""

    def __init__(self, kafka):
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random",
                                   "message.max.bytes": 8 << 20, "enable.idempotence": True, "log_level": 2})

    def post(self, topic, key, value, partition=None):
        """Returns a list that holds (partition, offset) after the next flush."""
        place = []

        def delivered(error, message):
            assert error is None, error
            place.extend((message.partition(), message.offset()))

        where = {} if partition is None else {"partition": partition}
        self._producer.produce(topic, value, key, on_delivery=delivered, **where)
        self._producer.poll(0)
        return place

    def flush(self, seconds=60):
        left = self._producer.flush(seconds)
        assert left == 0, f"{left} records could not be sent within {seconds} s"

    def send(self, topic, key, value, partition=None):
        place = self.post(topic, key, value, partition)
        self.flush()
        return tuple(place)
