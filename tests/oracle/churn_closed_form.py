#!/usr/bin/env python3
"""Recomputes every customer's risk of no purchase from purchases.jsonl, independently of Ebb's code.

    churn_closed_form.py purchases.jsonl --at 1997-09-30T00:00:00Z --horizon-days 28 \
        --model mbg --r 1.40452816 --alpha 1.36443879 --a 0.0344778264 --b 34.1232385

Prints `customer<TAB>risk` with 17 significant digits, sorted by customer, for all who had bought by that moment
(--strict: before it). Input lines are ebb.v1.Purchase in proto3 JSON. Only orders count: a refund leaves its order
standing, a cancellation known by then removes it, and an event id seen again from the same source is dropped.

Purchases of one day (UTC) are one. t_x runs from the first purchase to the last and T from the first purchase to the
moment, in weeks of 604,800,000 ms; --clock day counts both from the day's first millisecond instead.
"""
import argparse
import datetime
import json
import sys

DAY_MS = 86400000
WEEK_MS = 604800000


def parse_moment(text):
    """Milliseconds since 1970, from a number or ISO 8601; without a zone it is UTC."""
    if text.lstrip("-").isdigit():
        return int(text)
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)


def either(message, snake, default=None):
    """A field by its name in the proto file or by its JSON name."""
    head, *rest = snake.split("_")
    return message.get(snake, message.get(head + "".join(part.capitalize() for part in rest), default))


def read_orders(path, at, strict):
    """Moments of the orders that stand, by customer."""
    orders, cancelled, seen = [], set(), set()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                continue
            purchase = json.loads(line)
            header = purchase["header"]
            moment = int(either(header, "event_time_ms", 0))
            event = (header.get("source", ""), either(header, "event_id", ""))
            if moment > at or (strict and moment == at) or event in seen:
                continue
            if event[1]:
                seen.add(event)
            order = (either(header, "customer_id"), either(purchase, "order_id", ""))
            kind = purchase.get("kind", "ORDER")
            if kind in ("CANCELLATION", 3):
                cancelled.add(order)
            elif kind not in ("REFUND", 2):
                orders.append((order, moment))
    moments = {}
    for order, moment in orders:
        if order not in cancelled:
            moments.setdefault(order[0], []).append(moment)
    return moments


def risk(options, moments):
    x = len({moment // DAY_MS for moment in moments}) - 1
    first, last = min(moments), max(moments)
    if options.clock == "day":
        first, last = first // DAY_MS * DAY_MS, last // DAY_MS * DAY_MS
    t_x = (last - first) / WEEK_MS if x > 0 else 0.0
    age = (options.at - first) / WEEK_MS
    count = options.r + x
    if options.model == "bg" and x == 0:
        alive = 1.0
    else:
        stays = options.b + x if options.model == "mbg" else options.b + x - 1
        base = (options.alpha + age) / (options.alpha + t_x)
        try:
            alive = 1 / (1 + options.a / stays * base**count)
        except OverflowError:
            alive = 0.0
    horizon = options.horizon_days / 7
    return 1 - alive * (1 - ((options.alpha + age) / (options.alpha + age + horizon)) ** count)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("purchases", help="purchases.jsonl")
    parser.add_argument("--at", required=True, type=parse_moment, help="ISO 8601 or milliseconds since 1970")
    parser.add_argument("--strict", action="store_true", help="leave out purchases at the moment itself")
    parser.add_argument("--clock", choices=["moment", "day"], default="moment")
    parser.add_argument("--horizon-days", required=True, type=float)
    parser.add_argument("--model", choices=["bg", "mbg"], required=True)
    for name in ("r", "alpha", "a", "b"):
        parser.add_argument("--" + name, required=True, type=float)
    options = parser.parse_args()
    for customer, moments in sorted(read_orders(options.purchases, options.at, options.strict).items()):
        sys.stdout.write(f"{customer}\t{risk(options, moments):.17g}\n")


if __name__ == "__main__":
    main()
