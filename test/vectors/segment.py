"""Prints the rows of a segment as another library sees them.

    segment.py pyarrow|duckdb FILE.arrow|FILE.parquet

One JSON list a row, in the order of docs/spec/segment.md H3: numbers of 64 bits as text, bytes in hex, the timestamp in
milliseconds, and of the leaf hash its length: null in Parquet, where it is no column. What it prints is compared by test/unit/storage/segment.test.ts.
"""
import datetime
import json
import sys


def with_pyarrow(path):
    import pyarrow.ipc
    import pyarrow.parquet

    if path.endswith(".parquet"):
        return pyarrow.parquet.read_table(path)
    with pyarrow.ipc.open_file(pyarrow.memory_map(path)) as file:
        return file.read_all()


def rows_of_pyarrow(path):
    table = with_pyarrow(path)
    table.validate(full=True)
    return zip(*(table.column(name).to_pylist() for name in columns_of(path)))


def rows_of_duckdb(path):
    import duckdb

    if path.endswith(".parquet"):
        relation = duckdb.read_parquet(path)
    else:
        relation = duckdb.from_arrow(with_pyarrow(path))
    columns = [f"epoch_ms({name})" if name == "timestamp" else f'"{name}"' for name in columns_of(path)]
    return relation.project(", ".join(columns)).fetchall()


COLUMNS = ["offset", "epoch", "timestamp", "scarab_id", "key", "value", "headers", "schema_id", "leaf_hash"]


def columns_of(path):
    return COLUMNS[:-1] if path.endswith(".parquet") else COLUMNS


EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def shown(row):
    offset, epoch, timestamp, identifier, key, value, headers, schema, *leaf_hash = row
    text = lambda part: None if part is None else bytes(part).hex()
    milliseconds = timestamp if isinstance(timestamp, int) else (timestamp - EPOCH) // datetime.timedelta(milliseconds=1)
    return [
        str(offset), epoch, milliseconds, str(identifier), text(key), text(value), text(headers), schema,
        len(leaf_hash[0]) if leaf_hash else None,
    ]


def main(library, path):
    rows = {"pyarrow": rows_of_pyarrow, "duckdb": rows_of_duckdb}[library](path)
    json.dump([shown(row) for row in rows], sys.stdout)


main(*sys.argv[1:])
