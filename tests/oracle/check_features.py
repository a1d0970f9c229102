"""Recomputes features from events in SQL and compares them with what was reported. README.md has the definitions."""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

import duckdb

KINDS = ("purchases", "browses", "supports", "members", "engagements")
DAY_MS = 86_400_000
TOLERANCE = 1e-9

# How a value of the proto3 JSON mapping is read, by the type of its field, with what an absent field means.
WHOLE, REAL, TEXT, FLAG, CHANNEL = (int, 0), (float, 0.0), (str, ""), (bool, False), (str, "CHANNEL_UNSPECIFIED")
MONEY = {"minor": WHOLE, "currency": TEXT}

# The fields of ebb.v1.CustomerFeatures. A reported field that is not here is a difference, so that none goes unchecked.
FIELDS = {
    "customerId": TEXT,
    "asOfMs": WHOLE,
    "firstPurchaseMs": WHOLE,
    "lastPurchaseMs": WHOLE,
    "orders": WHOLE,
    "spent": [MONEY],
    "repeatDays": WHOLE,
    "kinds": [{"kind": TEXT, "total": WHOLE, "last7Days": WHOLE, "last30Days": WHOLE, "last90Days": WHOLE,
               "decayed": REAL, "lastMs": WHOLE}],
    "purchaseGapMeanDays": REAL,
    "purchaseGapSdDays": REAL,
    "categories": [{"category": TEXT, "weight": REAL}],
    "channels": [{"channel": CHANNEL, "events": WHOLE}],
    "openTickets": WHOLE,
    "openComplaints": WHOLE,
    "consents": [{"purpose": TEXT, "channel": CHANNEL}],
    "refunded": [MONEY],
    "generated": FLAG,
}


def recompute(sources, features, half_life_days):
    """Runs features.sql. `sources` has a list of files by kind of event, `features` is a list of files."""
    db = duckdb.connect()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as none:
        for kind in KINDS:
            _set_variable(db, kind, sources.get(kind) or [none.name])
        _set_variable(db, "features", features)
        db.execute(f"SET VARIABLE half_life_ms = {half_life_days * DAY_MS!r}::DOUBLE")
        db.execute(Path(__file__).with_name("features.sql").read_text())
    return db


def _set_variable(db, name, files):
    quoted = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    db.execute(f"SET VARIABLE {name} = [{quoted}]")


def read(value, shape):
    """A JSON value in the form in which it is compared. Raises ValueError when it does not fit."""
    if isinstance(shape, list):
        return [read(item, shape[0]) for item in value or []]
    if isinstance(shape, dict):
        unknown = set(value) - set(shape)
        if unknown:
            raise ValueError(f"expected only {', '.join(shape)}, got {', '.join(sorted(unknown))}")
        return {name: read(value.get(name), part) for name, part in shape.items()}
    form, default = shape
    return default if value is None else form(value)


def same(ours, theirs):
    """Equal, real numbers within the tolerance."""
    if isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=TOLERANCE)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict):
        return all(same(ours[name], theirs[name]) for name in ours)
    return ours == theirs


def same_top(ours, theirs, count):
    """Whether `theirs` are the `count` strongest of all our categories, in order. Weights that agree within the
    tolerance may stand in either order."""
    weights = {item["category"]: item["weight"] for item in ours}
    names = [item["category"] for item in theirs]
    if len(names) != min(count, len(weights)) or len(set(names)) != len(names):
        return False
    if not all(name in weights and same(weights[name], item["weight"]) for name, item in zip(names, theirs)):
        return False
    in_order = [weights[name] for name in names] + [max((w for n, w in weights.items() if n not in names), default=0.0)]
    return all(right <= left * (1 + TOLERANCE) for left, right in zip(in_order, in_order[1:]))


def differences(expected, reported, top_categories):
    """What is wrong with a reported row (a JSON object), as sentences."""
    found = [f"{name}: not a field of the contract" for name in reported if name not in FIELDS]
    for name, shape in FIELDS.items():
        ours = read(expected[name], shape)
        try:
            theirs = read(reported.get(name), shape)
        except (ValueError, TypeError, AttributeError) as error:
            found.append(f"{name}: cannot be read: {error}")
            continue
        if name == "categories":
            agree = same_top(ours, theirs, top_categories)
            ours = ours[:top_categories]
        else:
            agree = same(ours, theirs)
        if not agree:
            found.append(f"{name}: expected {json.dumps(ours)}, got {json.dumps(theirs)}")
    return found


def check(sources, features, half_life_days, top_categories, complete, show, out):
    """Prints what differs and a summary; true when everything agrees."""
    db = recompute(sources, features, half_life_days)
    contradictions = db.execute("FROM contradictions").fetchall()
    for customer, source, event_id, events in contradictions[:show]:
        print(f"customer {customer}: {events} different events are called {event_id} in source {source}", file=out)
    cursor = db.execute("FROM expected")
    names = [column[0] for column in cursor.description]
    checked = wrong = 0
    while batch := cursor.fetchmany(1000):
        for row in batch:
            expected = dict(zip(names, row))
            found = differences(expected, json.loads(expected["row"]), top_categories)
            checked += 1
            wrong += bool(found)
            if found and wrong <= show:
                print(f"customer {expected['customerId']} as of {expected['asOfMs']}:", *found, sep="\n  ", file=out)
    missing = [row[0] for row in db.execute("FROM missing").fetchall()]
    for customer in missing[:show]:
        print(f"customer {customer}: has events, but no features", file=out)
    later = db.execute("FROM later").fetchall()
    for customer, events, first in later[:show] if complete else ():
        print(f"customer {customer}: {events} events after the last features, the first at {first}", file=out)
    total, = db.execute("SELECT count(*) FROM all_events").fetchone()
    anonymous, = db.execute("SELECT count(*) FROM anonymous").fetchone()
    print(f"{total} events; {checked} customers checked, {wrong} differ; {len(missing)} without features; "
          f"{len(later)} with later events; {len(contradictions)} contradictory event ids; "
          f"{anonymous} anonymous not checked", file=out)
    return checked > 0 and not (wrong or missing or contradictions or (complete and later))


def main():
    parser = argparse.ArgumentParser(
        prog="check.sh",
        description="Recomputes the features of every customer from the events in SQL, and compares them with the last"
        " features row of each: counts and money exactly, other numbers to 1e-9. Exit code 0 when all agree.")
    parser.add_argument("--events", metavar="DIR", type=Path, nargs="+", required=True,
                        help="folders with purchases.jsonl, browses.jsonl, supports.jsonl, members.jsonl,"
                        " engagements.jsonl, or some of them")
    parser.add_argument("--features", metavar="FILE", type=Path, nargs="+", required=True,
                        help="CustomerFeatures as JSON Lines; the last row of a customer counts")
    parser.add_argument("--half-life-days", type=float, default=30.0, metavar="N",
                        help="of decayed values (default: 30)")
    parser.add_argument("--top-categories", type=int, default=8, metavar="N", help="how many are reported (default: 8)")
    parser.add_argument("--complete", action="store_true",
                        help="events after a customer's last features row are an error")
    parser.add_argument("--show", type=int, default=10, metavar="N",
                        help="how many customers to show per finding (default: 10)")
    options = parser.parse_args()
    sources = {kind: [path for folder in options.events if (path := folder / f"{kind}.jsonl").exists()]
               for kind in KINDS}
    if not any(sources.values()):
        parser.error(f"--events: expected at least one of {', '.join(f'{kind}.jsonl' for kind in KINDS)} there")
    agree = check(sources, options.features, options.half_life_days, options.top_categories, options.complete,
                  options.show, sys.stdout)
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
