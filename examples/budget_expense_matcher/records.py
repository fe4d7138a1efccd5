"""Budgets and line items as they arrive: which fields they have, and what is wrong with them."""

from dataclasses import dataclass
from typing import Any

from json_words import name_of, quote
from preprocess_dates import read_date
from preprocess_prices import read_price
from preprocess_strings import TYPE_WORDS, read_text

ID_LENGTH_MAX = 128
ID_NUMBER_MAX = 2**63 - 1


def read_id(value):
    """An identifier, text or a whole number, unchanged: it names the pair and is no feature."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"is {name_of(value)}, not an identifier")
    if isinstance(value, str) and not 0 < len(value) <= ID_LENGTH_MAX:
        raise ValueError("is empty" if not value else f"is longer than {ID_LENGTH_MAX} characters")
    if isinstance(value, int) and abs(value) > ID_NUMBER_MAX:
        raise ValueError("is a number of too many digits")
    return value


def read_budget_type(value):
    """One of TYPE_WORDS' keys: the model to ask."""
    if not isinstance(value, str):
        raise ValueError(f"is {name_of(value)}, not text")
    budget_type = value.strip().lower()
    if budget_type not in TYPE_WORDS:
        raise ValueError(f"is unknown: {quote(value)}; known are {', '.join(sorted(TYPE_WORDS))}")
    return budget_type


BUDGET_FIELDS = {
    "budget_id": read_id,
    "budget_type_budget": read_budget_type,
    "budget_price_budget": read_price,
    "actual_cost_budget": read_price,
    "travel_vendor_receipts": read_text,
    "purchase_vendor_receipts": read_text,
    "generated_at_budget": read_date,
    "start_datetime_trips": read_date,
    "end_datetime_trips": read_date,
}

ITEM_FIELDS = {
    "itemization_id": read_id,
    "expensed_amount_itemization": read_price,
    "transaction_date_itemization": read_date,
    "vendor_name_expense": read_text,
    "expense_type_name_itemization": read_text,
    "expense_category_itemization": read_text,
    "expense_type_name_expense": read_text,
    "expense_category_expense": read_text,
}


@dataclass(frozen=True)
class Record:
    """One budget or line item: `fields` in their read form; `error` in words, None if all is well.

    `id` is None where the record has none that can be repeated.
    """

    id: Any
    fields: dict
    error: str | None


def read_record(row, readers, id_field, kind):
    """`row` as a Record; never raises. `readers` tells its fields, `kind` names it in errors."""
    if not isinstance(row, dict):
        return Record(None, {}, f"this {kind} is {name_of(row)}, not an object")
    fields, errors = {}, []
    for name, read in readers.items():
        try:
            fields[name] = read_field(row, name, read)
        except ValueError as error:
            errors.append(f"{name} {error}")
    return Record(fields.get(id_field), fields, "; ".join(errors) or None)


def read_field(row, name, read):
    """`read(row[name])`, where a missing field and a null are errors of their own."""
    if name not in row:
        raise ValueError("is missing")
    if row[name] is None:
        raise ValueError("is null")
    return read(row[name])


def read_budget(row):
    """A budget of the request as a Record."""
    return read_record(row, BUDGET_FIELDS, "budget_id", "budget")


def read_item(row):
    """A line item of the request as a Record."""
    return read_record(row, ITEM_FIELDS, "itemization_id", "line item")
