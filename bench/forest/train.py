"""Makes model.joblib: 100 trees from a fixed seed."""

import pathlib

import joblib
import numpy
from sklearn.ensemble import RandomForestClassifier

rng = numpy.random.default_rng(20170425)
x = rng.normal(size=(4000, 20))
y = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + rng.normal(size=4000) > 0).astype(int)
joblib.dump(RandomForestClassifier(100, random_state=1, n_jobs=1).fit(x, y), pathlib.Path(__file__).with_name("model.joblib"))
