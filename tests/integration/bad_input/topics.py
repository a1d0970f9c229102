"""Topics that are missing, or whose partition counts do not fit."""

from confluent_kafka.admin import NewPartitions

from bad_input.bench import Sender, admin_of, purchase
from support import wait_until


def grow(kafka, *topics, to):
    admin = admin_of(kafka)
    for future in admin.create_partitions([NewPartitions(topic, to) for topic in topics]).values():
        future.result(30)
    # The broker answers before it tells of them.
    wait_until(lambda: all(len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == to
                           for topic in topics), 30, f"{to} partitions are told of")


def quick_to_see(text):
    """Looks at the topics every second, not every five minutes, so that the test need not wait."""
    return text.replace('"${KAFKA_BOOTSTRAP}"',
                        '"${KAFKA_BOOTSTRAP}", properties: {topic.metadata.refresh.interval.ms: "1000"}')


def missing(bench):
    """a missing topic"""
    bench.create("missing.browses")
    return [bench.refused("a source's topic is missing", bench.pipeline("missing"), "missing.purchases",
                          "source purchases", "does not exist", "create it")]


def differing(bench):
    """source topics whose partition counts differ"""
    bench.create("differing.browses", ("differing.purchases", 3))
    return [bench.refused("source topics with 2 and 3 partitions", bench.pipeline("differing"),
                          "differing.browses has 2", "differing.purchases has 3", "the same number")]


def growing(bench):
    """a partition count that changes"""
    bench.create("growing.browses", "growing.purchases")
    pipeline = bench.pipeline("growing", edit=quick_to_see)
    process = bench.start(pipeline)
    Sender(bench.kafka).send("growing.purchases", b"c", purchase("c", "before"))
    wait_until(lambda: pipeline.metric("ebb_records_in_total") == 1, 30, "the record processed")
    grow(bench.kafka, "growing.purchases", to=3)
    rows = [bench.refused("one source topic gets another partition while it runs", pipeline, "partition 2",
                          "same number of partitions", process=process, within=30)]
    mark = len(pipeline.log())
    rows.append(bench.refused("… and it is started again", pipeline, "growing.purchases", "3", "2", log_from=mark))
    grow(bench.kafka, "growing.browses", to=3)
    mark = len(pipeline.log())
    rows.append(bench.refused("… and all source topics have it now", pipeline, "growing.changelog", "2", "3",
                              "cannot change", log_from=mark))
    return rows


def growing_alike(bench):
    """partition counts that change alike while it runs"""
    bench.create("alike.browses", "alike.purchases")
    pipeline = bench.pipeline("alike", edit=quick_to_see)
    process = bench.start(pipeline)
    grow(bench.kafka, "alike.browses", "alike.purchases", to=3)
    return [bench.refused("all source topics get another partition while it runs", pipeline, "partitions",
                          process=process, within=30)]


def wrong_changelog(bench):
    """a changelog that loses state"""
    bench.create("lossy.browses", "lossy.purchases")
    bench.create("lossy.changelog", **{"cleanup.policy": "delete"})
    return [bench.refused("the changelog is not compacted", bench.pipeline("lossy"), "lossy.changelog",
                          "cleanup.policy=delete", "expected compact", "kafka-configs")]


CASES = [missing, differing, growing, growing_alike, wrong_changelog]
