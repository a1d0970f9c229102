"""Runs a program with the histories of CDNOW's 1/10 sample, fetched where they are not at hand.

Usage: with_cdnow.py PROGRAM [ARGUMENT...]

EBB_CDNOW_HISTORIES then names a file with a line a customer, as of the end of 30 September 1997:
  x t_x T cents active
x days with a purchase after the first; days from the first purchase to the last, and to the end; what was spent on
those x days; and whether (1, 0) there is a purchase in the 39 weeks after.
"""

import collections
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

FETCH = pathlib.Path(__file__).resolve().parents[2] / "deploy/data/fetch.sh"
DAY_MS = 86_400_000
CUTOFF = (datetime.date(1997, 9, 30) - datetime.date(1970, 1, 1)).days
HORIZON_DAYS = 39 * 7


def spend_by_day(path):
    """By customer and day since 1970, in cents."""
    customers = collections.defaultdict(lambda: collections.defaultdict(int))
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            purchase = json.loads(line)
            day = int(purchase["header"]["eventTimeMs"]) // DAY_MS
            cents = sum(line.get("priceMinor", 0) for line in purchase["lines"])
            customers[purchase["header"]["customerId"]][day] += cents
    return customers


def history(spend):
    days = sorted(day for day in spend if day <= CUTOFF)
    first, repeats = days[0], days[1:]
    active = any(CUTOFF < day <= CUTOFF + HORIZON_DAYS for day in spend)
    return len(repeats), days[-1] - first, CUTOFF - first, sum(spend[day] for day in repeats), int(active)


def main():
    with tempfile.TemporaryDirectory(prefix="ebb-cdnow-") as directory:
        folder = pathlib.Path(directory)
        subprocess.run([FETCH, "cdnow", "--sample", "--output", folder], check=True, stdout=subprocess.DEVNULL)
        histories = folder / "histories"
        with histories.open("w", encoding="ascii") as out:
            for spend in spend_by_day(folder / "purchases.jsonl").values():
                print(*history(spend), file=out)
        return subprocess.run(sys.argv[1:], env={**os.environ, "EBB_CDNOW_HISTORIES": str(histories)},
                              check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
