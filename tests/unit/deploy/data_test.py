"""Claims about deploy/data/convert.py, on rows written down here: needs no data and no packages."""

import json
import sys
import tempfile
import unittest
from datetime import date, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "deploy" / "data"))
import convert
import fetch


def line(basket=7, household=900, time=datetime(2017, 3, 2, 3, 30, 15), product=100, quantity=1, sales=1.39,
         retail_disc=0.0, coupon_disc=0.0, match_disc=0.0, department="GROCERY", category="SOUP",
         product_type="CANNED"):
    return convert.JourneyLine(basket, household, 330, time, product, quantity, sales, retail_disc, coupon_disc,
                               match_disc, department, category, product_type)


def journey(*lines, **coupons):
    return list(convert.journey_purchases(lines, **coupons))


class MoneyTest(unittest.TestCase):
    def test_every_amount_of_whole_cents_is_exact(self):
        for minor in range(0, 20_000):
            self.assertEqual(convert.cents(minor / 100), minor)
            self.assertEqual(convert.cents(f"{minor // 100}.{minor % 100:02}"), minor)

    def test_noise_of_the_binary_form_is_not_an_amount(self):
        self.assertEqual(convert.cents(0.1 + 0.2), 30)

    def test_a_fraction_of_a_cent_is_refused(self):
        for amount in (1.005, "1.005", "11.7700001"):
            with self.assertRaisesRegex(ValueError, "whole number of cents"):
                convert.cents(amount)


class CdnowTest(unittest.TestCase):
    ROWS = [convert.CdnowRow(*row) for row in (
        ("00002", "19970112", "1", "12.00"), ("00002", "19970112", "5", "77.00"), ("00002", "19970114", "1", "0.00"),
        ("00003", "19970112", "2", "20.76"))]

    def test_a_row_becomes_a_purchase_as_the_contract_spells_it(self):
        purchase = list(convert.cdnow_purchases(self.ROWS))[1]
        self.assertEqual(json.dumps(purchase), json.dumps({
            "header": {"eventId": "cdnow-00002-2", "customerId": "cdnow-00002", "eventTimeMs": 853070402001,
                       "source": "cdnow", "channel": "CHANNEL_WEB"},
            "orderId": "cdnow-00002-2", "kind": "ORDER",
            "lines": [{"sku": "cd", "category": "music", "quantityMilli": 5000, "priceMinor": 7700}],
            "currency": "USD", "store": "cdnow"}))

    def test_order_is_total_and_days_are_whole(self):
        times = [purchase["header"]["eventTimeMs"] for purchase in convert.cdnow_purchases(self.ROWS)]
        self.assertEqual(len(set(times)), len(times))
        self.assertEqual(times[2] - times[0], 2 * 86_400_000)

    def test_what_costs_nothing_leaves_its_price_out(self):
        self.assertNotIn("priceMinor", list(convert.cdnow_purchases(self.ROWS))[2]["lines"][0])


class JourneyTest(unittest.TestCase):
    def test_the_lines_of_a_basket_become_one_purchase(self):
        purchases = journey(line(product=100), line(product=101, quantity=3, sales=4.5, retail_disc=0.6),
                            line(basket=8))
        self.assertEqual([len(purchase["lines"]) for purchase in purchases], [2, 1])
        self.assertEqual(purchases[0], {
            "header": {"eventId": "basket-7", "customerId": "household-900", "eventTimeMs": 1488425415000,
                       "source": "complete-journey", "channel": "CHANNEL_STORE"},
            "orderId": "7", "kind": "ORDER",
            "lines": [{"sku": "100", "category": "soup", "quantityMilli": 1000, "priceMinor": 139},
                      {"sku": "101", "category": "soup", "quantityMilli": 3000, "priceMinor": 450,
                       "discountMinor": 60}],
            "currency": "USD", "store": "330"})

    def test_the_price_is_what_the_customer_pays(self):
        [purchase] = journey(line(sales=5.64, retail_disc=3.0, coupon_disc=0.35, match_disc=0.35))
        self.assertEqual((purchase["lines"][0]["priceMinor"], purchase["lines"][0]["discountMinor"]), (529, 370))

    def test_a_coupon_without_an_article_is_a_discount_of_the_basket(self):
        [purchase] = journey(line(sales=5.0), line(quantity=0, sales=0.0, coupon_disc=2.0))
        self.assertEqual(purchase["discountMinor"], 200)
        self.assertEqual(purchase["lines"][1], {"sku": "100", "category": "soup"})

    def test_a_basket_never_costs_less_than_nothing(self):
        [purchase] = journey(line(sales=1.38, coupon_disc=1.0), line(quantity=0, sales=0.0, coupon_disc=2.0))
        self.assertEqual((purchase["lines"][0]["priceMinor"], purchase["discountMinor"]), (38, 38))

    def test_the_category_falls_back_to_the_department_and_then_to_nothing(self):
        [purchase] = journey(line(category=None), line(category=None, department=None, product_type=None))
        self.assertEqual([converted.get("category") for converted in purchase["lines"]], ["grocery", None])

    def test_fuel_is_in_thousandths_already(self):
        fuel = {"product_type": "GASOLINE-REG UNLEADED"}
        [purchase] = journey(line(quantity=10597, **fuel), line(quantity=1, **fuel))
        self.assertEqual([converted["quantityMilli"] for converted in purchase["lines"]], [10597, 1000])

    def test_a_coupon_goes_to_the_basket_of_its_household_and_local_day_with_its_article(self):
        redemptions = [convert.Redemption(900, coupon, 26, date(2017, 3, 1)) for coupon in (52, 51)]
        covered = [(51, 26, 100), (52, 26, 100)]

        def coupon(**changes):
            return journey(line(**changes), redemptions=redemptions, covered=covered)[0].get("coupon")

        self.assertEqual(coupon(), "51")
        self.assertIsNone(coupon(household=901))
        self.assertIsNone(coupon(product=101))
        self.assertIsNone(coupon(time=datetime(2017, 3, 2, 5, 0)))


class MembersTest(unittest.TestCase):
    FIRSTS = {f"household-{number}": 1_488_425_415_000 + number for number in range(500)}

    def members(self, firsts=FIRSTS, seed=1, share=0.8):
        return list(convert.generated_members(firsts, "complete-journey", convert.CDNOW_ZONES, seed, share))

    def test_everything_is_labelled_as_generated_and_precedes_the_first_purchase(self):
        for member in self.members():
            header = member["header"]
            self.assertEqual((header["generated"], header["source"]), (True, "generated"))
            self.assertLess(header["eventTimeMs"], self.FIRSTS[header["customerId"]])

    def test_a_customer_joins_has_a_time_zone_and_one_consent_per_purpose_and_channel(self):
        own = [member for member in self.members() if member["header"]["customerId"] == "household-3"]
        self.assertEqual([(set(member) - {"header"}).pop() for member in own], ["joined", "profile"] + ["consent"] * 6)
        self.assertEqual(len({(member["consent"]["purpose"], member["consent"]["channel"]) for member in own[2:]}), 6)
        self.assertEqual(len({member["header"]["eventId"] for member in own}), 8)

    def test_about_the_asked_share_is_granted(self):
        granted = [member["consent"].get("granted", False) for member in self.members() if "consent" in member]
        self.assertAlmostEqual(sum(granted) / len(granted), 0.8, delta=0.03)

    def test_no_share_and_full_share_are_exact(self):
        for share in (0, 1):
            consents = [member["consent"] for member in self.members(share=share) if "consent" in member]
            self.assertEqual({consent.get("granted", False) for consent in consents}, {bool(share)})

    def test_the_same_seed_gives_the_same_and_other_customers_change_nothing(self):
        alone = self.members({"household-3": self.FIRSTS["household-3"]})
        self.assertEqual(alone, [m for m in self.members() if m["header"]["customerId"] == "household-3"])
        self.assertNotEqual(self.members(seed=1), self.members(seed=2))


class EventFileTest(unittest.TestCase):
    def test_events_are_written_by_time_and_then_by_id(self):
        file = fetch.EventFile()
        for name, time in (("b", 2), ("c", 1), ("a", 2)):
            file.add({"header": {"eventId": name, "customerId": "x", "eventTimeMs": time}})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "events.jsonl")
            file.write(path)
            written = [json.loads(text)["header"]["eventId"] for text in path.read_text().splitlines()]
            self.assertEqual(written, ["c", "a", "b"])
            self.assertEqual([entry.name for entry in Path(folder).iterdir()], ["events.jsonl"])


if __name__ == "__main__":
    unittest.main()
