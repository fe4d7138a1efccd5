"""Trains the four models: `python train.py` writes models/*.pkl and models/metrics.json.

Same seed and same pinned packages, same bytes. The held-out examples come from a seed of their own,
so no budget and no item is in both sets; neither the settings of the forest nor the threshold were
tuned on them.
"""

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from features import cross_features
from records import read_budget, read_item
from synthetic import KINDS, Generator

MODELS_DIR = Path(__file__).parent / "models"
THRESHOLD = 0.5
TRAIN_SEED, HELD_OUT_SEED = 2017, 2018
TRAIN_BUDGETS, HELD_OUT_BUDGETS = 3_000, 1_000


def main():
    """Trains, measures and writes all models, and prints the table of README.md."""
    MODELS_DIR.mkdir(exist_ok=True)
    metrics = {}
    for budget_type in sorted(KINDS):
        model = train(*dataset(budget_type, TRAIN_BUDGETS, TRAIN_SEED))
        metrics[budget_type] = measure(
            model, *dataset(budget_type, HELD_OUT_BUDGETS, HELD_OUT_SEED)
        )
        joblib.dump(model, MODELS_DIR / f"{budget_type}.pkl", compress=("xz", 6))
    (MODELS_DIR / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(markdown(metrics))


def dataset(budget_type, budgets_count, seed):
    """Features and labels of that many budgets, each against its own user's items."""
    generator = Generator([seed, sorted(KINDS).index(budget_type)])
    tables, labels = [], []
    for _ in range(budgets_count):
        budget, items, matches = generator.example(budget_type)
        fields = [read_item(item).fields for item in items]
        tables.append(cross_features([read_budget(budget).fields], fields))
        labels += matches
    return pd.concat(tables, ignore_index=True), np.array(labels)


def train(table, labels):
    """A forest small enough to commit: shallow trees, and leaves that say more than one pair."""
    forest = RandomForestClassifier(
        n_estimators=60,
        max_depth=8,
        min_samples_leaf=4,
        max_features=6,
        random_state=TRAIN_SEED,
        n_jobs=1,
    )
    return forest.fit(table, labels)


def measure(model, table, labels):
    """Precision and recall at THRESHOLD, and the area under the ROC curve."""
    scores = model.predict_proba(table)[:, 1]
    decisions = scores >= THRESHOLD
    return {
        "precision": round(precision_score(labels, decisions), 3),
        "recall": round(recall_score(labels, decisions), 3),
        "auc": round(roc_auc_score(labels, scores), 3),
        "threshold": THRESHOLD,
        "pairs": len(labels),
        "matches": int(labels.sum()),
    }


def markdown(metrics):
    """The metrics as a Markdown table."""
    head = "| model | precision | recall | AUC | threshold | pairs | of them matches |"
    rows = [
        f"| {name} | {m['precision']:.3f} | {m['recall']:.3f} | {m['auc']:.3f} | {m['threshold']} "
        f"| {m['pairs']:,} | {m['matches']:,} |"
        for name, m in metrics.items()
    ]
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


if __name__ == "__main__":
    main()
