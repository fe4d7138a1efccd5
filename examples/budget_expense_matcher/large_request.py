"""Prints the request of one user's full month: 30 budgets and 200 line items, so 6,000 pairs."""

import json

from synthetic import KINDS, Generator

SEED = 30_200
BUDGETS, ITEMS = 30, 200


def build(budgets_count=BUDGETS, items_count=ITEMS):
    """The request, always the same for the same counts; half of the items pay for a budget."""
    generator = Generator(SEED)
    types = sorted(KINDS)
    budgets = [generator.budget(types[b % len(types)]) for b in range(budgets_count)]
    items = []
    for i in range(items_count):
        draw = generator.paid_item if i % 2 else generator.unrelated_item
        items.append(draw(budgets[i % len(budgets)]))
    return {"budgets": budgets, "all_user_expense_lineitems": items}


if __name__ == "__main__":
    print(json.dumps(build()))
