"""Octets to `Message`: sans-I/O, incremental, and stopping exactly before the document (RFC 8010 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final, TypeAlias

from .enums import GroupTag, Status, Tag
from .errors import LocalProtocolError, RemoteProtocolError
from .message import Attribute, Collection, Group, Message, Value
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution
from .vocabulary.attributes import ATTRIBUTES, MEMBERS

_HEADER: Final = Struct(">BBHi").unpack_from
_INT: Final = Struct(">i").unpack_from
_RANGE: Final = Struct(">ii").unpack
_RESOLUTION: Final = Struct(">iib").unpack
_DATE_TIME: Final = Struct(">HBBBBBBcBB").unpack

_OPERATION_GROUP: Final = int(GroupTag.OPERATION)
_END: Final = int(GroupTag.END)
_BEG_COLLECTION: Final = int(Tag.BEG_COLLECTION)
_END_COLLECTION: Final = int(Tag.END_COLLECTION)
_MEMBER_NAME: Final = int(Tag.MEMBER_ATTR_NAME)

_CUT_SHORT: Final = "the message ends before its end-of-attributes-tag"

# One octet as bytes, without making it anew for each attribute.
_OCTET: Final = [bytes((code,)) for code in range(256)]

# What an additional value of a tag, shorter than 256 octets, begins with.
_FURTHER: Final = [bytes((code, 0, 0, 0)) for code in range(256)]

# Registered names by their octets with the length field before them: looking up takes a third of the time of
# decoding, tells that the length is an ordinary one, and makes one string of a name for the whole process.
_NAMES: Final = {
    len(name).to_bytes(2) + name.encode(): name
    for tables in (ATTRIBUTES, MEMBERS)
    for table in tables.values()
    for name in table
}
_MEMBER_NAMES: Final = {bytes((_MEMBER_NAME, 0, 0)) + octets: name for octets, name in _NAMES.items()}
# Bound once: a twentieth of the time of an answer. A collection is made without `__init__`, which copies.
_new_collection: Final = Collection.__new__
_name_of: Final = _NAMES.get
_member_name_of: Final = _MEMBER_NAMES.get


# Nearly every message begins with these octets (RFC 8011 4.1.4) and a natural language shorter than 256
# octets: they are recognised as one literal, not read.
_LANGUAGE: Final = "attributes-natural-language"
_USUAL_START: Final = (
    b"\x01\x47\x00\x12attributes-charset\x00\x05utf-8\x48\x00\x1b" + _LANGUAGE.encode() + b"\x00"
)
_USUAL_END: Final = 8 + len(_USUAL_START)
_USUAL_CHARSET: Final = Attribute("attributes-charset", b"\x47", ("utf-8",))
# The natural languages that nearly all clients speak, by the octets of their values with their lengths.
_USUAL_LANGUAGES: Final = {
    bytes((len(language),)) + language.encode(): Attribute(_LANGUAGE, b"\x48", (language,))
    for language in ("en", "en-us", "en-gb", "de", "fr", "es", "it", "ja", "zh", "pt", "nl")
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may cost: octets before the document, attribute values, nested collections.

    Values are those of attributes and of members, and a group counts as one. They are counted where what
    they are in ends, and with each piece of octets.
    """

    octets: int = 4 << 20
    values: int = 100_000
    depth: int = 16


DEFAULT_LIMITS: Final = Limits()


def _text(raw: bytes) -> str:
    """Characters; octets that are not UTF-8 survive as surrogates, so that they can be written back."""
    return raw.decode("utf-8", "surrogateescape")


def _integer(raw: bytes) -> int:
    if len(raw) != 4:
        raise ValueError(f"4 octets expected, {len(raw)} given")
    value: int = _INT(raw)[0]
    return value


def _boolean(raw: bytes) -> bool:
    if raw == b"\x01":
        return True
    if raw != b"\x00":
        raise ValueError("a boolean is one octet, 0 or 1")
    return False


def _date_time(raw: bytes) -> DateTime:
    if len(raw) != 11:
        raise ValueError(f"11 octets expected, {len(raw)} given")
    year, month, day, hour, minute, second, deciseconds, direction, hours, minutes = _DATE_TIME(raw)
    return DateTime(
        year, month, day, hour, minute, second, deciseconds, direction.decode("latin-1"), hours, minutes
    )


def _resolution(raw: bytes) -> Resolution:
    if len(raw) != 9:
        raise ValueError(f"9 octets expected, {len(raw)} given")
    return Resolution(*_RESOLUTION(raw))


def _range(raw: bytes) -> Range:
    if len(raw) != 8:
        raise ValueError(f"8 octets expected, {len(raw)} given")
    return Range(*_RANGE(raw))


def _with_language(raw: bytes) -> LanguageString:
    if len(raw) < 4:
        raise ValueError("shorter than its two lengths")
    language_end = 2 + int.from_bytes(raw[:2])
    text_start = language_end + 2
    if text_start > len(raw) or text_start + int.from_bytes(raw[language_end:text_start]) != len(raw):
        raise ValueError("the lengths inside do not fit the length of the value")
    return LanguageString(_text(raw[text_start:]), _text(raw[2:language_end]))


def _out_of_band(tag: int) -> Callable[[bytes], Value]:
    value = OutOfBand(tag)

    def convert(raw: bytes) -> Value:
        if raw:
            raise ValueError("an out-of-band value has no octets")
        return value

    return convert


# By value tag: octets to value, raising ValueError. Tags without a meaning keep their octets; delimiters and
# the tags that make collections have None.
_CONVERT: Final[list[Callable[[bytes], Value] | None]] = [bytes] * 256
for _tag in range(0x10, 0x20):
    _CONVERT[_tag] = _out_of_band(_tag)
for _tag in range(0x40, 0x60):
    _CONVERT[_tag] = bytes.decode  # without a frame of ours; what is not UTF-8 goes to Decoder._mend
_CONVERT[:0x10] = [None] * 0x10
for _tag in (_BEG_COLLECTION, _END_COLLECTION, _MEMBER_NAME):
    _CONVERT[_tag] = None
_CONVERT[Tag.INTEGER] = _CONVERT[Tag.ENUM] = _integer
_CONVERT[Tag.BOOLEAN] = _boolean
_CONVERT[Tag.DATE_TIME] = _date_time
_CONVERT[Tag.RESOLUTION] = _resolution
_CONVERT[Tag.RANGE_OF_INTEGER] = _range
_CONVERT[Tag.TEXT_WITH_LANGUAGE] = _CONVERT[Tag.NAME_WITH_LANGUAGE] = _with_language


# The attributes of the group or collection being read, and where the last of them is seen to be a 1setOf all
# its values and tags: until it is complete, the attribute itself has only the first.
_Open: TypeAlias = tuple[list[Attribute], list[Value] | None, bytearray]
_NO_TAGS: Final = bytearray()


def _read_further(
    buffer: bytes, position: int, tag: int, convert: Callable[[bytes], Value], values: list[Value]
) -> int:
    """Read as many additional values of this syntax as follow; gives the position after them.

    What is unusual (cut off, long, wrong) is left for the reader of everything.
    """
    head = _FURTHER[tag]
    append = values.append
    size = len(buffer)
    try:
        while buffer[position : position + 4] == head:
            end = position + 5 + buffer[position + 4]
            if end > size:
                break
            append(convert(buffer[position + 5 : end]))
            position = end
    except (IndexError, ValueError):
        pass
    return position


class Decoder:
    """Takes a message's octets as they come, in pieces of any size.

    `feed` returns the `Message` once its end-of-attributes-tag was seen, and None until then. What follows
    that tag is the document: its first octets, as far as they came with the same piece, are `trailing`.

    Raises `RemoteProtocolError` with the offset of the first wrong octet; its status is
    client-error-request-entity-too-large where a limit was passed, else client-error-bad-request. What is
    raised, and where, does not depend on how the octets were cut. After an error or a message, feeding again
    is a `LocalProtocolError`.

    Each value is committed as it is read: no more than one value and its name is held back and looked at
    again, so that a peer who sends octet by octet costs little more than one who does not.
    """

    # Defaults of the class, because setting each in `__init__` is a part of the time of a small message.
    trailing = b""
    _buffer = b""
    _offset = 0  # of the buffer's first octet, from the message's
    _message: Message | None = None
    _closed = False
    _open: _Open = ([], None, _NO_TAGS)  # never filled: no attribute stands before a group

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._values_left = limits.values
        self._groups: list[Group] = []
        # What waits for an inner collection to end, outermost first, each with the name of the attribute that
        # begins with that collection, or None where it is an additional value.
        self._stack: list[tuple[list[Attribute], list[Value] | None, bytearray, str | None]] = []

    def feed(self, data: bytes) -> Message | None:
        """Take the next octets; the whole message if these complete it."""
        if self._closed:
            raise LocalProtocolError("this decoder has finished; make a new one for each message")
        buffer = self._buffer + data if self._buffer else data
        # What lies beyond the limit is never looked at, so that cutting differently gives no other error.
        room = self._limits.octets - self._offset
        try:
            position, complete = self._read(buffer if len(buffer) <= room else buffer[:room])
            if len(buffer) > room and not complete:
                raise _too_large(f"more than {self._limits.octets} octets of attributes", self._limits.octets)
        except RemoteProtocolError:
            self._closed = True
            raise
        if complete:
            self._closed = True
            self._buffer = b""
            self.trailing = buffer[position:]
            return self._message
        self._offset += position
        self._buffer = buffer[position:]
        return None

    def _read_all(self, octets: bytes) -> Message | None:
        """As the only call of `feed`, without what that keeps for the next: a tenth of a request's time."""
        _, complete = self._read(octets)
        return self._message if complete else None

    def finish(self) -> None:
        """Tell that no more octets will come. Raises `RemoteProtocolError` where the message is cut short."""
        if not self._closed:
            self._closed = True
            raise self._malformed(_CUT_SHORT, len(self._buffer))

    def _begin(self, buffer: bytes) -> int:
        """Read the header, and the attributes that every message begins with; gives where it stopped."""
        if len(buffer) < 8:
            return 0
        major, minor, code, request_id = _HEADER(buffer)
        groups = self._groups
        self._message = Message(code, request_id, groups, (major, minor))
        if not buffer.startswith(_USUAL_START, 8) or len(buffer) == _USUAL_END:
            return 8
        end = _USUAL_END + 1 + buffer[_USUAL_END]
        if end > len(buffer):
            return 8
        raw = buffer[_USUAL_END:end]
        language = _USUAL_LANGUAGES.get(raw) or Attribute(_LANGUAGE, b"\x48", (_text(raw[1:]),))
        group = Group(_OPERATION_GROUP, (_USUAL_CHARSET, language))
        groups.append(group)
        self._open = group._list, None, _NO_TAGS
        self._values_left -= 1
        return end

    def _read(self, buffer: bytes) -> tuple[int, bool]:
        """Read every whole value; gives where it stopped, and whether the message is whole.

        Longer than a function should be: this loop is where the time of a message goes, so it is written for
        speed. What is pending is in local names; lengths are read octet by octet, which is quicker than by
        `struct`, and those above 255 leave by a branch; a value that is not all here yet shows as an
        IndexError or as an end beyond the buffer, not by a test before each octet; a registered name is
        looked up together with its length field; a member's name is read in one step with its first value,
        and a 1setOf in a loop of its own.
        """
        position = 0
        if self._message is None:
            position = self._begin(buffer)
            if not position:
                return 0, False
        size = len(buffer)
        if not self._groups and position < size and buffer[position] >= 0x10:
            raise self._malformed("an attribute before the first group", position)
        stack, depth = self._stack, self._limits.depth
        attributes, several, tags = self._open
        try:
            while True:
                tag = buffer[position]
                name = None
                if tag == _MEMBER_NAME:
                    at = position + 5 + buffer[position + 4]
                    name = _member_name_of(buffer[position:at])
                    if name is None or not stack:
                        name, at = self._unusual_member_name(buffer, position)
                    tag = buffer[at]
                    at += 3
                    if buffer[at - 1] or buffer[at - 2]:
                        raise self._malformed("a name where the value of a member has none", at - 2)
                elif tag < 0x10:
                    if several is not None:
                        attributes[-1] = Attribute(attributes[-1].name, bytes(tags), tuple(several))
                        self._values_left -= len(several) - 1
                        several = None
                    attributes = self._delimit(tag, len(attributes), position)
                    position += 1
                    if tag == _END:
                        return position, True
                    continue
                elif (name_length := buffer[position + 2]) or buffer[position + 1]:
                    at = position + 3 + name_length
                    name = _name_of(buffer[position + 1 : at])
                    if name is None or stack:
                        name, at = self._unusual_name(buffer, position)
                else:
                    at = position + 3
                length = buffer[at + 1]
                if buffer[at]:
                    length = self._long(buffer, at)
                start = at + 2
                end = start + length
                if end > size:
                    break
                if several is not None and (name is not None or tag == _END_COLLECTION):
                    attributes[-1] = Attribute(attributes[-1].name, bytes(tags), tuple(several))
                    self._values_left -= len(several) - 1
                    several = None
                convert = _CONVERT[tag]
                if convert is _integer and length == 4:
                    value: Value = _INT(buffer, start)[0]
                elif convert is not None:
                    try:
                        value = convert(buffer[start:end])
                    except ValueError as error:
                        value = self._mend(tag, buffer[start:end], start, error)
                elif tag == _END_COLLECTION and stack and name is None and not length:
                    self._count(len(attributes))
                    value = collection = _new_collection(Collection)
                    collection._list, collection._index = attributes, None
                    attributes, several, tags, name = stack.pop()
                    tag = _BEG_COLLECTION
                elif tag == _BEG_COLLECTION and (name or attributes) and not length and len(stack) < depth:
                    stack.append((attributes, several, tags, name))
                    attributes, several = [], None
                    position = end
                    continue
                else:
                    raise self._misplaced(tag, name, length, position, at)
                position = end
                if name is not None:
                    attributes.append(Attribute(name, _OCTET[tag], (value,)))
                elif several is not None:
                    several.append(value)
                    tags.append(tag)
                elif attributes:
                    first = attributes[-1]
                    several = [first.values[0], value]
                    if convert is not None:
                        position = _read_further(buffer, position, tag, convert, several)
                    tags = bytearray(first.tags + _OCTET[tag] * (len(several) - 1))
                else:
                    raise self._malformed("an additional value before the first attribute", at - 3)
        except IndexError:  # the next value is not all here yet
            pass
        except RemoteProtocolError:
            self._check_open_values(
                attributes, several
            )  # said first, as it is where the octets came in pieces
            raise
        self._check_open_values(attributes, several)
        self._open = attributes, several, tags
        return position, False

    def _delimit(self, tag: int, values: int, position: int) -> list[Attribute]:
        """End a group of so many values and begin the next, if any (RFC 8010 3.5.1); the list to fill."""
        if self._stack:
            raise self._malformed(f"delimiter 0x{tag:02x} inside a collection", position)
        if not tag:
            raise self._malformed("delimiter 0x00 is reserved", position)
        self._count(values)
        if tag == _END:
            return []
        self._values_left -= 1
        group = Group(tag)
        self._groups.append(group)
        return group._list

    def _count(self, values: int) -> None:
        """Count the attributes of a group or collection that is complete against the limit of values."""
        self._values_left -= values
        if self._values_left < 0:
            raise self._too_many()

    def _check_open_values(self, attributes: list[Attribute], several: list[Value] | None) -> None:
        """Hold what is not complete yet against the limit of values."""
        values = 0
        waiting = [(found, of_last) for found, of_last, _, _ in self._stack]
        for found, of_last in [*waiting, (attributes, several)]:
            values += len(found) + (len(of_last) - 1 if of_last else 0)
        if values > self._values_left:
            raise self._too_many()

    def _too_many(self) -> RemoteProtocolError:
        """Without an offset: it is of all values, and noticed sooner where the octets come in pieces."""
        return _too_large(f"more than {self._limits.values} values", None)

    def _misplaced(
        self, tag: int, name: str | None, length: int, position: int, at: int
    ) -> RemoteProtocolError:
        """What is wrong with a tag of collections (RFC 8010 3.1.6) whose value's length stands at `at`."""
        if tag != _BEG_COLLECTION and (tag != _END_COLLECTION or name is not None or not self._stack):
            where = at - 3 if self._stack else position  # of a member, the tag of its value
            return self._malformed(f"tag 0x{tag:02x} where a value is expected", where)
        if length:
            return self._malformed("a begCollection or endCollection with a value", at)
        if len(self._stack) >= self._limits.depth:
            return _too_large(f"collections nested deeper than {self._limits.depth}", self._offset + at - 3)
        return self._malformed("an additional value before the first attribute", at - 3)

    def _unusual_name(self, buffer: bytes, position: int) -> tuple[str, int]:
        """A name that nobody registered, and the position after it."""
        length = buffer[position + 2]
        if buffer[position + 1]:
            length = self._long(buffer, position + 1)
        if self._stack:
            raise self._malformed("a name where a collection member has none", position + 1)
        end = position + 3 + length
        return _text(buffer[position + 3 : end]), end

    def _unusual_member_name(self, buffer: bytes, position: int) -> tuple[str, int]:
        """A member's name that nobody registered, and the position after it."""
        if buffer[position + 2] or buffer[position + 1] or not self._stack:
            raise self._malformed("a memberAttrName outside a collection, or with a name", position)
        length = buffer[position + 4]
        if buffer[position + 3]:
            length = self._long(buffer, position + 3)
        if not length:
            raise self._malformed("an empty memberAttrName", position + 3)
        end = position + 5 + length
        return _text(buffer[position + 5 : end]), end

    def _long(self, buffer: bytes, position: int) -> int:
        """A length above 255; raises where it is negative (RFC 8010 3.1.4: SIGNED-SHORT)."""
        if buffer[position] > 0x7F:
            raise self._malformed("negative length", position)
        return buffer[position] << 8 | buffer[position + 1]

    def _mend(self, tag: int, raw: bytes, position: int, error: ValueError) -> Value:
        """Characters that are not UTF-8 as surrogates; raises for what does not fit its syntax."""
        if isinstance(error, UnicodeDecodeError) and tag >= 0x40:
            return _text(raw)
        raise self._malformed(f"{Tag(tag).keyword} value: {error}", position) from error

    def _malformed(self, what: str, position: int) -> RemoteProtocolError:
        return RemoteProtocolError(what, offset=self._offset + position)


def _too_large(what: str, offset: int | None) -> RemoteProtocolError:
    return RemoteProtocolError(what, status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE, offset=offset)


def decode(octets: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Message:
    """The message that these octets are; anything after it (a document) is ignored.

    Raises `RemoteProtocolError` as `Decoder` does, and where the message is cut short.
    """
    decoder = Decoder(limits)
    message = decoder.feed(octets) if len(octets) > limits.octets else decoder._read_all(octets)
    if message is None:
        raise RemoteProtocolError(_CUT_SHORT, offset=len(octets))
    return message
