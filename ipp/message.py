"""A message and what it is made of: groups of attributes, each a name and its values with their syntax."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias, TypeVar, overload

import msgspec

from .enums import GroupTag, Status, Tag
from .errors import RemoteProtocolError
from .values import DateTime, OutOfBand, Range, Resolution
from .vocabulary.enums import Operation

Value: TypeAlias = "int | bool | str | bytes | DateTime | Resolution | Range | OutOfBand | Collection"
Version: TypeAlias = tuple[int, int]

V = TypeVar("V")


class Attribute(msgspec.Struct, frozen=True):
    """A name, its values in order, and the value tag of each: `tags[i]` is the syntax of `values[i]`.

    Immutable. A Struct, not a dataclass, because a printer's answer holds hundreds and this one is made in a
    quarter of the time.
    """

    name: str
    tags: bytes
    values: tuple[Value, ...]

    @classmethod
    def of(cls, name: str, tag: int, *values: Value) -> Attribute:
        """An attribute whose values are all of one syntax; an `OutOfBand` value brings its own tag.

        `encode` refuses an attribute without values: the wire has no form for one.
        """
        tags = bytes(value.value if isinstance(value, OutOfBand) else tag for value in values)
        return cls(name, tags, values)

    @property
    def tag(self) -> Tag:
        """The syntax of the first value."""
        return Tag(self.tags[0])

    @property
    def value(self) -> Value:
        """The first value; the only one, unless the attribute is a 1setOf."""
        return self.values[0]

    def renamed(self, name: str) -> Attribute:
        """The same values under another name."""
        return Attribute(name, self.tags, self.values)


class Attributes:
    """Attributes in wire order, found by name. A name that a peer repeats is kept; look-ups see the first.

    The typed getters (`integer`, `string` ...) are for what a peer sent: they raise `RemoteProtocolError`
    (client-error-bad-request) when the value is of another kind, and give `default` when the name is
    absent or its value is out-of-band. Those of one value give the first of a 1setOf.
    """

    __slots__ = ("_index", "_list")

    def __init__(self, attributes: Iterable[Attribute] = ()) -> None:
        self._list = list(attributes)
        self._index: dict[str, Attribute] | None = None

    def _by_name(self) -> dict[str, Attribute]:
        index = self._index
        if index is None:
            index = self._index = {attribute.name: attribute for attribute in reversed(self._list)}
        return index

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._list)

    def __len__(self) -> int:
        return len(self._list)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name()

    def __getitem__(self, name: str) -> Attribute:
        return self._by_name()[name]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Attributes) and self._list == other._list

    __hash__ = None  # type: ignore[assignment]  # mutable, like a list

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._list!r})"

    def get(self, name: str) -> Attribute | None:
        """The attribute of that name, or None."""
        return self._by_name().get(name)

    def names(self) -> list[str]:
        """Every name, in order."""
        return [attribute.name for attribute in self._list]

    def add(self, *attributes: Attribute) -> None:
        """Append, without looking whether a name is there."""
        self._list.extend(attributes)
        self._index = None

    def put(self, attribute: Attribute) -> None:
        """Replace the attribute of that name where it stands, or append."""
        for position, present in enumerate(self._list):
            if present.name == attribute.name:
                self._list[position] = attribute
                break
        else:
            self._list.append(attribute)
        self._index = None

    def discard(self, name: str) -> None:
        """Remove every attribute of that name, if any."""
        self._list = [attribute for attribute in self._list if attribute.name != name]
        self._index = None

    @overload
    def integer(self, name: str, default: int) -> int: ...
    @overload
    def integer(self, name: str, default: None = None) -> int | None: ...
    def integer(self, name: str, default: int | None = None) -> int | None:
        """An integer or enum."""
        value = self._first(name, int)
        if isinstance(value, bool):
            raise _wrong_kind(name, int)
        return default if value is None else value

    @overload
    def boolean(self, name: str, default: bool) -> bool: ...
    @overload
    def boolean(self, name: str, default: None = None) -> bool | None: ...
    def boolean(self, name: str, default: bool | None = None) -> bool | None:
        """A boolean."""
        value = self._first(name, bool)
        return default if value is None else value

    @overload
    def string(self, name: str, default: str) -> str: ...
    @overload
    def string(self, name: str, default: None = None) -> str | None: ...
    def string(self, name: str, default: str | None = None) -> str | None:
        """A text, name, keyword, uri ...: anything of characters."""
        value = self._first(name, str)
        return default if value is None else value

    def strings(self, name: str) -> tuple[str, ...]:
        """Every value of a 1setOf of characters; empty when absent."""
        return self._all(name, str)

    def integers(self, name: str) -> tuple[int, ...]:
        """Every value of a 1setOf integer or enum; empty when absent."""
        values = self._all(name, int)
        if any(isinstance(value, bool) for value in values):
            raise _wrong_kind(name, int)
        return values

    def collection(self, name: str) -> Collection | None:
        """A collection."""
        return self._first(name, Collection)

    def collections(self, name: str) -> tuple[Collection, ...]:
        """Every value of a 1setOf collection; empty when absent."""
        return self._all(name, Collection)

    def date_time(self, name: str) -> DateTime | None:
        """A dateTime."""
        return self._first(name, DateTime)

    def _first(self, name: str, kind: type[V]) -> V | None:
        attribute = self.get(name)
        if attribute is None or isinstance(attribute.value, OutOfBand):
            return None
        if not isinstance(attribute.value, kind):
            raise _wrong_kind(name, kind)
        return attribute.value

    def _all(self, name: str, kind: type[V]) -> tuple[V, ...]:
        attribute = self.get(name)
        if attribute is None or isinstance(attribute.value, OutOfBand):
            return ()
        if not all(isinstance(value, kind) for value in attribute.values):
            raise _wrong_kind(name, kind)
        return attribute.values  # type: ignore[return-value]  # every value was just seen to be a `kind`


def _wrong_kind(name: str, kind: type) -> RemoteProtocolError:
    return RemoteProtocolError(f"{name}: a value of another syntax where {kind.__name__} was expected")


class Collection(Attributes):
    """The members of one collection value, in wire order (RFC 8010 3.1.6)."""

    __slots__ = ()


class Group(Attributes):
    """An attribute group: its delimiter tag and its attributes (RFC 8010 3.1.2)."""

    __slots__ = ("tag",)

    def __init__(self, tag: int, attributes: Iterable[Attribute] = ()) -> None:
        self._list = list(attributes)
        self._index = None
        self.tag = tag

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and self.tag == other.tag and super().__eq__(other)

    __hash__ = None  # mutable, like a list

    def __repr__(self) -> str:
        return f"Group({GroupTag(self.tag).name}, {list(self)!r})"


class Message(msgspec.Struct):
    """A request or a response (RFC 8010 3.1.1): operation or status code, request-id, groups, version.

    Groups stand in wire order and may repeat (one job group for each job of Get-Jobs).
    """

    code: int
    request_id: int = 1
    groups: list[Group] = []
    version: Version = (2, 0)

    @property
    def operation(self) -> Operation:
        """The code of a request."""
        return Operation(self.code)

    @property
    def status(self) -> Status:
        """The code of a response."""
        return Status(self.code)

    def group(self, tag: int) -> Group:
        """The first group of that tag, or an empty one that is not part of the message."""
        for group in self.groups:
            if group.tag == tag:
                return group
        return Group(tag)

    def groups_of(self, tag: int) -> list[Group]:
        """Every group of that tag."""
        return [group for group in self.groups if group.tag == tag]

    @property
    def operation_attributes(self) -> Group:
        """The first group of every message, where it is one of operation attributes; else an empty one."""
        return self.group(GroupTag.OPERATION)

    @property
    def printer(self) -> Group:
        """The printer attributes of a response."""
        return self.group(GroupTag.PRINTER)

    @property
    def job(self) -> Group:
        """The first job group."""
        return self.group(GroupTag.JOB)

    @property
    def jobs(self) -> list[Group]:
        """Every job group."""
        return self.groups_of(GroupTag.JOB)
