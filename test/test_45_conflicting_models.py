"""Real wheels: two models with conflicting versions of scikit-learn answer side by side; what numpy draws in forks."""

import concurrent.futures
import io
import pathlib
import textwrap
import zipfile

import pytest

from helpers import invoke, wait_active

DEPS = pathlib.Path(__file__).resolve().parent.parent / ".deps"
WHEELHOUSES = (DEPS / "wheelhouse-example", DEPS / "wheelhouse")
COMMON = ("numpy-", "scipy-", "joblib-", "threadpoolctl-")

HANDLER = """
import pathlib, pickle, threading
import numpy, sklearn
from sklearn.linear_model import LogisticRegression

rng = numpy.random.default_rng(7)
X = rng.normal(size=(200, 3))
MODEL = pickle.loads(pickle.dumps(LogisticRegression().fit(X, X[:, 0] > 0)))

def handler(event, context):
    return {"version": sklearn.__version__, "where": sklearn.__file__,
            "score": float(MODEL.predict_proba([event["x"]])[0, 1])}
"""


def wheel(prefix):
    found = [path for house in WHEELHOUSES for path in house.glob(prefix + "*.whl")]
    if not found:
        pytest.fail(f"{prefix}*.whl is not in the wheelhouses: tools/setup test brings it")
    return found[0]


def package(wheels, below="", files=()):
    """A zip of what wheels hold, their tests left out: quick to make rather than small."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, text in files:
            target.writestr(name, text)
        for path in wheels:
            with zipfile.ZipFile(path) as source:
                for info in source.infolist():
                    if not info.is_dir() and ("/tests/" not in info.filename or "/_core/tests/" in info.filename):
                        target.writestr(below + info.filename, source.read(info))
    return out.getvalue()


def test_each_model_has_the_version_it_was_made_with(lam, name):
    layer = lam.publish_layer_version(LayerName=f"{name}-base", CompatibleRuntimes=["python3.11"], Content={
        "ZipFile": package([wheel(prefix) for prefix in COMMON], "python/")})
    versions = {"1.6.1": f"{name}-old", "1.7.2": f"{name}-new"}
    for version, function in versions.items():
        lam.create_function(FunctionName=function, Runtime="python3.11", Role="arn:aws:iam::000000000000:role/x",
                            Handler="main.handler", MemorySize=1024, Timeout=60, Layers=[layer["LayerVersionArn"]],
                            Environment={"Variables": {"SCULLER_INIT_TIMEOUT_MS": "60000"}},
                            Code={"ZipFile": package([wheel(f"scikit_learn-{version}-")], files=[("main.py", HANDLER)])})
    for function in versions.values():
        wait_active(lam, function)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [(version, pool.submit(invoke, lam, function, {"x": [1.0, 0.0, 0.0]}))
                 for _ in range(10) for version, function in versions.items()]
        answers = [(version, call.result().payload) for version, call in calls]
    scores = {}
    for version, answer in answers:
        assert answer["version"] == version and answer["where"].startswith("/var/task/"), answer
        scores.setdefault(version, set()).add(answer["score"])
    assert all(len(values) == 1 and min(values) > 0.9 for values in scores.values()), scores


def test_numpy_draws_anew_in_each_fork_unless_it_was_seeded(lam, name):
    code = """
        import os, time
        import numpy
        from numpy.random import MT19937, PCG64DXSM, Generator, Philox, RandomState, default_rng
        OWN = [numpy.random, default_rng(), RandomState(), *(Generator(kind()) for kind in (MT19937, PCG64DXSM, Philox))]
        CHOSEN = [default_rng(7), RandomState(7), Generator(MT19937(7))]
        def handler(event, context):
            time.sleep(0.3)
            spawned = OWN[1].spawn(1)[0].uniform()
            return os.getpid(), [list(r.uniform(size=3)) for r in OWN], [r.uniform() for r in CHOSEN], spawned
    """
    lam.create_function(FunctionName=name, Runtime="python3.11", Role="arn:aws:iam::000000000000:role/x", Timeout=60,
                        Handler="main.handler", MemorySize=512, Environment={"Variables": {"SCULLER_PARKED": "0"}},
                        Code={"ZipFile": package([wheel("numpy-")], files=[("main.py", textwrap.dedent(code))])})
    wait_active(lam, name)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [answer.payload for answer in pool.map(lambda _: invoke(lam, name), range(8))]
    first = {}
    for pid, own, chosen, spawned in answers:
        first.setdefault(pid, (own, chosen, spawned))
    assert len(first) > 4
    for nth in range(6):
        draws = [number for own, _, _ in first.values() for number in own[nth]]
        assert len(set(draws)) == 3 * len(first) and 0 < min(draws) < max(draws) < 1, (nth, first)
    assert len({spawned for _, _, spawned in first.values()}) == len(first), "so do generators that it spawns"
    assert len({str(chosen) for _, chosen, _ in first.values()}) == 1, "a seed that was chosen is left alone"
