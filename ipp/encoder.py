"""`Message` to octets (RFC 8010 3)."""

from __future__ import annotations

from struct import Struct, error
from typing import Final

from .enums import GroupTag, Tag
from .errors import LocalProtocolError
from .message import Attribute, Collection, Message, Value
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution
from .vocabulary.attributes import ATTRIBUTES, MEMBERS

_HEADER: Final = Struct(">BBHi").pack
_LENGTH: Final = Struct(">H").pack
_INT: Final = Struct(">i").pack
_RANGE: Final = Struct(">ii").pack
_RESOLUTION: Final = Struct(">iib").pack
_DATE_TIME: Final = Struct(">HBBBBBBcBB").pack
_END: Final = bytes((GroupTag.END,))
_END_COLLECTION: Final = bytes((Tag.END_COLLECTION, 0, 0, 0, 0))
_BEG_COLLECTION: Final = bytes((Tag.BEG_COLLECTION,))
_MEMBER_NAME: Final = bytes((Tag.MEMBER_ATTR_NAME, 0, 0))

# Tags as plain integers: to look a member of an enum up takes as long as to encode a value.
_INTEGERS: Final = frozenset(map(int, (Tag.INTEGER, Tag.ENUM)))
_LANGUAGES: Final = frozenset(map(int, (Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE)))
_CHARACTERS: Final = frozenset(range(0x40, 0x60)) - {int(Tag.MEMBER_ATTR_NAME)}
_OPAQUE: Final = frozenset(
    (int(Tag.OCTET_STRING), *range(0x24, 0x30), *range(0x38, 0x40), *range(0x60, 0x100))
)
_BOOLEAN: Final = int(Tag.BOOLEAN)
_COLLECTION: Final = int(Tag.BEG_COLLECTION)
_BOOLEANS: Final = (b"\x00", b"\x01")

# Fields made once: lengths of one octet, and registered names with theirs.
_OCTET: Final = [bytes((code,)) for code in range(256)]
_SHORT_LENGTHS: Final = [length.to_bytes(2) for length in range(256)]
_NAMES: Final = {
    name: _SHORT_LENGTHS[len(name)] + name.encode()
    for tables in (ATTRIBUTES, MEMBERS)
    for table in tables.values()
    for name in table
}


def encode(message: Message) -> bytes:
    """The octets of a whole message, up to and with its end-of-attributes-tag.

    Raises `LocalProtocolError` where a value does not fit its syntax or its length field.
    """
    try:
        parts = [_HEADER(*message.version, message.code, message.request_id)]
    except error as problem:
        raise LocalProtocolError(f"version, code or request-id out of bounds: {problem}") from problem
    for group in message.groups:
        if not 0 < group.tag < 0x10 or group.tag == GroupTag.END:
            raise LocalProtocolError(f"0x{group.tag:02x} does not begin a group")
        parts.append(bytes((group.tag,)))
        parts.extend(map(encode_attribute, group))
    parts.append(_END)
    return b"".join(parts)


def encode_attribute(attribute: Attribute) -> bytes:
    """The octets of one attribute with all its values. Raises `LocalProtocolError`."""
    parts: list[bytes] = []
    _write(parts, attribute, _name_field(attribute.name))
    return b"".join(parts)


def _write(parts: list[bytes], first: Attribute, first_name: bytes) -> None:
    """Append an attribute's octets; collections by an explicit stack of what is still to be written."""
    # Either octets that are ready, or an attribute with the name field its first value carries.
    todo: list[bytes | tuple[Attribute, bytes]] = [(first, first_name)]
    while todo:
        item = todo.pop()
        if isinstance(item, bytes):
            parts.append(item)
            continue
        attribute, name = item
        if not attribute.values or len(attribute.values) != len(attribute.tags):
            raise LocalProtocolError(
                f"{attribute.name}: an attribute has one tag for each of its values, at least one"
            )
        later: list[bytes | tuple[Attribute, bytes]] = []
        for tag, value in zip(attribute.tags, attribute.values, strict=True):
            if isinstance(value, Collection):
                if tag != _COLLECTION:
                    raise LocalProtocolError(f"{attribute.name}: a collection under tag 0x{tag:02x}")
                later.append(_BEG_COLLECTION + name + b"\0\0")
                for member in value:
                    later.append(_MEMBER_NAME + _name_field(member.name))
                    later.append((member, b"\0\0"))
                later.append(_END_COLLECTION)
            else:
                field = _field(_octets(tag, value, attribute.name), attribute.name)
                (later or parts).append(_OCTET[tag] + name + field)
            name = b"\0\0"
        todo.extend(reversed(later))


def _name_field(name: str) -> bytes:
    """The length and octets of a name; without any it would read as a further value of what is before."""
    if known := _NAMES.get(name):
        return known
    if not name:
        raise LocalProtocolError("an attribute without a name")
    return _field(_characters(name, name), name)


def _characters(text: str, name: str) -> bytes:
    """UTF-8, and the octets that the decoder kept as surrogates as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as problem:
        raise LocalProtocolError(f"{name[:80]!r}: no characters of UTF-8: {problem.reason}") from problem


def _field(octets: bytes, name: str) -> bytes:
    """A length and what it counts (RFC 8010 3.1.4: SIGNED-SHORT)."""
    length = len(octets)
    if length < 256:
        return _SHORT_LENGTHS[length] + octets
    if length > 0x7FFF:
        raise LocalProtocolError(f"{name[:80]}: {length} octets where a length field holds 32767 at most")
    return _LENGTH(length) + octets


def _octets(tag: int, value: Value, name: str) -> bytes:
    """The octets of a value other than a collection.

    A `LanguageString` under a tag of plain characters is written without its language.
    """
    try:
        if isinstance(value, str):
            octets = _characters(value, name)
            if tag in _LANGUAGES:
                if not isinstance(value, LanguageString):
                    raise LocalProtocolError(f"{name}: text with a language is a LanguageString")
                language = _characters(value.language, name)
                return _LENGTH(len(language)) + language + _LENGTH(len(octets)) + octets
            if tag not in _CHARACTERS:
                raise LocalProtocolError(f"{name}: characters under tag 0x{tag:02x}")
            return octets
        if isinstance(value, bool):
            return _checked(_BOOLEANS[value], tag == _BOOLEAN, tag, name)
        if isinstance(value, int):
            return _checked(_INT(value), tag in _INTEGERS, tag, name)
        if isinstance(value, OutOfBand):
            return _checked(b"", tag == value.value, tag, name)
        if isinstance(value, Range):
            return _checked(_RANGE(*value), tag == Tag.RANGE_OF_INTEGER, tag, name)
        if isinstance(value, Resolution):
            return _checked(_RESOLUTION(*value), tag == Tag.RESOLUTION, tag, name)
        if isinstance(value, DateTime):
            octets = _DATE_TIME(*value[:7], value.direction.encode("latin-1"), *value[8:])
            return _checked(octets, tag == Tag.DATE_TIME, tag, name)
        if isinstance(value, bytes):
            return _checked(value, tag in _OPAQUE, tag, name)
    except (error, UnicodeEncodeError) as problem:
        raise LocalProtocolError(f"{name}: {value!r} does not fit its syntax: {problem}") from problem
    raise LocalProtocolError(f"{name}: a {type(value).__name__} is no attribute value")


def _checked(octets: bytes, fits: bool, tag: int, name: str) -> bytes:
    if not fits:
        raise LocalProtocolError(f"{name}: the value is not of the syntax of tag 0x{tag:02x}")
    return octets
