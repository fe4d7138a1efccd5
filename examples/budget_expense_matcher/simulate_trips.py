"""A fortnight of trips that never were: what the matcher is asked, and what is learned of it later.

Built on synthetic.py, so it is known which line item pays for which budget. What happens to all
models happens to these: truth comes days late and is not always right, one segment (hotel) drifts
away from what its model was trained on, and some requests are broken.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from synthetic import MATCH_SHARE, WRONG_LABEL_SHARE, Generator, date, money, parsed

WORKING_HOURS = range(8, 18)
HOUR_WEIGHTS = [1.0 if hour in WORKING_HOURS else 0.12 for hour in range(24)]
WEEKEND_WEIGHT = 0.2
SATURDAY = 5

TRAVEL_SHARES = {"flight": 0.6, "rail": 0.4}
HOTEL_SHARE, CAR_SHARE = 0.75, 0.4
"""A trip has a flight or a train, and often a hotel and a car."""

ITEMS_MIN, ITEMS_MAX = 10, 22
"""Line items of one traveller in one request."""

BROKEN_SHARE = 0.01
"""Requests with one line item whose vendor is null: its pairs get no score."""

DRAWS_MAX = 1_000
"""An expense cannot be claimed before it was paid: draws of one that was, before we give up."""

# What happens to hotels: from the first day to the last, ever more of them.
DECAY_SHARE_MAX = 0.6
NEW_SELLER = "STAYPAY"
NEW_FEES = (1.12, 1.45)
"""A payment service bills for the hotel, under its own name, and adds its fees to the price."""
FLAT_RATE_SHARE = 0.12
"""Of the hotels so billed: those whose flat rate makes last week's stay look like this week's."""
PRICE_RISE = 0.35
"""What rooms cost more on the last day than on the first."""

# What accountants do.
NEVER_CHECKED_SHARE = 0.08
BOOKED_AHEAD_SHARE = 0.01
"""Claims that were settled by hand before the matcher was asked: truth before its prediction."""
CHECKED_AFTER_DAYS = (2.0, 6.0)
CORRECTED_SHARE = 0.5
"""Of the wrong labels: those that someone notices and corrects."""
CORRECTED_AFTER_DAYS = (1.0, 3.0)
ON_PAPER_SHARE = 0.005
"""Trips the matcher was never asked about; their truth comes all the same, and finds nothing."""


@dataclass(frozen=True)
class Truth:
    """What became known of one pair, and when."""

    time: object
    budget_id: str
    itemization_id: str
    label: int
    note: str


@dataclass(frozen=True)
class Trip:
    """One request; `pays` is the item that really pays for each budget (None: none of these)."""

    time: object
    request_id: str
    event: dict
    pays: dict
    on_paper: bool


class Life(Generator):
    """Draws a matcher's life; the same seed and the same times draw the same one."""

    def __init__(self, seed, start, until):
        super().__init__(seed)
        self.seed, self.start, self.until = seed, start, until
        # A later life on the same server must not speak of the trips of this one.
        self.next_id = int(until.timestamp()) // 60 % 100_000 * 100_000

    def trips(self, per_day):
        """All trips, in the order of their times; `per_day` on a working day."""
        for number, when in enumerate(self.times(per_day)):
            name = f"{self.seed} {self.until} {number}"
            yield self.trip(when, str(uuid.uuid5(uuid.NAMESPACE_OID, name)))

    def times(self, per_day):
        """When the requests come: by day more than by night, at week-ends few."""
        hour = self.start.replace(minute=0, second=0, microsecond=0)
        times = []
        while hour < self.until:
            weight = HOUR_WEIGHTS[hour.hour] / sum(HOUR_WEIGHTS)
            weight *= WEEKEND_WEIGHT if hour.weekday() >= SATURDAY else 1.0
            for _ in range(int(self.random.poisson(per_day * weight))):
                times.append(hour + timedelta(milliseconds=int(self.random.integers(3_600_000))))
            hour += timedelta(hours=1)
        return sorted(when for when in times if self.start <= when < self.until)

    def trip(self, when, request_id):
        """A traveller's budgets of one trip, against the line items that are there by then."""
        home = when - timedelta(days=1.0 + float(self.random.gamma(2.0, 4.0)))
        budgets = [self.booked(kind, home, when) for kind in self.kinds()]
        items, pays = [], {}
        for budget in budgets:
            paid = self.paid(budget, when) if self.chance(MATCH_SHARE) else None
            items += [paid] if paid else []
            pays[budget["budget_id"]] = paid and paid["itemization_id"]
        for _ in range(int(self.random.integers(ITEMS_MIN, ITEMS_MAX + 1)) - len(items)):
            items.append(self.unrelated(self.pick(budgets), when))
        self.random.shuffle(items)
        if self.chance(BROKEN_SHARE):
            self.pick(items)["vendor_name_expense"] = None
        event = {"budgets": budgets, "all_user_expense_lineitems": items}
        return Trip(when, request_id, event, pays, self.chance(ON_PAPER_SHARE))

    def kinds(self):
        """The types of budget of one trip."""
        travel = "flight" if self.chance(TRAVEL_SHARES["flight"]) else "rail"
        more = [("hotel", HOTEL_SHARE), ("car", CAR_SHARE)]
        return [travel] + [kind for kind, share in more if self.chance(share)]

    def booked(self, kind, home, when):
        """A budget of synthetic.py, moved to the trip's time; rooms get dearer."""
        budget = self.budget(kind)
        move = timedelta(days=(home.date() - parsed(budget["end_datetime_trips"]).date()).days)
        for field in ("generated_at_budget", "start_datetime_trips", "end_datetime_trips"):
            budget[field] = date(parsed(budget[field]) + move)
        if kind == "hotel":
            rise = 1.0 + PRICE_RISE * self.progress(when)
            for field in ("budget_price_budget", "actual_cost_budget"):
                budget[field] = money(float(budget[field]) * rise)
        return budget

    def progress(self, when):
        """How much of this life is over, 0 to 1."""
        return (when - self.start) / (self.until - self.start)

    def decays(self, budget, when):
        """Whether this is a hotel that is billed the new way."""
        share = DECAY_SHARE_MAX * self.progress(when)
        return budget["budget_type_budget"] == "hotel" and self.chance(share)

    def paid(self, budget, when):
        """The line item that pays for this budget."""
        item = self.until_now(self.paid_item, budget, when)
        if self.decays(budget, when):
            amount = float(item["expensed_amount_itemization"]) * self.random.uniform(*NEW_FEES)
            item["expensed_amount_itemization"] = money(amount)
            item["vendor_name_expense"] = f"{NEW_SELLER} {self.random.integers(10_000, 99_999)}"
        return item

    def unrelated(self, budget, when):
        """A line item that pays for something else."""
        if self.decays(budget, when) and self.chance(FLAT_RATE_SHARE):
            item = self.until_now(self.paid_item, budget, when)
            paid = parsed(item["transaction_date_itemization"])
            week_before = paid - timedelta(days=int(self.random.integers(0, 7)))
            return item | {"transaction_date_itemization": date(week_before)}
        return self.until_now(self.unrelated_item, budget, when)

    def until_now(self, draw, budget, when):
        """An item of `draw` that was paid before `when`."""
        for _ in range(DRAWS_MAX):
            item = draw(budget)
            if parsed(item["transaction_date_itemization"]).date() < when.date():
                return item
        raise RuntimeError(f"no expense of budget {budget['budget_id']} is before {when}")

    def truths(self, trip):
        """What becomes known of a trip's pairs: later, sometimes wrong, sometimes put right."""
        if self.chance(NEVER_CHECKED_SHARE):
            return []
        said = {b: self.said(trip, pays) for b, pays in trip.pays.items()}
        known = self.checked(trip.time)
        truths = [
            Truth(known, b, i, int(said[b] == i), "on paper" if trip.on_paper else "")
            for b in trip.pays
            for i in item_ids(trip)
        ]
        for budget_id, pays in trip.pays.items():
            if said[budget_id] != pays and self.chance(CORRECTED_SHARE):
                truths += self.corrections(known, budget_id, said[budget_id], pays)
        return truths

    def said(self, trip, pays):
        """The item that the accountant takes for the payment."""
        return self.pick(item_ids(trip)) if self.chance(WRONG_LABEL_SHARE) else pays

    def corrections(self, known, budget_id, said, pays):
        """The two pairs that were confused, put right."""
        later = self.office_hours(known + self.days(CORRECTED_AFTER_DAYS))
        pairs = [(said, 0), (pays, 1)]
        return [Truth(later, budget_id, i, label, "corrected") for i, label in pairs if i]

    def checked(self, when):
        """When the truth of a request of that time is known."""
        if self.chance(BOOKED_AHEAD_SHARE):
            return when - timedelta(hours=float(self.random.uniform(1.0, 48.0)))
        return self.office_hours(when + self.days(CHECKED_AFTER_DAYS))

    def days(self, bounds):
        """A span within these bounds, in days."""
        return timedelta(days=float(self.random.uniform(*bounds)))

    def office_hours(self, when):
        """The same day, or the Monday after it, at an hour at which people work."""
        while when.weekday() >= SATURDAY:
            when += timedelta(days=1)
        return when.replace(hour=int(self.random.integers(WORKING_HOURS.start, WORKING_HOURS.stop)))


def item_ids(trip):
    """The line items of a trip, in the order sent."""
    return [item["itemization_id"] for item in trip.event["all_user_expense_lineitems"]]
