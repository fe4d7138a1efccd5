"""Points in time: reading one from a request, comparing two of them.

A date is kept as a float of days since 1970-01-01 UTC, not as a pandas Timestamp: those end in the
years 1677 and 2262, and a mistyped year must not break a request.
"""

from datetime import UTC, datetime

import numpy as np

from json_words import name_of, quote

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_PER_DAY = 86_400.0

DAYS_MAX = 400.0
"""Differences are clipped here: past a year or so, all dates are equally wrong."""


def read_date(value):
    """Days since the epoch of `value`, ISO 8601 text such as "2017-04-18 04:00:00".

    Text without an offset is taken as UTC. Raises ValueError, in words, for anything else.
    """
    if not isinstance(value, str):
        raise ValueError(f"is {name_of(value)}, not a date")
    try:
        when = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"is not a date: {quote(value)}") from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return (when - EPOCH).total_seconds() / SECONDS_PER_DAY


def days_between(earlier, later):
    """later - earlier in days, clipped to ±DAYS_MAX."""
    return np.clip(later - earlier, -DAYS_MAX, DAYS_MAX)


def days_outside(dates, starts, ends):
    """Days by which each date misses [start, end]: 0 within, always ≥ 0, at most DAYS_MAX."""
    before = np.maximum(starts - dates, 0.0)
    after = np.maximum(dates - ends, 0.0)
    return np.clip(np.maximum(before, after), 0.0, DAYS_MAX)
