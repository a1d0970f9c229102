"""Turns rows of public purchase histories into Ebb events, as dictionaries in the proto3 JSON mapping.

Pure functions over plain rows: the same rows give the same events. Needs only the standard library.
"""

import hashlib
import itertools
from collections import namedtuple
from datetime import datetime, timedelta, timezone
from decimal import Decimal

# One row of CDNOW, as text: "00004", "19970101", "2", "29.33".
CdnowRow = namedtuple("CdnowRow", "customer date pieces dollars")

# One receipt line of Complete Journey with its product's names (None where unknown) and amounts in dollars.
JourneyLine = namedtuple(
    "JourneyLine",
    "basket household store time product quantity sales retail_disc coupon_disc match_disc"
    " department category product_type",
)

# One redeemed coupon of Complete Journey, and the day (a date) on which it was redeemed.
Redemption = namedtuple("Redemption", "household coupon campaign day")

CDNOW_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
JOURNEY_ZONES = ("America/New_York",)

PURPOSES = ("PURPOSE_MARKETING", "PURPOSE_SERVICE")
CHANNELS = ("CHANNEL_EMAIL", "CHANNEL_SMS", "CHANNEL_APP")

# What doubles in the source may be away from a whole cent: noise of the binary form, far below any price.
FLOAT_NOISE_CENTS = Decimal("0.000001")

# Complete Journey's receipts are in UTC, its redemption days are local; no shop sells in the hour that summer time
# moves.
JOURNEY_UTC_OFFSET = timedelta(hours=-5)

# Fuel is recorded in thousandths of a gallon, but for a few rows that say "1".
FUEL_PIECES_LIMIT = 100


def cents(dollars):
    """Whole cents of an amount, given as decimal text or as the double nearest to such a text.

    Raises ValueError when the amount is not a whole number of cents.
    """
    exact = Decimal(dollars) * 100
    whole = exact.to_integral_value()
    if abs(exact - whole) > (0 if isinstance(dollars, str) else FLOAT_NOISE_CENTS):
        raise ValueError(f"expected a whole number of cents, got {dollars!r} dollars")
    return int(whole)


def milliseconds(moment):
    """Milliseconds since 1970 of a datetime without zone, taken as UTC."""
    return (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)


def cdnow_purchases(rows):
    """One Purchase per row, in the order of the rows.

    Only days are known. A purchase is placed at noon UTC plus as many seconds as the customer's number, plus one
    millisecond for each earlier purchase of that customer on that day: no two are at once, and the time between two
    days of one customer is a whole number of days.
    """
    of_customer, of_day = {}, {}
    for row in rows:
        nth = of_customer[row.customer] = of_customer.get(row.customer, 0) + 1
        same_day = of_day[row.customer, row.date] = of_day.get((row.customer, row.date), -1) + 1
        noon = datetime.strptime(row.date, "%Y%m%d") + timedelta(hours=12)
        time = milliseconds(noon) + int(row.customer) * 1000 + same_day
        name = f"cdnow-{row.customer}-{nth}"
        yield _without_zeros({
            "header": _header(name, f"cdnow-{row.customer}", time, "cdnow", "CHANNEL_WEB"),
            "orderId": name,
            "kind": "ORDER",
            "lines": [_without_zeros({
                "sku": "cd",
                "category": "music",
                "quantityMilli": int(row.pieces) * 1000,
                "priceMinor": cents(row.dollars),
            })],
            "currency": "USD",
            "store": "cdnow",
        })


def journey_purchases(lines, redemptions=(), covered=()):
    """One Purchase per basket. The lines of a basket must follow each other.

    `covered` holds (coupon, campaign, product) for every product that a coupon is good for. A redemption matches a
    basket of the same household and day with such a product; of several matches, the lowest coupon number is told.
    """
    redeemed = {}
    for redemption in redemptions:
        redeemed.setdefault((redemption.household, redemption.day), []).append(redemption)
    covered = frozenset(covered)
    for _, group in itertools.groupby(lines, key=lambda line: line.basket):
        basket = list(group)
        day = (basket[0].time + JOURNEY_UTC_OFFSET).date()
        candidates = redeemed.get((basket[0].household, day), ())
        yield _journey_purchase(basket, _matching_coupon(basket, candidates, covered))


def _matching_coupon(basket, candidates, covered):
    return min((redemption.coupon for redemption in candidates for line in basket
                if (redemption.coupon, redemption.campaign, line.product) in covered), default=None)


def _journey_purchase(basket, coupon):
    first = basket[0]
    converted = [_journey_line(line) for line in basket]
    paid = sum(price for _, price, _ in converted)
    unspent = sum(excess for _, _, excess in converted)
    return _without_zeros({
        "header": _header(f"basket-{first.basket}", f"household-{first.household}", milliseconds(first.time),
                          "complete-journey", "CHANNEL_STORE"),
        "orderId": str(first.basket),
        "kind": "ORDER",
        "lines": [line for line, _, _ in converted],
        "discountMinor": min(unspent, paid),
        "coupon": str(coupon) if coupon else "",
        "currency": "USD",
        "store": str(first.store),
    })


def _journey_line(line):
    """The line, the cents that the customer pays for it, and the cents of its coupon that exceed its price.

    `sales` is what the retailer receives, the coupon's issuer included; the customer pays the coupon's value less.
    Coupons that the till could not attach to an article are lines of their own without a price: all of their value is
    in excess, and becomes a discount of the basket.
    """
    sales, coupon = cents(line.sales), cents(line.coupon_disc)
    price, excess = max(sales - coupon, 0), max(coupon - sales, 0)
    discount = cents(line.retail_disc) + cents(line.match_disc) + coupon - excess
    in_thousandths = (line.product_type or "").startswith("GASOLINE") and line.quantity > FUEL_PIECES_LIMIT
    return _without_zeros({
        "sku": str(line.product),
        "category": (line.category or line.department or "").strip().lower(),
        "quantityMilli": line.quantity if in_thousandths else line.quantity * 1000,
        "priceMinor": price,
        "discountMinor": discount,
    }), price, excess


def generated_members(firsts, dataset, zones, seed, consent_share):
    """Joined, profile and consents of every customer, a second before the first purchase; all labelled as generated.

    `firsts` holds the time of the first purchase by customer. Every choice depends on the seed and on the customer
    alone, so that other customers do not change it.
    """
    for customer, first in sorted(firsts.items()):
        zone = zones[int(_chance(seed, customer, "time zone") * len(zones))]
        changes = [("joined", {"joined": {"campaign": f"generated-{dataset}"}}),
                   ("profile", {"profile": {"timeZone": zone}})]
        for purpose, channel in itertools.product(PURPOSES, CHANNELS):
            consent = {"purpose": purpose, "channel": channel}
            if _chance(seed, customer, purpose, channel) < consent_share:
                consent["granted"] = True
            changes.append((f"{purpose}-{channel}", {"consent": consent}))
        for nth, (name, change) in enumerate(changes):
            header = _header(f"{customer}-{name}", customer, first - 1000 + nth, "generated", None)
            yield {"header": {**header, "generated": True}, **change}


def _chance(*parts):
    """A number in [0, 1) that depends on the parts only."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _header(event_id, customer, time, source, channel):
    return _without_zeros(
        {"eventId": event_id, "customerId": customer, "eventTimeMs": time, "source": source, "channel": channel})


def _without_zeros(message):
    """proto3 JSON leaves out what has its default."""
    return {name: value for name, value in message.items() if value}


def utc_day(time_ms):
    """The day of a time as text, for people."""
    return datetime.fromtimestamp(time_ms / 1000, timezone.utc).strftime("%Y-%m-%d")
