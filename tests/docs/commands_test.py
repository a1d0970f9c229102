"""Does what the pages say: runs every command that they show, in order, on a real broker, and compares the code that
they show with the files that it comes from.

A block marked ```sh is run. One marked ```sh elsewhere installs, builds or runs tests, this one included: only that it
exists is checked. A block of another language with a path beside it shows a part of that file.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from support import EBB, free_port  # noqa: E402

# In the order in which a reader would follow them: each finds what the ones before have left.
WALK = ["README.md", "docs/live-model.md", "docs/triggers.md", "docs/models.md", "docs/segments.md",
        "docs/operations.md", "docs/exactly-once.md", "deploy/kafka/README.md"]
PAGES = ["README.md", *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").glob("*.md"))]
PAGE_LIMIT_S = 240
ELSEWHERE = {"bash deploy/quickstart.sh", "bash tests/run.sh", "bash tests/run.sh --coverage",
             "bash tests/run.sh --sanitize", "tests/quality/run"}
BLOCK = re.compile(r"^```(\S+) *([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(page):
    """(language, what is beside it, text) of each block of a page."""
    return BLOCK.findall((ROOT / page).read_text())


class Walk:
    """A directory that looks like the source tree, with a broker and an admin endpoint on ports of its own."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ebb-docs-"))
        for name in ("deploy", "proto", "tests"):
            (self.directory / name).symlink_to(ROOT / name)
        self.kafka_port, self.admin_port = free_port(), free_port()
        self.environment = dict(os.environ, KAFKA_BOOTSTRAP=f"127.0.0.1:{self.kafka_port}",
                                EBB_ADMIN_LISTEN=f"127.0.0.1:{self.admin_port}")

    def here(self, commands):
        """The commands as they have to be in this directory."""
        commands = re.sub(r"(kafka\.sh (?:start|stop))", rf"\1 --port {self.kafka_port}", commands)
        for shown, there in (("127.0.0.1:9092", f"127.0.0.1:{self.kafka_port}"),
                             ("127.0.0.1:9464", f"127.0.0.1:{self.admin_port}"),
                             ("$PWD/build/release", str(pathlib.Path(EBB).parent))):
            commands = commands.replace(shown, there)
        return commands

    def follow(self, page):
        """Runs the commands of a page in one shell. Returns its exit code and all that it printed."""
        script = ["set -eEuo pipefail", "trap 'echo \"failed: $BASH_COMMAND\"' ERR"]
        script += [self.here(text) for language, beside, text in blocks(page) if (language, beside) == ("sh", "")]
        (self.directory / "page.sh").write_text("\n".join(script))
        with open(self.directory / "page.log", "w", encoding="utf-8") as log:
            shell = subprocess.Popen(["bash", "page.sh"], cwd=self.directory, env=self.environment,
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                     start_new_session=True)
            try:
                code = shell.wait(PAGE_LIMIT_S)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                self.end(shell.pid)
        return code, (self.directory / "page.log").read_text(errors="replace")

    @staticmethod
    def end(group):
        """Ends what a page has left running; the broker is not among it, being in a session of its own."""
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def close(self):
        subprocess.run(["bash", str(ROOT / "deploy/kafka/kafka.sh"), "stop", "--dir",
                        str(self.directory / f"build/kafka-{self.kafka_port}")], check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)


class CommandsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.walk = Walk()
        cls.addClassCleanup(cls.walk.close)
        cls.printed = {}
        for page in WALK:
            code, cls.printed[page] = cls.walk.follow(page)
            if code != 0:
                raise AssertionError(f"{page}: {'not over in time' if code is None else f'exit code {code}'}\n"
                                     f"{cls.printed[page][-4000:]}{cls.logs()}")

    @classmethod
    def logs(cls):
        logs = sorted(log for log in cls.walk.directory.glob("*.log") if log.name != "page.log")
        return "".join(f"\n--- {log.name}\n{log.read_text()[-2000:]}" for log in logs)

    def test_the_walk_shows_what_it_promises(self):
        readme = self.printed["README.md"]
        self.assertRegex(readme, r"kind: RAISED")
        self.assertRegex(readme, r"customer-\d{6} .*ce_type=ebb.v1.ChurnAlert")
        self.assertRegex(readme, r'"customer": ?"customer-000001"')
        self.assertIn("customer customer-000001, partition", readme)
        self.assertIn("how the rules stand to the customer at", readme)
        self.assertRegex(readme, r'ebb_results_total\{sink="alerts"\} [1-9]')
        self.assertRegex(readme, r'"kind":"RAISED"')

    def test_a_model_that_was_published_meanwhile_raises_alerts(self):
        printed = self.printed["docs/live-model.md"]
        self.assertRegex(printed, r"(?m)^logistic +0\.\d{3} ")
        self.assertIn("churn-model@1 in force (partitions 0, 1, 2, 3)", printed)
        self.assertRegex(printed, r'"kind":"RAISED".*"published":\["churn-model@1"\]')
        self.assertIn("\n0 dead letters\n", printed)
        self.assertIn("churn-model@2 says what the pipeline file says", printed)

    def test_the_rules_that_are_tried_make_messages(self):
        made = set(re.findall(r'\d+ "type":"([a-z-]+)"', self.printed["docs/triggers.md"]))
        self.assertLessEqual({"abandoned-cart", "first-purchase", "replenishment"}, made)

    def test_a_model_is_fitted_and_judged(self):
        printed = self.printed["docs/models.md"]
        self.assertRegex(printed, r"(?m)^logistic +0\.\d{3} .* of \d+$")
        self.assertRegex(printed, r"(?m)^recency alone +0\.\d{3} ")
        self.assertRegex(printed, r"(?m)^ +0\.70 +\d+ of +\d+ +\d+ +\d+\.\d\d$")
        self.assertTrue((self.walk.directory / "model/report.html").exists())

    def test_segments_and_clusters_are_found(self):
        printed = self.printed["docs/segments.md"]
        self.assertRegex(printed, r"(?m)^champions +\d+ +\d+\.\d %$")
        self.assertRegex(printed, r"clusters of \d+ customers as of 2025-06-25 by k-means, silhouette 0\.\d{3}")
        for name in ("rfm/cutoffs.json", "clusters/model.json", "clusters/report.html", "places/report.html",
                     "value/model.json"):
            self.assertTrue((self.walk.directory / name).exists(), name)

    def test_a_dead_letter_is_read_back_with_its_reason(self):
        self.assertIn("key ann, value not a purchase\n__streams.errors.exception=unparsable",
                      self.printed["docs/operations.md"])

    def test_the_metrics_that_are_explained_are_those_there_are(self):
        page = (ROOT / "docs/operations.md").read_text()
        explained = set(re.findall(r"\bebb_[a-z_]+[a-z]", page))
        source = "".join(path.read_text() for path in (ROOT / "engine/observe").glob("*.cc"))
        there = set(re.findall(r'"(ebb_[a-z_]+[a-z])"', source))
        figures = re.search(r"Figures\(\) const \{.*?\}\};", (ROOT / "state/rocksdb_store.cc").read_text(), re.DOTALL)
        there |= {f"ebb_rocksdb_{name}" for name in re.findall(r'\{"([a-z_]+)"', figures.group())}
        self.assertEqual(explained, there)

    def test_after_the_kill_work_was_done_again_and_nothing_left_twice(self):
        printed = self.printed["docs/exactly-once.md"]
        redone = [int(count) for count in re.findall(r"(\d+) records redone", printed)]
        self.assertGreater(sum(redone), 0, printed)
        self.assertNotRegex(printed, r"(?m)^ce_id=")


class PagesTest(unittest.TestCase):
    def test_commands_that_are_run_elsewhere_are_known(self):
        found = {line for page in PAGES for _, beside, text in blocks(page) if beside == "elsewhere"
                 for line in text.splitlines()}
        self.assertEqual(found, ELSEWHERE)
        for command in sorted(found):
            shown = subprocess.run([*command.split()[:2], "--help"], cwd=ROOT, check=True, stdout=subprocess.PIPE,
                                   text=True)
            for option in command.split()[2:]:
                self.assertIn(option, shown.stdout, command)

    def test_no_page_has_commands_that_nobody_runs(self):
        for page in PAGES:
            for language, beside, text in blocks(page):
                self.assertNotIn(language, ("bash", "shell", "console"), f"{page}: mark commands as sh")
                if language == "sh":
                    self.assertIn(beside, ("", "elsewhere"), page)
                    self.assertTrue(beside or page in WALK, f"{page} is not walked: {text}")

    def test_code_that_is_shown_is_code_that_is_tested(self):
        shown = 0
        for page in PAGES:
            for language, path, text in blocks(page):
                if language == "sh" or not path:
                    continue
                self.assertIn(text, (ROOT / path).read_text(), f"{page} shows something that is not in {path}")
                shown += 1
        self.assertGreater(shown, 0)

    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in LINK.findall((ROOT / page).read_text()):
                self.assertTrue(((ROOT / page).parent / target).exists(), f"{page} links to {target}")


if __name__ == "__main__":
    unittest.main()
