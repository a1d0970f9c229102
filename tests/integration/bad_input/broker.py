"""A broker that is away: waited for at the start, and outlived in the middle with nothing lost and nothing twice."""

import os
import pathlib
import signal
import time

from bad_input.bench import READY_LIMIT, Row, Sender, purchase, read_line, read_message
from support import free_port, wait_until

CUSTOMERS = 200  # A part's share: one sound and every tenth an unsound purchase.
OUTAGE_S = 8  # Longer than a session and a transaction last here.
PATIENCE_S = 30  # What a start waits for a broker.


def kill(kafka):
    os.kill(int((pathlib.Path(kafka.directory) / "1/pid").read_text()), signal.SIGKILL)


def brief(text):
    return text.replace("session_timeout: 6s", "session_timeout: 6s, transaction_timeout: 5s")


def post(sender, part):
    for i in range(CUSTOMERS):
        customer = f"{part}-{i}"
        sender.post("away.purchases", customer.encode(), purchase(customer, customer))
        if i % 10 == 0:
            sender.post("away.purchases", customer.encode(), f"unsound {customer}".encode())


def check(row, kafka, parts):
    """All customers of these parts have their features, and all unsound records their dead letters, once."""
    wanted = sorted(f"{part}-{i}" for part in parts for i in range(CUSTOMERS))
    told = sorted(key.decode() for _, key, _, _ in kafka.read("away.features"))
    dead = sorted(value.decode() for *_, value in kafka.read("away.dead-letters"))
    unsound = sorted(f"unsound {part}-{i}" for part in parts for i in range(0, CUSTOMERS, 10))
    row.outcome += f"; {len(told)} features and {len(dead)} dead letters, each once"
    row.expect(told == wanted, f"features: {len(set(wanted) - set(told))} missing, {len(told) - len(set(told))} twice")
    return row.expect(dead == unsound, f"dead letters: {set(unsound) ^ set(dead)} differ, or some are twice")


def await_results(kafka, parts):
    """Waits until as many results are committed as there should be; `check` looks whether they are the right ones."""
    features, dead = len(parts) * CUSTOMERS, len(parts) * CUSTOMERS // 10
    wait_until(lambda: len(kafka.read("away.features")) >= features and len(kafka.read("away.dead-letters")) >= dead,
               READY_LIMIT, f"{features} features and {dead} dead letters")


def outage(bench, kafka, pipeline, process, done, end_broker, parts, sender):
    """Takes the broker away under load for a while; the process must go on by itself."""
    mark = len(pipeline.log())
    post(sender, parts[-1])
    end_broker()
    ended = time.monotonic()
    wait_until(lambda: time.monotonic() - ended > OUTAGE_S or process.poll() is not None, OUTAGE_S + 5, "the outage")
    code = process.poll()
    kafka.start()
    row = Row(done, "goes on" if code is None else f"exit code {code}", read_message(pipeline.log()[mark:]))
    sender.flush()
    if code is None:
        await_results(kafka, parts)
    row.expect(code is None, f"expected that it goes on; the log:\n{pipeline.log()[mark:][-2000:]}")
    return check(row, kafka, parts)


def away(bench):
    """a broker that is away at start and in the middle"""
    kafka = bench.broker("away-kafka")
    pipeline = bench.pipeline("away", edit=brief, broker=kafka)
    kafka.start()
    bench.create("away.purchases", "away.browses", broker=kafka)
    kafka.stop()

    process = bench.start(pipeline, ready=False)
    wait_until(lambda: "warning" in pipeline.log() or process.poll() is not None, 20, "a word about the broker")
    row = Row("broker away at start, there some seconds later", "waits", read_message(pipeline.log()))
    kafka.start()
    wait_until(lambda: pipeline.get("/readyz") or process.poll() is not None, READY_LIMIT, "ready")
    row.outcome += ", then is ready" if process.poll() is None else f", then exit code {process.returncode}"
    rows = [row.expect(process.poll() is None, "expected that it gets ready").expect_words(kafka.bootstrap)]

    sender = Sender(kafka)
    post(sender, "before")
    sender.flush()
    await_results(kafka, ["before"])
    rows.append(outage(bench, kafka, pipeline, process, f"broker stopped for {OUTAGE_S} s in the middle", kafka.stop,
                       ["before", "stopped"], sender))
    rows.append(outage(bench, kafka, pipeline, process, f"broker killed for {OUTAGE_S} s in the middle",
                       lambda: kill(kafka), ["before", "stopped", "killed"], sender))
    code = bench.stop(process)
    rows[-1].outcome += f"; then SIGTERM: exit code {code}"
    rows[-1].expect(code == 0, f"expected exit code 0 after SIGTERM; the log:\n{pipeline.log()[-2000:]}")
    return rows


def nowhere(bench):
    """a broker that never comes"""
    pipeline = bench.pipeline("nowhere")
    address = f"127.0.0.1:{free_port()}"
    pipeline.environment["KAFKA_BOOTSTRAP"] = address
    return [bench.refused("no broker at the address", pipeline, address, "is it running", "refused",
                          within=PATIENCE_S + 10)]


def unknown_host(bench):
    """a broker whose name is unknown"""
    pipeline = bench.pipeline("unknown-host")
    pipeline.environment["KAFKA_BOOTSTRAP"] = "broker.invalid:9092"
    return [bench.refused("a broker's name that nobody knows", pipeline, "broker.invalid", "esolve",
                          within=PATIENCE_S + 10)]


def stopped_alone(bench):
    """SIGTERM while the broker is away"""
    pipeline = bench.pipeline("stopped-alone")
    pipeline.environment["KAFKA_BOOTSTRAP"] = f"127.0.0.1:{free_port()}"
    process = bench.start(pipeline, ready=False)
    wait_until(lambda: pipeline.get("/healthz") or process.poll() is not None, 10, "started")
    code = bench.stop(process, 10)
    row = Row("SIGTERM while it waits for a broker", f"exit code {code}", read_line(pipeline.log(), "told to stop"))
    return [row.expect(code == 0, "expected exit code 0 within ten seconds").expect_words("told to stop")]


for case in (away, nowhere, unknown_host):
    case.waits_long = True
CASES = [away, nowhere, unknown_host, stopped_alone]
