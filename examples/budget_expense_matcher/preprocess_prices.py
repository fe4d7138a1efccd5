"""Amounts of money: reading one from a request, comparing two of them.

All amounts are in the currency of the user's account; a request never mixes currencies.
"""

import math

import numpy as np

from json_words import name_of, quote

AMOUNT_MAX = 1e9
"""An amount beyond this is a broken field, not an expense."""

RELATIVE_MAX = 10.0
"""Differences are clipped here: ten times off is as wrong as a thousand times off."""


def read_price(value):
    """The amount in `value`, a number or text such as "140.0", as a float.

    Raises ValueError, in words, for anything that is not a finite amount within AMOUNT_MAX.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"is {name_of(value)}, not an amount")
    amount = to_float(value)
    if not math.isfinite(amount):
        raise ValueError(f"is not a finite amount: {quote(value)}")
    if abs(amount) > AMOUNT_MAX:
        raise ValueError(f"is beyond {AMOUNT_MAX:,.0f}: {quote(value)}")
    return amount


def to_float(value):
    """`float(value)`, refusing Python's own "1_000", with its errors in our words."""
    try:
        if isinstance(value, str) and "_" in value:
            raise ValueError
        return float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        raise ValueError(f"is not a number: {quote(value)}") from None


def relative_difference(amounts, references):
    """(amounts - references) / max(|references|, 1), clipped to ±RELATIVE_MAX; no unit."""
    difference = (amounts - references) / np.maximum(np.abs(references), 1.0)
    return np.clip(difference, -RELATIVE_MAX, RELATIVE_MAX)
