"""The broker of a comparison, and its input."""

import fcntl
import json
import os
import shutil
import subprocess

import systems
import watch
from confluent_kafka.admin import AdminClient


class Stage:
    """A broker of its own in a directory; what is there and whole is used again, what a killed start left is not."""

    def __init__(self, directory, port):
        self.directory = directory
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"
        self.receipts = directory / "inputs"
        self.lock = None

    def start(self):
        self.receipts.mkdir(parents=True, exist_ok=True)
        # Held until this process ends, however it does.
        self.lock = open(self.directory / "lock", "w", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"expected {self.directory} to be free, but another comparison runs in it; wait for its "
                             "end, or give another --directory and --port") from None
        self._kafka("start", "--port", str(self.port))
        self._sweep()

    def stop(self):
        self._kafka("stop")

    @property
    def pid(self):
        return int((self.directory / "kafka/1/pid").read_text())

    def topics(self, command, *topics):
        done = subprocess.run([str(systems.ROOT / "deploy/kafka/topics.sh"), command, "--bootstrap", self.bootstrap,
                               *topics], check=False, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"expected to {command} topics on {self.bootstrap}, but that failed as said above; "
                               f"the broker's log is {self.directory}/kafka/1/kafka.log")

    def topic_bytes(self, topic):
        """What the broker holds of a topic on disk."""
        return watch.bytes_below(*(self.directory / "kafka/1/data").glob(f"{topic}-[0-9]*")) if topic else 0

    def receipt(self, prefix):
        """What was written down when an input was whole: how it was made, its topics' ends, what is due; or None."""
        path = self.receipts / f"{prefix}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def fill(self, workload, events):
        """Makes the input unless it is there whole; returns what its topics' names begin with."""
        job = workload.job
        prefix = job.prefix(workload, events)
        making = job.making(workload, events, prefix)
        receipt = self.receipt(prefix)
        inputs = job.inputs(prefix)
        if receipt and receipt["making"] == making and receipt["ends"] == self._ends(inputs):
            return prefix
        (self.receipts / f"{prefix}.json").unlink(missing_ok=True)
        self.topics("reset", *(f"{topic}:{watch.PARTITIONS}" for topic in inputs))
        said = systems.run(*making, "--bootstrap", self.bootstrap)
        write_whole(self.receipts / f"{prefix}.json",
                    {"making": making, "said": said, "ends": self._ends(inputs),
                     "due": job.due(self, workload, events)})
        return prefix

    def _ends(self, topics):
        return watch.ends(self.bootstrap, topics, "read_uncommitted")

    def _sweep(self):
        """Removes topics and state of runs that were killed, and input that was not whole."""
        kept = {topic for path in self.receipts.glob("*.json") for topic in self.receipt(path.stem)["ends"]}
        there = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2}).list_topics(timeout=30).topics
        left = [topic for topic in there if topic not in kept and not topic.startswith("__")]
        if left:
            self.topics("delete", *left)
        for scratch in [*self.directory.glob("*-state"), self.directory / "shop", self.directory / "replayed"]:
            shutil.rmtree(scratch, ignore_errors=True)

    def _kafka(self, *arguments):
        done = subprocess.run([str(systems.ROOT / "deploy/kafka/kafka.sh"), *arguments, "--dir",
                               str(self.directory / "kafka")], check=False, stdout=subprocess.DEVNULL)
        if done.returncode != 0:
            raise SystemExit(f"expected a broker to {arguments[0]} on {self.bootstrap}, but that failed as said above; "
                             "where its port is taken, end who listens there, or give another --port")


def write_whole(path, content):
    """As JSON; a kill leaves the file as it was, or whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(content, indent=1))
    os.replace(part, path)
