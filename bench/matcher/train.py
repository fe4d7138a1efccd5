"""Makes model.joblib: scale four features, logistic regression; from a fixed seed."""

import pathlib

import joblib
import numpy
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

rng = numpy.random.default_rng(20170425)
x = numpy.column_stack([rng.exponential(50, 2000), rng.normal(1, 0.3, 2000), rng.integers(-30, 30, 2000),
                        rng.integers(0, 4, 2000)])
y = (x[:, 0] < 40) & (x[:, 3] > 0)
joblib.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), pathlib.Path(__file__).with_name("model.joblib"))
