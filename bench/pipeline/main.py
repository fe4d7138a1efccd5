"""A scikit-learn pipeline of the everyday kind: scale 20 numbers, logistic regression, one probability."""

import pathlib

import joblib
import numpy

MODEL = joblib.load(pathlib.Path(__file__).with_name("model.joblib"))


def handler(event, context):
    row = numpy.asarray([event["x"]], dtype=float)
    return {"score": float(MODEL.predict_proba(row)[0, 1])}
