"""The forest as a BentoML service with adaptive batching on."""

from __future__ import annotations

import pathlib
import sys

import bentoml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "forest"))


@bentoml.service(workers=2, traffic={"timeout": 30, "max_concurrency": 256})
class Forest:
    def __init__(self):
        import main

        self.score = main.score

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=1000, route="/score")
    def predict(self, x: list[list[float]]) -> list[dict]:
        return [{"score": s} for s in self.score(x)]
