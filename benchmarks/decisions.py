#!/usr/bin/env python3
"""What decisions cost: the shipped pipeline with thirty triggers and a fitted model of churn, beside the part of it that
keeps customers' features and nothing else.

Both run by turns on a Kafka of their own over the same generated shop, with the same topic of features. The model is a
logistic one, fitted to another shop of the same making. Results must be the same ones each time.
"""

import argparse
import dataclasses
import pathlib
import re
import statistics
import sys
import time

from heading import heading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "compare"))

import jobs  # noqa: E402  (needs the path above)
import systems  # noqa: E402
import watch  # noqa: E402
from workloads import WORKLOADS  # noqa: E402

sys.path.insert(0, str(systems.ROOT / "tests/integration"))

from run import Run  # noqa: E402
from stage import Stage  # noqa: E402

FURTHER = systems.ROOT / "benchmarks/decisions/further-triggers.yaml"
TRIGGERS = 30
LEARNT_AT = "2025-04-02,2025-04-16,2025-04-30,2025-05-14,2025-05-28,2025-06-25"


class Shop(jobs.Retail):
    """The same input for both; what is due, the runs say of each other."""

    name = "decisions"

    def due(self, stage, workload, events):
        return None

    def judge(self, stage, prefix, output):
        told = {}
        for topic in self.results(output):
            tally = jobs.Tally()
            for record in watch.committed_records(stage.bootstrap, topic):
                tally.take_result(record.key().decode(), dict(record.headers()).get("ce_id", b"").decode())
            told[topic] = tally.told()
        return {"results": told}


def features_alone(retail):
    """Of the pipeline's text the operators up to the profile, and the sink of features."""
    operators = retail.index("\noperators:\n")
    judged = retail.index("  # ---- Who drifts away")
    sinks = retail.index("# ---- What goes out")
    kept = re.search(r"(?m)^  features: .*$", retail[sinks:])[0]
    return (retail[:operators] + retail[operators:judged] + f"\nsinks:\n{kept}\n\n"
            + re.search(r"(?m)^dead_letters: .*$", retail)[0] + "\n")


def with_thirty_triggers(retail, model):
    """The pipeline's text with further triggers before the policy, which takes them in, and the model for churn."""
    further = FURTHER.read_text()
    names = re.findall(r"- \{id: ([a-z-]+), type: trigger", further)
    shipped = len(re.findall(r"(?m)^    type: trigger$", retail))
    if shipped + len(names) != TRIGGERS:
        raise SystemExit(f"expected {TRIGGERS} triggers, got {shipped} of the shipped pipeline and {len(names)} of "
                         f"{FURTHER}")
    text = retail.replace("  # ---- What may be sent", further + "  # ---- What may be sent")
    text = text.replace("membership-day, festivals]", f"membership-day, festivals, {', '.join(names)}]")
    return text.replace("      population: grocer ", f"      fitted: ${{file:{model}}}\n      population: grocer ")


def fit(directory):
    """A logistic model, made unless it is there."""
    model = directory / "model/model.json"
    if not model.exists():
        shop, rows = directory / "history", directory / "rows"
        systems.run(str(systems.SHIPPED), "generate", "--customers", "1000", "--days", "240", "--seed", "2", "--output",
                    str(shop))
        inputs = [word for kind in jobs.RETAIL.kinds for word in ("--input", f"{kind}={shop}/{kind}.jsonl")]
        systems.run(str(systems.SHIPPED), "replay", str(systems.RETAIL), "--features-at", LEARNT_AT, "--horizon", "28",
                    *inputs, "--output", str(rows))
        systems.run(str(systems.SHIPPED), "fit", "churn", "--model", "logistic", "--features", str(rows / "features.csv"),
                    "--output", str(model.parent))
    return model


def pipelines(directory):
    retail = systems.RETAIL.read_text()
    texts = {"features alone": features_alone(retail),
             "with 30 triggers and a logistic model": with_thirty_triggers(retail, fit(directory))}
    chosen = []
    for number, (what, text) in enumerate(texts.items()):
        path = directory / f"pipeline-{number}.yaml"
        path.write_text(text)
        chosen.append(dataclasses.replace(systems.EBB_RETAIL, name=f"pipeline-{number}", what=what,
                                          command=[str(systems.SHIPPED), "run", str(path)]))
    return chosen


def measure(stage, workload, events, system, number):
    prefix = stage.fill(workload, events)
    # The broker is kept, and with it how far an application has come.
    application = f"decisions.{number}.{int(time.time())}"
    result = Run(stage, system, workload, events, prefix, application, 500).measure()
    if "wrong" in result:
        raise SystemExit(f"{system.what}: {result['wrong']}")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3_000_000, help="of the shop (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each, by turns (default %(default)s)")
    parser.add_argument("--port", type=int, default=23192, help="of the broker (default %(default)s)")
    parser.add_argument("--directory", default=str(systems.ROOT / "build/decisions"),
                        help="broker, input and model, which are kept (default %(default)s)")
    options = parser.parse_args()
    directory = pathlib.Path(options.directory).resolve()
    stage = Stage(directory, options.port)
    stage.start()
    try:
        retail = next(workload for workload in WORKLOADS if workload.name == "retail")
        workload = dataclasses.replace(retail, name="decisions", job=Shop())
        runs = {system: [] for system in pipelines(directory)}
        for number in range(options.rounds):
            for system, of_system in runs.items():
                of_system.append(measure(stage, workload, options.events, system, f"{system.name}.{number}"))
    finally:
        stage.stop()
    print(f"{heading()}\n"
          "| pipeline | events/s | CPU-s per million | times the first row's CPU | part of its throughput | results |\n"
          "|---|---:|---:|---:|---:|---:|")
    first = None
    for system, of_system in runs.items():
        told = [run["judged"]["results"] for run in of_system]
        if any(one != told[0] for one in told):
            raise SystemExit(f"{system.what}: expected the same results from all runs, got {told}")
        rate = statistics.median(run["events_per_s"] for run in of_system)
        cpu = statistics.median(run["cpu_s_per_million"] for run in of_system)
        first = first or (rate, cpu)
        results = sum(count for count, _ in told[0].values())
        if results == 0:
            raise SystemExit(f"{system.what}: expected results, got none")
        print(f"| {system.what} | {rate:,.0f} | {cpu:.2f} | {cpu / first[1]:.2f} | {rate / first[0]:.2f} | "
              f"{results:,} |")


if __name__ == "__main__":
    main()
