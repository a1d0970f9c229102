"""Pipeline files that are wrong: refused before anything is read, each mistake with its line and column."""

import subprocess

from bad_input.bench import PIPELINE, Row
from support import EBB

MARK = "▸"  # Stands before what is wrong.

# (what was done, (text of the pipeline, what replaces it), words of the message)
MISTAKES = [
    ("unknown key", ("time: {idle: hold}", "time: {idle: hold}\n▸colour: blue"),
     ["unknown key", "colour", "known here"]),
    ("misspelt key", ("{idle: hold}", "{▸idel: hold}"), ["unknown key", "idel", 'did you mean "idle"?']),
    ("mistyped value: a word for a size", ("session_timeout: 6s", "memory: ▸plenty"), ["expected", "plenty", "MiB"]),
    ("mistyped value: a list for a duration", ("session_timeout: 6s", "session_timeout: ▸[6s]"),
     ["expected a duration such as", "got a list"]),
    ("mistyped value: a number for a mapping", ("{idle: hold}", "▸17"), ["expected a mapping of", "idle", 'got "17"']),
    ("value out of range", ("session_timeout: 6s", "session_timeout: ▸1s"), ["at least 6s", "1s"]),
    ("unknown choice", ("idle: hold", "idle: ▸holt"), ["expected hold or wall_clock", 'did you mean "hold"?']),
    ("required key left out", ("application: NAME\n", ""), ["application"]),
    ("broken YAML", ("time: {idle: hold}", "time: {idle: hold"), ["not closed"]),
    ("empty file", (PIPELINE, ""), []),
    ("unknown variable", ('"${EBB_STATE_DIR}"', '▸"${EBB_STATE_DIRECTORY}"'), ["EBB_STATE_DIRECTORY"]),
    ("Kafka property of the engine's own",
     ('"${KAFKA_BOOTSTRAP}"', '"${KAFKA_BOOTSTRAP}", properties: {▸group.id: mine}'),
     ["group.id", "set application instead"]),
    ("unknown Kafka property", ('"${KAFKA_BOOTSTRAP}"', '"${KAFKA_BOOTSTRAP}", properties: {▸securty.protocol: ssl}'),
     ["securty.protocol"]),
    ("a cycle", ("inputs: [purchases, browses]", "inputs: [purchases, browses, second]}\n  - "
                 "{id: second, type: intake, inputs: [▸intake]"), ["circle", "intake → second → intake"]),
    ("two writers of one state (one operator id twice)",
     ("operators:", "operators:\n  - {id: intake, type: intake, inputs: [purchases]}"), ["intake", "both would write"]),
    ("unknown message type", ("type: ebb.v1.Browse}", "type: ▸ebb.v1.Brows}"),
     ['did you mean "ebb.v1.Browse"?', "known: ", "ebb.v1.Purchase"]),
    ("unknown operator type", ("type: customer-profile", "type: ▸profiler"), ["known: ", "customer-profile"]),
    ("cut-offs out of order",
     ("sinks:", "  - {id: rfm, type: rfm, inputs: [intake], config: {cutoffs: {version: a, "
                "recency_days: ▸[7, 45, 21, 90], orders: [1, 1, 2, 5], spent: [10, 20, 50, 100]}}}\nsinks:"),
     ["cutoffs.recency_days: expected four numbers of at least 0 in rising order, got 7, 45, 21, 90"]),
    ("a stage that nothing leads to",
     ("sinks:", "  - {id: stages, type: lifecycle, inputs: [intake], "
                "config: {transitions: [{from: [▸lapsed], to: gone, silent: 1d}]}}\nsinks:"),
     ['no customer comes to the stage "lapsed"']),
    ("stages that lead to each other at once",
     ("sinks:", "  - {id: stages, type: lifecycle, inputs: [intake], config: {transitions: ["
                "{from: [acquired, growing], to: ▸active, when: customer.orders >= 1}, "
                "{from: [active], to: growing, silent: 1d}]}}\nsinks:"),
     ['"active" leads back to "growing" at the same moment', "`on` or `after`"]),
    ("a model of clusters that is cut off",
     ("sinks:", "  - {id: groups, type: clusters, inputs: [intake], "
                "config: {fitted: ▸'{\"format\": 1, \"clust'}}\nsinks:"),
     ["fitted: no model of clusters in JSON"]),
    ("unknown input", ("[purchases, browses]", "[purchases, ▸visits]"), ["known: ", "browses"]),
]

TEN_MISTAKES = """\
application: ▸Shop One
kafka: {bootstrap: "localhost:9092", producer: {▸acks: "1"}}
runtime: {memory: ▸plenty, ▸worker: 2}
sources:
  purchases: {topic: shop.purchases, type: ▸ebb.v1.Purchas}
  ▸browses: {topic: shop.browses}
operators:
  - {id: intake, type: intake, inputs: [purchases, ▸visits]}
  - {id: profile, type: ▸costumer-profile, inputs: [intake]}
  - {id: ▸intake, type: intake, inputs: [browses]}
sinks:
  features: {topic: ebb.features, type: ebb.v1.CustomerFeatures, inputs: [profile], format: ▸xml}
dead_letters: {topic: ebb.dead-letters}
"""


def places(text):
    """The line and column of each mark, both from 1."""
    return {(y, len(line[:x].replace(MARK, "")) + 1) for y, line in enumerate(text.splitlines(), 1)
            for x, letter in enumerate(line) if letter == MARK}


def told_places(file, message):
    """The line and column of each line of the message."""
    heads = [line[len(str(file)) + 1:].split(":")[:2] for line in message.splitlines() if line.startswith(f"{file}:")]
    return [tuple(map(int, head)) for head in heads]


def ask(command, pipeline):
    return subprocess.run([EBB, command, str(pipeline.file)], env=pipeline.environment, capture_output=True, text=True,
                          timeout=15)


def refused_row(bench, number, done, text, words):
    name = f"mistake-{number}"
    text = text.replace("NAME", name)
    pipeline = bench.pipeline(name, edit=lambda _: text.replace(MARK, ""))
    validated, ran = ask("validate", pipeline), ask("run", pipeline)
    message = validated.stderr.strip()
    told = told_places(pipeline.file, message)
    row = Row(done, f"exit code {ran.returncode} of run, {validated.returncode} of validate",
              message.replace(str(pipeline.file), pipeline.file.name))
    row.expect(validated.returncode == ran.returncode == 2, "expected exit code 2 of both")
    row.expect(message in ran.stderr, f"run says something else:\n{ran.stderr}")
    row.expect(bool(told), "no line of it says where the mistake is")
    marks = places(text)
    row.expect(not marks or sorted(told) == sorted(marks), f"expected the mistakes at {sorted(marks)}, got {told}")
    return row.expect_words(*words)


def wrong_files(bench):
    """pipeline files with one mistake"""
    rows = []
    for number, (done, (right, wrong), words) in enumerate(MISTAKES, 1):
        assert right in PIPELINE, done
        rows.append(refused_row(bench, number, done, PIPELINE.replace(right, wrong, 1), words))
    return rows


def ten_mistakes(bench):
    """a pipeline file with ten mistakes"""
    row = refused_row(bench, "ten", "ten different mistakes in one file", TEN_MISTAKES, [])
    told = len(row.message.splitlines())
    row.outcome += f", {told} mistakes"
    return [row.expect(told == 10, f"expected ten lines, got {told}")]


def no_file(bench):
    """a pipeline file that is not there"""
    pipeline = bench.pipeline("absent")
    pipeline.file.unlink()
    ran = ask("run", pipeline)
    row = Row("no pipeline file of that name", f"exit code {ran.returncode}", ran.stderr.strip())
    row.expect(ran.returncode == 2, "expected exit code 2")
    return [row.expect_words("cannot read", "absent.yaml")]


CASES = [wrong_files, ten_mistakes, no_file]
