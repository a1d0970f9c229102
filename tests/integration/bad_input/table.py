"""The table of tests/bad-input: its parts are run side by side, each giving rows."""

import concurrent.futures
import importlib
import pathlib
import shutil
import tempfile
import textwrap
import traceback

from bad_input.bench import Bench, Row
from support import EBB, Kafka

PARTS = ["records", "topics", "broker", "credentials", "pipelines", "models", "state", "long_stop"]
SIDE_BY_SIDE = 4
HEADINGS = ["what was done", "what came of it", "what a person sees"]
WIDTHS = [38, 34, 92]


def run_case(bench, case):
    try:
        return case(bench)
    except Exception:  # A case that fails is a row like any other: the rest of the table is still of use.
        return [Row(case.__doc__ or case.__name__, "the case failed", "", [traceback.format_exc()])]


def print_row(cells):
    columns = [[line for part in cell.splitlines()
                for line in textwrap.wrap(part, width, subsequent_indent="  ") or [""]]
               for cell, width in zip(cells, WIDTHS)]
    for i in range(max(map(len, columns))):
        line = " │ ".join((column[i] if i < len(column) else "").ljust(width)
                          for column, width in zip(columns, WIDTHS))
        print(line.rstrip())


def print_rule():
    print("─┼─".join("─" * width for width in WIDTHS))


def print_table(results):
    print_row(HEADINGS)
    faulty = 0
    total = 0
    for rows in results:
        print_rule()
        for row in rows:
            total += 1
            faulty += bool(row.faults)
            print_row([row.done, row.outcome, row.message])
            for fault in row.faults:
                print("  ✗ not as expected: " + fault.rstrip().replace("\n", "\n    "))
    print(f"\n{total} rows, {faulty} not as expected")
    return 1 if faulty or not total else 0


def main(arguments, usage):
    if set(arguments) & {"-h", "--help"}:
        print(usage)
        return 0
    unknown = [part for part in arguments if part not in PARTS]
    if unknown or not pathlib.Path(EBB).exists():
        print(f"expected some of {', '.join(PARTS)}, got {', '.join(unknown)}" if unknown
              else f"there is no {EBB}: build it, or name another with EBB_BINARY")
        return 1
    cases = [case for part in arguments or PARTS for case in importlib.import_module(f"bad_input.{part}").CASES]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ebb-bad-input-"))
    bench = Bench(directory, Kafka(directory / "kafka"))
    try:
        bench.kafka.start()
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            # Cases that wait long are first, so that the others fill the time; the table keeps its order.
            futures = {case: None for case in cases}
            for case in sorted(cases, key=lambda case: not getattr(case, "waits_long", False)):
                futures[case] = pool.submit(run_case, bench, case)
            return print_table([future.result() for future in futures.values()])
    finally:
        bench.close()
        shutil.rmtree(directory, ignore_errors=True)
