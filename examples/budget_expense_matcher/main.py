"""Which expense line item pays for which travel budget? A Lambda handler that scores every pair.

Request and response are described in README.md. The four models are loaded once, at import.
"""

import json
import sys
from pathlib import Path

import joblib
import numpy as np

from features import FEATURES, cross_features
from json_words import name_of
from preprocess_strings import TYPE_WORDS
from records import read_budget, read_item

MODELS_DIR = Path(__file__).parent / "models"

PAIRS_MAX = 50_000
"""Pairs of one request: some 3 MB of answer, of the 6 MB that Lambda allows."""

SCORE_DIGITS = 4

MODELS = {name: joblib.load(MODELS_DIR / f"{name}.pkl") for name in sorted(TYPE_WORDS)}


def handler(event, context):
    """Scores every budget of the event against every line item of it.

    Returns a list of {"score", "budget_id", "itemization_id"}, budgets outermost, both in the order
    of the request. Where a pair cannot be scored, `score` is None and `error` says why; a request
    without its two lists gets one such entry. Does not raise for any JSON.
    """
    try:
        budget_rows, item_rows = read_request(event)
    except ValueError as error:
        return [{"score": None, "error": str(error)}]
    budgets = [read_budget(row) for row in budget_rows]
    items = [read_item(row) for row in item_rows]
    scores = score_pairs(budgets, items)
    return [
        answer(budget, item, scores[b, i])
        for b, budget in enumerate(budgets)
        for i, item in enumerate(items)
    ]


def read_request(event):
    """The two lists of the event. Raises ValueError, in words, if one is not there or too long."""
    if not isinstance(event, dict):
        raise ValueError(f"the request is {name_of(event)}, not an object")
    lists = []
    for name in ("budgets", "all_user_expense_lineitems"):
        if name not in event:
            raise ValueError(f"{name} is missing")
        if not isinstance(event[name], list):
            raise ValueError(f"{name} is {name_of(event[name])}, not a list")
        lists.append(event[name])
    pairs = len(lists[0]) * len(lists[1])
    if pairs > PAIRS_MAX:
        raise ValueError(f"{pairs:,} pairs are more than the {PAIRS_MAX:,} of one request")
    return lists


def score_pairs(budgets, items):
    """Scores as an array of budgets by items, NaN where either record is broken.

    Each model is asked once, for all pairs of its type of budget.
    """
    scores = np.full((len(budgets), len(items)), np.nan)
    sound_items = [i for i, item in enumerate(items) if item.error is None]
    for budget_type, model in MODELS.items():
        mine = [b for b, budget in enumerate(budgets) if is_sound(budget, budget_type)]
        if mine and sound_items:
            rows = [budgets[b].fields for b in mine], [items[i].fields for i in sound_items]
            scores[np.ix_(mine, sound_items)] = ask(model, *rows)
    return scores


def is_sound(budget, budget_type):
    """Whether this budget can be scored by the model of that type."""
    return budget.error is None and budget.fields["budget_type_budget"] == budget_type


def ask(model, budgets, items):
    """The model's probability of a match, budgets by items."""
    table = cross_features(budgets, items)[list(FEATURES)]
    return model.predict_proba(table)[:, 1].reshape(len(budgets), len(items))


def answer(budget, item, score):
    """The entry of one pair in the response."""
    ids = {"budget_id": budget.id, "itemization_id": item.id}
    errors = [record.error for record in (budget, item) if record.error]
    if errors:
        return {"score": None, **ids, "error": "; ".join(errors)}
    return {"score": round(float(score), SCORE_DIGITS), **ids}


if __name__ == "__main__":
    print(json.dumps(handler(json.load(sys.stdin), None), indent=2))
