"""Writes tables of rows as Parquet files, and the same rows as JSON, to golden/rows/.

    python scripts/golden/make_rows.py

One file a codec, page version and encoding; rows.json holds what is in each of them. images.parquet has
images as data sets of Hugging Face have them, structs of bytes and path. Needs pyarrow.
"""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[2] / "src/test/resources/golden/rows"

SCHEMA = pa.schema([
    ("prompt", pa.string()), ("completion", pa.string()), ("number", pa.int64()),
    ("share", pa.float32()), ("yes", pa.bool_()), ("tags", pa.list_(pa.string())),
    ("messages", pa.list_(pa.struct([
        ("role", pa.string()), ("content", pa.string()),
        ("calls", pa.list_(pa.struct([("name", pa.string())])))]))),
    ("translation", pa.struct([("en", pa.string()), ("fr", pa.string())])),
    ("map", pa.map_(pa.string(), pa.int32())),
])

FILES = {
    "snappy": {"compression": "snappy"},
    "zstd": {"compression": "zstd"},
    "gzip": {"compression": "gzip"},
    "lz4": {"compression": "lz4"},
    "plain": {"compression": "none", "use_dictionary": False},
    "v2": {"compression": "zstd", "data_page_version": "2.0", "use_dictionary": False},
    "v2_dictionary": {"compression": "snappy", "data_page_version": "2.0"},
    "delta": {"compression": "snappy", "use_dictionary": False, "column_encoding": {
        "prompt": "DELTA_BYTE_ARRAY", "completion": "DELTA_LENGTH_BYTE_ARRAY",
        "number": "DELTA_BINARY_PACKED", "share": "BYTE_STREAM_SPLIT"}},
    "brotli": {"compression": "brotli"},
}


def rows():
    for i in range(40):
        yield {
            "prompt": f"question {i % 7}\nGr\u00fc\u00dfe \U0001f600",
            "completion": None if i == 11 else f"answer {i}",
            "number": i * 1_000_000_007 - 5, "share": i / 4, "yes": i % 3 == 0,
            "tags": None if i == 5 else [f"t{j}" for j in range(i % 4)],
            "messages": [] if i == 6 else [
                {"role": "user", "content": f"q{i}", "calls": None},
                {"role": "assistant", "content": None if i % 9 == 0 else "a" * (i % 5),
                 "calls": [{"name": "f"}, {"name": None}] if i % 9 == 0 else []}],
            "translation": None if i == 7 else {"en": f"yes {i}", "fr": f"oui {i}"},
            "map": {"a": i, "b": None} if i % 2 else {},
        }


def write_images():
    part = pa.struct([("type", pa.string()), ("text", pa.string())])
    schema = pa.schema([
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(part))])))])
    png = (OUT.parent / "images/files/rgb.png").read_bytes()
    made = [{
        "images": images,
        "messages": [
            {"role": "user", "content": [{"type": "image", "text": None}] * len(images)
             + [{"type": "text", "text": "What is this?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A drawing."}]}]}
        for images in ([{"bytes": png, "path": "rgb.png"}],
                       [{"bytes": None, "path": "../images/files/rgb.png"}, {"bytes": png, "path": None}], [])]
    pq.write_table(pa.Table.from_pylist(made, schema), OUT / "images.parquet")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    made = list(rows())
    table = pa.Table.from_pylist([{**row, "map": list(row["map"].items())} for row in made], SCHEMA)
    for name, options in FILES.items():
        pq.write_table(table, OUT / f"{name}.parquet", row_group_size=16, data_page_size=256, **options)
    write_images()
    (OUT / "rows.json").write_text(
        "[\n" + ",\n".join(json.dumps(row) for row in made) + "\n]\n")
    print(len(made), "rows in", len(FILES), "files by pyarrow", pa.__version__)


if __name__ == "__main__":
    main()
