"""The jobs: the topics of each, how its input is made, and what judges its results."""

import hashlib
import json
import shutil
import subprocess

import systems
import watch


class Tally:
    """How many there are of some things, and a digest of them that does not depend on their order."""

    def __init__(self):
        self.count = self.digest = 0

    def take(self, thing):
        self.count += 1
        self.digest = (self.digest + int.from_bytes(hashlib.blake2b(thing, digest_size=8).digest(), "big")) % 2**64

    def take_result(self, customer, result_id):
        self.take(f"{customer} {result_id}".encode())

    def told(self):
        return [self.count, f"{self.digest:016x}"]


class Features:
    """Customer features, exactly once, as job/README.md says."""

    name = "features"
    kinds = ("browse", "purchase", "support")
    judging = ()

    def prefix(self, workload, events):
        """What the names of the input's topics begin with."""
        return f"in.{workload.name}.{events}"

    def inputs(self, prefix):
        return [f"{prefix}.{kind}" for kind in self.kinds]

    def results(self, output):
        """The topics of results, where `output` is the run's name for them."""
        return [output]

    def making(self, workload, events, prefix):
        """The command that makes the input, but for where the broker is."""
        return [str(systems.GENERATE), "--prefix", prefix, "--events", str(events), "--customers",
                str(workload.customers), "--spread", workload.spread]

    def due(self, stage, workload, events):
        """What the judge needs beside the input, kept with it."""
        return None

    def judge(self, stage, prefix, output):
        """Figures about the results; RuntimeError when they are wrong."""
        verdict = subprocess.run(systems.bound(str(systems.ORACLE), "--bootstrap", stage.bootstrap, "--input", prefix,
                                               "--output", output, *self.judging),
                                 capture_output=True, text=True, check=False)
        if verdict.returncode != 0:
            raise RuntimeError(f"the oracle refuses: {verdict.stdout.strip()}\n{verdict.stderr.strip()}")
        return json.loads(verdict.stdout)


class PassThrough(Features):
    """Every event goes on as it came."""

    name = "pass-through"
    judging = ("--pass-through",)

    def results(self, output):
        return [f"{output}.{kind}" for kind in self.kinds]


class Retail:
    """The shipped pipeline on a generated shop. Its topics have their names; what is due, replay says."""

    name = "retail"
    kinds = ("purchases", "browses", "supports", "members", "engagements")
    sinks = ("features", "alerts", "lifecycle", "tags", "triggers", "withheld", "dead-letters")

    def prefix(self, workload, events):
        return "shop"

    def inputs(self, prefix):
        return [f"{prefix}.{kind}" for kind in self.kinds]

    def results(self, output):
        return [f"ebb.{sink}" for sink in self.sinks]

    def making(self, workload, events, prefix):
        return [*self._generate(workload, events), "--topic-prefix", f"{prefix}."]

    def due(self, stage, workload, events):
        shop, replayed = stage.directory / "shop", stage.directory / "replayed"
        inputs = [word for kind in self.kinds for word in ("--input", f"{kind}={shop}/{kind}.pb")]
        due = {}
        try:
            systems.run(*self._generate(workload, events), "--output", str(shop), "--format", "protobuf")
            systems.run(str(systems.SHIPPED), "replay", str(systems.RETAIL), *inputs, "--partitions",
                        str(watch.PARTITIONS), "--output", str(replayed))
            for topic in self.results(""):
                tally = Tally()
                with open(replayed / f"{topic}.jsonl", encoding="utf-8") as lines:
                    for record in map(json.loads, lines):
                        tally.take_result(record["key"], record["headers"].get("ce_id"))
                due[topic] = tally.told()
        finally:
            shutil.rmtree(shop, ignore_errors=True)
            shutil.rmtree(replayed, ignore_errors=True)
        return due

    def judge(self, stage, prefix, output):
        due = stage.receipt(prefix)["due"]
        for topic, expected in due.items():
            tally = Tally()
            for record in watch.committed_records(stage.bootstrap, topic):
                tally.take_result(record.key().decode(), dict(record.headers()).get("ce_id", b"").decode())
            if tally.told() != expected:
                raise RuntimeError(f"{topic}: expected what replay says, which is {expected} as number of results and "
                                   f"digest of their ids, but there is {tally.told()}")
        return {"results": sum(count for count, _ in due.values())}

    def _generate(self, workload, events):
        return [str(systems.SHIPPED), "generate", "--customers", str(workload.customers), "--events", str(events),
                "--truth", "/dev/null"]


FEATURES, PASS_THROUGH, RETAIL = Features(), PassThrough(), Retail()
