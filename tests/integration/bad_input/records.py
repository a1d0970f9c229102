"""Records that are wrong: each becomes a dead letter with its bytes as they came, and the sound ones go on."""

from bad_input.bench import Row, Sender, browse, now_ms, purchase, read_message
from support import wait_until

CUSTOMER = "customer-1"
HOUR_MS = 3_600_000
DEEP = 1000
DEAD_LETTER_BYTES = 512 << 10  # The default of dead_letters.max_bytes.
GROUP, END_GROUP = b"\x9b\x06", b"\x9c\x06"  # Of field 99, which no event has.


def bad_values():
    """(what was done, source, value, reason of the dead letter, words of its message)"""
    now = now_ms()
    good = purchase(CUSTOMER, "good")
    view = browse(CUSTOMER, "view")
    json, protobuf = "purchases", "browses"
    return [
        ("JSON that is cut off", json, good[:40], "unparsable", ["ebb.v1.Purchase", "JSON"]),
        ("JSON with a text where a number belongs", json, purchase(CUSTOMER, "text", discountMinor="much"),
         "unparsable", ["discount_minor", "much"]),
        ("JSON with 900 kB of text where a number belongs", json,
         purchase(CUSTOMER, "lots", discountMinor="x" * 900_000), "unparsable", ["discount_minor", "xxx"]),
        ("JSON of another kind", json, b'["purchase"]', "unparsable", ["ebb.v1.Purchase"]),
        ("protobuf that is cut off", protobuf, view[:-3], "unparsable", ["ebb.v1.Browse", "protobuf"]),
        ("text where protobuf is expected", protobuf, b"what is this?", "unparsable", ["ebb.v1.Browse", "protobuf"]),
        ("empty value", json, b"", "empty", ["no value", "expected"]),
        ("no value at all (a tombstone)", json, None, "empty", ["no value", "expected"]),
        ("oversized: 1 MiB and a byte", json, purchase(CUSTOMER, "long", store="x" * (1 << 20))[:(1 << 20) + 1],
         "too-large", ["1048577", "1048576", "max_bytes"]),
        (f"JSON nested {DEEP} levels deep", json,
         good[:-1] + b', "more": ' + b"[" * DEEP + b"]" * DEEP + b"}", "unparsable", ["deep", "32"]),
        ("JSON of nothing but 100,000 brackets", json, b"[" * 100_000, "unparsable", ["deep", "32"]),
        (f"protobuf nested {DEEP} levels deep", protobuf, view + GROUP * DEEP + END_GROUP * DEEP, "unparsable",
         ["ebb.v1.Browse", "100"]),
        ("invalid UTF-8 in JSON", json, good.replace(b"milk", b"mi\xff\xfek"), "unparsable", ["UTF-8"]),
        ("invalid UTF-8 in protobuf", protobuf, browse(CUSTOMER, "latin", sku=b"mi\xff\xfek"), "unparsable",
         ["UTF-8"]),
        ("no customer", json, purchase("", "nobody"), "no-customer", ["customer_id", "anonymous"]),
        ("event time two hours after the record's own", json, purchase(CUSTOMER, "ahead", now + 2 * HOUR_MS),
         "absurd-time", ["max_ahead", "event time"]),
        ("event time in the year 33658", json, purchase(CUSTOMER, "far", 10**15), "absurd-time", ["not_after"]),
        ("event time before not_before", json, purchase(CUSTOMER, "old", -HOUR_MS), "absurd-time",
         ["1969", "1990", "not_before"]),
        ("event time that no integer holds", json, purchase(CUSTOMER, "huge", 10**30), "unparsable",
         ["event_time_ms"]),
        ("negative price", json,
         purchase(CUSTOMER, "negative", lines=[{"sku": "milk", "priceMinor": "-129", "quantityMilli": "1000"}]),
         "negative-amount", ["lines.price_minor", "-129", "0 or more"]),
        ("negative discount", json, purchase(CUSTOMER, "discount", discountMinor="-1"), "negative-amount",
         ["discount_minor", "-1"]),
        ("unknown currency", json, purchase(CUSTOMER, "currency", currency="QQQ"), "unknown-currency",
         ["QQQ", "ISO 4217"]),
    ]


def letter_row(done, topic, key, value, place, reason, words, letters):
    """The row of one record, of which exactly one dead letter is expected."""
    found = [letter for letter in letters
             if (letter[2].get("__streams.errors.topic"), letter[2].get("__streams.errors.partition"),
                 letter[2].get("__streams.errors.offset")) == (topic, str(place[0]), str(place[1]))]
    if len(found) != 1:
        return Row(done, f"{len(found)} dead letters", "", [f"expected one dead letter of {topic} {place}"])
    _, found_key, headers, found_value = found[0]
    row = Row(done, f"dead letter {headers['__streams.errors.exception']}", headers["__streams.errors.message"])
    row.expect(headers["__streams.errors.exception"] == reason, f"expected the reason {reason}")
    row.expect(found_key == key, f"the key was {key}, and became {found_key}")
    whole = value is None or len(value) <= DEAD_LETTER_BYTES
    row.expect(found_value == (value if whole else value[:DEAD_LETTER_BYTES]), "the bytes are not those that were sent")
    row.expect(whole or headers.get("ebb.truncated.bytes") == str(len(value)) and "ebb.truncated.xxh64" in headers,
               f"expected the whole size and digest in the headers, got {headers}")
    if not whole:
        row.outcome += f", cut to {len(found_value)} bytes"
    return row.expect_words(*words)


def duplicate_row(page, letters):
    """The row of an event that came three times: it is counted, and is no dead letter."""
    wanted = 'ebb_operator_events_total{operator="intake",event="duplicate"} '
    found = [line for line in page.splitlines() if line.startswith(wanted)]
    row = Row("one event three times (source and event id)", "metric", found[0] if found else "")
    row.expect(found == [wanted + "2"], f"expected {wanted}2, got {found}")
    return row.expect(not any(b"again" in (value or b"") for *_, value in letters), "there is a dead letter of it")


def bad_records(bench):
    """records"""
    pipeline = bench.pipeline("records")
    topics = {source: f"records.{source}" for source in ("purchases", "browses")}
    bench.create(*topics.values(), **{"max.message.bytes": str(4 << 20)})
    process = bench.start(pipeline)
    sender = Sender(bench.kafka)
    key = CUSTOMER.encode()
    home, _ = sender.send(topics["purchases"], key, purchase(CUSTOMER, "first"))

    sent = [(what, topics[source], key, value, sender.post(topics[source], key, value, home), reason, words)
            for what, source, value, reason, words in bad_values()]
    astray = purchase(CUSTOMER, "astray")
    sent.append(("record in the wrong partition", topics["purchases"], key, astray,
                 sender.post(topics["purchases"], key, astray, 1 - home), "wrong-partition",
                 [f"partition {home}", f"partition {1 - home}", "murmur2", "key records by customer id"]))
    again = purchase(CUSTOMER, "again")
    for _ in range(3):
        sender.post(topics["purchases"], key, again, home)
    others = [f"sound-{i}" for i in range(20)]
    for other in others:
        sender.post(topics["purchases"], other.encode(), purchase(other, other))
    sender.flush()
    total = 1 + len(sent) + 3 + len(others)
    wait_until(lambda: pipeline.metric("ebb_records_in_total") >= total, 30, f"all {total} records processed")
    counted = wait_until(lambda: "duplicate" in pipeline.get("/metrics") and pipeline.get("/metrics"), 10, "duplicates")
    dead = pipeline.metric("ebb_dead_letters_total")
    code = bench.stop(process)

    letters = bench.kafka.read("records.dead-letters")
    rows = [letter_row(*what, letters) for what in sent]
    rows.append(duplicate_row(counted, letters))
    told = {record[1].decode() for record in bench.kafka.read("records.features")}
    row = Row("sound records among all of these", f"features of {len(told)} customers, exit code {code}",
              f"{len(letters)} dead letters of {total} records")
    row.expect(told == {CUSTOMER, *others}, f"expected features of {CUSTOMER} and {len(others)} others, got {told}")
    row.expect(len(letters) == dead == len(sent), f"expected {len(sent)} dead letters, the metric says {dead}")
    rows.append(row.expect(code == 0, f"expected exit code 0; the log:\n{pipeline.log()[-2000:]}"))
    return rows


def long_key(bench):
    """a key that no dead letter can hold"""
    pipeline = bench.pipeline("longkey")
    bench.create("longkey.purchases", "longkey.browses", **{"max.message.bytes": str(4 << 20)})
    process = bench.start(pipeline)
    sender = Sender(bench.kafka)
    place = sender.send("longkey.purchases", b"k" * (2 << 20), b"?", 0)
    customers = [f"after-{i}" for i in range(20)]  # Of both partitions.
    for customer in customers:
        sender.post("longkey.purchases", customer.encode(), purchase(customer, customer))
    sender.flush()
    try:
        wait_until(lambda: len(bench.kafka.read("longkey.features")) == len(customers), 20, "all features")
    except AssertionError:
        pass  # The row tells what is missing.
    code = bench.stop(process)
    told = {record[1].decode() for record in bench.kafka.read("longkey.features")}
    letters = bench.kafka.read("longkey.dead-letters")
    row = Row("unparsable value under a key of 2 MiB",
              f"{len(letters)} dead letters; {len(told)} of {len(customers)} sound customers behind it; "
              f"exit code {code}",
              letters[0][2]["__streams.errors.message"] if letters else read_message(pipeline.log()))
    row.expect([letter[2]["__streams.errors.offset"] for letter in letters] == [str(place[1])],
               "expected one dead letter with its position, the key cut")
    row.expect(told == set(customers), "sound records behind it are not processed")
    return [row.expect(code == 0, "expected exit code 0")]


CASES = [bad_records, long_key]
