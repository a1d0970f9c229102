"""Claims of README.md, each on a few events with values worked out by hand. Run it with ./test.sh."""

import copy
import io
import json
import tempfile
import unittest
from pathlib import Path

import check_features

DAY = check_features.DAY_MS
NOON = DAY // 2
AS_OF = 1000 * DAY + NOON


def header(event_id, day, hour=12, **more):
    return {"header": {"eventId": event_id, "customerId": "c", "eventTimeMs": day * DAY + hour * 3_600_000,
                       "source": "s", **more}}


def order(event_id, day, *prices, order_id=None, category="tea", currency="USD", hour=12, **more):
    return {**header(event_id, day, hour), "orderId": event_id if order_id is None else order_id, "kind": "ORDER",
            "currency": currency,
            "lines": [{"sku": "x", "category": category, "priceMinor": price} for price in prices], **more}


def refund(event_id, day, order_id, *prices, **more):
    return {**order(event_id, day, *prices, order_id=order_id), "kind": "REFUND", **more}


def cancellation(event_id, day, order_id):
    return {**header(event_id, day), "orderId": order_id, "kind": "CANCELLATION"}


def ticket(event_id, day, kind, ticket_id="t", **more):
    return {**header(event_id, day), "kind": kind, "ticketId": ticket_id, **more}


def consent(event_id, day, granted, purpose="PURPOSE_MARKETING", channel="CHANNEL_EMAIL"):
    return {**header(event_id, day), "consent": {"purpose": purpose, "channel": channel, "granted": granted}}


class Files:
    """Events and features rows as files in a folder that is gone at the end."""

    def __init__(self, rows, **events):
        self.folder = tempfile.TemporaryDirectory()
        self.sources = {kind: [self.write(kind, messages)] for kind, messages in events.items()}
        self.features = [self.write("features", rows)]

    def write(self, name, messages):
        path = Path(self.folder.name, f"{name}.jsonl")
        path.write_text("".join(json.dumps(message) + "\n" for message in messages))
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()


def features(as_of=AS_OF, **events):
    """The features of customer "c" that the oracle expects."""
    with Files([{"customerId": "c", "asOfMs": as_of}], **events) as files:
        cursor = check_features.recompute(files.sources, files.features, 30).execute("FROM expected")
        return dict(zip([column[0] for column in cursor.description], cursor.fetchone()))


def verdict(rows, complete=False, **events):
    """Whether the rows pass, and what is printed."""
    with Files(rows, **events) as files:
        out = io.StringIO()
        return check_features.check(files.sources, files.features, 30, 8, complete, 10, out), out.getvalue()


def money(minor, currency="USD"):
    return {"minor": minor, "currency": currency}


class MoneyTest(unittest.TestCase):
    def check(self, spent, refunded, *purchases):
        for sequence in (purchases, purchases[::-1]):
            found = features(purchases=sequence)
            self.assertEqual((found["spent"], found["refunded"]), (spent, refunded))
        return found

    def test_an_order_is_its_lines_less_its_discount(self):
        self.check([money(250)], [], order("a", 1, 100, 200, discountMinor=50))

    def test_currencies_stay_apart_in_order_of_their_code(self):
        self.check([money(7, "EUR"), money(5)], [], order("a", 1, 5), order("b", 1, 7, currency="EUR"))

    def test_a_refund_takes_what_it_lists_and_leaves_the_order_standing(self):
        found = self.check([money(220)], [money(80)], order("a", 1, 100, 200),
                           refund("r", 2, "a", 100, discountMinor=20))
        self.assertEqual(found["orders"], 1)

    def test_refunds_never_exceed_the_order(self):
        self.check([money(40)], [money(300)],
                   order("a", 1, 300), order("b", 1, 40), refund("r", 2, "a", 200), refund("q", 2, "a", 200))

    def test_a_refund_without_lines_takes_the_rest(self):
        self.check([], [money(300)], order("a", 1, 300), refund("r", 2, "a", 100), refund("q", 3, "a"))

    def test_a_refund_of_an_unknown_order_or_in_another_currency_has_no_effect(self):
        self.check([money(300)], [], order("a", 1, 300), refund("r", 2, "z", 100),
                   refund("q", 2, "a", 100, currency="EUR"))

    def test_a_refund_may_come_before_its_order_and_leave_out_the_currency(self):
        self.check([money(200)], [money(100)], refund("r", 1, "a", 100, currency=""), order("a", 2, 300))

    def test_a_cancelled_order_is_given_back_and_counts_no_more(self):
        found = self.check([money(5)], [money(300)], order("a", 1, 300), refund("r", 1, "a", 100),
                           cancellation("k", 2, "a"), order("b", 3, 5))
        self.assertEqual((found["orders"], found["firstPurchaseMs"]), (1, 3 * DAY + NOON))

    def test_an_order_told_twice_counts_once_as_told_first(self):
        found = self.check([money(300)], [], order("b", 1, 300, order_id="a"), order("a", 2, 500, order_id="a"))
        self.assertEqual((found["orders"], found["kinds"][0]["total"]), (1, 2))

    def test_of_two_orders_with_one_id_at_one_moment_the_smaller_counts_then_the_one_with_the_lesser_currency(self):
        self.check([money(300)], [], order("a", 1, 500, order_id="o"), order("b", 1, 300, order_id="o"))
        self.check([money(300, "EUR")], [], order("a", 1, 300, order_id="o"),
                   order("b", 1, 300, order_id="o", currency="EUR"))

    def test_orders_without_an_id_are_orders_of_their_own_and_cannot_be_taken_back(self):
        found = self.check([money(12)], [], order("a", 1, 5, order_id=""), order("b", 1, 7, order_id=""),
                           cancellation("k", 2, ""), refund("r", 2, ""))
        self.assertEqual(found["orders"], 2)


class RhythmTest(unittest.TestCase):
    def test_days_gaps_and_their_spread(self):
        found = features(purchases=[order("d", 16, 1), order("a", 10, 1), order("b", 10, 1, hour=20), order("c", 12, 1),
                                    order("x", 14, 1), cancellation("k", 17, "x")])
        self.assertEqual((found["firstPurchaseMs"], found["lastPurchaseMs"]), (10 * DAY + NOON, 16 * DAY + NOON))
        self.assertEqual((found["orders"], found["repeatDays"]), (4, 2))
        self.assertEqual((found["purchaseGapMeanDays"], found["purchaseGapSdDays"]), (3, 1))

    def test_one_gap_has_a_mean_and_no_spread(self):
        found = features(purchases=[order("a", 10, 1), order("b", 13, 1)])
        self.assertEqual((found["repeatDays"], found["purchaseGapMeanDays"], found["purchaseGapSdDays"]), (1, 3, 0))


class CountTest(unittest.TestCase):
    def test_windows_are_utc_days_with_today(self):
        days = [1000, 994, 993, 971, 970, 911, 910]
        [kind] = features(browses=[{**header(str(day), day, hour=0), "action": "VIEW"} for day in days])["kinds"]
        self.assertEqual((kind["kind"], kind["total"]), ("browse", 7))
        self.assertEqual((kind["last7Days"], kind["last30Days"], kind["last90Days"]), (2, 4, 6))

    def test_decay_halves_in_the_half_life_and_refunds_count_as_events(self):
        [kind] = features(purchases=[order("a", 1000, 1), order("b", 970, 1), refund("r", 940, "a", 1)])["kinds"]
        self.assertAlmostEqual(kind["decayed"], 1.75, places=12)
        self.assertEqual(kind["lastMs"], AS_OF)

    def test_the_same_event_again_is_one_event_and_int64_may_be_text(self):
        again = order("a", 1, 5)
        again["header"]["eventTimeMs"] = str(again["header"]["eventTimeMs"])
        found = features(purchases=[order("a", 1, 5), again])
        self.assertEqual((found["orders"], found["kinds"][0]["total"]), (1, 1))

    def test_what_comes_after_the_moment_is_not_seen(self):
        found = features(as_of=5 * DAY + NOON, purchases=[order("a", 5, 1), order("b", 5, 2, hour=13)])
        self.assertEqual(found["spent"], [money(1)])

    def test_kinds_and_channels_are_ordered_and_one_generated_event_marks_all(self):
        found = features(supports=[{**header("a", 1, channel="CHANNEL_PHONE"), "kind": "SURVEY_NPS"}],
                         members=[{**header("b", 1, generated=True), "joined": {}}],
                         engagements=[{**header("d", 1, channel="CHANNEL_EMAIL"), "kind": "SENT"}])
        self.assertEqual([kind["kind"] for kind in found["kinds"]], ["engagement", "member", "support"])
        self.assertEqual([(item["channel"], item["events"]) for item in found["channels"]],
                         [("CHANNEL_UNSPECIFIED", 1), ("CHANNEL_EMAIL", 1), ("CHANNEL_PHONE", 1)])
        self.assertTrue(found["generated"])

    def test_every_line_of_an_order_weighs_for_its_category_and_refunds_do_not(self):
        found = features(purchases=[order("a", 1000, 1, 1, category="tea"), order("b", 970, 1, category="milk"),
                                    order("d", 970, 1, category=""), refund("r", 1000, "a", 1),
                                    cancellation("k", 1000, "b")])
        self.assertEqual([(item["category"], round(item["weight"], 12)) for item in found["categories"]],
                         [("tea", 2), ("milk", 0.5)])


class TicketTest(unittest.TestCase):
    def open(self, *supports):
        found = features(supports=supports)
        return found["openTickets"], found["openComplaints"]

    def test_a_ticket_is_open_until_it_is_resolved_and_again_when_reopened(self):
        opened, resolved, again = ticket("a", 1, "OPENED"), ticket("b", 2, "RESOLVED"), ticket("d", 3, "REOPENED")
        self.assertEqual(self.open(opened), (1, 0))
        self.assertEqual(self.open(resolved, opened), (0, 0))
        self.assertEqual(self.open(again, resolved, opened), (1, 0))

    def test_at_the_same_moment_resolved_wins(self):
        self.assertEqual(self.open(ticket("a", 1, "OPENED"), ticket("b", 1, "RESOLVED")), (0, 0))

    def test_one_event_of_a_complaint_makes_the_ticket_one(self):
        self.assertEqual(self.open(ticket("a", 1, "OPENED"), ticket("b", 2, "ANSWERED", complaint=True)), (1, 1))

    def test_without_a_ticket_id_there_is_no_ticket(self):
        self.assertEqual(self.open(ticket("a", 1, "OPENED", ticket_id="", complaint=True)), (0, 0))


class ConsentTest(unittest.TestCase):
    def in_force(self, *members, engagements=()):
        found = features(members=members, engagements=engagements)
        return [(item["purpose"], item["channel"]) for item in found["consents"]]

    EMAIL, SMS = ("PURPOSE_MARKETING", "CHANNEL_EMAIL"), ("PURPOSE_MARKETING", "CHANNEL_SMS")
    SERVICE = ("PURPOSE_SERVICE", "CHANNEL_EMAIL")

    def test_consents_are_ordered_by_purpose_and_channel(self):
        self.assertEqual(self.in_force(consent("a", 1, True, *self.SERVICE), consent("b", 1, True, *self.SMS),
                                       consent("d", 1, True)), [self.EMAIL, self.SMS, self.SERVICE])

    def test_the_last_word_by_event_time_holds_and_a_denial_wins_at_the_same_moment(self):
        self.assertEqual(self.in_force(consent("b", 2, True), consent("a", 1, False)), [self.EMAIL])
        self.assertEqual(self.in_force(consent("b", 2, False), consent("a", 1, True)), [])
        self.assertEqual(self.in_force(consent("b", 1, True), consent("a", 1, False)), [])

    def test_unsubscribing_withdraws_marketing_through_its_channel_only(self):
        unsubscribed = {**header("u", 2, channel="CHANNEL_EMAIL"), "kind": "UNSUBSCRIBED"}
        self.assertEqual(self.in_force(consent("a", 1, True), consent("b", 1, True, *self.SMS),
                                       consent("d", 1, True, *self.SERVICE), engagements=[unsubscribed]),
                         [self.SMS, self.SERVICE])
        self.assertEqual(self.in_force(consent("a", 3, True), engagements=[unsubscribed]), [self.EMAIL])

    def test_asking_for_erasure_withdraws_all_that_was_given_before(self):
        erasure = {**header("e", 2), "erasureAsked": {}}
        self.assertEqual(self.in_force(consent("a", 1, True), consent("b", 3, True, *self.SMS), erasure), [self.SMS])


class CheckTest(unittest.TestCase):
    EVENTS = {"purchases": [order("a", 1, 300), order("b", 3, 5), order("e", 9, 5, category="milk"),
                            refund("r", 4, "a", 100)],
              "supports": [ticket("t", 5, "OPENED", complaint=True)],
              "members": [consent("m", 1, True)]}

    def row(self):
        """A right row, spelt as protobuf spells it: whole numbers of 64 bits are text, what is zero is left out."""
        def spell(value):
            if isinstance(value, dict):
                return {name: spell(part) for name, part in value.items() if part}
            if isinstance(value, list):
                return [spell(item) for item in value]
            return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

        right = features(**self.EVENTS)
        del right["row"]
        return spell(right)

    def test_a_right_row_passes_and_only_the_last_row_counts(self):
        passed, text = verdict([{"customerId": "c", "asOfMs": "1", "orders": "77"}, self.row()], complete=True,
                               **self.EVENTS)
        self.assertEqual((passed, text), (True, "6 events; 1 customers checked, 0 differ; 0 without features; "
                                                "0 with later events; 0 contradictory event ids; "
                                                "0 anonymous not checked\n"))

    def test_a_wrong_or_missing_value_of_any_field_is_found(self):
        right = self.row()
        for name in check_features.FIELDS.keys() - {"customerId", "asOfMs"}:
            without = {field: value for field, value in right.items() if field != name}
            if name in right:
                with self.subTest(missing=name):
                    self.assertIn(f"  {name}: expected", verdict([without], **self.EVENTS)[1])
            for path in self.numbers(right.get(name)):
                wrong = copy.deepcopy(right)
                *outer, last = [name, *path]
                place = wrong
                for step in outer:
                    place = place[step]
                place[last] = place[last] * (1 + 1e-8) if isinstance(place[last], float) else str(int(place[last]) + 1)
                with self.subTest(wrong=(name, *path)):
                    self.assertIn(f"  {name}: expected", verdict([wrong], **self.EVENTS)[1])

    def numbers(self, value, path=()):
        """Where there are numbers in a value."""
        if isinstance(value, (dict, list)):
            for name, part in value.items() if isinstance(value, dict) else enumerate(value):
                yield from self.numbers(part, (*path, name))
        elif isinstance(value, float) or (isinstance(value, str) and value.isdigit()):
            yield path

    def test_a_field_that_the_oracle_does_not_know_is_a_difference(self):
        self.assertIn("clv: not a field", verdict([{**self.row(), "clv": "1"}], **self.EVENTS)[1])

    def test_rounding_within_the_tolerance_passes(self):
        row = self.row()
        row["purchaseGapSdDays"] *= 1 + 1e-11
        self.assertTrue(verdict([row], **self.EVENTS)[0])

    def test_equally_strong_categories_may_stand_in_either_order_and_weaker_ones_may_not(self):
        ours = [{"category": name, "weight": weight}
                for name, weight in (("a", 3.0), ("b", 2.0), ("d", 2.0), ("e", 1.0))]
        a, b, d, e = ours
        for top, good in (([a, b], True), ([a, d], True), ([b, a], False), ([a, e], False), ([a], False),
                          ([a, a], False)):
            self.assertEqual(check_features.same_top(ours, top, 2), good, top)

    def test_a_customer_without_features_fails(self):
        other = order("z", 1, 5)
        other["header"]["customerId"] = "d"
        passed, text = verdict([self.row()], **{**self.EVENTS, "purchases": self.EVENTS["purchases"] + [other]})
        self.assertFalse(passed)
        self.assertIn("customer d: has events, but no features", text)

    def test_anonymous_customers_are_counted_and_not_compared(self):
        passed, text = verdict([self.row(), {"customerId": "anon:x"}], **self.EVENTS)
        self.assertTrue(passed)
        self.assertIn("1 customers checked, 0 differ", text)
        self.assertIn("1 anonymous not checked", text)

    def test_later_events_fail_only_when_completeness_is_asked_for(self):
        events = {**self.EVENTS, "browses": [{**header("l", 1001), "action": "VIEW"}]}
        self.assertTrue(verdict([self.row()], **events)[0])
        self.assertFalse(verdict([self.row()], complete=True, **events)[0])

    def test_one_id_for_two_events_fails(self):
        passed, text = verdict([self.row()], **{**self.EVENTS, "browses": [{**header("a", 1), "action": "VIEW"}]})
        self.assertFalse(passed)
        self.assertIn("2 different events are called a in source s", text)


if __name__ == "__main__":
    unittest.main()
