"""Names of vendors and kinds of expenses: reading, cleaning and comparing them."""

import unicodedata

import jellyfish
import numpy as np

from json_words import name_of

TEXT_MAX = 128
"""Characters compared; what a longer text says after that is ignored."""

TYPE_WORDS = {
    "car": frozenset("auto automobile car cars rental taxi cab rideshare uber lyft".split()),
    "flight": frozenset("air airfare airline airlines airways flight flights plane".split()),
    "hotel": frozenset("hotel hotels inn lodging motel resort room suites".split()),
    "rail": frozenset("amtrak rail railroad railway train trains".split()),
}
"""The words that speak for each type of budget."""


def read_text(value):
    """`value`, cleaned (see `clean`). Raises ValueError, in words, if it is no text or blank."""
    if not isinstance(value, str):
        raise ValueError(f"is {name_of(value)}, not text")
    if not value.strip():
        raise ValueError("is empty")
    return clean(value)


def clean(text):
    """Words in lower case without accents and punctuation, one space apart, at most TEXT_MAX.

    Letters of all scripts are kept. What is no letter and no digit separates words, and so does a
    lone surrogate, which jellyfish would refuse.
    """
    parts = unicodedata.normalize("NFKD", text[:TEXT_MAX]).casefold()
    kept = "".join(c if c.isalnum() else " " for c in parts if not unicodedata.combining(c))
    return " ".join(kept.split())[:TEXT_MAX]


def similarity(a, b):
    """How alike two cleaned texts are, 0 to 1: Jaro-Winkler, which forgives cut or wrong ends."""
    if not a or not b:
        return 0.0
    return jellyfish.jaro_winkler_similarity(a, b)


def shared_words(a, b):
    """Words that two cleaned texts share, over the words of the shorter, 0 to 1."""
    words_a, words_b = set(a.split()), set(b.split())
    if not words_a or not words_b:
        return 0.0
    return len(words_a & words_b) / min(len(words_a), len(words_b))


def compare_all(measure, rows, columns):
    """`measure(row, column)` of every row against every column, as an array of both lengths.

    A request repeats its vendors, so each distinct pair is measured once.
    """
    distinct_rows, row_at = np.unique(rows, return_inverse=True)
    distinct_columns, column_at = np.unique(columns, return_inverse=True)
    measured = [[measure(str(a), str(b)) for b in distinct_columns] for a in distinct_rows]
    return np.array(measured, dtype=float)[np.ix_(row_at, column_at)]


def speaks_for(budget_type, text):
    """1.0 if the cleaned text has a word of this type of budget, else 0.0."""
    return 0.0 if TYPE_WORDS[budget_type].isdisjoint(text.split()) else 1.0


def speaks_against(budget_type, text):
    """1.0 if the cleaned text has a word of another type and none of this one, else 0.0."""
    if speaks_for(budget_type, text):
        return 0.0
    return max(speaks_for(other, text) for other in TYPE_WORDS if other != budget_type)
