"""Compares what came out with what must have come out. README.md says what each part proves."""

import collections
import io
import json
import pathlib
import subprocess
import sys

from cluster import GROUP, PARTITIONS, ROOT
from collect import NO_TIME
from process import PIPELINE
from rules import LATENESS_MS, Customer, Undecided
from shop import SOURCES

sys.path.insert(0, str(ROOT / "tests/oracle"))
import check_features  # noqa: E402  (needs the path above)

SHOWN = 5  # Of each kind of violation.
NO_MOMENT = -(1 << 63)


class Violations:
    """What is wrong, by kind: lost, doubled, unfounded, torn, order, schedule, features, replay, input."""

    def __init__(self):
        self.found = collections.defaultdict(list)

    def add(self, kind, text):
        self.found[kind].append(text)

    def count(self, kind):
        return len(self.found[kind])

    def show(self, out):
        for kind, texts in self.found.items():
            for text in texts[:SHOWN]:
                print(f"VIOLATION {kind}: {text}", file=out)
            if len(texts) > SHOWN:
                print(f"VIOLATION {kind}: and {len(texts) - SHOWN} more", file=out)


def verify(data, sent=None):
    """All checks but the replay, which `compare_with_replay` makes. `sent`: how many records each source must have.
    Returns what is wrong, and the customers who were left out since an event of theirs came late."""
    violations = Violations()
    if sent is not None:
        check_input(data, sent, violations)
    late = check_schedule(data, violations)
    check_epochs(data, violations)
    excused = {data.who[source, p][offset] for source, p, offset in late}
    check_results(data, excused, violations)
    check_dead_letters(data, violations)
    check_features_rows(data, violations)
    return violations, excused


def check_input(data, sent, violations):
    if data.unread:
        violations.add("lost", f"{data.unread} records of the input lie beyond the committed offsets")
    for source in SOURCES:
        there = sum(len(data.times[source, p]) for p in range(PARTITIONS))
        if there != sent.get(source, 0) and not data.unread:
            violations.add("input", f"{source}: {sent.get(source, 0)} acknowledged, {there} there: the test is broken")


# ---- epochs ------------------------------------------------------------------------------------------------------


def check_epochs(data, violations):
    """Each epoch is there with all that it says it has: nothing of it is missing, nothing is there twice."""
    moments = {p: [] for p in range(PARTITIONS)}
    for rows in data.results.values():
        for row in rows:
            moments[row.partition].append(row.timestamp_ms)
    for p, epochs in data.epochs.items():
        times = sorted(moments[p])
        taken = 0
        for epoch in epochs:
            # Results get their time when they are sent, before the epoch record and after the epoch before.
            before = taken
            while taken < len(times) and times[taken] <= epoch.timestamp_ms:
                taken += 1
            if taken - before != epoch.outputs:
                violations.add("torn", f"partition {p}, epoch {epoch.epoch} of {epoch.owner}: its record names "
                                       f"{epoch.outputs} results, {taken - before} are there")
            if epoch.entries_found != epoch.entries:
                violations.add("torn", f"partition {p}, epoch {epoch.epoch}: its record names {epoch.entries} entries "
                                       f"of the changelog, {epoch.entries_found} are there")
        if taken < len(times):
            violations.add("torn", f"partition {p}: {len(times) - taken} results after the last epoch record")
        for i, source in enumerate(data.sources.get(p, [])):
            end = epochs[-1].ends()[i] if epochs else 0
            if end != data.committed[source, p]:
                violations.add("torn", f"partition {p}: {source} is committed up to {data.committed[source, p]}, its "
                                       f"last epoch record says {end}")


def check_schedule(data, violations):
    """Walks through the input as the epoch records say it was read: without gap or overlap, and with the watermark
    that follows from it. Returns the records that were late, as (source, partition, offset)."""
    late = []
    for p, epochs in data.epochs.items():
        sources = data.sources.get(p)
        if not sources:
            violations.add("schedule", f"partition {p} has no changelog")
            continue
        times = [data.times[source, p] for source in sources]
        places, latest, watermark = [0] * len(sources), [NO_MOMENT] * len(sources), NO_MOMENT
        for number, epoch in enumerate(epochs, 1):
            if epoch.epoch != number:
                violations.add("schedule", f"partition {p}: epoch {epoch.epoch} comes where {number} should")
                break
            if [piece.start for piece in epoch.slices] != places:
                starts = [piece.start for piece in epoch.slices]
                violations.add("schedule", f"partition {p}, epoch {number}: begins at {starts}, the one before ended "
                                           f"at {places}")
                break
            for one in epoch.rounds:
                bounds = [place + advance for place, advance in zip(places, one.advance)]
                if any(bound > len(known) for bound, known in zip(bounds, times)):
                    violations.add("schedule", f"partition {p}, epoch {number}: reads up to {bounds}, beyond the input")
                    return late
                watermark = max(watermark, one.floor_ms)
                watermark = walk(times, places, bounds, one.idle, latest, watermark,
                                 lambda i, p=p, s=sources: late.append((s[i], p, places[i])))
            if epoch.is_full and epoch.rounds:
                # Time follows a head before it is taken; what it made due filled the epoch, and it was not taken.
                followed = latest.copy()
                ahead = walk(times, places.copy(), places, epoch.rounds[-1].idle, followed, watermark, None, True)
                if ahead == epoch.watermark_ms:
                    watermark, latest = ahead, followed
            if watermark != epoch.watermark_ms:
                violations.add("schedule", f"partition {p}, epoch {number}: its watermark is {epoch.watermark_ms}, "
                                           f"from the input follows {watermark}")
                watermark = epoch.watermark_ms
    return late


def walk(times, places, bounds, idle, latest, watermark, is_late, next_only=False):
    """One round: heads by time, then by source. Changes `places` and `latest`; returns the watermark. With
    `next_only`, follows the head after the round, wherever the bounds are, and takes nothing."""
    parts = [i for i in range(len(times)) if not idle >> i & 1]
    while True:
        heads = [(times[i][places[i]], i) for i in parts
                 if places[i] < (len(times[i]) if next_only else bounds[i])]
        if not heads:
            return watermark
        at_ms, i = min(heads)  # One that cannot be read has the least time of all: it goes at once.
        if at_ms != NO_TIME:
            latest[i] = max(latest[i], at_ms)
            watermark = max(watermark, min(max(latest[k], at_ms) for k in parts) - LATENESS_MS)
            if next_only:
                return watermark
            if at_ms < watermark:
                is_late(i)
        places[i] += 1


# ---- results -----------------------------------------------------------------------------------------------------


def alert_of(row):
    v = row.value
    return (v["customerId"], v["kind"], int(v["decidedAtMs"]), int(v.get("episode", 0)))


def trigger_of(row):
    v = row.value
    assert v["releasedAtMs"] == v["decidedAtMs"], v
    return (v["customerId"], v["type"], int(v["decidedAtMs"]), v["channel"], tuple(v.get("skus", [])))


def withheld_of(row):
    v = row.value
    t = v["trigger"]
    return (t["customerId"], t["type"], int(t["decidedAtMs"]), v["cause"], tuple(t.get("skus", [])))


READERS = {"alerts": alert_of, "triggers": trigger_of, "withheld": withheld_of}


def moment_of(sink, row):
    return int(row.value["asOfMs"]) if sink == "features" else READERS[sink](row)[2]


def check_results(data, excused, violations):
    """Alerts, triggers and what was withheld: exactly those that follow from the events, each once and in order."""
    horizons = {p: epochs[-1].watermark_ms if epochs else NO_MOMENT for p, epochs in data.epochs.items()}
    home = {data.who[place][offset]: place[1] for place in data.who for offset in range(len(data.who[place]))}
    expected = {sink: collections.Counter() for sink in READERS}
    for customer, events in data.events.items():
        if customer in excused:
            continue
        try:
            outcome = Customer(customer, events, horizons[home[customer]])
        except Undecided as undecided:
            violations.add("input", f"the shop does not keep its own rules: {undecided}")
            continue
        for sink in READERS:
            expected[sink].update(getattr(outcome, sink))
    for sink, reader in READERS.items():
        found = collections.Counter(reader(row) for row in data.results[sink] if row.customer not in excused)
        for result, count in (expected[sink] - found).items():
            violations.add("lost", f"{sink}: {result}" + (f", {count} times" if count > 1 else ""))
        for result, count in (found - expected[sink]).items():
            kind = "doubled" if result in expected[sink] else "unfounded"
            violations.add(kind, f"{sink}: {result}" + (f", {count} times" if count > 1 else ""))
    for sink in [*READERS, "features"]:
        check_ids_and_order(sink, data.results[sink], violations)


def check_ids_and_order(sink, rows, violations):
    ids = collections.Counter(row.id for row in rows)
    for identity, count in ids.items():
        if count > 1 or not identity:
            violations.add("doubled", f"{sink}: ce_id {identity} is there {count} times")
    latest = {}
    for row in rows:
        moment = moment_of(sink, row)
        if moment < latest.get(row.customer, moment):
            violations.add("order", f"{sink}: {row.customer} has {moment} after {latest[row.customer]}")
        latest[row.customer] = max(moment, latest.get(row.customer, moment))


def check_dead_letters(data, violations):
    found = collections.Counter((*place, offset) for *place, offset, _ in data.dead)
    for place in data.bad - set(found):
        violations.add("lost", f"dead letter of {place}")
    for place, count in found.items():
        if place not in data.bad:
            violations.add("unfounded", f"dead letter of {place}")
        elif count > 1:
            violations.add("doubled", f"dead letter of {place}, {count} times")


def check_features_rows(data, violations):
    """The last features of every customer, in SQL: every event counts once, none is missing."""
    features = data.files / "checked-features.jsonl"
    with open(features, "w", encoding="utf-8") as out:
        for row in data.results["features"]:
            out.write(json.dumps(row.value) + "\n")
    sources = {source: [data.files / f"{source}.jsonl"] for source in SOURCES}
    text = io.StringIO()
    if not check_features.check(sources, [features], 30.0, 8, True, SHOWN, text):
        violations.add("features", text.getvalue().strip())


# ---- a second witness --------------------------------------------------------------------------------------------


def compare_with_replay(data, binary, until, excused, violations):
    """Replays the records that were read back, and compares alerts, triggers and withheld by id and content."""
    output = data.files / "replay"
    inputs = [argument for source in SOURCES
              for argument in ("--input", f"{source}={data.files}/{source}.jsonl")]
    with open(data.files / "replay.log", "wb") as log:
        subprocess.run([binary, "replay", str(PIPELINE), *inputs, "--partitions", str(PARTITIONS), "--until", until,
                        "--output", str(output)], check=True, stdout=log, stderr=log,
                       env={"KAFKA_BOOTSTRAP": "unused:1", "EBB_STATE_DIR": str(data.files / "replay-state"),
                            "EBB_ADMIN_LISTEN": "127.0.0.1:0"})
    for sink in READERS:
        replayed = {}
        path = pathlib.Path(output) / f"{GROUP}.{sink}.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            row = json.loads(line)
            replayed[row["headers"]["ce_id"]] = without_positions(row["value"])
        found = {row.id: without_positions(row.value) for row in data.results[sink] if row.customer not in excused}
        for identity in replayed.keys() - found.keys():
            if customer_of(replayed[identity]) not in excused:
                violations.add("replay", f"{sink}: only the replay has {identity}: {replayed[identity]}")
        for identity in found.keys() - replayed.keys():
            violations.add("replay", f"{sink}: the replay has no {identity}: {found[identity]}")
        for identity in found.keys() & replayed.keys():
            if found[identity] != replayed[identity]:
                violations.add("replay", f"{sink}: {identity} is {found[identity]}, in the replay "
                                         f"{replayed[identity]}")


def customer_of(value):
    return value.get("trigger", value)["customerId"]


def without_positions(value):
    """Without the offsets that tipped a decision: those of a file differ."""
    if isinstance(value, dict):
        return {k: without_positions(v) for k, v in value.items() if k not in ("offset", "partition")}
    if isinstance(value, list):
        return [without_positions(v) for v in value]
    return value
