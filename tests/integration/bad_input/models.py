"""Rows that models, cut-offs and clusters cannot be fitted to: refused before anything is written, and why."""

import pathlib
import subprocess

from bad_input.bench import Row
from support import EBB

ROOT = pathlib.Path(__file__).resolve().parents[3]
DAY_MS = 86_400_000
HORIZON_DAYS = 28
CUTOFFS = [1_500_076_800_000 + i * HORIZON_DAYS * DAY_MS for i in range(3)]
META = ["customer_id", "cutoff_ms", "horizon_days"], ["bought", "orders_after", "generated"]


def feature_names():
    """Of ebb.v1.RiskFeatures, from its source: what this version of Ebb computes."""
    lines = (ROOT / "proto/ebb/v1/risk_features.proto").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("  double ")]


def sound_rows(customers=120):
    """Of each customer a row at each cut-off. Whoever was silent for longer is less likely to buy."""
    rows = []
    for cutoff in CUTOFFS:
        for i in range(customers):
            silence = i * 60 / customers
            row = {"customer_id": f"c{i:04}", "cutoff_ms": cutoff, "horizon_days": HORIZON_DAYS,
                   "bought": int((i * 7919) % customers > i), "orders_after": 0, "generated": 1}
            features = dict.fromkeys(feature_names(), 0)
            features.update(repeat_days=i % 5, silence_days=silence, span_days=i % 5 * 9, orders=1 + i % 5,
                            age_days=i % 5 * 9 + silence, gap_mean_days=9 if i % 5 else 0)
            rows.append(row | features)
    return rows


def text_of(rows):
    head = [*META[0], *feature_names(), *META[1]]
    return "".join(",".join(map(str, line)) + "\n" for line in [head, *([row[name] for name in head] for row in rows)])


def with_all(rows, **changes):
    return text_of([row | changes for row in rows])


def without_difference(rows):
    first = {name: rows[0][name] for name in feature_names()}
    return with_all(rows, **first)


# (what was done, the file from sound rows, further arguments, words of the message)
MISTAKES = [
    ("an empty file of features", lambda rows: "", [], [":1:1: expected the names of columns"]),
    ("features cut off within a row", lambda rows: text_of(rows)[:-9], [], [":361:1: expected 36 cells"]),
    ("a feature that is NaN", lambda rows: with_all(rows, silence_days="nan"), [],
     [":2:", "silence_days: expected a finite number, got nan"]),
    ("features of another version", lambda rows: text_of(rows).replace("overdue", "overdone", 1), [],
     ["column overdue is missing", "ebb replay --features-at of this version"]),
    ("a customer twice", lambda rows: text_of([*rows, rows[0]]), [], ["customer c0000 has two rows"]),
    ("fewer than 100 customers", lambda rows: text_of(sound_rows(99)), [], ["at least 100 customers", "got 99"]),
    ("customers who all buy", lambda rows: with_all(rows, bought=1), [],
     ["every customer bought within the horizon of 28 days", "another --horizon"]),
    ("customers of whom nobody buys", lambda rows: with_all(rows, bought=0), [], ["nobody bought within the horizon"]),
    ("customers without any difference", without_difference, [], ["all customers are alike in everything"]),
    ("one cut-off only", lambda rows: text_of(rows[-120:]), [], ["no cut-off to learn from", "earlier cut-offs"]),
    ("an unknown model", text_of, ["--model", "oracle"], ["--model: expected logistic", "got oracle"]),
]


def fit(bench, name, text, *arguments, what="churn"):
    file, output = bench.directory / f"{name}.csv", bench.directory / f"{name}-model"
    file.write_text(text)
    ran = subprocess.run([EBB, "fit", what, "--features", str(file), "--output", str(output), *arguments],
                         capture_output=True, text=True, timeout=60)
    return ran, ran.stderr.strip().replace(str(bench.directory) + "/", ""), output


def wrong_rows(bench):
    """training rows with one mistake"""
    rows = []
    for number, (done, edit, arguments, words) in enumerate(MISTAKES, 1):
        ran, message, output = fit(bench, f"rows-{number}", edit(sound_rows()), *arguments)
        row = Row(done, f"exit code {ran.returncode}", message)
        row.expect(ran.returncode == 2, "expected exit code 2")
        row.expect(not output.exists(), "something was written")
        rows.append(row.expect_words(*words))
    return rows


# (what is fitted, what was done, the file from sound rows, further arguments, words of the message)
OTHER_MISTAKES = [
    ("rfm", "cut-offs of fewer than 100 customers", lambda rows: text_of(sound_rows(99)), [],
     ["at least 100 customers", "got 99"]),
    ("kmeans", "clusters of fewer than 100 customers", lambda rows: text_of(sound_rows(99)), [],
     ["at least 100 customers"]),
    ("kmeans", "clusters of customers who are alike", without_difference, [], ["alike in everything"]),
    ("kmeans", "clusters by a column that there is not", text_of, ["--columns", "orders,silense_days"],
     ['unknown feature "silense_days"', 'did you mean "silence_days"']),
    ("kmeans", "one cluster", text_of, ["--clusters", "1"], ["--clusters: expected 2 to 64, got 1"]),
    ("dbscan", "dense places of a distance below 0", text_of, ["--distance=-1"], ["--distance: expected at least 0"]),
    ("value", "value in a currency that is none", text_of, ["--currency", "Euro"], ["three capital letters", "Euro"]),
]


def wrong_for_others(bench):
    """training rows, or arguments, that other fits refuse"""
    rows = []
    for number, (what, done, edit, arguments, words) in enumerate(OTHER_MISTAKES, 1):
        ran, message, output = fit(bench, f"others-{number}", edit(sound_rows()), *arguments, what=what)
        row = Row(done, f"exit code {ran.returncode}", message)
        row.expect(ran.returncode == 2, "expected exit code 2")
        row.expect(not output.exists(), "something was written")
        rows.append(row.expect_words(*words))
    return rows


def no_file(bench):
    """training rows that are not there"""
    ran = subprocess.run([EBB, "fit", "churn", "--features", "absent.csv", "--output", str(bench.directory / "none")],
                         capture_output=True, text=True, timeout=60)
    row = Row("no file of training rows of that name", f"exit code {ran.returncode}", ran.stderr.strip())
    return [row.expect(ran.returncode == 2, "expected exit code 2").expect_words("cannot read absent.csv")]


def sound(bench):
    """training rows without a mistake"""
    ran, message, output = fit(bench, "rows-sound", text_of(sound_rows()))
    row = Row("sound rows, for comparison", f"exit code {ran.returncode}", message)
    row.expect(ran.returncode == 0, "expected exit code 0")
    return [row.expect((output / "model.json").exists() and (output / "report.html").exists(), "no model or no page")]


CASES = [wrong_rows, wrong_for_others, no_file, sound]
