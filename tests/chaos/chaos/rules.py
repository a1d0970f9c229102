"""What must come out of the chaos pipeline, worked out from the events of a customer alone.

Only the times of events count, not the order in which topics were read: see shop.py, which leaves the lateness between
what an episode sets off and whatever could change it. Where that is not kept, `Undecided` is raised.
"""

import bisect
import math

LATENESS_MS = 40_000
CART_WAIT_MS, CART_COOLDOWN_MS = 5_000, 90_000
BROWSE_WAIT_MS, BROWSE_COUNT = 4_000, 3
COMPLAINT_WAIT_MS = 8_000
RAISE_OVERDUE, ESCALATE_OVERDUE = 0.003, 0.006
WEEK_MS, DAY_MS = 604_800_000, 86_400_000
POPULATION_GAP_WEEKS = 3_600_000 / WEEK_MS
OWN_GAPS = 3  # From so many gaps between purchase days on, only the customer's own count.

MARKETING, SERVICE = "PURPOSE_MARKETING", "PURPOSE_SERVICE"


class Undecided(Exception):
    """An event came between a deadline and the moment at which it is certain: the outcome depends on the reading."""


def distinct(items):
    return list(dict.fromkeys(items))


class Customer:
    """Expected results of one customer up to a moment of event time."""

    def __init__(self, name, events, until_ms):
        self.name = name
        self.alerts, self.triggers, self.withheld = [], [], []
        seen = set()
        self.events = []  # Each once: the same one again has no effect.
        for at_ms, source, event in sorted(events, key=lambda e: e[0]):
            identity = event["header"]["eventId"]
            if identity not in seen:
                seen.add(identity)
                self.events.append((at_ms, source, event))
        self.consents = {(e["consent"]["purpose"], e["consent"]["channel"])
                         for _, source, e in self.events if source == "members"}
        self.until_ms = until_ms
        self.cart()
        self.browse()
        self.complaint()
        self.churn()

    def of(self, source, *kinds):
        field = "action" if source == "browses" else "kind"
        return [(at, e) for at, s, e in self.events if s == source and e[field] in kinds]

    def decide(self, at_ms, kind, purpose, channels, skus=()):
        """A candidate at the contact policy, which looks at consents and open complaints."""
        if at_ms > self.until_ms:
            return
        channel = next((c for c in channels if (purpose, c) in self.consents), None)
        if not channel:
            self.withheld.append((self.name, kind, at_ms, "NO_CONSENT", tuple(skus)))
        elif purpose == MARKETING and self.complains(at_ms):
            self.withheld.append((self.name, kind, at_ms, "OPEN_COMPLAINT", tuple(skus)))
        else:
            self.triggers.append((self.name, kind, at_ms, channel, tuple(skus)))

    def complains(self, at_ms):
        """Whether a complaint is open. No ticket of this shop is opened again."""
        events = self.of("supports", "OPENED", "RESOLVED")
        if any(at_ms < at <= at_ms + LATENESS_MS for at, _ in events):
            raise Undecided(f"{self.name}: a ticket changes too soon after {at_ms}")
        open_tickets = {e["ticketId"] for at, e in events if at <= at_ms and e["kind"] == "OPENED"}
        return bool(open_tickets - {e["ticketId"] for at, e in events if at <= at_ms and e["kind"] == "RESOLVED"})

    def cases(self, starts, cancels, wait_ms, restart):
        """Groups what starts a trigger into cases: (deadline, what is left of them when it is reached). `cancels` are
        (time, which of the starts up to then it calls off)."""
        marks = sorted([(at, 0, e) for at, e in starts] + [(at, 1, off) for at, off in cancels], key=lambda m: m[:2])
        waiting, found = [], []

        def deadline():
            times = [at for at, _ in waiting]
            return (max(times) if restart else min(times)) + wait_ms

        for at, kind, what in marks:
            while waiting and deadline() < at:
                if at <= deadline() + LATENESS_MS:
                    raise Undecided(f"{self.name}: {at} is too soon after the deadline {deadline()}")
                found.append((deadline(), [e for _, e in waiting]))
                waiting = []
            if kind == 0:
                waiting.append((at, what))
            else:
                waiting = [(t, e) for t, e in waiting if not what(e)]
        if waiting:
            found.append((deadline(), [e for _, e in waiting]))
        return found

    def cart(self):
        starts = self.of("browses", "ADD_TO_CART")
        ended = self.of("browses", "CHECKOUT_STARTED") + self.of("purchases", "ORDER")
        cancels = [(at, lambda _: True) for at, _ in ended]
        last = -math.inf
        for at, added in self.cases(starts, cancels, CART_WAIT_MS, True):
            if at >= last + CART_COOLDOWN_MS:
                last = at
                self.decide(at, "abandoned-cart", MARKETING, ["CHANNEL_APP", "CHANNEL_EMAIL"],
                            distinct(e["sku"] for e in added))

    def browse(self):
        cancels = [(at, lambda _: True) for at, _ in self.of("browses", "CHECKOUT_STARTED")]
        for at, seen in self.cases(self.of("browses", "VIEW"), cancels, BROWSE_WAIT_MS, True):
            if len({e["category"] for e in seen}) > 1:
                raise Undecided(f"{self.name}: more than one category before {at}")
            if len(seen) >= BROWSE_COUNT:
                self.decide(at, "abandoned-browse", MARKETING, ["CHANNEL_EMAIL"], distinct(e["sku"] for e in seen))

    def complaint(self):
        cancels = [(at, lambda opened, ticket=e["ticketId"]: opened["ticketId"] == ticket)
                   for at, e in self.of("supports", "RESOLVED")]
        for at, _ in self.cases(self.of("supports", "OPENED"), cancels, COMPLAINT_WAIT_MS, False):
            self.decide(at, "service-recovery", SERVICE, ["CHANNEL_PHONE"])

    def churn(self):
        """An alert when a customer is overdue, at both lines; cleared by the next order; each raise wins back."""
        orders = sorted(at for at, _ in self.of("purchases", "ORDER"))
        contacts = sorted(at for at, s, _ in self.events if s in ("browses", "supports"))
        episode, status = 0, "QUIET"

        def alert(kind, at_ms):
            if at_ms <= self.until_ms:
                self.alerts.append((self.name, kind, at_ms, episode))

        for i, at in enumerate(orders):
            if status != "QUIET":
                alert("CLEARED", at)
                status = "QUIET"
            after = orders[i + 1] if i + 1 < len(orders) else math.inf
            lines = [("RAISED", RAISE_OVERDUE), ("ESCALATED", ESCALATE_OVERDUE)]
            for kind, overdue in lines:
                due = at + math.ceil(max(0.0, overdue * self.gap_weeks(orders[:i + 1])) * WEEK_MS)
                if due <= after <= due + LATENESS_MS:
                    raise Undecided(f"{self.name}: an order at {after} is too soon after the deadline {due}")
                if after < due:
                    break
                if kind == "RAISED":
                    k = bisect.bisect_left(contacts, due)
                    if k < len(contacts) and contacts[k] <= due + LATENESS_MS:
                        raise Undecided(f"{self.name}: a contact at {contacts[k]} is too soon after {due}")
                    episode += 1
                status = kind
                alert(kind, due)
                if kind == "RAISED":
                    self.decide(due, "win-back", MARKETING, ["CHANNEL_EMAIL"])

    def gap_weeks(self, orders):
        """The typical time between two purchases, in weeks."""
        gaps = len({at // DAY_MS for at in orders}) - 1
        span = (orders[-1] - orders[0]) / WEEK_MS if gaps > 0 else 0.0
        return (span + max(0.0, OWN_GAPS - gaps) * POPULATION_GAP_WEEKS) / max(gaps, OWN_GAPS)
