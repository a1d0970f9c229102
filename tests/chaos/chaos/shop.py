"""The shop: customers who act in short episodes with long rests between them, and a few who never rest.

An episode lasts a few seconds. Within it, what calls a trigger off comes clearly before its deadline; after it the
customer rests until every timer that the episode has set off is over, the lateness included. So what must come out
follows from the times of the events alone, in whatever order topics are read.
"""

import heapq
import json
import random

SOURCES = ["purchases", "browses", "supports", "members", "engagements"]
CHANNELS = {"purchases": "CHANNEL_STORE", "browses": "CHANNEL_APP", "supports": "CHANNEL_PHONE",
            "members": "CHANNEL_WEB", "engagements": "CHANNEL_EMAIL"}
CATEGORIES = ["dairy", "garden", "wine", "toys", "books"]

REST_MS = (68_000, 90_000)
FIRST_EPISODES_MS = 80_000
EVENTS_PER_EPISODE = 2.9  # Measured, with all roles together.
BUSY_SHARE = 0.3          # Of all events, by customers who never rest.
BUSY_RATE = 2.0           # Events a second of each of them.
DUPLICATES = 0.01
BAD = 0.002
BAD_VALUE = b"not an event"


class Shop:
    """Events in the order in which they are sent; the same for the same seed."""

    def __init__(self, seed, rate, start_ms):
        self.chance = random.Random(seed)
        self.queue = []  # (when it is sent, number, what)
        self.number = 0
        self.orders = {}
        mean_rest_s = sum(REST_MS) / 2000 + 3
        resting = round(rate * (1 - BUSY_SHARE) * mean_rest_s / EVENTS_PER_EPISODE)
        busy = max(1, round(rate * BUSY_SHARE / BUSY_RATE))
        for i in range(resting):
            self.push(start_ms + self.chance.randrange(FIRST_EPISODES_MS), ("episode", f"customer-{i:06d}", True))
        for i in range(busy):
            self.push(start_ms + self.chance.randrange(1000), ("busy", f"busy-{i:04d}", True))

    def push(self, at_ms, what):
        self.number += 1
        heapq.heappush(self.queue, (at_ms, self.number, what))

    def events(self):
        """Yields (when it is sent, source, customer, value) without end."""
        while True:
            at_ms, _, what = heapq.heappop(self.queue)
            if what[0] == "send":
                yield (at_ms, *what[1:])
            elif what[0] == "busy":
                self.busy(at_ms, what[1], what[2])
            else:
                self.episode(at_ms, what[1], what[2])

    def event(self, at_ms, source, customer, body, sent_ms=None):
        self.number += 1
        header = {"eventId": f"{source[0]}{self.number}", "customerId": customer, "eventTimeMs": str(at_ms),
                  "source": "chaos", "channel": CHANNELS[source], "generated": True}
        value = json.dumps({"header": header, **body}, separators=(",", ":")).encode()
        sent_ms = sent_ms or at_ms
        self.push(sent_ms, ("send", source, customer, value))
        if self.chance.random() < DUPLICATES:
            self.push(sent_ms + self.chance.randrange(50, 1500), ("send", source, customer, value))
        if self.chance.random() < BAD:
            self.push(sent_ms, ("send", source, customer, BAD_VALUE))

    def consents(self, at_ms, customer):
        for purpose, channel, share in (("PURPOSE_MARKETING", "CHANNEL_EMAIL", 0.8),
                                        ("PURPOSE_MARKETING", "CHANNEL_APP", 0.3),
                                        ("PURPOSE_SERVICE", "CHANNEL_PHONE", 0.9)):
            if self.chance.random() < share:
                consent = {"purpose": purpose, "channel": channel, "granted": True}
                self.event(at_ms, "members", customer, {"consent": consent})

    def episode(self, at_ms, customer, is_first):
        if is_first:
            self.consents(at_ms, customer)
        role = self.chance.choices([self.cart, self.browse, self.complaint, self.buy], [35, 15, 15, 35])[0]
        end_ms = role(at_ms + 100, customer)
        self.push(end_ms + self.chance.randrange(*REST_MS), ("episode", customer, False))

    def pause(self, most_ms=1500):
        return self.chance.randrange(200, most_ms)

    def look(self, at_ms, customer, action, category):
        sku = f"{category}-{self.chance.randrange(20)}"
        body = {"action": action, "sessionId": f"visit-{at_ms}", "sku": sku, "category": category,
                "quantityMilli": "1000"}
        self.event(at_ms, "browses", customer, body)

    def order(self, at_ms, customer, kind="ORDER", order_id=None):
        order_id = order_id or f"order-{customer}-{at_ms}"
        line = {"sku": "any-1", "category": self.chance.choice(CATEGORIES), "quantityMilli": "1000",
                "priceMinor": str(self.chance.randrange(100, 5000))}
        body = {"orderId": order_id, "kind": kind, "lines": [line], "currency": "EUR"}
        self.event(at_ms, "purchases", customer, body)
        return order_id

    def cart(self, at_ms, customer):
        for _ in range(self.chance.randrange(1, 4)):
            self.look(at_ms, customer, "ADD_TO_CART", self.chance.choice(CATEGORIES))
            at_ms += self.pause()
        how = self.chance.random()
        if how < 0.25:
            self.order(at_ms, customer)
        elif how < 0.5:
            self.look(at_ms, customer, "CHECKOUT_STARTED", "")
        return at_ms

    def browse(self, at_ms, customer):
        favourite = self.chance.choice(CATEGORIES)
        for _ in range(self.chance.randrange(2, 5)):
            self.look(at_ms, customer, "VIEW", favourite)
            at_ms += self.pause(1000)
        if self.chance.random() < 0.3:
            self.look(at_ms, customer, "CHECKOUT_STARTED", "")
        return at_ms

    def complaint(self, at_ms, customer):
        tickets = [f"ticket-{customer}-{at_ms}-{i}" for i in range(self.chance.randrange(1, 3))]
        for ticket in tickets:
            body = {"kind": "OPENED", "ticketId": ticket, "complaint": True, "topic": "delivery"}
            self.event(at_ms, "supports", customer, body)
            at_ms += self.pause()
        for ticket in tickets:
            if self.chance.random() < 0.4:
                self.event(at_ms, "supports", customer, {"kind": "RESOLVED", "ticketId": ticket})
                at_ms += self.pause()
        return at_ms

    def buy(self, at_ms, customer):
        for _ in range(self.chance.randrange(1, 4)):
            order_id = self.order(at_ms, customer)
            at_ms += self.pause()
        if self.chance.random() < 0.2:
            self.order(at_ms, customer, "REFUND", order_id)
        return at_ms

    def busy(self, at_ms, customer, is_first):
        """Searches and mail: they change the profile only, so they may come out of order."""
        if is_first:
            self.consents(at_ms, customer)
        sent_ms = at_ms + (self.chance.randrange(2000) if self.chance.random() < 0.1 else 0)
        if self.chance.random() < 0.5:
            body = {"action": "SEARCH", "sessionId": "visit", "query": "anything"}
            self.event(at_ms, "browses", customer, body, sent_ms)
        else:
            self.event(at_ms, "engagements", customer, {"kind": "OPENED", "campaign": "spring"}, sent_ms)
        self.push(at_ms + round(self.chance.expovariate(BUSY_RATE) * 1000), ("busy", customer, False))
