"""The broker of a comparison, and its input."""

import json
import subprocess

import systems
import watch


class Stage:
    """A broker of its own in a directory; what is there is used again."""

    def __init__(self, directory, port):
        self.directory = directory
        self.port = port
        self.bootstrap = f"127.0.0.1:{port}"

    def start(self):
        self._kafka("start", "--port", str(self.port))

    def stop(self):
        self._kafka("stop")

    @property
    def pid(self):
        return int((self.directory / "kafka/1/pid").read_text())

    def topics(self, command, *topics):
        subprocess.run([str(systems.ROOT / "deploy/kafka/topics.sh"), command, "--bootstrap", self.bootstrap, *topics],
                       check=True, stdout=subprocess.DEVNULL)

    def topic_bytes(self, topic):
        """What the broker holds of a topic on disk."""
        return watch.bytes_below(*(self.directory / "kafka/1/data").glob(f"{topic}-[0-9]*")) if topic else 0

    def fill(self, workload, events):
        """Makes the input unless it is there whole; returns what its topics' names begin with."""
        prefix = f"in.{workload.name}.{events}"
        receipt = self.directory / f"{prefix}.json"
        if receipt.exists():
            return prefix
        self.topics("reset", *(f"{prefix}.{kind}:{watch.PARTITIONS}" for kind in watch.KINDS))
        said = subprocess.run([str(systems.GENERATE), "--bootstrap", self.bootstrap, "--prefix", prefix, "--events",
                               str(events), "--customers", str(workload.customers), "--spread", workload.spread],
                              check=True, capture_output=True, text=True).stdout
        receipt.write_text(json.dumps({"said": said.strip()}))
        return prefix

    def _kafka(self, *arguments):
        subprocess.run([str(systems.ROOT / "deploy/kafka/kafka.sh"), *arguments, "--dir",
                        str(self.directory / "kafka")], check=True, stdout=subprocess.DEVNULL)
