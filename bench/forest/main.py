"""A random forest of 100 trees over 20 numbers: 3 to 4 ms for one row, little more for sixty."""

import pathlib

import joblib
import numpy

MODEL = joblib.load(pathlib.Path(__file__).with_name("model.joblib"))
MODEL.n_jobs = 1


def score(rows):
    return [float(p) for p in MODEL.predict_proba(numpy.asarray(rows, dtype=float))[:, 1]]


def handler(event, context):
    return {"score": score([event["x"]])[0]}


def batch_handler(events, context):
    return [{"score": s} for s in score([event["x"] for event in events])]
