#!/usr/bin/env python3
"""Many timers that fall due at once: how long until all have fired, and whom that keeps waiting.

Every customer has looked at a page, which arms a timer. Some were the first to do so, all within one second: a day
later, on the clock of events, their timers fall due within one second, and of nobody else. Customers among the others
turn to support all the while, at a fixed pace, and are answered at once, with the page that they looked at. The
delay of an answer is from the moment at which its event is meant to be sent until a read_committed reader has it.
Exactly those who are due must be reminded, once each, and every event of support answered.
"""

import argparse
import array
import collections
import multiprocessing
import pathlib
import shutil
import sys
import tempfile
import time

import stage
from heading import heading

sys.path.insert(0, str(stage.ROOT / "benchmarks/compare"))

import systems  # noqa: E402  (needs the path above)
import watch  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from latency import event_time_ms  # noqa: E402

PIPELINE = """\
application: {application}
kafka: {{bootstrap: "{bootstrap}"}}
runtime: {{instance: {instance}, state_dir: {state_dir}, memory: {memory}, recovery_budget: {budget}s}}
admin: {{listen: "{admin}"}}
time: {{idle: hold}}
sources:
  browse: {{topic: browse, type: ebb.bench.Browse, lateness: 0s}}
  support: {{topic: support, type: ebb.bench.Support, lateness: 0s}}
operators:
  - {{id: reminder, type: bench-reminder, inputs: [browse, support], config: {{wait: 1d}}}}
sinks:
  reminders: {{topic: reminders, type: ebb.bench.Reminder, inputs: [reminder]}}
  answers: {{topic: answers, type: ebb.bench.Answer, inputs: [reminder]}}
dead_letters: {{topic: dead-letters}}
"""

TOPICS = ("browse", "support", "reminders", "answers", "dead-letters")
TARGET_FIRED_S = 12
TARGET_DELAY_S = 1

SECOND_MS, MINUTE_MS, DAY_MS = 1000, 60_000, 86_400_000
# The others look at something so much later than those who are due that they are not while anything is measured.
OTHERS_FROM_MS, OTHERS_TO_MS = 10 * MINUTE_MS, 20 * 60 * MINUTE_MS
LEAD_S = 2  # From the start of support to its first event.
FIRE_S = 300
FILL_S = 3600
PAGE = (stage.field(2, b"/c/garden/4711") + stage.field(3, b"s-00000000") +
        stage.field(4, b"sku-garden-furniture-004711"))


def header(number, customer, time_ms):
    return stage.field(1, stage.field(1, b"e%d" % number) + stage.field(2, customer.encode()) + stage.field(3, time_ms))


def look(bootstrap, timers, due, start_ms):
    """Everybody looks at a page: those who are due within the first second, the others over the day."""
    producer = stage.producer_of(bootstrap, {"linger.ms": 20})
    for number in range(timers):
        if number < due:
            time_ms = start_ms + number * SECOND_MS // due
        else:
            time_ms = start_ms + OTHERS_FROM_MS + (number - due) * (OTHERS_TO_MS - OTHERS_FROM_MS) // (timers - due)
        customer = stage.customer_name(number)
        stage.send(producer, "browse", customer, header(number, customer, time_ms) + PAGE)
        if number % 1000 == 0:
            producer.poll(0)
    producer.flush()


class Pace:
    """When events of support are meant to be sent: the moment `from_ms` of event time is `from_wall` on the clock."""

    def __init__(self, from_ms, from_wall, rate):
        self.from_ms, self.from_wall, self.rate = from_ms, from_wall, rate

    def time_ms(self, number):
        return self.from_ms + number * 1000 // self.rate

    def wall(self, time_ms):
        return self.from_wall + (time_ms - self.from_ms) / 1000


def ask(bootstrap, pace, first, last, ending, sent):
    """Customers from `first` to `last` turn to support, one after the other, until told to end."""
    producer = stage.producer_of(bootstrap, {"linger.ms": 1})
    number = 0
    while not ending.is_set():
        time_ms = pace.time_ms(number)
        time.sleep(max(0.0, pace.wall(time_ms) - time.time()))
        # In an order that a cache cannot guess.
        customer = stage.customer_name(first + number * 2654435761 % (last - first))
        stage.send(producer, "support", customer, header(number, customer, time_ms) + stage.field(2, b"t%d" % number))
        producer.poll(0)
        number += 1
    producer.flush()
    sent.value = number


class Reader:
    """Reads a topic as it is committed, in a process of its own, and notes when each record came and, where
    `with_time`, its event's time."""

    def __init__(self, bootstrap, topic, with_time):
        self.bootstrap, self.topic, self.with_time = bootstrap, topic, with_time
        self.count = multiprocessing.Value("q", 0)
        self.ending = multiprocessing.Event()
        self.receiver, sender = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self._read, args=(sender,), daemon=True)
        self.process.start()
        sender.close()  # Of this process, so that an end of the other one is noticed.

    def _read(self, sender):
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": f"storm-{self.topic}",
                             "isolation.level": "read_committed", "fetch.wait.max.ms": 10,
                             "enable.auto.commit": False, "log_level": 2})
        consumer.assign([TopicPartition(self.topic, p, 0) for p in range(watch.PARTITIONS)])
        walls, times = array.array("d"), array.array("q")
        while not self.ending.is_set():
            records = consumer.consume(2000, timeout=0.02)
            now = time.time()
            for record in records:
                if record.error() is None:
                    walls.append(now)
                    times.append(int(event_time_ms(record)) if self.with_time else 0)
            self.count.value = len(walls)
        consumer.close()
        sender.send((walls, times))

    def end(self):
        """(when it came, its event's time in ms) of each record."""
        self.ending.set()
        walls, times = self.receiver.recv()
        self.process.join()
        return list(zip(walls, times))


def customers_of(bootstrap, topic):
    """How many results there are by customer."""
    return collections.Counter(record.key().decode() for record in watch.committed_records(bootstrap, topic))


def judge(bootstrap, due, sent):
    """Refuses wrong answers."""
    reminded = customers_of(bootstrap, "reminders")
    expected = collections.Counter(stage.customer_name(number) for number in range(due))
    if reminded != expected:
        raise SystemExit(f"expected each of the {due} customers who were due to be reminded once; "
                         f"{len(expected - reminded)} were not, {(reminded - expected).total()} reminders are too many")
    answers = customers_of(bootstrap, "answers").total()
    if answers != sent:
        raise SystemExit(f"expected each of {sent} events of support to be answered once, got {answers} answers")
    dead = customers_of(bootstrap, "dead-letters").total()
    if dead:
        raise SystemExit(f"expected no dead letters, got {dead}")


def drained(engine):
    """All that was sent is processed and committed."""
    samples = engine.metrics().get("ebb_source_caught_up", {})
    return samples and all(samples.values())


class Storm:
    def __init__(self, options, directory, kafka):
        self.options, self.bootstrap = options, kafka.bootstrap
        self.engine = stage.Engine(directory, kafka.bootstrap, application="storm", memory=options.memory,
                                   pipeline=PIPELINE, binary=str(systems.BINARIES / "ebb/ebb-bench"))
        # Two days ago, so that nothing is ahead of the clock.
        self.start_ms = int(time.time() * 1000) - 2 * DAY_MS

    def measure(self):
        options = self.options
        self.engine.start()
        feed = multiprocessing.Process(target=look, daemon=True,
                                       args=(self.bootstrap, options.timers, options.due, self.start_ms))
        feed.start()
        stage.wait_until(lambda: feed.exitcode is not None, FILL_S, "everybody has looked at a page")
        if feed.exitcode != 0:
            raise SystemExit(f"the feed failed with exit code {feed.exitcode}")
        stage.wait_until(lambda: self.engine.total("ebb_records_in_total") >= options.timers and drained(self.engine),
                         FILL_S, "every timer is armed")
        reminders = Reader(self.bootstrap, "reminders", with_time=False)
        answers = Reader(self.bootstrap, "answers", with_time=True)
        # The first timer falls due `before` seconds after the first event of support.
        pace = Pace(self.start_ms + DAY_MS - options.before * SECOND_MS, time.time() + LEAD_S, options.rate)
        begin = pace.wall(self.start_ms + DAY_MS)
        ending, sent = multiprocessing.Event(), multiprocessing.Value("q", 0)
        support = multiprocessing.Process(target=ask, daemon=True, args=(self.bootstrap, pace, options.due,
                                                                         options.timers, ending, sent))
        support.start()
        stage.wait_until(lambda: reminders.count.value >= options.due, LEAD_S + options.before + FIRE_S,
                         "every timer that is due has fired")
        ending.set()
        support.join()
        stage.wait_until(lambda: answers.count.value >= sent.value, FIRE_S, "all of support is answered")
        rss = watch.peak_rss_bytes(self.engine.process.pid)
        self.engine.stop()
        end = max(wall for wall, _ in reminders.end())
        delays = [(wall, wall - pace.wall(time_ms)) for wall, time_ms in answers.end()]
        judge(self.bootstrap, options.due, sent.value)
        calm = [delay for wall, delay in delays if wall < begin]
        meanwhile = [delay for wall, delay in delays if wall >= begin and wall - delay <= end]
        return end - begin, max(calm), max(meanwhile), rss

    def line(self):
        fired, calm, meanwhile, rss = self.measure()
        return (f"| {self.options.timers:,} | {self.options.due:,} | **{fired:.1f}** | {TARGET_FIRED_S} | {calm:.2f} | "
                f"**{meanwhile:.2f}** | {TARGET_DELAY_S} | {rss / 2**20:,.0f} of {self.options.memory} |")


HEAD = """\
| timers armed | due within one second | all fired after, s | target, s | longest delay of others before, s | \
meanwhile, s | target, s | peak RSS, MiB |
|---:|---:|---:|---:|---:|---:|---:|---:|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timers", type=int, default=10_000_000,
                        help="customers, one timer each (default %(default)s)")
    parser.add_argument("--due", type=int, default=1_000_000, help="of them within one second (default %(default)s)")
    parser.add_argument("--rate", type=int, default=2000, help="events of support a second (default %(default)s)")
    parser.add_argument("--before", type=int, default=20, help="seconds of support before (default %(default)s)")
    parser.add_argument("--memory", default="2GiB", help="`memory` of the process (default %(default)s)")
    parser.add_argument("--directory", help="where broker and state are kept; a temporary one unless given")
    options = parser.parse_args()
    if not 0 < options.due < options.timers:
        parser.error(f"expected --due to be at least 1 and below --timers {options.timers}, got {options.due}")
    directory = pathlib.Path(options.directory or tempfile.mkdtemp(prefix="ebb-storm-"))
    directory.mkdir(parents=True, exist_ok=True)
    print(f"{heading()}\n{HEAD}", flush=True)
    kafka = stage.Kafka(directory / "kafka")
    storm = Storm(options, directory, kafka)
    try:
        kafka.start()
        kafka.create(*(f"{topic}:{watch.PARTITIONS}" for topic in TOPICS))
        print(storm.line(), flush=True)
    finally:
        if storm.engine.process and storm.engine.process.poll() is None:
            storm.engine.kill()
        kafka.stop()
        shutil.rmtree(directory / "kafka", ignore_errors=True)
        shutil.rmtree(storm.engine.state, ignore_errors=True)
    if not options.directory:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
