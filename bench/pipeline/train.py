"""Makes model.joblib: the same bytes' worth of model each time, from a fixed seed."""

import pathlib

import joblib
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = numpy.random.default_rng(20170425)
x = rng.normal(size=(2000, 20))
y = (x[:, 0] + 0.5 * x[:, 1] + rng.normal(size=2000) > 0).astype(int)
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
joblib.dump(model, pathlib.Path(__file__).with_name("model.joblib"))
