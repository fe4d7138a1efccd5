"""What the models see of a pair. train.py and main.py both come here, so they see the same.

Identifiers are not among the features (the 2017 models did see `budget_id`), and no two features
are the same number under two names (two of theirs were).
"""

import numpy as np
import pandas as pd

from preprocess_dates import days_between, days_outside
from preprocess_prices import relative_difference
from preprocess_strings import compare_all, shared_words, similarity, speaks_against, speaks_for

KIND_FIELDS = (
    "expense_type_name_itemization",
    "expense_category_itemization",
    "expense_type_name_expense",
    "expense_category_expense",
    "vendor_name_expense",
)
"""The texts of a line item that may tell what kind of expense it is."""

FEATURES = (
    "price_vs_budget",
    "price_vs_actual",
    "price_vs_actual_absolute",
    "days_after_generated",
    "days_after_start",
    "days_after_end",
    "days_outside_trip",
    "travel_vendor_similarity",
    "travel_vendor_shared_words",
    "purchase_vendor_similarity",
    "purchase_vendor_shared_words",
    "kinds_for",
    "kinds_against",
)


def cross_features(budgets, items):
    """Every budget against every item: a DataFrame of FEATURES, a row for each pair.

    Takes `fields` of sound records, at least one of each; pair (b, i) is row b * len(items) + i.
    All is done on whole columns, where the service of 2017 made a DataFrame for each pair.
    """
    columns = price_features(budgets, items) | date_features(budgets, items)
    columns |= vendor_features(budgets, items) | kind_features(budgets, items)
    return pd.DataFrame({name: columns[name].ravel() for name in FEATURES})


def down(rows, field):
    """The field of every budget as a column vector, to broadcast against `across`."""
    return np.array([row[field] for row in rows], dtype=float)[:, np.newaxis]


def across(rows, field):
    """The field of every item as a row vector."""
    return np.array([row[field] for row in rows], dtype=float)[np.newaxis, :]


def price_features(budgets, items):
    """How far the expensed amount is from what was budgeted and from what was booked."""
    amount = across(items, "expensed_amount_itemization")
    vs_actual = relative_difference(amount, down(budgets, "actual_cost_budget"))
    return {
        "price_vs_budget": relative_difference(amount, down(budgets, "budget_price_budget")),
        "price_vs_actual": vs_actual,
        "price_vs_actual_absolute": np.abs(vs_actual),
    }


def date_features(budgets, items):
    """Where the transaction lies, in days, between booking, start and end of the trip."""
    date = across(items, "transaction_date_itemization")
    start, end = down(budgets, "start_datetime_trips"), down(budgets, "end_datetime_trips")
    return {
        "days_after_generated": days_between(down(budgets, "generated_at_budget"), date),
        "days_after_start": days_between(start, date),
        "days_after_end": days_between(end, date),
        "days_outside_trip": days_outside(date, start, end),
    }


def vendor_features(budgets, items):
    """How alike the vendor of the line item is to the carrier and to the seller of the booking."""
    names = [item["vendor_name_expense"] for item in items]
    columns = {}
    for role in ("travel_vendor", "purchase_vendor"):
        vendors = [budget[f"{role}_receipts"] for budget in budgets]
        columns[f"{role}_similarity"] = compare_all(similarity, vendors, names)
        columns[f"{role}_shared_words"] = compare_all(shared_words, vendors, names)
    return columns


def kind_features(budgets, items):
    """The share of the item's texts that speak for the type of the budget, and against it."""
    types = [budget["budget_type_budget"] for budget in budgets]
    return {
        "kinds_for": mean_over_kinds(speaks_for, types, items),
        "kinds_against": mean_over_kinds(speaks_against, types, items),
    }


def mean_over_kinds(measure, types, items):
    """`measure(type, text)` of every budget and item, averaged over KIND_FIELDS."""
    per_field = [compare_all(measure, types, [i[field] for i in items]) for field in KIND_FIELDS]
    return np.mean(per_field, axis=0)
