"""Budgets and line items that never were: the data the models are trained on.

The data of 2017 were never published. These are drawn from a seeded generator, in the shape of the
request, and made hard on purpose: names as card statements garble them, split and rounded amounts,
late postings, expenses filed as "Other", a second trip with the same vendor, and pairs that a
person matched wrongly. Hence no model on them is perfect; none of its figures says anything about
real expenses.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

ITEMS_PER_BUDGET = 10

MATCH_SHARE = 0.8
"""Budgets whose expense is among the items at all."""

WRONG_LABEL_SHARE = 0.03
"""Budgets whose owner matched another item than the right one."""

SELLERS_SHARE = 0.35
"""Trips bought from a seller and not from the carrier, hotel or rental itself."""

VAGUE_SHARE = 0.15
VAGUE_TYPES = ("Other", "Travel", "Miscellaneous")
"""Items filed under a type that says nothing."""

TWIN_SHARE = 0.08
"""Unrelated items that are another trip with the same vendor."""

SAME_FARE_SHARE = 0.25
"""Twins that cost exactly the same."""

FIRST_DAY = datetime(2016, 1, 1)
DAYS = 700


@dataclass(frozen=True)
class Kind:
    """One type of budget: who sells it, what it costs (log-normal, USD), how expenses call it."""

    vendors: tuple
    sellers: tuple
    median_price: float
    price_spread: float
    type_names: tuple
    paid_at_booking: float
    """The share paid when booked; the rest is paid at the end of the trip."""


KINDS = {
    "car": Kind(
        vendors=(
            "Hertz",
            "Avis",
            "Enterprise Rent-A-Car",
            "National Car Rental",
            "Budget",
            "Alamo",
        ),
        sellers=("Expedia", "Priceline"),
        median_price=180.0,
        price_spread=0.6,
        type_names=("Car Rental", "Rental Car", "Car", "Ground Transportation"),
        paid_at_booking=0.15,
    ),
    "flight": Kind(
        vendors=(
            "Southwest Airlines",
            "Delta Air Lines",
            "United Airlines",
            "American Airlines",
            "JetBlue",
        ),
        sellers=("Expedia", "Orbitz", "Egencia"),
        median_price=320.0,
        price_spread=0.6,
        type_names=("Airfare", "Flight", "Air", "Airline"),
        paid_at_booking=0.9,
    ),
    "hotel": Kind(
        vendors=("Marriott", "Hilton Garden Inn", "Hyatt Regency", "Holiday Inn Express", "Airbnb"),
        sellers=("Booking.com", "Expedia", "Hotels.com"),
        median_price=420.0,
        price_spread=0.7,
        type_names=("Hotel", "Lodging", "Accommodation", "Room"),
        paid_at_booking=0.25,
    ),
    "rail": Kind(
        vendors=("Amtrak", "Caltrain", "Deutsche Bahn", "SNCF", "Eurostar"),
        sellers=("Trainline", "Rail Europe"),
        median_price=90.0,
        price_spread=0.6,
        type_names=("Train", "Rail", "Amtrak", "Ground Transportation"),
        paid_at_booking=0.85,
    ),
}

OTHER_EXPENSES = (
    # type name, vendors, median price
    ("Taxi", ("taxi", "Yellow Cab", "Uber", "Lyft"), 24.0),
    ("Meals", ("Starbucks", "Chipotle", "Delta Sky Cafe", "Hilton Bar"), 32.0),
    ("Office Supplies", ("Staples", "Amazon", "Apple Store"), 60.0),
    ("Parking", ("SFO Parking", "ABM Parking", "Hertz Parking"), 45.0),
    ("Conference", ("Eventbrite", "O'Reilly Media"), 600.0),
)


class Generator:
    """Draws examples; the same seed draws the same ones."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.next_id = 1

    def example(self, budget_type):
        """A budget, its user's line items, and one label (0 or 1) for each item."""
        budget = self.budget(budget_type)
        items, labels = [], []
        if self.chance(MATCH_SHARE):
            items, labels = [self.paid_item(budget)], [1]
        while len(items) < ITEMS_PER_BUDGET:
            items.append(self.unrelated_item(budget))
            labels.append(0)
        if self.chance(WRONG_LABEL_SHARE):
            labels = list(np.roll(labels, 1))
        return budget, items, [int(label) for label in labels]

    def budget(self, budget_type):
        """A trip that was booked, as the request describes it."""
        kind = KINDS[budget_type]
        start = FIRST_DAY + timedelta(hours=int(self.random.integers(DAYS * 24)))
        booked = start - timedelta(days=self.random.gamma(2.0, 9.0))
        end = start + timedelta(days=int(self.random.integers(1, 6)))
        price = kind.median_price * self.random.lognormal(0.0, kind.price_spread)
        vendor = self.pick(kind.vendors)
        return {
            "budget_id": self.identifier(),
            "budget_type_budget": budget_type,
            "budget_price_budget": money(price),
            "actual_cost_budget": money(price * self.random.normal(0.95, 0.12)),
            "travel_vendor_receipts": vendor,
            "purchase_vendor_receipts": (
                self.pick(kind.sellers) if self.chance(SELLERS_SHARE) else vendor
            ),
            "generated_at_budget": date(booked),
            "start_datetime_trips": date(start),
            "end_datetime_trips": date(end),
        }

    def paid_item(self, budget):
        """The line item that pays for this budget."""
        kind = KINDS[budget["budget_type_budget"]]
        at_booking = self.chance(kind.paid_at_booking)
        paid = parsed(budget["generated_at_budget" if at_booking else "end_datetime_trips"])
        posted = paid + timedelta(days=float(self.random.exponential(1.2)))
        seller = "purchase_vendor_receipts" if self.chance(0.7) else "travel_vendor_receipts"
        amount = float(budget["actual_cost_budget"]) * self.paid_share()
        return self.item(amount, posted, self.garbled(budget[seller]), self.pick(kind.type_names))

    def paid_share(self):
        """Expensed over booked: mostly 1, else with taxes and extras, or one of two parts."""
        return self.random.choice(
            [1.0, self.random.normal(1.08, 0.10), self.random.uniform(0.4, 0.9)],
            p=[0.65, 0.22, 0.13],
        )

    def unrelated_item(self, budget):
        """An expense of the same user for something else, at times for something very similar."""
        if self.chance(TWIN_SHARE):
            return self.twin_item(budget)
        around = parsed(budget["start_datetime_trips"])
        when = around + timedelta(days=float(self.random.normal(0.0, 25.0)))
        if self.chance(0.4):
            kind = KINDS[self.pick(tuple(KINDS))]
            amount = kind.median_price * self.random.lognormal(0.0, kind.price_spread)
            vendor = self.garbled(self.pick(kind.vendors + kind.sellers))
            return self.item(amount, when, vendor, self.pick(kind.type_names))
        name, vendors, median = OTHER_EXPENSES[self.random.integers(len(OTHER_EXPENSES))]
        return self.item(median * self.random.lognormal(0.0, 0.5), when, self.pick(vendors), name)

    def twin_item(self, budget):
        """Another trip with the same vendor, near in price, at times at the very same fare."""
        kind = KINDS[budget["budget_type_budget"]]
        days = self.random.normal(0.0, 14.0 if self.chance(0.5) else 120.0)
        when = parsed(budget["generated_at_budget"]) + timedelta(days=float(days))
        ratio = 1.0 if self.chance(SAME_FARE_SHARE) else self.random.lognormal(0.0, 0.25)
        vendor = self.garbled(budget["travel_vendor_receipts"])
        amount = float(budget["actual_cost_budget"]) * ratio
        return self.item(amount, when, vendor, self.pick(kind.type_names))

    def item(self, amount, when, vendor, type_name):
        """A line item as the request describes it."""
        if self.chance(VAGUE_SHARE):
            type_name = self.pick(VAGUE_TYPES)
        return {
            "itemization_id": self.identifier(),
            "expensed_amount_itemization": money(amount),
            "transaction_date_itemization": date(when.replace(hour=0, minute=0, second=0)),
            "vendor_name_expense": vendor,
            "expense_type_name_itemization": type_name,
            "expense_category_itemization": type_name.lower(),
            "expense_type_name_expense": type_name,
            "expense_category_expense": type_name.lower(),
        }

    def garbled(self, vendor):
        """A vendor's name as it may stand on a card statement."""
        how = self.random.integers(6)
        if how == 0:
            return vendor.upper()[:9] + f" {self.random.integers(10_000, 99_999)}"
        if how == 1:
            return vendor.split()[0]
        if how == 2:
            at = int(self.random.integers(1, len(vendor)))
            return vendor[:at] + vendor[at + 1 :]
        if how == 3 and self.chance(0.3):
            return self.pick(("PAYPAL", "AMEX TRAVEL", "Concur", "Unknown vendor"))
        return vendor

    def chance(self, share):
        """True in that share of the cases."""
        return bool(self.random.random() < share)

    def pick(self, choices):
        """One of the choices, each as likely."""
        return choices[int(self.random.integers(len(choices)))]

    def identifier(self):
        """The next number, as text, as the request has it."""
        self.next_id += 1
        return str(self.next_id)


def money(amount):
    """An amount as the request writes it: text, at least a dollar."""
    return f"{max(float(amount), 1.0):.2f}"


def date(when):
    """A point in time as the request writes it."""
    return when.strftime("%Y-%m-%d %H:%M:%S")


def parsed(text):
    """The datetime that `date` wrote."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
