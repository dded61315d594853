"""Messages octet by octet as RFC 8010 lays them out, beside what they mean; none of them made by `encode`."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ipp import (
    Attribute,
    Collection,
    DateTime,
    Group,
    LanguageString,
    Message,
    OutOfBand,
    Range,
    Resolution,
)

CAPTURED = Path(__file__).parent.parent / "data" / "ipp"

HEADER = bytes.fromhex("0200 000b 0000002a")
START = HEADER + b"\x01"
END = b"\x03"
CHARSET = b"\x47\x00\x12attributes-charset\x00\x05utf-8"
LANGUAGE = b"\x48\x00\x1battributes-natural-language\x00\x05en-gb"


class Vector(NamedTuple):
    """A message in both forms."""

    octets: bytes
    message: Message


def one(name: str, wire: bytes, *attributes: Attribute) -> tuple[str, Vector]:
    """A message of one operation group."""
    message = Message(0x000B, 42, [Group(0x01, attributes)], (2, 0))
    return name, Vector(START + wire + END, message)


def value(name: str, tag: int, wire: bytes, python: object) -> tuple[str, Vector]:
    """A message of one attribute `a` with one value."""
    octets = bytes((tag, 0, 1)) + b"a" + len(wire).to_bytes(2) + wire
    return one(name, octets, Attribute("a", bytes((tag,)), (python,)))  # type: ignore[arg-type]  # any value


SIZE = (
    b"\x34\x00\x00\x00\x00"
    b"\x4a\x00\x00\x00\x0bx-dimension\x21\x00\x00\x00\x04\x00\x00\x52\x08"
    b"\x4a\x00\x00\x00\x0by-dimension\x21\x00\x00\x00\x04\x00\x00\x74\x04"
    b"\x37\x00\x00\x00\x00"
)
A4 = Collection([Attribute("x-dimension", b"\x21", (21000,)), Attribute("y-dimension", b"\x21", (29700,))])

VECTORS: dict[str, Vector] = dict(
    [
        ("no groups", Vector(HEADER + END, Message(0x000B, 42, [], (2, 0)))),
        (
            "header bounds",
            Vector(
                bytes.fromhex("ff7f ffff 80000000") + b"\x01\x03",
                Message(0xFFFF, -(2**31), [Group(1)], (255, 127)),
            ),
        ),
        (
            "empty groups, some unregistered",
            Vector(
                HEADER + b"\x01\x02\x02\x04\x0f\x03",
                Message(0x000B, 42, [Group(1), Group(2), Group(2), Group(4), Group(15)], (2, 0)),
            ),
        ),
        one(
            "the usual start",
            CHARSET + LANGUAGE,
            Attribute("attributes-charset", b"\x47", ("utf-8",)),
            Attribute("attributes-natural-language", b"\x48", ("en-gb",)),
        ),
        one(
            "the usual start, with a second language",
            CHARSET + LANGUAGE + b"\x48\x00\x00\x00\x02de",
            Attribute("attributes-charset", b"\x47", ("utf-8",)),
            Attribute("attributes-natural-language", b"\x48\x48", ("en-gb", "de")),
        ),
        value("integer", 0x21, b"\x00\x00\x00\x05", 5),
        value("least integer", 0x21, b"\x80\x00\x00\x00", -(2**31)),
        value("greatest integer", 0x21, b"\x7f\xff\xff\xff", 2**31 - 1),
        value("enum", 0x23, b"\x00\x00\x00\x03", 3),
        value("false", 0x22, b"\x00", False),
        value("true", 0x22, b"\x01", True),
        value("octetString", 0x30, b"\x00\xff\x80", b"\x00\xff\x80"),
        value("empty octetString", 0x30, b"", b""),
        value("reserved integer tag", 0x24, b"\x01\x02", b"\x01\x02"),
        value("reserved octet-string tag", 0x38, b"\x01", b"\x01"),
        value("reserved tag", 0x60, b"\x01", b"\x01"),
        value("extension", 0x7F, b"\x40\x00\x00\x01value", b"\x40\x00\x00\x01value"),
        value("tag beyond those of the RFC", 0xFF, b"\x01", b"\x01"),
        value(
            "dateTime",
            0x31,
            bytes.fromhex("07ea 0b 15 14 27 3b 09 2b 01 1e"),
            DateTime(2026, 11, 21, 20, 39, 59, 9, "+", 1, 30),
        ),
        value(
            "dateTime of a clock never set",
            0x31,
            bytes(11),
            DateTime(0, 0, 0, 0, 0, 0, 0, "\x00", 0, 0),
        ),
        value("resolution", 0x32, b"\x00\x00\x02\x58\x00\x00\x04\xb0\x03", Resolution(600, 1200, 3)),
        value(
            "resolution in odd units", 0x32, b"\x00\x00\x00\x01\xff\xff\xff\xff\xff", Resolution(1, -1, -1)
        ),
        value("rangeOfInteger", 0x33, b"\xff\xff\xff\xff\x00\x00\x00\x63", Range(-1, 99)),
        value("text", 0x41, "Größe €".encode(), "Größe €"),
        value("empty text", 0x41, b"", ""),
        value("text that is not UTF-8", 0x41, b"Gr\xf6\xdfe", "Gr\udcf6\udcdfe"),
        value("name", 0x42, b"Ann", "Ann"),
        value("reserved character-string tag", 0x43, b"x", "x"),
        value("keyword", 0x44, b"all", "all"),
        value("uri", 0x45, b"ipp://h/ipp/print", "ipp://h/ipp/print"),
        value("uriScheme", 0x46, b"ipps", "ipps"),
        value("charset", 0x47, b"us-ascii", "us-ascii"),
        value("naturalLanguage", 0x48, b"de-at", "de-at"),
        value("mimeMediaType", 0x49, b"application/pdf", "application/pdf"),
        value("textWithLanguage", 0x35, b"\x00\x02de\x00\x04eins", LanguageString("eins", "de")),
        value("nameWithLanguage", 0x36, b"\x00\x00\x00\x00", LanguageString("", "")),
        *(value(f"out-of-band 0x{tag:02x}", tag, b"", OutOfBand(tag)) for tag in range(0x10, 0x20)),
        value("value of 256 octets", 0x41, b"x" * 256, "x" * 256),
        value("longest value", 0x30, b"\x07" * 0x7FFF, b"\x07" * 0x7FFF),
        one(
            "longest name",
            b"\x44\x7f\xff" + b"n" * 0x7FFF + b"\x00\x01k",
            Attribute("n" * 0x7FFF, b"\x44", ("k",)),
        ),
        one(
            "name of 256 octets",
            b"\x44\x01\x00" + b"n" * 256 + b"\x00\x01k",
            Attribute("n" * 256, b"\x44", ("k",)),
        ),
        one(
            "name that is not UTF-8",
            b"\x44\x00\x01\xff\x00\x01k",
            Attribute("\udcff", b"\x44", ("k",)),
        ),
        one(
            "1setOf",
            b"\x44\x00\x14requested-attributes\x00\x06copies\x44\x00\x00\x00\x05sides\x44\x00\x00\x00\x00",
            Attribute("requested-attributes", b"\x44\x44\x44", ("copies", "sides", "")),
        ),
        one(
            "1setOf mixed syntaxes",
            b"\x44\x00\x05media\x00\x02a4\x42\x00\x00\x00\x04Mine\x44\x00\x00\x00\x02a5\x21\x00\x00\x00\x04"
            b"\x00\x00\x00\x01\x13\x00\x00\x00\x00\x34\x00\x00\x00\x00\x37\x00\x00\x00\x00\x42\x00\x00\x00\x01x",
            Attribute(
                "media",
                b"\x44\x42\x44\x21\x13\x34\x42",
                ("a4", "Mine", "a5", 1, OutOfBand.NO_VALUE, Collection(), "x"),
            ),
        ),
        one(
            "1setOf integers with a long text among them",
            b"\x21\x00\x01a\x00\x04\x00\x00\x00\x01\x21\x00\x00\x00\x04\x00\x00\x00\x02"
            b"\x41\x00\x00\x01\x00" + b"x" * 256 + b"\x41\x00\x00\x00\x01y\x41\x00\x00\x00\x01\xff",
            Attribute("a", b"\x21\x21\x41\x41\x41", (1, 2, "x" * 256, "y", "\udcff")),
        ),
        one(
            "the same name twice",
            b"\x44\x00\x01a\x00\x01x\x44\x00\x01a\x00\x01y",
            Attribute("a", b"\x44", ("x",)),
            Attribute("a", b"\x44", ("y",)),
        ),
        one(
            "empty collection",
            b"\x34\x00\x01a\x00\x00\x37\x00\x00\x00\x00",
            Attribute("a", b"\x34", (Collection(),)),
        ),
        one(
            "collection in a collection",
            b"\x34\x00\x09media-col\x00\x00\x4a\x00\x00\x00\x0amedia-size"
            + SIZE
            + b"\x4a\x00\x00\x00\x0amedia-type\x44\x00\x00\x00\x0astationery\x42\x00\x00\x00\x04Mine"
            + b"\x37\x00\x00\x00\x00\x44\x00\x05sides\x00\x09one-sided",
            Attribute(
                "media-col",
                b"\x34",
                (
                    Collection(
                        [
                            Attribute("media-size", b"\x34", (A4,)),
                            Attribute("media-type", b"\x44\x42", ("stationery", "Mine")),
                        ]
                    ),
                ),
            ),
            Attribute("sides", b"\x44", ("one-sided",)),
        ),
        one(
            "1setOf collections, within one too",
            b"\x34\x00\x14media-size-supported"
            + b"\x00\x00"
            + SIZE[5:]
            + SIZE
            + b"\x34\x00\x00\x00\x00\x4a\x00\x00\x00\x01m"
            + SIZE
            + SIZE
            + b"\x37\x00\x00\x00\x00",
            Attribute(
                "media-size-supported",
                b"\x34\x34\x34",
                (A4, A4, Collection([Attribute("m", b"\x34\x34", (A4, A4))])),
            ),
        ),
        one(
            "unregistered and long member names",
            b"\x34\x00\x01a\x00\x00\x4a\x00\x00\x00\x01\xff\x22\x00\x00\x00\x01\x01\x4a\x00\x00\x01\x00"
            + b"m" * 256
            + b"\x13\x00\x00\x00\x00\x37\x00\x00\x00\x00",
            Attribute(
                "a",
                b"\x34",
                (
                    Collection(
                        [
                            Attribute("\udcff", b"\x22", (True,)),
                            Attribute("m" * 256, b"\x13", (OutOfBand.NO_VALUE,)),
                        ]
                    ),
                ),
            ),
        ),
        (
            "two job groups",
            Vector(
                HEADER + b"\x01" + CHARSET + LANGUAGE + b"\x02\x21\x00\x06job-id\x00\x04\x00\x00\x00\x01"
                b"\x02\x21\x00\x06job-id\x00\x04\x00\x00\x00\x02" + END,
                Message(
                    0x000B,
                    42,
                    [
                        Group(
                            1,
                            [
                                Attribute("attributes-charset", b"\x47", ("utf-8",)),
                                Attribute("attributes-natural-language", b"\x48", ("en-gb",)),
                            ],
                        ),
                        Group(2, [Attribute("job-id", b"\x21", (1,))]),
                        Group(2, [Attribute("job-id", b"\x21", (2,))]),
                    ],
                    (2, 0),
                ),
            ),
        ),
    ]
)


def wrong(wire: bytes) -> bytes:
    """A message whose operation group has these octets in it; they begin at octet 9."""
    return START + wire + END


BEG = b"\x34\x00\x01a\x00\x00"
MEMBER = b"\x4a\x00\x00\x00\x01m"
END_COLLECTION = b"\x37\x00\x00\x00\x00"

# What no message can be: its octets, the offset of the first wrong one, and a word of what is said of it.
MALFORMED: dict[str, tuple[bytes, int, str]] = {
    "negative name length": (wrong(b"\x44\x80\x00"), 10, "negative length"),
    "most negative name length": (wrong(b"\x44\xff\xff" + b"x" * 9), 10, "negative length"),
    "negative value length": (wrong(b"\x44\x00\x01a\xff\xfe" + b"x" * 9), 13, "negative length"),
    "negative length of a further value": (
        wrong(b"\x44\x00\x01a\x00\x01k\x44\x00\x00\x80\x01" + b"x" * 9),
        19,
        "negative length",
    ),
    "negative member name length": (wrong(BEG + b"\x4a\x00\x00\xff\xff" + b"x" * 9), 18, "negative length"),
    "negative member value length": (
        wrong(BEG + MEMBER + b"\x44\x00\x00\x90\x00" + b"x" * 9),
        24,
        "negative length",
    ),
    "attribute before the first group": (HEADER + b"\x44\x00\x01a\x00\x01k\x03", 8, "before the first group"),
    "value before the first group": (HEADER + b"\x44\x00\x00\x00\x01k\x03", 8, "before the first group"),
    "reserved delimiter first": (HEADER + b"\x00\x03", 8, "reserved"),
    "reserved delimiter later": (wrong(b"\x44\x00\x01a\x00\x01k\x00"), 16, "reserved"),
    "value before the first attribute": (wrong(b"\x44\x00\x00\x00\x01k"), 9, "before the first attribute"),
    "value before the first attribute of a second group": (
        wrong(b"\x44\x00\x01a\x00\x01k\x02\x44\x00\x00\x00\x01k"),
        17,
        "before the first attribute",
    ),
    "collection before the first attribute": (
        wrong(b"\x34\x00\x00\x00\x00" + END_COLLECTION),
        9,
        "before the first attribute",
    ),
    "value before the first member": (
        wrong(BEG + b"\x44\x00\x00\x00\x01k"),
        15,
        "before the first attribute",
    ),
    "group inside a collection": (wrong(BEG + b"\x02"), 15, "inside a collection"),
    "end of the message inside a collection": (
        wrong(BEG + MEMBER + b"\x13\x00\x00\x00\x00"),
        26,
        "inside a collection",
    ),
    "reserved delimiter inside a collection": (wrong(BEG + b"\x00"), 15, "inside a collection"),
    "member without a value, then another": (
        wrong(BEG + MEMBER + MEMBER + b"\x13\x00\x00\x00\x00" + END_COLLECTION),
        21,
        "where a value is expected",
    ),
    "member without a value at the end": (
        wrong(BEG + MEMBER + END_COLLECTION),
        21,
        "where a value is expected",
    ),
    "delimiter where a member's value is expected": (
        wrong(BEG + MEMBER + b"\x02\x00\x00\x00\x00"),
        21,
        "where a value is expected",
    ),
    "empty member name": (
        wrong(BEG + b"\x4a\x00\x00\x00\x00\x13\x00\x00\x00\x00"),
        18,
        "empty memberAttrName",
    ),
    "member name with a name": (
        wrong(BEG + b"\x4a\x00\x01x\x00\x01m\x13\x00\x00\x00\x00" + END_COLLECTION),
        15,
        "memberAttrName",
    ),
    "named value inside a collection": (
        wrong(BEG + b"\x44\x00\x01b\x00\x01k" + END_COLLECTION),
        16,
        "a name where",
    ),
    "registered name inside a collection": (
        wrong(BEG + b"\x44\x00\x05sides\x00\x01k" + END_COLLECTION),
        16,
        "a name where",
    ),
    "named member value": (wrong(BEG + MEMBER + b"\x44\x00\x01b\x00\x01k"), 22, "a name where"),
    "member name outside a collection": (wrong(MEMBER + b"\x13\x00\x00\x00\x00"), 9, "memberAttrName"),
    "registered member name outside a collection": (
        wrong(b"\x44\x00\x01a\x00\x01k\x4a\x00\x00\x00\x05sides\x44\x00\x00\x00\x01k"),
        16,
        "memberAttrName",
    ),
    "endCollection outside a collection": (
        wrong(b"\x44\x00\x01a\x00\x01k" + END_COLLECTION),
        16,
        "where a value is expected",
    ),
    "named endCollection": (wrong(b"\x37\x00\x01a\x00\x00"), 9, "where a value is expected"),
    "begCollection with a value": (wrong(b"\x34\x00\x01a\x00\x01x" + END_COLLECTION), 13, "with a value"),
    "endCollection with a value": (wrong(BEG + b"\x37\x00\x00\x00\x01x"), 18, "with a value"),
    "short integer": (wrong(b"\x21\x00\x01a\x00\x03\x00\x00\x00"), 15, "4 octets expected, 3"),
    "long enum": (wrong(b"\x23\x00\x01a\x00\x05\x00\x00\x00\x00\x00"), 15, "4 octets expected, 5"),
    "empty integer": (wrong(b"\x21\x00\x01a\x00\x00"), 15, "4 octets expected, 0"),
    "boolean of two octets": (wrong(b"\x22\x00\x01a\x00\x02\x00\x01"), 15, "0 or 1"),
    "boolean of 2": (wrong(b"\x22\x00\x01a\x00\x01\x02"), 15, "0 or 1"),
    "short dateTime": (wrong(b"\x31\x00\x01a\x00\x0a" + bytes(10)), 15, "11 octets expected"),
    "long resolution": (wrong(b"\x32\x00\x01a\x00\x0a" + bytes(10)), 15, "9 octets expected"),
    "short range": (wrong(b"\x33\x00\x01a\x00\x04" + bytes(4)), 15, "8 octets expected"),
    "textWithLanguage of three octets": (wrong(b"\x35\x00\x01a\x00\x03\x00\x00\x00"), 15, "two lengths"),
    "language longer than its value": (wrong(b"\x35\x00\x01a\x00\x04\x00\x03en"), 15, "do not fit"),
    "text shorter than its value": (wrong(b"\x36\x00\x01a\x00\x06\x00\x01e\x00\x00x"), 15, "do not fit"),
    "text longer than its value": (wrong(b"\x36\x00\x01a\x00\x06\x00\x01e\x00\x02x"), 15, "do not fit"),
    "out-of-band with a value": (wrong(b"\x13\x00\x01a\x00\x01x"), 15, "no octets"),
    "wrong value in a 1setOf": (
        wrong(b"\x22\x00\x01a\x00\x01\x01\x22\x00\x00\x00\x01\x00\x22\x00\x00\x00\x01\x07"),
        27,
        "0 or 1",
    ),
    "wrong value of a member": (wrong(BEG + MEMBER + b"\x21\x00\x00\x00\x01\x00"), 26, "4 octets expected"),
}
