"""What `ebb replay --features-at` writes, recomputed row by row from the events of a generated shop: the plain way, all
events of a customer before the cut-off in one list, and those within the horizon in another."""

import collections
import csv
import datetime
import json
import math
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
EBB = os.environ["EBB_BINARY"]
PIPELINE = ROOT / "deploy/pipelines/retail.yaml"
SOURCES = ("purchases", "browses", "supports", "members", "engagements")
DAY_MS = 86_400_000
CUTOFFS = ("2025-03-01", "2025-04-01T12:00:00Z")
HORIZON_DAYS = 28


def moment_ms(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.replace(tzinfo=datetime.timezone.utc).timestamp() * 1000)


class Order:
    """An order with what later purchases take back of it."""

    def __init__(self, event):
        self.time_ms = int(event["header"]["eventTimeMs"])
        self.currency = event.get("currency", "")
        self.minor = amount(event)
        self.given_back = 0
        self.cancelled = False


def amount(event):
    lines = sum(int(line.get("priceMinor", 0)) for line in event.get("lines", []))
    return max(0, lines - int(event.get("discountMinor", 0)))


def orders_of(purchases):
    """The orders of a customer, in order of time, as of the last of these purchases."""
    orders = {}
    for event in purchases:
        if event.get("kind", "ORDER") == "ORDER":
            orders.setdefault(event["orderId"], Order(event))
    for event in purchases:
        order = orders.get(event["orderId"])
        if order is None or event.get("kind", "ORDER") == "ORDER":
            continue
        if event["kind"] == "CANCELLATION":
            order.cancelled, order.given_back = True, order.minor
        elif event.get("currency", "") in ("", order.currency):
            back = amount(event) if event.get("lines") else order.minor
            order.given_back = min(order.minor, order.given_back + back)
    return sorted(orders.values(), key=lambda order: order.time_ms)


def expected_row(events, cutoff_ms):
    """Features and outcome of one customer; None without an order."""
    horizon_ms = cutoff_ms + HORIZON_DAYS * DAY_MS
    before = [(time_ms, kind, event) for time_ms, kind, event in events if time_ms < cutoff_ms]
    orders = orders_of([event for _, kind, event in before if kind == "purchases"])
    standing = [order for order in orders if not order.cancelled]
    if not standing:
        return None
    days = sorted({order.time_ms // DAY_MS for order in standing})
    today = cutoff_ms // DAY_MS
    gaps = [later - earlier for earlier, later in zip(days, days[1:])]
    mean = sum(gaps) / len(gaps) if gaps else 0
    silence = (cutoff_ms - standing[-1].time_ms) / DAY_MS
    currency = orders[-1].currency
    money = [order for order in orders if order.currency == currency]
    spent = sum(order.minor - order.given_back for order in money)
    back = sum(order.given_back for order in money)

    def count(kind, last_days):
        return sum(1 for time_ms, name, _ in before if name == kind and time_ms // DAY_MS > today - last_days)

    row = {
        "repeat_days": len(days) - 1,
        "age_days": (cutoff_ms - standing[0].time_ms) / DAY_MS,
        "span_days": (standing[-1].time_ms - standing[0].time_ms) / DAY_MS,
        "silence_days": silence,
        "orders": len(standing),
        "gap_mean_days": mean,
        "gap_sd_days": math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) if gaps else 0,
        "overdue": silence / max(mean, 1) if gaps else 1,
        "spent": spent / 100,
        "order_value": spent / 100 / len(standing),
        "given_back_share": back / (spent + back) if spent + back else 0,
        "browses_30d": count("browses", 30),
        "browses_90d": count("browses", 90),
        "engagements_90d": count("engagements", 90),
        "supports_90d": count("supports", 90),
        "contact_days": (cutoff_ms - max(time_ms for time_ms, _, _ in before)) / DAY_MS,
    }
    for weeks in (4, 8, 13, 26, 52):
        row[f"days_{weeks}w"] = sum(1 for day in days if day > today - 7 * weeks)
    for weeks in (2, 8, 26):
        row[f"decayed_{weeks}w"] = sum(2 ** (-(today - day) / (7 * weeks)) for day in days)
    for weeks in (4, 13, 26):
        from_ms = cutoff_ms - 7 * weeks * DAY_MS
        row[f"spent_{weeks}w"] = sum(o.minor - o.given_back for o in money if o.time_ms >= from_ms) / 100
    within = [event for time_ms, kind, event in events if kind == "purchases" and time_ms < horizon_ms]
    row["bought"] = int(any(o.time_ms >= cutoff_ms and not o.cancelled for o in orders_of(within)))
    return row


class TrainingRowsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="ebb-training-")
        shop = pathlib.Path(cls.directory.name) / "shop"
        subprocess.run([EBB, "generate", "--customers", "400", "--days", "150", "--output", shop], check=True,
                       capture_output=True)
        cls.inputs = [f"--input={name}={shop}/{name}.jsonl" for name in SOURCES]
        cls.events = collections.defaultdict(list)
        for name in SOURCES:
            for line in (shop / f"{name}.jsonl").read_text().splitlines():
                event = json.loads(line)
                customer = event["header"].get("customerId")
                cls.events[customer].append((int(event["header"]["eventTimeMs"]), name, event))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def replay(self, *options):
        output = pathlib.Path(tempfile.mkdtemp(dir=self.directory.name))
        done = subprocess.run([EBB, "replay", PIPELINE, *self.inputs, "--output", output, *options],
                              capture_output=True, text=True, check=False)
        return done, output / "features.csv"

    def test_each_row_is_what_the_events_say(self):
        done, path = self.replay("--features-at", ",".join(CUTOFFS), "--horizon", str(HORIZON_DAYS))
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(path, encoding="utf-8", newline="") as file:
            rows = {(row["customer_id"], int(row["cutoff_ms"])): row for row in csv.DictReader(file)}
        due = set()
        for cutoff_ms in map(moment_ms, CUTOFFS):
            for customer, events in self.events.items():
                if customer is None or (expected := expected_row(events, cutoff_ms)) is None:
                    continue
                due.add((customer, cutoff_ms))
                self.assertIn((customer, cutoff_ms), rows)
                row = rows[customer, cutoff_ms]
                for name, value in expected.items():
                    self.assertAlmostEqual(float(row[name]), value, 6, f"{name} of {customer} at {cutoff_ms}")
        self.assertEqual({key for key in rows if not key[0].startswith("anon:")}, due)
        outcomes = collections.Counter(row["bought"] for row in rows.values())
        self.assertGreater(min(outcomes["0"], outcomes["1"]), 20, "both outcomes are among them")

    def test_the_same_with_more_partitions_and_workers(self):
        options = ["--features-at", CUTOFFS[0], "--horizon", str(HORIZON_DAYS)]
        _, one = self.replay(*options)
        _, four = self.replay(*options, "--partitions", "4", "--workers", "2")
        self.assertEqual(sorted(one.read_text().splitlines()), sorted(four.read_text().splitlines()))

    def test_a_horizon_that_does_not_end_gives_no_row_unless_time_is_carried_there(self):
        options = ["--features-at", "2025-05-20", "--horizon", "60"]
        _, without = self.replay(*options)
        self.assertEqual(len(without.read_text().splitlines()), 1)
        _, carried = self.replay(*options, "--until", "2025-08-01")
        self.assertGreater(len(carried.read_text().splitlines()), 100)

    def test_what_is_wrong_is_refused(self):
        for options, said in ((["--features-at", "2025-13-01", "--horizon", "28"], "'2025-13-01' is not a moment"),
                              (["--features-at", "2025-03-01"], "--horizon"),
                              (["--horizon", "28"], "--features-at"),
                              (["--features-at", "2025-03-01", "--horizon", "0"], "--horizon")):
            done, _ = self.replay(*options)
            self.assertEqual(done.returncode, 2, options)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main()
