"""Octets to `Message`: sans-I/O, incremental, and stopping exactly before the document (RFC 8010 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final

from .enums import GroupTag, Status, Tag
from .errors import LocalProtocolError, RemoteProtocolError
from .message import Attribute, Collection, Group, Message, Value
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution
from .vocabulary.attributes import ATTRIBUTES

_HEADER: Final = Struct(">BBHi").unpack_from
_INT: Final = Struct(">i").unpack
_RANGE: Final = Struct(">ii").unpack
_RESOLUTION: Final = Struct(">iib").unpack
_DATE_TIME: Final = Struct(">HBBBBBBcBB").unpack

_END: Final = int(GroupTag.END)
_BEG_COLLECTION: Final = int(Tag.BEG_COLLECTION)
_END_COLLECTION: Final = int(Tag.END_COLLECTION)
_MEMBER_NAME: Final = int(Tag.MEMBER_ATTR_NAME)

# One octet as bytes, without making it anew for each attribute.
_OCTET: Final = [bytes((code,)) for code in range(256)]

# Names are looked up rather than decoded: a third of the time, and one string object a name.
_NAMES: Final = {name.encode(): name for table in ATTRIBUTES.values() for name in table}


# Every message begins with this attribute and another after it: recognised as one literal, not read.
_USUAL_START: Final = b"\x01\x47\x00\x12attributes-charset\x00\x05utf-8\x48\x00\x1b"
_USUAL_CHARSET: Final = Attribute("attributes-charset", b"\x47", ("utf-8",))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may cost: octets before the document, attribute values, nested collections."""

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
    if direction not in b"+-":
        raise ValueError("the direction from UTC is neither + nor -")
    return DateTime(year, month, day, hour, minute, second, deciseconds, direction.decode(), hours, minutes)


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


class _Frame:
    """A list of attributes being filled, and the one whose values are still arriving."""

    __slots__ = ("attributes", "mixed", "name", "tag", "values")

    def __init__(self, attributes: list[Attribute]) -> None:
        self.attributes = attributes
        self.name: str | None = None
        self.tag = 0
        self.values: list[Value] = []
        self.mixed: bytearray | None = None  # the tags, once two of them differ

    def state(self) -> tuple[list[Attribute], str | None, int, list[Value], bytearray | None]:
        """The fields, for local names."""
        return self.attributes, self.name, self.tag, self.values, self.mixed

    def restore(self, name: str | None, tag: int, values: list[Value], mixed: bytearray | None) -> None:
        """The fields back from local names."""
        self.name = name
        self.tag = tag
        self.values = values
        self.mixed = mixed

    def put(self, name: str, tag: int, values: list[Value], mixed: bytearray | None) -> None:
        """Add a complete attribute."""
        tags = bytes(mixed) if mixed is not None else _OCTET[tag] * len(values)
        self.attributes.append(Attribute(name, tags, tuple(values)))

    def flush(self) -> None:
        """Complete the pending attribute, if there is one."""
        if self.name is not None:
            self.put(self.name, self.tag, self.values, self.mixed)
            self.name = None

    def begin(self, name: str) -> None:
        """Start an attribute that has no value yet."""
        self.flush()
        self.restore(name, 0, [], None)

    def append(self, tag: int, value: Value) -> None:
        """One more value of the pending attribute."""
        if not self.values:
            self.tag = tag
        elif self.mixed is not None:
            self.mixed.append(tag)
        elif tag != self.tag:
            self.mixed = bytearray(_OCTET[self.tag] * len(self.values))
            self.mixed.append(tag)
        self.values.append(value)


class Decoder:
    """Takes a message's octets as they come, in pieces of any size.

    `feed` returns the `Message` once its end-of-attributes-tag was seen, and None until then. What follows
    that tag is the document: its first octets, as far as they came with the same piece, are `trailing`.

    Raises `RemoteProtocolError` with the offset of the first wrong octet; its status is
    client-error-request-entity-too-large where a limit was passed, else client-error-bad-request. After an
    error or a message, feeding again is a `LocalProtocolError`.

    Each value is committed as it is read, so that a peer who sends octet by octet costs no more than one who
    does not: never more than one value is held back and looked at twice.
    """

    trailing = b""
    _buffer = b""
    _offset = 0  # of the buffer's first octet, from the message's
    _message: Message | None = None
    _closed = False

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._items_left = limits.values
        self._frame = _Frame([])  # a message's first attribute comes after its first group begins
        self._groups: list[Group] = []
        self._stack: list[_Frame] = []

    def feed(self, data: bytes) -> Message | None:
        """Take the next octets; the whole message if these complete it."""
        if self._closed:
            raise LocalProtocolError("this decoder has finished; make a new one for each message")
        buffer = self._buffer + data if self._buffer else data
        position = 0
        if self._message is None:
            if len(buffer) < 8:
                self._buffer = buffer
                return None
            major, minor, code, request_id = _HEADER(buffer)
            self._message = Message(code, request_id, self._groups, (major, minor))
            position = 8
            if buffer.startswith(_USUAL_START, 8):
                group = Group(GroupTag.OPERATION, (_USUAL_CHARSET,))
                self._groups.append(group)
                self._frame.attributes = group.wire_list
                position += len(_USUAL_START) - 3
        try:
            position, complete = self._read(buffer, position)
            if self._offset + (position if complete else len(buffer)) > self._limits.octets:
                raise _too_large(f"more than {self._limits.octets} octets of attributes", self._limits.octets)
        except RemoteProtocolError:
            self._closed = True
            raise
        if not complete:
            self._offset += position
            self._buffer = buffer[position:]
            return None
        self._closed = True
        self._buffer = b""
        self.trailing = buffer[position:]
        return self._message

    def finish(self) -> None:
        """Tell that no more octets will come. Raises `RemoteProtocolError` where the message is cut short."""
        if not self._closed:
            self._closed = True
            raise RemoteProtocolError(
                "the message ends before its end-of-attributes-tag", offset=self._offset + len(self._buffer)
            )

    def _read(self, buffer: bytes, position: int) -> tuple[int, bool]:
        """Read every whole value from `position`; gives where it stopped, and whether the message is whole.

        This loop is where the time of a message goes, so it is written for speed: the frame's fields are
        local names; a value that is not all here yet shows as an IndexError or as an end beyond the buffer,
        not by a test before each octet; lengths above 255, collections and 1setOf of mixed syntaxes, which
        are rare, leave by the branches.
        """
        size = len(buffer)
        stack = self._stack
        frame = self._frame
        attributes, name, first_tag, values, mixed = frame.state()
        complete = False
        items_left = 0
        try:
            for items_left in range(self._items_left - 1, -1, -1):  # noqa: B007  # what is left is kept
                tag = buffer[position]
                convert = _CONVERT[tag]
                if convert is None and tag < 0x10 and not stack:
                    frame.restore(name, first_tag, values, mixed)
                    frame.flush()
                    name = None
                    position += 1
                    if tag == _END:
                        complete = True
                        break
                    if not tag:
                        raise self._malformed("delimiter 0x00 is reserved", position - 1)
                    group = Group(tag)
                    self._groups.append(group)
                    attributes = frame.attributes = group.wire_list
                    continue
                name_length = buffer[position + 2]
                if buffer[position + 1]:
                    name_length = self._long(name_length, buffer[position + 1], position + 1)
                name_end = position + 3 + name_length
                length = buffer[name_end + 1]
                if buffer[name_end]:
                    length = self._long(length, buffer[name_end], name_end)
                value_start = name_end + 2
                value_end = value_start + length
                if value_end > size:
                    break
                raw = buffer[value_start:value_end]
                if convert is None or stack:
                    frame.restore(name, first_tag, values, mixed)
                    frame = self._read_collection(frame, tag, buffer[position + 3 : name_end], raw, position)
                    attributes, name, first_tag, values, mixed = frame.state()
                    position = value_end
                    continue
                try:
                    value = convert(raw)
                except ValueError as error:
                    value = self._mend(tag, raw, value_start, error)
                if name_length:
                    if name is not None:
                        if len(values) == 1:
                            attributes.append(Attribute(name, _OCTET[first_tag], (values[0],)))
                        else:
                            frame.put(name, first_tag, values, mixed)
                    raw_name = buffer[position + 3 : name_end]
                    name = _NAMES.get(raw_name) or _text(raw_name)
                    first_tag = tag
                    values = [value]
                    mixed = None
                elif tag == first_tag and mixed is None and name is not None:
                    values.append(value)
                elif name is None:
                    raise self._malformed("an additional value before the first attribute", position)
                else:
                    frame.restore(name, first_tag, values, mixed)
                    frame.append(tag, value)
                    mixed = frame.mixed
                position = value_end
            else:
                raise _too_large(f"more than {self._limits.values} values", self._offset + position)
        except IndexError:  # the next value is not all here yet
            if size - position > 1 and buffer[position] >= 0x10 and buffer[position + 1] > 0x7F:
                raise self._malformed("negative length", position + 1) from None
        if not self._groups and position < size:
            raise self._malformed("an attribute before the first group", position)
        frame.restore(name, first_tag, values, mixed)
        self._frame = frame
        self._items_left = items_left
        return position, complete

    def _long(self, low: int, high: int, position: int) -> int:
        """A length above 255; raises where it is negative (RFC 8010 3.1.4: SIGNED-SHORT)."""
        if high > 0x7F:
            raise self._malformed("negative length", position)
        return high << 8 | low

    def _mend(self, tag: int, raw: bytes, position: int, error: ValueError) -> Value:
        """Characters that are not UTF-8 as surrogates; raises for what does not fit its syntax."""
        if isinstance(error, UnicodeDecodeError) and tag >= 0x40:
            return _text(raw)
        raise self._malformed(f"{Tag(tag).keyword} value: {error}", position) from error

    def _read_collection(self, frame: _Frame, tag: int, name: bytes, raw: bytes, position: int) -> _Frame:
        """One value that begins, belongs to or ends a collection (RFC 8010 3.1.6); the frame to go on in."""
        if name:
            if self._stack or tag != _BEG_COLLECTION:
                raise self._malformed("a name where a collection member has none", position + 1)
            frame.begin(_NAMES.get(name) or _text(name))
        if tag < 0x10:
            raise self._malformed(f"delimiter 0x{tag:02x} inside a collection", position)
        if tag == _MEMBER_NAME:
            if not self._stack or not raw or (frame.name is not None and not frame.values):
                raise self._malformed("a memberAttrName where none can stand, or an empty one", position)
            frame.begin(_NAMES.get(raw) or _text(raw))
            return frame
        if tag == _END_COLLECTION:
            if not self._stack or raw or (frame.name is not None and not frame.values):
                raise self._malformed("an endCollection where none can stand", position)
            frame.flush()
            outer = self._stack.pop()
            outer.append(_BEG_COLLECTION, Collection(frame.attributes))
            return outer
        if frame.name is None:
            raise self._malformed("a value without a name", position)
        if tag == _BEG_COLLECTION:
            if raw:
                raise self._malformed("a begCollection with a value", position)
            if len(self._stack) >= self._limits.depth:
                raise _too_large(
                    f"collections nested deeper than {self._limits.depth}", self._offset + position
                )
            self._stack.append(frame)
            return _Frame([])
        convert = _CONVERT[tag] or bytes
        try:
            frame.append(tag, convert(raw))
        except ValueError as error:
            frame.append(tag, self._mend(tag, raw, position + 5 + len(name), error))
        return frame

    def _malformed(self, what: str, position: int) -> RemoteProtocolError:
        return RemoteProtocolError(what, offset=self._offset + position)


def _too_large(what: str, offset: int) -> RemoteProtocolError:
    return RemoteProtocolError(what, status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE, offset=offset)


def decode(octets: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Message:
    """The message that these octets are; anything after it (a document) is ignored.

    Raises `RemoteProtocolError` as `Decoder` does, and where the message is cut short.
    """
    decoder = Decoder(limits)
    message = decoder.feed(octets)
    if message is None:
        decoder.finish()
        raise LocalProtocolError("unreachable: an unfinished decoder raises")
    return message
