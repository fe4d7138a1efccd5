"""The forest as FastAPI's documentation shows an endpoint: a pydantic model in, a plain function, a dict out."""

import pathlib
import sys

from fastapi import FastAPI
from pydantic import BaseModel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "forest"))
import main  # noqa: E402


class Row(BaseModel):
    x: list[float]


app = FastAPI()


@app.post("/")
def score(row: Row):
    return main.handler({"x": row.x}, None)
