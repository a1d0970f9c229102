"""What is published on a real broker holds where it should, without a restart, and kills change nothing about it."""

import datetime
import json
import subprocess
import unittest

from support import EBB, PARTITIONS, SOURCES, IntegrationTest, Pipeline, decisions, varint, wait_until

EVENTS = 30_000
UNTIL = "2025-08-01"
VALID_FROM = "2025-03-15T12:00:00Z"
THRESHOLD = """\
name: threshold
valid_from: {valid_from}
operators:
  - id: churn
    config: {{raise_risk: 0.5, clear_risk: 0.3}}
"""
STAGES = """\
name: stages
operators:
  - id: lifecycle
    config: {version: second}
"""


class ControlTest(IntegrationTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.create(*[f"{shop}.{source}:{PARTITIONS}" for shop in ("shop", "live") for source in SOURCES])
        cls.generate("--customers", "1000", "--days", "120", "--start", "2025-01-01", "--events", str(EVENTS), "--seed",
                     "9", "--bootstrap", cls.kafka.bootstrap, "--topic-prefix", "shop.", "--truth",
                     str(cls.directory / "truth.jsonl"))
        cls.undisturbed = cls.make("undisturbed")
        cls.publish(cls.undisturbed, THRESHOLD.format(valid_from=VALID_FROM))
        cls.undisturbed.run("--until", UNTIL)

    @classmethod
    def make(cls, name, edit=lambda text: text):
        return Pipeline(name, cls.directory, cls.kafka.bootstrap, edit=edit)

    @classmethod
    def control(cls, pipeline, *arguments):
        """Exit code, standard output and standard error of `ebb control`."""
        done = subprocess.run([EBB, "control", *arguments, "--pipeline", str(pipeline.file)], env=pipeline.environment,
                              capture_output=True, text=True, timeout=150)
        return done.returncode, done.stdout, done.stderr

    @classmethod
    def publish(cls, pipeline, amendment, *arguments):
        file = cls.directory / f"{pipeline.name}.amendment.yaml"
        file.write_text(amendment)
        code, out, err = cls.control(pipeline, "publish", str(file), *arguments)
        assert code == 0, f"exit code {code}\n{out}{err}"
        return out

    def alerts(self, pipeline):
        return [json.loads(value) for _, _, _, value in self.kafka.read(f"{pipeline.name}.alerts")]

    def test_it_holds_from_its_very_moment(self):
        moment_ms = datetime.datetime.fromisoformat(VALID_FROM.replace("Z", "+00:00")).timestamp() * 1000
        before, after = [], []
        for alert in self.alerts(self.undisturbed):
            (before if int(alert["decidedAtMs"]) < moment_ms else after).append(alert)
        self.assertGreater(len(before), 20)
        self.assertGreater(len(after), 50)
        self.assertTrue(all("published" not in alert for alert in before))
        self.assertTrue(all(alert["published"] == ["threshold@1"] for alert in after))
        # Customers who slept were reckoned anew: some are alerted at that moment.
        self.assertTrue(any(alert["tipping"]["eventId"] == "threshold@1" for alert in after))

    def test_kills_change_nothing_about_it(self):
        pipeline = self.make("killed", edit=self.static)
        self.publish(pipeline, THRESHOLD.format(valid_from=VALID_FROM))
        self.kill_and_finish(pipeline, UNTIL, 4, seed=3)
        for result in ("alerts", "triggers", "withheld"):
            self.assertEqual(decisions(self.kafka.read(f"killed.{result}")),
                             decisions(self.kafka.read(f"undisturbed.{result}")), result)

    def replay(self, pipeline, history):
        """The results of a replay of what the pipeline has read, with what it has taken in, by topic."""
        directory = self.directory / f"{pipeline.name}-replay"
        directory.mkdir()
        (directory / "history.jsonl").write_text(history)
        inputs = []
        for source in SOURCES:
            values = [value for _, _, _, value in self.kafka.read(f"shop.{source}")]
            (directory / f"{source}.pb").write_bytes(b"".join(varint(len(value)) + value for value in values))
            inputs += ["--input", f"{source}={directory}/{source}.pb"]
        subprocess.run([EBB, "replay", str(pipeline.file), *inputs, "--control", str(directory / "history.jsonl"),
                        "--partitions", str(PARTITIONS), "--output", str(directory / "results")],
                       env=pipeline.environment, check=True, stderr=subprocess.DEVNULL, timeout=120)
        replayed = {}
        for file in (directory / "results").glob("*.jsonl"):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            replayed[file.stem] = decisions([(0, None, line["headers"], json.dumps(line["value"])) for line in lines])
        return replayed

    def test_a_replay_that_knows_the_history_decides_the_same(self):
        pipeline = self.make("history", edit=lambda text: self.static(text).replace(
            "inputs: [lifecycle]}", "inputs: [lifecycle], format: json}"))
        self.publish(pipeline, STAGES + "valid_from: 2025-01-10T12:00:00Z\n")
        self.publish(pipeline, THRESHOLD.format(valid_from="2025-01-12"))
        process = self.start(pipeline)
        wait_until(lambda: pipeline.metric("ebb_records_in_total") >= EVENTS, 120, "all events")
        code, history, _ = self.control(pipeline, "history")
        self.assertEqual((code, history.count("\n")), (0, 2 * PARTITIONS))
        process.terminate()
        self.assertEqual(process.wait(30), 0)
        replayed = self.replay(pipeline, history)
        for result in ("alerts", "lifecycle", "triggers", "withheld"):
            self.assertEqual(replayed[f"history.{result}"], decisions(self.kafka.read(f"history.{result}")), result)
        versions = [json.loads(change)["tableVersion"] for _, change in replayed["history.lifecycle"]]
        self.assertGreater(min(versions.count("1"), versions.count("second")), 50)

    def test_a_running_pipeline_takes_it_in_without_a_restart(self):
        pipeline = self.make("live", edit=lambda text: text.replace("topic: shop.", "topic: live."))
        process = pipeline.start()
        self.processes.append(process)
        wait_until(lambda: pipeline.get("/readyz"), 60, "readiness")
        feed = subprocess.Popen([EBB, "generate", "--customers", "500", "--events", "12000", "--rate", "600", "--seed", "2",
                                 "--bootstrap", self.kafka.bootstrap, "--topic-prefix", "live.", "--truth",
                                 str(self.directory / "live-truth.jsonl")], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        self.processes.append(feed)
        wait_until(lambda: pipeline.metric("ebb_records_in_total") > 500, 60, "events")
        out = self.publish(pipeline, STAGES, "--wait", "60")
        self.assertIn("stages@1 is in force", out)
        self.assertIn("stages@1 in force (partitions 0, 1, 2, 3)", self.control(pipeline, "list")[1])
        code, out, _ = self.control(pipeline, "rollback", "stages", "--to", "0", "--wait", "60")
        self.assertEqual((code, "stages@2 is in force" in out), (0, True))
        self.assertIn("-     config: {version: second}", self.control(pipeline, "diff", "stages")[1])
        self.assertEqual(feed.wait(90), 0)
        sent = sum(1 for source in SOURCES for _ in self.kafka.read(f"live.{source}"))
        wait_until(lambda: pipeline.metric("ebb_records_in_total") >= sent, 60, "all events")
        self.assertEqual(pipeline.metric("ebb_records_in_total"), sent)
        self.assertIsNone(process.poll())
        code, history, _ = self.control(pipeline, "history")
        self.assertEqual((code, history.count("\n")), (0, 2 * PARTITIONS))
        process.terminate()
        self.assertEqual(process.wait(30), 0)

    def test_mistakes_are_told_with_their_place_and_nothing_is_published(self):
        pipeline = self.make("mistaken")
        file = self.directory / "mistaken.amendment.yaml"
        file.write_text("name: threshold\noperators:\n  - id: churn\n    config: {raise_risc: 0.5}\n")
        code, _, err = self.control(pipeline, "publish", str(file))
        self.assertEqual((code, err), (2, f'{file}:4:14: unknown key "raise_risc"; did you mean "raise_risk"?\n'))
        self.assertIn("nothing was ever published on mistaken.control", self.control(pipeline, "list")[1])
        code, _, err = self.control(pipeline, "rollback", "threshold")
        self.assertEqual((code, err), (2, "ebb: nothing named threshold was ever published; see ebb control list\n"))


if __name__ == "__main__":
    unittest.main()
