"""An application that was off for so long that something it needs has gone in the meantime."""

import itertools
import time

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from bad_input.bench import PARTITIONS, READY_LIMIT, Row, Sender, admin_of, purchase, read_line
from bad_input.state import intact, known, run_once
from support import wait_until

TOMBSTONES_KEPT_MS = 1000


def tombstones_gone(bench):
    """off for longer than the changelog keeps deletions"""
    bench.create("resting.purchases", "resting.browses")
    pipeline = bench.pipeline("resting")
    run_once(bench, pipeline, ["rita"])
    stopped = time.monotonic()
    shorter = ConfigEntry("delete.retention.ms", str(TOMBSTONES_KEPT_MS), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, "resting.changelog", incremental_configs=[shorter])
    admin = admin_of(bench.kafka)
    admin.incremental_alter_configs([resource])[resource].result(30)
    wait_until(lambda: time.monotonic() > stopped + TOMBSTONES_KEPT_MS / 1000, READY_LIMIT, "deletions are gone")
    return [intact(bench, pipeline, "rita", "off for longer than delete.retention.ms of the changelog",
                   "deletions since may be gone from the changelog")]


def input_gone(bench):
    """off for longer than a source keeps its records"""
    bench.create("late.purchases", "late.browses")
    pipeline = bench.pipeline("late")
    run_once(bench, pipeline, ["lars"])
    process = bench.start(pipeline)
    sender = Sender(bench.kafka)
    numbers = itertools.count()

    def owes():
        # Whoever has nothing to read writes everything back.
        customer = f"late-{next(numbers)}"
        sender.send("late.purchases", customer.encode(), purchase(customer, customer))
        return pipeline.metric("ebb_debt_records") > 0

    wait_until(owes, READY_LIMIT, "committed, but not written back")
    process.kill()
    process.wait()
    everything = [TopicPartition("late.purchases", partition, -1) for partition in range(PARTITIONS)]
    admin = admin_of(bench.kafka)
    for future in admin.delete_records(everything).values():
        future.result(30)
    rows = [bench.refused("killed; then the records that redo needs are gone", pipeline, "late.purchases",
                          "must be read from offset", "--accept-loss", log_from=len(pipeline.log()))]
    mark = len(pipeline.log())
    process = bench.start(pipeline, "--accept-loss")
    log = pipeline.log()[mark:]
    row = Row("… and started with --accept-loss", "ready", read_line(log, "loss accepted"))
    row.expect(known(pipeline, "lars"), "what was written is forgotten").expect_words("loss accepted")
    code = bench.stop(process)
    return [*rows, row.expect(code == 0, f"expected exit code 0, got {code}")]


CASES = [tombstones_gone, input_gone]
