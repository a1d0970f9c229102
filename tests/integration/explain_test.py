"""Decisions of a real pipeline on a real broker are explained: what was sent, what was withheld, what never came."""

import json
import re
import subprocess
import time
import unittest

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from support import EBB, PARTITIONS, SOURCES, IntegrationTest, Pipeline, wait_until

NO_SUCH_ID = "0123456789abcdef0123456789abcdef"
# Service messages are released at once.
NOTE = """\
  - id: note
    type: trigger
    inputs: [intake]
    config:
      name: note
      on: browse-viewed
      when: event.category == "wine" && event.price_minor >= 1000
      purpose: service
      channels: [email]
      payload: {bottle: event.sku}

"""
AMENDMENT = """\
name: cheaper
operators:
  - id: note
    config: {when: event.price_minor >= 100}
"""


def with_note(text):
    """The retail pipeline over topics of its own in JSON, with one more rule."""
    text = re.sub(r"(topic: )shop(\.\w+, type: ebb\.v1\.\w+)}", r"\1live\2, format: json}", text)
    text = text.replace("  # ---- What may be sent", NOTE + "  # ---- What may be sent")
    return text.replace("membership-day, festivals]", "membership-day, festivals, note]")


class ExplainTest(IntegrationTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kafka.create(*[f"{shop}.{source}:{PARTITIONS}" for shop in ("shop", "live") for source in SOURCES])
        cls.generate("--customers", "200", "--days", "120", "--start", "2025-01-01", "--seed", "5", "--bootstrap",
                     cls.kafka.bootstrap, "--topic-prefix", "shop.", "--truth", str(cls.directory / "truth.jsonl"))
        cls.past = Pipeline("past", cls.directory, cls.kafka.bootstrap)
        cls.past.run("--until", "2025-06-01")
        cls.live = Pipeline("live", cls.directory, cls.kafka.bootstrap, edit=with_note)
        # A publication holds once time has gone on.
        cls.live.environment["EBB_TIME_IDLE"] = "wall_clock"
        cls.process = cls.live.start()
        cls.processes.append(cls.process)
        wait_until(lambda: cls.live.get("/readyz"), 60, "readiness")
        cls.producer = Producer({"bootstrap.servers": cls.kafka.bootstrap, "partitioner": "murmur2_random"})
        cls.happen("members", "anna", "consent", consent={"purpose": "PURPOSE_SERVICE", "channel": "CHANNEL_EMAIL",
                                                          "granted": True})
        cls.producer.flush()
        wait_until(lambda: cls.live.metric("ebb_records_in_total") >= 1, 60, "the consent")
        cls.look("anna", "dear", "wine", 2500)
        cls.look("anna", "cheap", "wine", 500)
        cls.look("ben", "dear", "wine", 2500)
        cls.producer.flush()
        wait_until(lambda: cls.decisions("live", "triggers") and cls.decisions("live", "withheld"), 60, "decisions")
        wait_until(lambda: cls.live.metric("ebb_records_in_total") >= 4, 60, "all events")

    @classmethod
    def tearDownClass(cls):
        cls.producer = None  # Or it would miss its broker aloud.
        super().tearDownClass()

    @classmethod
    def happen(cls, source, customer, event, **fields):
        header = {"eventId": f"{customer}-{event}", "customerId": customer, "eventTimeMs": int(time.time() * 1000),
                  "source": "test", "channel": "CHANNEL_WEB"}
        cls.producer.produce(f"live.{source}", key=customer, value=json.dumps({"header": header, **fields}))

    @classmethod
    def look(cls, customer, event, category, price):
        cls.happen("browses", customer, event, action="VIEW", sessionId="s", sku="bottle", category=category,
                   priceMinor=price, currency="EUR")

    @classmethod
    def decisions(cls, name, sink):
        return [json.loads(value) for _, _, _, value in cls.kafka.read(f"{name}.{sink}")]

    def explain(self, pipeline, *arguments):
        """Exit code, standard output and standard error of `ebb explain`."""
        done = subprocess.run([EBB, "explain", *arguments, "--pipeline", str(pipeline.file)], env=pipeline.environment,
                              capture_output=True, text=True, timeout=150)
        return done.returncode, done.stdout, done.stderr

    def test_what_was_sent_is_shown_with_the_event_that_tipped_it(self):
        [trigger] = self.decisions("live", "triggers")
        code, out, err = self.explain(self.live, "decision", trigger["triggerId"])
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("note for customer anna: released through email\n"), out)
        self.assertIn("  payload    bottle = bottle\n", out)
        self.assertIn("  made by    rule_version 1, as the pipeline file has it\n", out)
        self.assertIn("  looked at an article once  [1, compared with 1]\n", out)
        self.assertIn('  it is true that event.price_minor >= 1000  (event.price_minor = 2500)\n', out)
        tipping = trigger["tipping"]
        self.assertIn(f"tipped by\n  event anna-dear of source browses: topic live.browses, partition "
                      f"{tipping.get('partition', 0)}, offset {tipping.get('offset', 0)}\n", out)
        event = json.loads(out.splitlines()[-1])
        self.assertEqual((event["header"]["eventId"], event["priceMinor"]), ("anna-dear", "2500"))

    def test_what_was_withheld_is_shown_with_its_cause_and_when_its_event_is_gone(self):
        [withheld] = self.decisions("live", "withheld")
        code, out, err = self.explain(self.live, "decision", withheld["trigger"]["triggerId"])
        self.assertEqual((code, err), (0, ""))
        self.assertTrue(out.startswith("note for customer ben: not sent\n\n"
                                       "  cause      NO_CONSENT: no consent to service through any of: email\n"), out)
        tipping = withheld["trigger"]["tipping"]
        event = TopicPartition("live.browses", tipping.get("partition", 0), int(tipping.get("offset", 0)) + 1)
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        admin.delete_records([event])[event].result(30)
        code, out, err = self.explain(self.live, "decision", withheld["trigger"]["triggerId"])
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"tipped by\n  event ben-dear of source browses: .*\n  no longer kept\n$")

    def test_a_customer_is_told_which_clause_was_false(self):
        [trigger] = self.decisions("live", "triggers")
        code, out, err = self.explain(self.live, "customer", "anna", "--trigger", "note")
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"(?m)^  \S+  note +released through email +" + trigger["triggerId"] + "$")
        self.assertIn(f"  remembered by the process at {self.live.admin}, as of epoch ", out)
        self.assertRegex(out, r"event anna-dear \(live\.browses, partition \d, offset \d+\): its condition holds\n")
        self.assertRegex(out, r"event anna-cheap \(live\.browses, partition \d, offset \d+\): its condition does not "
                              r"hold\n"
                              r'    true    event\.category == "wine"  \(event\.category = "wine"\)\n'
                              r"    false   event\.price_minor >= 1000  \(event\.price_minor = 500\)\n")
        self.assertIn("  consents: service/email\n", out)
        self.assertNotIn("abandoned-cart, on", out)
        code, out, _ = self.explain(self.live, "customer", "ben")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"(?m)^  \S+  note +withheld: NO_CONSENT +[0-9a-f]{32}$")
        self.assertIn("  cannot be sent: no consent to service through any of: email\n", out)
        self.assertIn("\nabandoned-cart, on cart-added\n  nothing waits\n", out)
        self.assertIn("\nalerts of churn\n  never raised\n", out)

    def test_rules_are_those_in_force(self):
        file = self.directory / "cheaper.yaml"
        file.write_text(AMENDMENT)
        control = [EBB, "control", "publish", str(file), "--pipeline", str(self.live.file), "--wait", "60"]
        subprocess.run(control, env=self.live.environment, check=True, stdout=subprocess.DEVNULL, timeout=150)
        try:
            _, out, _ = self.explain(self.live, "customer", "anna", "--trigger", "note")
            self.assertIn("with what was published: cheaper@1\n", out)
            self.assertIn("    true    event.price_minor >= 100  (event.price_minor = 500)\n", out)
        finally:
            rollback = [EBB, "control", "rollback", "cheaper", "--pipeline", str(self.live.file), "--wait", "60"]
            subprocess.run(rollback, env=self.live.environment, check=True, stdout=subprocess.DEVNULL, timeout=150)

    def test_a_win_back_is_shown_with_the_alert_that_led_to_it(self):
        decided = self.decisions("past", "triggers") + [w["trigger"] for w in self.decisions("past", "withheld")]
        trigger = next(t for t in decided if t["type"] == "win-back")
        code, out, _ = self.explain(self.past, "decision", trigger["triggerId"])
        self.assertEqual(code, 0)
        self.assertIn("tipped by\n  time alone: the timer crossing fired\n", out)
        self.assertRegex(out, r"the alert that led to it\n  \S+  churn alert +raised, risk 0\.\d\d +" +
                         trigger["alertId"])
        code, out, _ = self.explain(self.past, "decision", trigger["alertId"])
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith(f"churn alert for customer {trigger['customerId']}: raised\n"), out)
        self.assertRegex(out, r"(?m)^  no purchase for \d+ days?; .*, weighs \+\d+\.\d\d\]$")

    def test_of_a_stopped_process_the_files_are_read(self):
        customer = self.decisions("past", "alerts")[0]["customerId"]
        code, out, _ = self.explain(self.past, "customer", customer)
        self.assertEqual(code, 0)
        self.assertIn(f"  remembered by the files in {self.past.environment['EBB_STATE_DIR']}, as of epoch ", out)
        self.assertIn(f"what was published since is not known: nothing answers at {self.past.admin}", out)
        self.assertRegex(out, r"(?m)^  raised (once|\d+ times), last at 2025-")

    def test_what_is_not_there_is_said_with_what_was_looked_through(self):
        code, out, err = self.explain(self.past, "decision", NO_SUCH_ID, "--since", "1d")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, rf"^ebb: no decision {NO_SUCH_ID} among \d+ records of past\.alerts, past\.triggers and "
                              r"past\.withheld since \S+Z; look further back with --since, such as --since 30d\n$")
        code, out, err = self.explain(self.live, "customer", "nobody")
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"^ebb: nothing is found of customer nobody among \d+ records of live\.alerts, .*\n"
                              r"  what is remembered of the customer is not known: nothing is known of customer nobody "
                              r"as of epoch \d+\n$")

    def test_a_wrong_command_line_is_refused(self):
        for arguments, said in (
                (("decision", "anna"), "expected the id of a decision, 32 of the letters 0-9 and a-f as in the header "
                                       "ce_id, got 'anna'; for a customer: ebb explain customer anna"),
                (("customer", "anna", "--since", "soon"), "--since: expected how long ago, such as 6h or 7d, or a "
                                                          "moment, such as 2026-05-04 or 2026-05-04T10:11:12Z, got "
                                                          "'soon'"),
                (("customer", "anna", "--trigger", "not"), '--trigger: the pipeline has no rule "not"; did you mean '
                                                           '"note"? (known: ')):
            code, out, err = self.explain(self.live, *arguments)
            self.assertEqual((code, out), (2, ""), err)
            self.assertTrue(err.startswith(f"ebb: {said}"), err)


if __name__ == "__main__":
    unittest.main()
