"""Tables that codec/parquet writes, read by Arrow: every value, null and type; what helps a reader pass over groups."""

import io
import json
import random
import subprocess

import pyarrow
import pyarrow.parquet
import pytest

from helpers import BIN

TOOL = BIN.parent / "parquet_table"
TYPES = {
    "int": pyarrow.int64(),
    "real": pyarrow.float64(),
    "bool": pyarrow.bool_(),
    "text": pyarrow.string(),
    "time": pyarrow.timestamp("us", "UTC"),
}
GROUP_ROWS = 128 * 1024


def written(columns, rows, *flags):
    """The file of a table.  `columns`: name → type; rows: lists in that order."""
    lines = [json.dumps({"columns": list(columns.items())}), *(json.dumps({"row": row}) for row in rows)]
    return subprocess.run([TOOL, *flags], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True).stdout


def assert_reads_back(columns, rows, *flags):
    file = pyarrow.parquet.ParquetFile(io.BytesIO(written(columns, rows, *flags)))
    table = file.read()
    assert table.schema.names == list(columns)
    assert table.num_rows == file.metadata.num_rows == len(rows)
    for i, (name, kind) in enumerate(columns.items()):
        assert table.schema.field(name).type == TYPES[kind] and table.schema.field(name).nullable
        column = table.column(name)
        column = column.cast(pyarrow.int64()) if kind == "time" else column
        column.validate(full=True)
        assert column.to_pylist() == [row[i] for row in rows]
    return file


def drawn(kind, dice):
    if kind == "real":
        return dice.choice([0.0, -1.5, dice.random(), 1e300, 5e-324])
    if kind == "bool":
        return dice.random() < 0.5
    if kind == "text":
        return dice.choice(["", "a", "größer \U0001f600", f"t{dice.randrange(300)}", "x" * dice.randrange(50)])
    return dice.choice([0, -1, 2**63 - 1, -(2**63), dice.randrange(10**6)])


@pytest.mark.parametrize("flags", [[], ["--plain"]])
@pytest.mark.parametrize("seed", range(6))
def test_reads_back_what_was_written(seed, flags):
    dice = random.Random(seed)
    kinds = [dice.choice(list(TYPES)) for _ in range(dice.randrange(1, 20))]
    nulls = [dice.choice([0, 0.01, 0.5, 1]) for _ in kinds]
    count = dice.choice([0, 1, 7, 8, 9, 1000, 40000])
    rows = [[None if dice.random() < n else drawn(k, dice) for k, n in zip(kinds, nulls)] for _ in range(count)]
    assert_reads_back({f"{k} {i}": k for i, k in enumerate(kinds)}, rows, *flags)


def test_reads_back_a_table_of_every_kind_of_column():
    columns = {kind: kind for kind in TYPES}
    rows = [[i - 1, i / 8, i % 3 == 0, f"t{i % 5}", i * 10**15] for i in range(3)] + [[None] * 5] * 9
    assert_reads_back(columns, rows)
    assert_reads_back(columns, [])


def test_groups_are_bounded_and_tell_their_range_and_nulls():
    rows = [[i, i if i % 2 else None, "same"] for i in range(2 * GROUP_ROWS + 5)]
    file = assert_reads_back({"at": "time", "n": "int", "t": "text"}, rows)
    meta = file.metadata
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [GROUP_ROWS, GROUP_ROWS, 5]
    second = meta.row_group(1)
    times, numbers, texts = (second.column(i).statistics for i in range(3))
    assert times.min.timestamp() == GROUP_ROWS / 1e6 and times.max.timestamp() == (2 * GROUP_ROWS - 1) / 1e6
    assert (numbers.min, numbers.max, numbers.null_count) == (GROUP_ROWS + 1, 2 * GROUP_ROWS - 1, GROUP_ROWS / 2)
    assert texts.null_count == 0 and second.column(2).total_compressed_size < 500


def test_groups_are_bounded_by_their_bytes():
    dice = random.Random(1)
    rows = [[dice.randbytes(256 * 1024).hex()] for _ in range(40)]  # 20 MiB that compress by half
    file = assert_reads_back({"t": "text"}, rows, "--plain")
    assert file.metadata.num_row_groups == 2


def test_texts_that_repeat_go_by_a_dictionary_until_they_do_not():
    columns = {"few": "text", "late": "text", "all differ": "text", "none": "text"}
    rows = [[f"s{i % 700}", "a" if i < 60000 else f"b{i}", f"id-{i}", None] for i in range(90000)]
    group = assert_reads_back(columns, rows).metadata.row_group(0)
    encodings = [set(group.column(i).encodings) for i in range(4)]
    assert "RLE_DICTIONARY" in encodings[0] and "RLE_DICTIONARY" in encodings[1] and group.column(0).has_dictionary_page
    assert "RLE_DICTIONARY" not in encodings[3]
    assert group.column(0).total_compressed_size < group.column(2).total_compressed_size / 2


def test_a_text_may_be_large():
    assert_reads_back({"t": "text"}, [["x" * 1024 * 1024], [""], ["y" * 300000], [None]])
    tool = subprocess.run([TOOL], input=b'{"columns": [["t", "text"]]}\n{"row": ["%s"]}' % (b"x" * 1048577),
                          capture_output=True)
    assert tool.returncode == 1 and b"a text of column `t` has 1048577 bytes; the limit is 1048576" in tool.stderr


def test_packed_indices_fill_their_groups_of_eight():
    """The format wants whole groups (Encodings: "bit-packed-run"), though some readers do not miss the end."""
    sizes = {
        count: assert_reads_back({"t": "text"}, [[f"{i % 5}"] for i in range(count)]).metadata.row_group(0).column(0)
        for count in (8, 9, 16)
    }
    assert sizes[9].total_uncompressed_size == sizes[16].total_uncompressed_size == sizes[8].total_uncompressed_size + 3
