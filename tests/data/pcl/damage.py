"""Make damage.csv: samples with one thing wrong, and how many pages the open interpreter counts in each.

    python tests/data/pcl/damage.py /path/to/gpcl6 > tests/data/pcl/damage.csv

A row is a file, an offset, how many octets are taken out there, the octets put in (hexadecimal), the pages.
The samples ask for an error page, which the interpreter counts as one.
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pcl.tables import (
    ARRAY_ITEM_OCTETS,
    ATTRIBUTE_OCTET,
    DATA_LENGTH,
    DATA_LENGTH_OCTET,
    VALUE_OCTETS,
    Attribute,
    DataTag,
    Operator,
)

FOLDER = Path(__file__).parent
SAMPLES = ("gs-pxlmono.pxl", "gs-pxlcolor.pxl", "gs-pxlcolor-duplex-copies.pxl", "gs-drawing.pxl")
ROUNDS = 12
INSERTIONS = 4
# What depends on the graphics state, or changes it.
INSERTED = (
    *(b"\xc0\x01\xf8\x03\x6a", b"\xc0\x02\xf8\x03\x6a", b"\xc0\x05\xf8\x03\x6a"),  # colour spaces
    *(b"\x61", b"\x60", b"\x61\xc0\x01\xf8\x03\x6a\x60"),  # PushGS, PopGS
    *(b"\xc0\x80\xf8\x09\x63", b"\xc8\xc0\x03\x01\x01\x01\xf8\x0b\x79"),  # a grey level, an RGB grey
    *(b"\xc0\x01\xf8\x53\x62", b"\xc0\x01\xf8\x54\x7f\xc0\x01\xf8\x53\x62"),  # exterior clip regions
    *(b"\xc3\x4d\x00\xf8\x08\x63", b"\xc3\x01\x00\xf8\x08\x63"),  # patterns
    b"\xe3\x05\x00\x05\x00\x05\x00\x09\x00\xf8\x42\xd3\x01\x00\x01\x00\xf8\x4f\xd3\x09\x00\x09\x00\xf8\x45\x9e",
    b"\xe3\x00\x00\x00\x00\x0a\x00\x0a\x00\xf8\x42\xd3\x05\x00\x05\x00\xf8\x4f\xd3\x09\x00\x09\x00\xf8\x45\x91",
)
Splice = tuple[int, int, bytes]


def read_tokens(stream: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield `attribute` (with its value), `operator` or `data`, first octet and last plus one."""
    at = stream.index(b"\n", stream.index(b") HP-PCL XL")) + 1
    while at < len(stream) and stream[at] != 0x1B:
        tag, kind, end = stream[at], "attribute", at + 1
        if tag in VALUE_OCTETS:
            end += VALUE_OCTETS[tag]
        elif tag in ARRAY_ITEM_OCTETS:
            width = 1 if stream[at + 1] == DataTag.UBYTE else 2
            count = int.from_bytes(stream[at + 2 : at + 2 + width], "little")
            end += 1 + width + count * ARRAY_ITEM_OCTETS[tag]
        elif tag in (DATA_LENGTH, DATA_LENGTH_OCTET):
            kind, width = "data", 4 if tag == DATA_LENGTH else 1
            end += width + int.from_bytes(stream[at + 1 : at + 1 + width], "little")
        else:
            kind = "operator"
        if kind == "attribute":
            assert stream[end] == ATTRIBUTE_OCTET
            end += 2
        yield kind, at, end
        at = end


def make_damage(stream: bytes, chance: random.Random) -> Iterator[Splice]:
    """Yield one damage of each sort."""
    tokens = list(read_tokens(stream))
    attributes = [token for token in tokens if token[0] == "attribute"]
    operators = [token for token in tokens if token[0] == "operator"]
    octet = bytes([chance.randrange(256)])
    yield chance.randrange(tokens[0][1], tokens[-1][2]), 1, octet
    _, start, end = chance.choice(attributes)
    yield chance.randrange(start, end), 1, octet
    _, start, end = chance.choice(attributes)
    yield start, end - start, b""
    _, start, end = chance.choice(attributes)
    yield chance.randrange(start + 1, end - 2), 1, bytes([chance.choice([0, 1, 2, 3, 5, 127, 128, 255])])
    _, start, end = chance.choice(attributes)
    yield start, 1, bytes([chance.choice([*VALUE_OCTETS, *ARRAY_ITEM_OCTETS])])
    _, start, end = chance.choice(attributes)
    yield end - 1, 1, bytes([chance.choice(list(Attribute))])
    yield chance.choice(operators)[1], 1, bytes([chance.choice(list(Operator))])
    yield chance.choice(operators)[1], 1, b""
    number = chance.randrange(1, len(operators))
    start = operators[number - 1][2]
    yield start, operators[number][2] - start, b""


def make_insertions(stream: bytes, chance: random.Random) -> Iterator[Splice]:
    """Yield each thing that may be put in, behind some operator."""
    operators = [token for token in read_tokens(stream) if token[0] == "operator"]
    for octets in INSERTED:
        yield chance.choice(operators)[2], 0, octets


def count_pages(interpreter: str, stream: bytes) -> int:
    """Count as the interpreter does."""
    with tempfile.NamedTemporaryFile(suffix=".pxl") as file:
        file.write(stream)
        file.flush()
        command = [interpreter, "-dNOPAUSE", "-dBATCH", "-sDEVICE=bbox", file.name]
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    return (done.stdout + done.stderr).count(b"%%BoundingBox")


def main() -> None:
    """Write the rows."""
    chance = random.Random(1977)
    rows = csv.writer(sys.stdout, lineterminator="\n")
    for name in SAMPLES:
        stream = (FOLDER / name).read_bytes()
        for _ in range(ROUNDS):
            for at, taken, put in make_damage(stream, chance):
                pages = count_pages(sys.argv[1], stream[:at] + put + stream[at + taken :])
                rows.writerow((name, at, taken, put.hex(), pages))
    for name in SAMPLES:
        stream = (FOLDER / name).read_bytes()
        for _ in range(INSERTIONS):
            for at, taken, put in make_insertions(stream, chance):
                pages = count_pages(sys.argv[1], stream[:at] + put + stream[at + taken :])
                rows.writerow((name, at, taken, put.hex(), pages))


if __name__ == "__main__":
    main()
