#!/usr/bin/env python3
"""Writes OUT, a C++ source that holds an empty store: SCHEMA's tables, with marks where each store has what is its own.

usage: embed_store.py SCHEMA OUT
"""
import os
import sqlite3
import sys
import tempfile

# As in empty_store.cpp, which puts what is a store's own in their places, of the same lengths.
ID = "<the id of a store, 32 letters.>"
HOME = "<its home>".ljust(64, ".")
TIME = 0x3C69747354696D65
PAYLOAD = '{"format":?}'
PAYLOAD_HASH = b"<its first payload's SHA-256...>"
HASH = b"<its first row's SHA-256.......>"
NOTHING = bytes(32)
SHORTEST_GAP = 16  # zeros that end a part


def image(schema):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "store.db")
        store = sqlite3.connect(path, isolation_level=None)
        store.execute("pragma page_size = 4096")
        store.execute("pragma journal_mode = off")
        store.executescript(schema)
        store.execute("insert into meta values ('id', ?), ('epoch', 1), ('home', ?)", (ID, HOME))
        store.execute("insert into audit values (1, ?, 'rbk', '', 'begin', 'store', ?, ?, 0, ?, ?, ?)",
                      (TIME, ID, PAYLOAD, PAYLOAD_HASH, NOTHING, HASH))
        store.close()
        with open(path, "rb") as file:
            return file.read()


def parts(data):
    """What is not zeros: (offset, bytes)."""
    begin = None
    zeros = 0
    for at, byte in enumerate(data):
        if byte:
            begin = at if begin is None else begin
            zeros = 0
        elif begin is not None:
            zeros += 1
            if zeros == SHORTEST_GAP:
                yield begin, data[begin : at + 1 - zeros]
                begin = None
    if begin is not None:
        yield begin, data[begin:]


def main():
    schema, out = sys.argv[1:]
    with open(schema, encoding="utf-8") as file:
        data = image(file.read())
    lines = [
        '#include "engine/sqlite/empty_store.h"',
        "",
        "namespace rbk::engine::sqlite {",
        "",
        f"size_t image_size() {{ return {len(data)}; }}",
        "",
        "std::span<const ImagePart> image_parts() {",
        "  static constexpr ImagePart kParts[] = {",
    ]
    for offset, piece in parts(data):
        # In octal, as that ends after three digits.
        text = "".join(f"\\{byte:03o}" for byte in piece)
        lines.append(f'      {{{offset}, {{"{text}", {len(piece)}}}}},')
    lines += ["  };", "  return kParts;", "}", "", "}  // namespace rbk::engine::sqlite", ""]
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
