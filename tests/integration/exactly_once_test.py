"""Kills on a real broker lose nothing and double nothing, and a replay from files decides the same."""

import json
import subprocess
import time
import unittest

from support import EBB, PARTITIONS, SOURCES, IntegrationTest, Pipeline, decisions, wait_until

EVENTS = 60_000
UNTIL = "2025-09-01"
RESULTS = ["alerts", "triggers", "withheld", "features"]


class ExactlyOnceTest(IntegrationTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.create(*[f"shop.{source}:{PARTITIONS}" for source in SOURCES])
        shop = ["--customers", "1500", "--days", "120", "--start", "2025-01-01", "--events", str(EVENTS), "--seed", "5"]
        cls.generate(*shop, "--bootstrap", cls.kafka.bootstrap, "--topic-prefix", "shop.", "--truth",
                     str(cls.directory / "truth.jsonl"))
        cls.generate(*shop, "--output", str(cls.directory / "files"))
        cls.reference = Pipeline("reference", cls.directory, cls.kafka.bootstrap)
        cls.reference.run("--until", UNTIL)
        cls.expected = {result: decisions(cls.kafka.read(f"reference.{result}")) for result in RESULTS}

    def check(self, name):
        for result in RESULTS:
            found = decisions(self.kafka.read(f"{name}.{result}"))
            self.assertEqual(len(found), len({identity for identity, _ in found}), f"{name}: {result} twice")
            self.assertEqual(found, self.expected[result], f"{name}: {result}")

    def test_the_shop_gives_work(self):
        self.assertGreater(len(self.expected["alerts"]), 50)
        self.assertGreater(len(self.expected["triggers"]), 50)
        self.assertGreater(len(self.expected["withheld"]), 10)

    def test_kills_lose_nothing_and_double_nothing(self):
        pipeline = Pipeline("killed", self.directory, self.kafka.bootstrap, edit=self.static)
        self.kill_and_finish(pipeline, UNTIL, 5, seed=1)
        self.check("killed")
        redone = [line for line in pipeline.log().splitlines() if "records redone" in line]
        self.assertTrue(any(" 0 records redone" not in line for line in redone), "nothing was redone")

    def test_kills_without_local_state_lose_nothing(self):
        pipeline = Pipeline("wiped", self.directory, self.kafka.bootstrap, edit=self.static)
        self.kill_and_finish(pipeline, UNTIL, 2, seed=2, local_state_lost=True)
        self.check("wiped")

    def test_writing_everything_back_gives_the_same(self):
        edit = lambda text: self.static(text).replace("runtime:\n", "runtime:\n  recovery_budget: 0s\n")
        self.kill_and_finish(Pipeline("eager", self.directory, self.kafka.bootstrap, edit=edit), UNTIL, 2, seed=3)
        self.check("eager")

    def test_two_processes_share_the_work_and_hand_it_over(self):
        edit = lambda text: text.replace("runtime:\n", "runtime:\n  commit_interval: 50ms\n")
        first = Pipeline("shared", self.directory, self.kafka.bootstrap, edit=edit)
        second = Pipeline("shared", self.directory, self.kafka.bootstrap, edit=edit)
        second.environment["EBB_STATE_DIR"] += "-of-second"
        live = 'ebb_task_state{partition="'
        def tasks(pipeline):
            page = pipeline.get("/metrics") or ""
            return sum(line.startswith(live) and 'state="live"' in line and line.endswith(" 1")
                       for line in page.splitlines())
        one = self.start(first)
        wait_until(lambda: first.metric("ebb_records_in_total") > 0, 90, "progress of the first")
        two = self.start(second)
        wait_until(lambda: tasks(first) == 2 and tasks(second) == 2, 60, "an even share")
        began = time.monotonic()
        one.terminate()
        wait_until(lambda: tasks(second) == PARTITIONS, 10, "the second has taken over everything")
        print(f"handed over in {time.monotonic() - began:.1f} s")
        self.assertEqual(one.wait(10), 0)
        two.terminate()
        self.assertEqual(two.wait(20), 0)
        second.run("--until", UNTIL)
        self.check("shared")

    def replay(self, name, workers):
        """The bytes of each file of results."""
        directory = self.directory / f"replay-{name}"
        inputs = [argument for source in SOURCES
                  for argument in ("--input", f"{source}={self.directory}/files/{source}.jsonl")]
        subprocess.run([EBB, "replay", str(self.reference.file), *inputs, "--partitions", str(PARTITIONS),
                        "--workers", str(workers), "--until", UNTIL, "--output", str(directory)], check=True,
                       env=self.reference.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {path.name: path.read_bytes() for path in sorted(directory.glob("*.jsonl"))}

    def test_replay_from_files_decides_the_same_twice(self):
        outputs = [self.replay(name, workers=1) for name in ("one", "two")]
        self.assertEqual(outputs[0], outputs[1])
        for result in RESULTS:
            lines = [json.loads(line) for line in outputs[0][f"reference.{result}.jsonl"].splitlines()]
            replayed = decisions([(0, None, line["headers"], json.dumps(line["value"])) for line in lines])
            self.assertEqual(replayed, self.expected[result], result)

    def test_replay_with_several_workers_writes_the_same_lines(self):
        alone, shared = ({file: sorted(content.splitlines()) for file, content in self.replay(name, workers).items()}
                         for name, workers in (("alone", 1), ("shared", 2)))
        self.assertEqual(alone, shared)


if __name__ == "__main__":
    unittest.main()
