"""What the integration tests share: a real broker, the real `ebb`, and readers of what it wrote."""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from confluent_kafka import Consumer, TopicPartition

ROOT = pathlib.Path(__file__).resolve().parents[2]
EBB = os.environ.get("EBB_BINARY", str(ROOT / "build/dev/ebb"))
SOURCES = ["purchases", "browses", "supports", "members", "engagements"]
PARTITIONS = 4


def free_port(span=1):
    """A port that is free, and so are the next `span` - 1 ones and those ten further on."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port + span + 10 > 60000:
            continue
        wanted = [port + i for i in range(span)] + [port + 10 + i for i in range(span)]
        try:
            sockets = []
            for p in wanted:
                s = socket.socket()
                sockets.append(s)
                s.bind(("127.0.0.1", p))
            return port
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()


def wait_until(condition, seconds, what):
    """Polls a condition; fails the test when it does not come true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, value):
    """One field in protobuf's wire format. Source: protobuf.dev, Encoding."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


class Kafka:
    """One Apache Kafka broker of its own."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"

    def start(self):
        subprocess.run(["bash", str(ROOT / "deploy/kafka/kafka.sh"), "start", "--port", str(self.port), "--dir",
                        self.directory], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        subprocess.run(["bash", str(ROOT / "deploy/kafka/kafka.sh"), "stop", "--dir", self.directory], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def create(self, *topics):
        subprocess.run(["bash", str(ROOT / "deploy/kafka/topics.sh"), "create", "--bootstrap", self.bootstrap, *topics],
                       check=True, stdout=subprocess.DEVNULL)

    def read(self, topic, isolation="read_committed"):
        """Every record of a topic, by partition and offset: (partition, key, headers, value)."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "reader", "enable.auto.commit": False,
                             "isolation.level": isolation, "enable.partition.eof": True,
                             "auto.offset.reset": "earliest"})
        try:
            partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
            consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
            records, ended = [], set()
            while len(ended) < len(partitions):
                message = consumer.poll(10)
                assert message is not None, f"{topic} does not answer"
                if message.error():
                    ended.add(message.partition())
                    continue
                headers = {name: value.decode() for name, value in message.headers() or []}
                records.append((message.partition(), message.key(), headers, message.value()))
            return records
        finally:
            consumer.close()


def without_tipping(value):
    """A decision without the offsets that tipped it: those differ between a topic and a file."""
    if isinstance(value, dict):
        return {k: ({n: v for n, v in x.items() if n not in ("offset", "partition")} if k == "tipping"
                    else without_tipping(x)) for k, x in value.items()}
    if isinstance(value, list):
        return [without_tipping(x) for x in value]
    return value


def decisions(records):
    """What a consumer acts on: sorted (ce_id, content)."""
    return sorted((headers["ce_id"], json.dumps(without_tipping(json.loads(value)), sort_keys=True))
                  for _, _, headers, value in records)


class Pipeline:
    """The retail pipeline under a name of its own, with JSON results."""

    def __init__(self, name, directory, bootstrap, extra="", edit=lambda text: text):
        self.name = name
        self.directory = pathlib.Path(directory)
        self.admin = f"127.0.0.1:{free_port()}"
        text = (ROOT / "deploy/pipelines/retail.yaml").read_text()
        text = text.replace("topic: ebb.", f"topic: {name}.")
        for node in ("profile", "churn", "policy"):
            text = text.replace(f"inputs: [{node}]}}", f"inputs: [{node}], format: json}}")
        self.file = self.directory / f"{name}.yaml"
        self.file.write_text(edit(text) + extra)
        self.environment = dict(os.environ, KAFKA_BOOTSTRAP=bootstrap, EBB_APPLICATION=name,
                                EBB_STATE_DIR=str(self.directory / f"{name}-state"), EBB_ADMIN_LISTEN=self.admin,
                                EBB_TIME_IDLE="hold")

    def start(self, *arguments):
        with open(self.directory / f"{self.name}.log", "ab") as log:
            return subprocess.Popen([EBB, "run", str(self.file), *arguments], env=self.environment, stdout=log,
                                    stderr=log)

    def run(self, *arguments, timeout=300):
        process = self.start(*arguments)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        assert code == 0, f"{self.name} ended with {code}:\n{self.log()[-3000:]}"

    def log(self):
        return (self.directory / f"{self.name}.log").read_text()

    def get(self, path):
        """What the admin endpoint answers, or None."""
        try:
            with urllib.request.urlopen(f"http://{self.admin}{path}", timeout=5) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None

    def metric(self, name):
        """The sum of a metric's samples; 0 where there are none."""
        page = self.get("/metrics") or ""
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines()
                   if line.startswith(name) and line[len(name):][:1] in ("{", " "))


class IntegrationTest(unittest.TestCase):
    """A test with a broker, and a directory that goes when it is over."""

    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="ebb-test-"))
        cls.kafka = Kafka(cls.directory / "kafka")
        cls.kafka.start()
        cls.processes = []

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.kill()
            process.wait()
        cls.kafka.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def generate(cls, *arguments):
        subprocess.run([EBB, "generate", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self, pipeline, *arguments):
        process = pipeline.start(*arguments)
        self.processes.append(process)
        return process

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.wait()

    @staticmethod
    def static(text):
        """A name of its own and small epochs: a restart waits for nobody, and a kill finds much to redo."""
        return text.replace("runtime:\n", "runtime:\n  instance: one\n  commit_interval: 50ms\n")

    def kill_and_finish(self, pipeline, until, lives, seed, local_state_lost=False):
        """Kills a pipeline once in each of its lives; the one after them it ends at `until` by itself."""
        chance = random.Random(seed)
        for _ in range(lives):
            process = self.start(pipeline, "--until", until)
            # Until it works, and then for a moment, so that the kill falls into an epoch.
            wait_until(lambda: process.poll() is not None or pipeline.metric("ebb_records_in_total") > 0, 90,
                       "progress")
            time.sleep(chance.random() * 0.7)
            self.kill(process)
            if local_state_lost:
                subprocess.run(["rm", "-rf", pipeline.environment["EBB_STATE_DIR"]], check=True)
        pipeline.run("--until", until)
