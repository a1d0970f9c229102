"""Everything that a run has: brokers, proxy, processes and producer; and how it ends."""

import datetime
import json
import shutil
import signal
import subprocess
import sys

from cluster import BROKERS, LISTENERS, PROXY, Cluster, Progress
from process import Ebb
from proxy import Proxy
from support import wait_until

PROCESSES = 3
START_LIMIT_S = 180
FINISH_LIMIT_S = 240
PRODUCER = __file__.replace("stage.py", "producer.py")


class Stage:
    def __init__(self, binary, directory, seed, rate, say):
        self.directory, self.seed, self.rate, self.say = directory, seed, rate, say
        directory.mkdir(parents=True, exist_ok=True)
        # A copy: a build that goes on meanwhile changes nothing.
        self.binary = str(shutil.copy(binary, directory / "ebb"))
        self.cluster = Cluster(directory / "kafka")
        self.proxy = self.progress = self.producer = None
        self.ebbs = []

    def __enter__(self):
        try:
            self.cluster.start()
            self.cluster.create_topics()
            self.proxy = Proxy([(PROXY + i, LISTENERS + i) for i in range(BROKERS)])
            self.ebbs = [Ebb(slot, self.binary, self.directory, self.proxy, self.say)
                         for slot in range(1, PROCESSES + 2)]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.producer:
            self.producer.kill()
        if self.progress:
            self.progress.stop()
        for ebb in self.ebbs:
            ebb.close()
        self.cluster.stop()

    def start(self):
        """Starts the processes and the input; returns when every partition has moved."""
        for ebb in self.ebbs[:PROCESSES]:
            ebb.start()
        self.producer = subprocess.Popen(
            [sys.executable, PRODUCER, self.cluster.bootstrap, str(self.seed), str(self.rate),
             str(self.directory / "input.json")])
        self.progress = Progress(self.cluster.bootstrap)
        wait_until(lambda: self.progress.resumed(0) is not None, START_LIMIT_S, "every partition moves")

    def finish(self):
        """Ends the input, stops everybody, and lets one process bring the rest to its end. Returns what the producer
        says, and the moment up to which time was carried."""
        self.producer.send_signal(signal.SIGTERM)
        self.producer.wait()
        self.producer = None
        sent = json.loads((self.directory / "input.json").read_text())
        for ebb in self.ebbs:
            ebb.hold_down()
            if ebb.process and ebb.process.poll() is None:
                ebb.terminate()
        for ebb in self.ebbs:
            if ebb.process and (code := ebb.await_end()) != 0:
                self.say(f"{ebb.name} has answered SIGTERM with {code}")
        self.progress.stop()
        self.progress = None
        end = datetime.datetime.fromtimestamp(sent["ended_ms"] / 1000 + 3600, datetime.timezone.utc)
        until = end.strftime("%Y-%m-%dT%H:%M:%SZ")
        last = self.ebbs[0]
        last.start("--until", until)
        code = last.process.wait(FINISH_LIMIT_S)
        if code != 0:
            raise RuntimeError(f"the last run has ended with {code}; see {last.log}")
        return sent, until
