"""Tables of what was measured: medians, and beside them how far runs of the same system lie apart."""

import statistics

MIB = 1024 * 1024


def median(results, name):
    values = [result[name] for result in results if result.get(name) is not None]
    return statistics.median(values) if values else None


def spread(results, name):
    """The distance of the extremes, relative to the median: the A/A spread; None for a single run."""
    values = [result[name] for result in results if result.get(name) is not None]
    if len(values) < 2 or statistics.median(values) == 0:
        return None
    return (max(values) - min(values)) / statistics.median(values)


def number(value, form):
    return "–" if value is None else format(value, form)


def with_spread(results, name):
    apart = spread(results, name)
    return number(median(results, name), ".2f") + ("" if apart is None else f" ±{apart / 2:.0%}")


def memory(results):
    """Peak RSS in MiB, and the limit where there is one."""
    peak = (median(results, "peak_rss_bytes") or 0) / MIB
    limit = results[0]["memory_mib"]
    if limit is None:
        return f"{peak:,.0f}"
    return f"{peak:,.0f} of {limit:,}" if peak <= limit else f"**{peak:,.0f}, over {limit:,}**"


COLUMNS = [
    ("CPU-s per million, whole run", lambda r: with_spread(r, "cpu_s_per_million")),
    ("second half", lambda r: with_spread(r, "warm_cpu_s_per_million")),
    ("events/s", lambda r: number(median(r, "events_per_s"), ",.0f")),
    ("second half", lambda r: number(median(r, "warm_events_per_s"), ",.0f")),
    ("longest stall, s", lambda r: number(median(r, "longest_stall_s"), ".1f")),
    ("peak RSS, MiB", memory),
    ("changelog, MiB", lambda r: number((median(r, "changelog_bytes") or 0) / MIB, ",.0f")),
    ("state, MiB", lambda r: number((median(r, "state_bytes") or 0) / MIB, ",.0f")),
    ("CPU-s of its stop", lambda r: number(median(r, "stop_cpu_s"), ".2f")),
    ("broker's CPU-s per million", lambda r: number(median(r, "broker_cpu_s_per_million"), ".2f")),
]


def ratio(results, floor, name):
    a, b = median(results, name), median(floor, name)
    return "–" if not a or not b else f"{a / b:.2f}"


def table(by_system):
    """`by_system`: for each system its results, in the order of the rows."""
    head = ["system", "runs", *(name for name, _ in COLUMNS), "× floor, whole run", "× floor, second half"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    floor = [result for system, results in by_system.items() if system.name == "floor" for result in results
             if "wrong" not in result]
    for system, results in by_system.items():
        right = [result for result in results if "wrong" not in result]
        if len(right) < len(results) or not right:
            cells = ["wrong or failed: " + next((r["wrong"] for r in results if "wrong" in r), "no run")]
            cells += [""] * (len(head) - 3)
        else:
            cells = [cell(right) for _, cell in COLUMNS]
            cells += [ratio(right, floor, "cpu_s_per_million"), ratio(right, floor, "warm_cpu_s_per_million")]
        lines.append("| " + " | ".join([f"{system.name}: {system.what}", str(len(results)), *cells]) + " |")
    return "\n".join(lines)


def growth(small, of_small, large, of_large):
    """What each further customer costs in memory, for the systems that did both workloads; both are by system."""
    customers = large.customers - small.customers
    lines = [f"From {small.name} to {large.name}:", "", "| system | bytes per further customer |", "|---|---:|"]
    for system in of_small:
        if system in of_large:
            peaks = [median(of[system], "peak_rss_bytes") for of in (of_small, of_large)]
            more = None if None in peaks else (peaks[1] - peaks[0]) / customers
            lines.append(f"| {system.name}: {system.what} | {number(more, ',.0f')} |")
    return "\n".join(lines)
