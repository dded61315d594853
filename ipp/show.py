"""Messages and attributes as a person reads them, and as JSON that a program reads.

Strings of a peer may hold what a terminal takes for commands: whatever does not print is shown by its number.
Passwords are never shown, in neither form.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TextIO, TypeAlias

from .enums import GroupTag, Tag
from .message import Attribute, Attributes, Collection, Message, Value
from .registry import lookup, member_paths
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution
from .vocabulary.enums import ENUMS

# What json.dumps takes. An attribute is an array where it is a 1setOf, or where nobody registered its name.
Plain: TypeAlias = "bool | int | str | list[Plain] | dict[str, Plain] | None"

# Names whose values let somebody in.
SECRETS: Final = frozenset({"document-password", "job-authorization-uri", "job-password"})
NOT_SHOWN: Final = "(not shown)"

WIDTH: Final = 100
_NAME_COLUMN: Final = 34
_TARGETS: Final = ("printer-uri", "job-uri", "system-uri", "document-uri", "resource-id")
_QUOTED: Final = frozenset({Tag.TEXT, Tag.NAME, Tag.TEXT_WITH_LANGUAGE, Tag.NAME_WITH_LANGUAGE})
_BOLD, _DIM, _RED, _GREEN, _CYAN = "1", "2", "31", "32", "36"


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether to colour what is written there: a terminal, unless `NO_COLOR` is set or it is a dumb one."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def is_request(message: Message) -> bool:
    """Whether a message asks rather than answers: its octets do not say, but only requests have a target."""
    return any(name in message.operation_attributes for name in _TARGETS)


def readable(text: str) -> str:
    """The text with what does not print, and octets that are no characters, by their numbers."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _numbered(character) for character in text)


def _numbered(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an octet that the decoder kept
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def render_message(message: Message, *, colour: bool = False, width: int = WIDTH) -> str:
    """Every group and attribute of a message in aligned lines."""
    paint = _painter(colour)
    version = ".".join(map(str, message.version))
    if is_request(message):
        head = f"{paint(_BOLD, message.operation.keyword)} request {message.request_id}, IPP {version}"
    else:
        code = paint(_GREEN if message.status.successful else _RED, message.status.keyword)
        head = f"{code} to request {message.request_id}, IPP {version}"
    parts = [head]
    for group in message.groups:
        parts.append("\n" + paint(_BOLD, f"{GroupTag(group.tag).keyword} attributes"))
        parts.extend(_lines(group, paint, width))
    return "\n".join(parts) + "\n"


def render_attributes(attributes: Attributes, *, colour: bool = False, width: int = WIDTH) -> str:
    """Attributes in aligned lines: name, then values."""
    return "".join(line + "\n" for line in _lines(attributes, _painter(colour), width))


_Paint: TypeAlias = Callable[[str, str], str]


def _painter(colour: bool) -> _Paint:
    """What wraps text in the code of a colour, or leaves it as it is."""
    if colour:
        return lambda code, text: f"\x1b[{code}m{text}\x1b[0m"
    return lambda code, text: text


def _lines(attributes: Attributes, paint: _Paint, width: int) -> Iterator[str]:
    names = [readable(found.name) for found in attributes]
    column = min(max(map(len, names), default=0), _NAME_COLUMN) + 4
    room = max(width - column, 20)
    for name, found in zip(names, attributes, strict=True):
        values = _wrapped(found, room)
        if found.name in SECRETS:
            values = [paint(_DIM, NOT_SHOWN)]
        head = f"  {paint(_CYAN, name)}"
        if len(name) + 4 > column:  # longer than the column: it has a line of its own
            yield head
        else:
            yield head + " " * (column - len(name) - 2) + values.pop(0)
        yield from (" " * column + line for line in values)


def _wrapped(found: Attribute, room: int) -> list[str]:
    """The values of an attribute in lines of that width; each collection begins a line of its own."""
    words = [_word(found.name, tag, value) for tag, value in zip(found.tags, found.values, strict=True)]
    together = any(isinstance(value, Collection) for value in found.values)
    rows = words if together else [", ".join(words)]
    lines: list[str] = []
    for row in rows:
        hanging = "  " if together else ""
        lines += textwrap.wrap(
            row, room, break_long_words=False, break_on_hyphens=False, subsequent_indent=hanging
        ) or [""]
    return lines


def _word(name: str, tag: int, value: Value) -> str:
    """One value; a collection as `{name=value, ...}`, by a stack of what is still to be written."""
    parts: list[str] = []
    todo: list[str | tuple[str, int, Value]] = [(name, tag, value)]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        item_name, item_tag, item_value = item
        if item_name in SECRETS:
            parts.append(NOT_SHOWN)
        elif isinstance(item_value, Collection):
            pieces: list[str | tuple[str, int, Value]] = ["{"]
            for number, member in enumerate(item_value):
                pieces.append(f"{' ' if number else ''}{readable(member.name)}=")
                for place, pair in enumerate(zip(member.tags, member.values, strict=True)):
                    pieces += [","] * bool(place) + [(member.name, *pair)]
            todo.extend(reversed([*pieces, "}"]))
        else:
            parts.append(_simple_word(item_name, item_tag, item_value))
    return "".join(parts)


def _simple_word(name: str, tag: int, value: Value) -> str:
    if isinstance(value, OutOfBand):
        return f"({value.keyword})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _enum_word(name, tag, value)
    if isinstance(value, LanguageString):
        return f'"{readable(value)}" [{readable(value.language)}]'
    if isinstance(value, str):
        return f'"{readable(value)}"' if tag in _QUOTED else readable(value)
    if isinstance(value, bytes):
        return f'"{value.decode()}"' if _is_plain_text(value) else f"0x{value.hex()}"
    return readable(str(value))  # the direction of a DateTime is whatever octet came


def _enum_word(name: str, tag: int, value: int) -> str:
    kind = ENUMS.get(name) if tag == Tag.ENUM else None
    if kind is None:
        return str(value)
    member = kind(value)
    return str(value) if member.name.startswith("0x") else member.keyword


def _is_plain_text(octets: bytes) -> bool:
    return octets.isascii() and octets.decode().isprintable()


def plain_message(message: Message) -> dict[str, Plain]:
    """A message for `json.dumps`: `version`, `request-id`, `operation` or `status`, `code`, `groups`."""
    kind, keyword = (
        ("operation", message.operation.keyword)
        if is_request(message)
        else ("status", message.status.keyword)
    )
    groups: list[Plain] = [
        {"group": GroupTag(group.tag).keyword, "attributes": plain_attributes(group)}
        for group in message.groups
    ]
    return {
        "version": ".".join(map(str, message.version)),
        kind: keyword,
        "code": message.code,
        "request-id": message.request_id,
        "groups": groups,
    }


def plain_attributes(attributes: Attributes) -> dict[str, Plain]:
    """Attributes for `json.dumps`, by name; of a name that is there twice the first.

    Enums are keywords (numbers where nobody registered them), dates ISO 8601, resolutions `600x1200dpi`,
    ranges `{"lower", "upper"}`, text with a language `{"text", "language"}`, octets that are no plain text
    `{"octets": HEX}`, out-of-band values `{"out-of-band": KEYWORD}`, collections objects, passwords null.
    """
    result: dict[str, Plain] = {}
    todo: list[tuple[Attributes, dict[str, Plain], str]] = [(attributes, result, "")]
    while todo:
        source, target, path = todo.pop()
        for found in source:
            name = _characters(found.name)
            if name in target:
                continue
            here = f"{path}/{name}" if member_paths(path) else name
            shaped: list[Plain] = []
            for tag, value in zip(found.tags, found.values, strict=True):
                if isinstance(value, Collection) and found.name not in SECRETS:
                    inner: dict[str, Plain] = {}
                    todo.append((value, inner, here))
                    shaped.append(inner)
                else:
                    shaped.append(None if found.name in SECRETS else _plain(found.name, tag, value))
            definition = lookup(found.name, path)
            single = definition is not None and not definition.is_set and len(shaped) == 1
            target[name] = shaped[0] if single else shaped
    return result


def _plain(name: str, tag: int, value: Value) -> Plain:
    if isinstance(value, OutOfBand):
        return {"out-of-band": value.keyword}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        word = _enum_word(name, tag, value)
        return value if word == str(value) else word
    if isinstance(value, LanguageString):
        return {"text": _characters(value), "language": _characters(value.language)}
    if isinstance(value, str):
        return _characters(value)
    if isinstance(value, bytes):
        return value.decode() if _is_plain_text(value) else {"octets": value.hex()}
    if isinstance(value, Range):
        return {"lower": value.lower, "upper": value.upper}
    if isinstance(value, DateTime | Resolution):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no attribute value")


def _characters(text: str) -> str:
    """Characters only: an octet that was none becomes U+FFFD, which JSON can hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
