"""What all cases share: a broker, the input, what must come of it, and processes."""

import collections
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support import EBB, ROOT, SOURCES, Kafka, Pipeline, free_port, wait_until

EBB_CRASH = os.environ.get("EBB_CRASH_BINARY", str(ROOT / "build/dev/tests/crash/ebb-crash"))
PARTITIONS = 2
EVENTS = 9000
CUSTOMERS = 100
UNTIL = "2025-08-01"
# By pipeline, the topics of its results. The forgetful one deletes customers; retail.yaml keeps them for ever.
RESULTS = {
    "retail": ["alerts", "triggers", "withheld", "features", "dead-letters"],
    "forgetful": ["purchases", "browses", "supports", "members", "engagements", "dead-letters"],
}
PATIENCE_S = 240

# Records come in small batches, so that there are many epochs; some write back, and all but the last leave a debt. A
# partition that is slow to deliver is waited for, since what is late depends on it.
RUNTIME = """\
runtime:
  instance: ${EBB_INSTANCE}
  memory: 128MiB
  commit_interval: 2ms
  commit_delay: 1ms
  recovery_budget: 30ms
  session_timeout: 6s
  transaction_timeout: 5s
"""
CONSUMER = """\
kafka:
  consumer: {fetch.message.max.bytes: "1"}
"""
FORGETFUL = """\
application: ${EBB_APPLICATION}
kafka:
  bootstrap: ${KAFKA_BOOTSTRAP}
runtime:
  state_dir: ${EBB_STATE_DIR}
admin: {listen: "${EBB_ADMIN_LISTEN}"}
time:
  idle: hold
sources:
  purchases: {topic: shop.purchases, type: ebb.v1.Purchase}
  browses: {topic: shop.browses, type: ebb.v1.Browse}
  supports: {topic: shop.supports, type: ebb.v1.Support}
  members: {topic: shop.members, type: ebb.v1.Member}
  engagements: {topic: shop.engagements, type: ebb.v1.Engagement}
operators:
  - {id: intake, type: intake, inputs: [purchases, browses, supports, members, engagements], config: {window: 1h}}
sinks:
  purchases: {topic: NAME.purchases, type: ebb.v1.Purchase, inputs: [intake]}
  browses: {topic: NAME.browses, type: ebb.v1.Browse, inputs: [intake]}
  supports: {topic: NAME.supports, type: ebb.v1.Support, inputs: [intake]}
  members: {topic: NAME.members, type: ebb.v1.Member, inputs: [intake]}
  engagements: {topic: NAME.engagements, type: ebb.v1.Engagement, inputs: [intake]}
dead_letters: {topic: NAME.dead-letters}
"""


def small_epochs(text):
    text = text.replace("runtime:\n", RUNTIME).replace("kafka:\n", CONSUMER)
    return text.replace("\ntime:\n", "\ntime:\n  max_wait: 10m\n")


def stopped(process):
    """Whether every thread of it has been frozen by SIGSTOP."""
    try:
        states = [(task / "stat").read_text().rsplit(")", 1)[1].split()[0]
                  for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):  # A thread has ended meanwhile.
        return False
    return bool(states) and all(state == "T" for state in states)


class Life:
    """A process from start to end, with a log of its own."""

    def __init__(self, binary, pipeline, log, instance, state_dir, plan=""):
        environment = dict(pipeline.environment, EBB_INSTANCE=instance, EBB_STATE_DIR=str(state_dir), EBB_CRASH=plan)
        self.log_file = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen([binary, "run", str(pipeline.file), "--until", UNTIL], env=environment,
                                            stdout=out, stderr=out)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def taken(self, step):
        """Whether it has come to the crash at `step`."""
        return f"crash point {step}\n" in self.log()

    def await_end(self):
        wait_until(lambda: self.process.poll() is not None, PATIENCE_S, f"an end of {self.log_file.stem}")
        return self.process.returncode

    def await_frozen(self, step, *later):
        """Waits until it is frozen at `step`; False when it ended without that, or was frozen at a `later` one."""
        wait_until(lambda: self.process.poll() is not None or
                   (any(map(self.taken, (step, *later))) and stopped(self.process)), PATIENCE_S, f"frozen at {step}")
        return self.process.poll() is None and self.taken(step)

    def signal(self, number):
        self.process.send_signal(number)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.process.kill()
        self.process.wait()


class Bench:
    def __init__(self, directory, port):
        self.directory = directory
        self.kafka = Kafka(directory / "kafka")
        self._next_port = None
        if port is not None:
            self.kafka.port, self.kafka.bootstrap = port, f"127.0.0.1:{port}"
            self._next_port = port + 20
        self._lock = threading.Lock()

    def start(self):
        self.kafka.start()
        self.admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap, "log_level": 4})
        topics = [NewTopic(f"shop.{source}", PARTITIONS) for source in SOURCES]
        for made in self.admin.create_topics(topics).values():
            made.result(PATIENCE_S)
        subprocess.run(
            [EBB, "generate", "--customers", str(CUSTOMERS), "--days", "120", "--start", "2025-01-01", "--events",
             str(EVENTS), "--seed", "7", "--disorder", "0.05", "--duplicates", "0.02", "--bad", "0.01",
             "--bootstrap", self.kafka.bootstrap, "--topic-prefix", "shop.", "--property", "batch.num.messages=4",
             "--truth", str(self.directory / "truth.jsonl")],
            check=True, stdout=subprocess.DEVNULL)
        self.expected, self.states = {}, {}
        for kind in RESULTS:
            self.states[kind] = self.directory / f"{kind}-state"
            life = self.life(EBB, self.pipeline(kind, kind), kind, "one", self.states[kind])
            if (code := life.await_end()) != 0:
                raise AssertionError(f"the undisturbed run of {kind} ended with {code}:\n{life.log()[-3000:]}")
            self.expected[kind] = self.results(kind, kind)

    def stop(self):
        self.kafka.stop()

    def admin_port(self):
        if self._next_port is None:
            return free_port()
        with self._lock:
            port, self._next_port = self._next_port, self._next_port + 1
            if self._next_port >= self.kafka.port + 100:
                self._next_port = self.kafka.port + 20
            return port

    def pipeline(self, kind, name):
        """A pipeline under a name of its own, with small epochs."""
        edit = small_epochs if kind == "retail" else lambda _: small_epochs(FORGETFUL.replace("NAME", name))
        return Pipeline(name, self.directory, self.kafka.bootstrap, edit=edit)

    def life(self, binary, pipeline, log, instance, state_dir, plan=""):
        pipeline.environment["EBB_ADMIN_LISTEN"] = f"127.0.0.1:{self.admin_port()}"
        return Life(binary, pipeline, self.directory / f"{log}.log", instance, state_dir, plan)

    def results(self, kind, application):
        """How often each result was committed: (topic, key, headers, value), without the application's name."""
        topics = {f"{application}.{result}": result for result in RESULTS[kind]}
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "reader",
                             "enable.auto.commit": False, "isolation.level": "read_committed",
                             "enable.partition.eof": True, "fetch.wait.max.ms": 10, "log_level": 4})
        found = collections.Counter()
        try:
            known = consumer.list_topics(timeout=10).topics
            open_partitions = {(topic, p) for topic in topics if topic in known for p in known[topic].partitions}
            consumer.assign([TopicPartition(topic, p, 0) for topic, p in open_partitions])
            while open_partitions:
                message = consumer.poll(10)
                if message is None:
                    raise AssertionError(f"no end of {sorted(open_partitions)}: a transaction is still open there")
                if message.error():
                    open_partitions.discard((message.topic(), message.partition()))
                    continue
                headers = tuple((name, value.decode().replace(f"/ebb/{application}", ""))
                                for name, value in message.headers() or [])
                found[(topics[message.topic()], message.key(), headers, message.value())] += 1
            return found
        finally:
            consumer.close()

    def compare(self, kind, application):
        """What is wrong with an application's results; empty when nothing is."""
        found, expected = self.results(kind, application), self.expected[kind]
        missing = sum((expected - found).values())
        extra = sum((found - expected).values())
        ids = collections.Counter()
        for (_, _, headers, _), count in found.items():
            ids[dict(headers).get("ce_id")] += count
        ids.pop(None, None)
        twice = sum(count > 1 for count in ids.values())
        faults = [(missing, "missing"), (extra, "too many or others"), (twice, "ids twice")]
        return ", ".join(f"{count} {what}" for count, what in faults if count)

    def forget(self, kind, application, *state_dirs):
        """Removes what a case has left on broker and disk."""
        topics = [f"{application}.{result}" for result in [*RESULTS[kind], "changelog"]]
        self.admin.delete_topics(topics)
        for state_dir in state_dirs:
            shutil.rmtree(state_dir, ignore_errors=True)
