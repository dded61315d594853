"""Messages to octets: exact, refused where they have no form, and read alike by an independent layout."""

from __future__ import annotations

import construct as c
import pytest
from hypothesis import HealthCheck, given, settings

from ipp import (
    Attribute,
    Collection,
    DateTime,
    Group,
    GroupTag,
    LanguageString,
    LocalProtocolError,
    Message,
    OutOfBand,
    Range,
    Resolution,
    decode,
    encode,
)
from ipp.encoder import encode_attribute
from tests.ipp.strategies import messages
from tests.ipp.vectors import VECTORS

# RFC 8010 3.1 in the words of another library: what is between the fields, not what is in them.
FIELD = c.Prefixed(c.Int16sb, c.GreedyBytes)
TAGGED = c.Struct("tag" / c.Int8ub, "name" / FIELD, "value" / FIELD)
ITEM = c.Struct(
    "tag" / c.Int8ub,
    "name" / c.If(c.this.tag >= 0x10, FIELD),
    "value" / c.If(c.this.tag >= 0x10, FIELD),
)
LAYOUT = c.Struct(
    "major" / c.Int8ub,
    "minor" / c.Int8ub,
    "code" / c.Int16ub,
    "request_id" / c.Int32sb,
    "tagged" / c.RepeatUntil(lambda item, _list, _context: item.tag == GroupTag.END, ITEM),
    c.Terminated,
)


@pytest.mark.parametrize("name", VECTORS)
def test_a_message_has_exactly_these_octets(name: str) -> None:
    assert encode(VECTORS[name].message) == VECTORS[name].octets


def flat(message: Message) -> list[tuple[int, bytes | None]]:
    """Every tag of a message with its name, as they follow each other on the wire."""
    found: list[tuple[int, bytes | None]] = []
    for group in message.groups:
        found.append((group.tag, None))
        for attribute in group:
            found.extend(flat_values(attribute, attribute.name.encode("utf-8", "surrogateescape")))
    return found


def flat_values(attribute: Attribute, name: bytes) -> list[tuple[int, bytes | None]]:
    found: list[tuple[int, bytes | None]] = []
    for tag, value in zip(attribute.tags, attribute.values, strict=True):
        found.append((tag, name))
        if isinstance(value, Collection):
            for member in value:
                found.append((0x4A, b""))
                found.extend(flat_values(member, b""))
            found.append((0x37, b""))
        name = b""
    return found


@given(messages())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_independent_layout_reads_what_was_encoded(message: Message) -> None:
    read = LAYOUT.parse(encode(message))
    assert (read.major, read.minor) == message.version
    assert (read.code, read.request_id) == (message.code, message.request_id)
    assert [(item.tag, item.name) for item in read.tagged] == [*flat(message), (GroupTag.END, None)]


def test_an_independent_layout_builds_what_is_decoded() -> None:
    octets = c.Struct("head" / c.Bytes(9), "items" / TAGGED[3], "end" / c.Byte).build(
        {
            "head": bytes.fromhex("0200 0000 00000007 04"),
            "items": [
                {"tag": 0x21, "name": b"copies-default", "value": c.Int32sb.build(1)},
                {"tag": 0x33, "name": b"copies-supported", "value": c.Int32sb[2].build([1, 99])},
                {"tag": 0x33, "name": b"", "value": c.Int32sb[2].build([100, 999])},
            ],
            "end": 3,
        }
    )
    assert decode(octets) == Message(
        0,
        7,
        [
            Group(
                4,
                [
                    Attribute.of("copies-default", 0x21, 1),
                    Attribute.of("copies-supported", 0x33, Range(1, 99), Range(100, 999)),
                ],
            )
        ],
    )


def message_of(*attributes: Attribute, tag: int = 1) -> Message:
    return Message(0x000B, 1, [Group(tag, attributes)])


def nested(depth: int) -> Collection:
    made = Collection()
    for _ in range(depth):
        made = Collection([Attribute.of("m", 0x34, made)])
    return made


REFUSED: dict[str, tuple[Message, str]] = {
    "version": (Message(2, 1, [], (256, 0)), "out of bounds"),
    "negative code": (Message(-1), "out of bounds"),
    "code of three octets": (Message(0x10000), "out of bounds"),
    "request-id": (Message(2, 2**31), "out of bounds"),
    "group 0": (message_of(tag=0), "does not begin a group"),
    "group of the end tag": (message_of(tag=3), "does not begin a group"),
    "group of a value tag": (message_of(tag=0x44), "does not begin a group"),
    "group beyond an octet": (message_of(tag=0x101), "does not begin a group"),
    "no name": (message_of(Attribute.of("", 0x44, "all")), "without a name"),
    "member without a name": (
        message_of(Attribute.of("a", 0x34, Collection([Attribute.of("", 0x44, "all")]))),
        "without a name",
    ),
    "name too long": (message_of(Attribute.of("n" * 0x8000, 0x44, "all")), "32768 octets"),
    "name that is no characters": (message_of(Attribute.of("\ud800", 0x44, "all")), "no characters"),
    "no values": (message_of(Attribute("a", b"", ())), "at least one"),
    "more values than tags": (message_of(Attribute("a", b"\x44", ("x", "y"))), "one tag for each"),
    "more tags than values": (message_of(Attribute("a", b"\x44\x44", ("x",))), "one tag for each"),
    "value too long": (message_of(Attribute.of("a", 0x30, bytes(0x8000))), "32767 at most"),
    "text with language too long": (
        message_of(Attribute.of("a", 0x35, LanguageString("x" * 0x7FFB, "en"))),
        "32767 at most",
    ),
    "language too long": (
        message_of(Attribute.of("a", 0x35, LanguageString("", "x" * 0x10000))),
        "does not fit",
    ),
    "text that is no characters": (message_of(Attribute.of("a", 0x41, "\udc00")), "no characters"),
    "language that is no characters": (
        message_of(Attribute.of("a", 0x35, LanguageString("x", "\ud800"))),
        "no characters",
    ),
    "integer above": (message_of(Attribute.of("a", 0x21, 2**31)), "does not fit"),
    "integer below": (message_of(Attribute.of("a", 0x23, -(2**31) - 1)), "does not fit"),
    "resolution above": (message_of(Attribute.of("a", 0x32, Resolution(1, 1, 128))), "does not fit"),
    "range above": (message_of(Attribute.of("a", 0x33, Range(0, 2**31))), "does not fit"),
    "year above": (
        message_of(Attribute.of("a", 0x31, DateTime(65536, 1, 1, 0, 0, 0, 0, "+", 0, 0))),
        "does not fit",
    ),
    "direction of two": (
        message_of(Attribute.of("a", 0x31, DateTime(1, 1, 1, 0, 0, 0, 0, "+-", 0, 0))),
        "does not fit",
    ),
    "direction beyond an octet": (
        message_of(Attribute.of("a", 0x31, DateTime(1, 1, 1, 0, 0, 0, 0, "€", 0, 0))),
        "does not fit",
    ),
    "string under integer": (message_of(Attribute.of("a", 0x21, "5")), "characters under tag 0x21"),
    "string as a member name": (message_of(Attribute.of("a", 0x4A, "m")), "characters under tag 0x4a"),
    "string beyond character strings": (
        message_of(Attribute.of("a", 0x60, "m")),
        "characters under tag 0x60",
    ),
    "plain string with language": (message_of(Attribute.of("a", 0x36, "m")), "LanguageString"),
    "integer under keyword": (message_of(Attribute.of("a", 0x44, 5)), "not of the syntax of tag 0x44"),
    "boolean under integer": (message_of(Attribute.of("a", 0x21, True)), "not of the syntax of tag 0x21"),
    "integer under boolean": (message_of(Attribute.of("a", 0x22, 1)), "not of the syntax of tag 0x22"),
    "octets under keyword": (message_of(Attribute.of("a", 0x44, b"all")), "not of the syntax of tag 0x44"),
    "octets under a delimiter": (message_of(Attribute.of("a", 0x03, b"")), "not of the syntax of tag 0x03"),
    "octets under begCollection": (message_of(Attribute.of("a", 0x34, b"")), "not of the syntax of tag 0x34"),
    "octets under endCollection": (message_of(Attribute.of("a", 0x37, b"")), "not of the syntax of tag 0x37"),
    "octets under out-of-band": (message_of(Attribute.of("a", 0x13, b"")), "not of the syntax of tag 0x13"),
    "out-of-band under another tag": (
        message_of(Attribute("a", b"\x12", (OutOfBand.NO_VALUE,))),
        "not of the syntax of tag 0x12",
    ),
    "collection under keyword": (
        message_of(Attribute.of("a", 0x44, Collection())),
        "a collection under tag 0x44",
    ),
    "wrong value deep inside": (
        message_of(
            Attribute.of(
                "a",
                0x34,
                Collection([Attribute.of("m", 0x34, Collection([Attribute.of("deep", 0x21, "x")]))]),
            )
        ),
        "deep: characters",
    ),
    "something else": (message_of(Attribute.of("a", 0x21, 1.5)), "a float is no attribute value"),  # type: ignore[arg-type]  # on purpose
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_on_the_wire_is_our_mistake_and_named(name: str) -> None:
    message, words = REFUSED[name]
    with pytest.raises(LocalProtocolError, match=words):
        encode(message)


def test_text_with_a_language_under_a_plain_tag_loses_the_language() -> None:
    octets = encode(message_of(Attribute.of("a", 0x41, LanguageString("eins", "de"))))
    assert octets == encode(message_of(Attribute.of("a", 0x41, "eins")))


def test_an_attribute_encoded_alone_is_the_same_octets() -> None:
    group = VECTORS["collection in a collection"].message.groups[0]
    assert b"".join(map(encode_attribute, group)) == VECTORS["collection in a collection"].octets[9:-1]


def test_an_enum_member_is_written_as_its_integer() -> None:
    assert encode_attribute(Attribute.of("a", 0x23, GroupTag.JOB)) == b"\x23\x00\x01a\x00\x04\x00\x00\x00\x02"


def test_collections_nested_deeply_need_no_recursion() -> None:
    depth = 100
    octets = encode(message_of(Attribute.of("a", 0x34, nested(depth))))
    assert octets.count(b"\x34\x00\x00\x00\x00") == depth
    assert octets.count(b"\x37\x00\x00\x00\x00") == depth + 1
