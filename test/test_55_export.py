"""GET /v1/export/predictions: what pandas reads is what was posted."""

import csv
import io
import json

import pyarrow.parquet as parquet
import pytest
from helpers import Server
from monitor_client import Client
from test_50_monitor import make_rows

COLUMNS = ["prediction_id", "time", "function", "version", "alias", "source", "request_id", "position", "score", "threshold",
           "threshold_number", "decision", "segment", "amount", "items", "features", "label", "label_time"]


@pytest.fixture(scope="module")
def exported(nothing_is_left):
    server = Server()
    client = Client(server)
    rows = make_rows("exported", 5000, seed=11)
    rows[7]["segment"] = 'with "quotes", and ü'
    client.post_rows("/v1/predictions", [r | ({"label": r["truth"]} if i % 2 else {}) for i, r in enumerate(rows)])
    yield client, rows
    server.stop()
    server.remove()


def test_csv(exported):
    client, rows = exported
    text = client.call("GET", "/v1/export/predictions?function=exported&format=csv").decode()
    read = list(csv.DictReader(io.StringIO(text)))
    assert list(read[0]) == COLUMNS and len(read) == 5000
    for row, out in list(zip(rows, read))[::97] + [(rows[7], read[7])]:
        assert (out["prediction_id"], float(out["score"]), out["segment"]) == (row["prediction_id"], row["score"], row["segment"])
        assert out["label"] in ("", str(row["truth"]), f"{row['truth']}.0")


def test_lines_of_json(exported):
    client, rows = exported
    lines = client.call("GET", "/v1/export/predictions?function=exported&format=ndjson&version=1").decode().splitlines()
    assert len(lines) == 2500
    assert json.loads(lines[3])["items"] == {"a": str(3 * 7), "b": "3"}


def test_parquet(exported):
    client, rows = exported
    table = parquet.read_table(io.BytesIO(client.call("GET", "/v1/export/predictions?function=exported&format=parquet")))
    assert table.column_names == COLUMNS and table.num_rows == 5000
    assert table["score"].to_pylist() == [row["score"] for row in rows]
    assert table["label"].to_pylist() == [float(r["truth"]) if i % 2 else None for i, r in enumerate(rows)]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"


def test_nothing_there_is_an_empty_table(exported):
    client, _ = exported
    assert client.call("GET", "/v1/export/predictions?function=nobody&format=csv").decode().count("\n") == 1
