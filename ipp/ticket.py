"""What a client asked for in a job, held against what the printer supports (RFC 8011 4.1.7, 4.2.1.2).

Whatever is not supported goes back to the client in the unsupported group; with `ipp-attribute-fidelity` the
job is refused for it, without it the rest is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .enums import Status, Tag
from .errors import RemoteProtocolError
from .message import Attribute, Attributes, Collection, Value
from .registry import lookup
from .values import OutOfBand, Range
from .vocabulary.attributes import ATTRIBUTES

_JOB_TEMPLATE: Final = frozenset(ATTRIBUTES["job-template"])

# Job Template attributes that a printer supports without an `-supported` that lists their values.
_FREE: Final = frozenset({"job-hold-until-time", "job-accounting-user-id", "job-account-id", "page-ranges"})


def check_value(attribute: Attribute, path: str = "") -> None:
    """Hold an attribute a peer sent against its registration, its members included.

    Raises `RemoteProtocolError`: client-error-request-value-too-long for a string that is too long, else
    client-error-bad-request. Names nobody registered pass: whether they are supported is another question.
    """
    todo = [(attribute, path)]
    while todo:
        each, where = todo.pop()
        definition = lookup(each.name, where)
        here = f"{where}/{each.name}" if where else each.name
        for tag, value in zip(each.tags, each.values, strict=True):
            if isinstance(value, Collection):
                todo.extend((member, here) for member in value)
            if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
                raise RemoteProtocolError(f"{here}: not UTF-8")
            if isinstance(value, OutOfBand) or definition is None:
                continue
            problem = definition.violation(tag, value)
            if problem is not None:
                too_long = isinstance(value, str | bytes) and tag in definition.bounds
                raise RemoteProtocolError(
                    f"{here}: {problem}",
                    status=Status.CLIENT_ERROR_REQUEST_VALUE_TOO_LONG
                    if too_long
                    else Status.CLIENT_ERROR_BAD_REQUEST,
                )


def check_count(attribute: Attribute) -> None:
    """Raise `RemoteProtocolError` where an attribute has more values than it is registered for."""
    definition = lookup(attribute.name)
    if definition is not None and len(attribute.values) > 1 and not definition.is_set:
        raise RemoteProtocolError(f"{attribute.name}: more than one value")


def is_allowed_out_of_band(attribute: Attribute) -> bool:
    """Whether each value that is no value (unknown, no-value ...) is one that its registration allows."""
    definition = lookup(attribute.name)
    allowed = definition.out_of_band if definition is not None else frozenset()
    return all(value in allowed for value in attribute.values if isinstance(value, OutOfBand))


def sort_out(asked: Iterable[Attribute], printer: Attributes) -> tuple[Attributes, list[Attribute]]:
    """What of the asked job attributes the printer supports, and what goes back as unsupported.

    An attribute that is unknown goes back with the out-of-band value `unsupported`; one with values that the
    printer has not goes back with those values, and what remains of a 1setOf is kept.
    """
    accepted = Attributes()
    unsupported = []
    for each in asked:
        if not is_supported(each.name, printer):
            unsupported.append(Attribute.of(each.name, Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED))
            continue
        good: list[tuple[int, Value]] = []
        bad: list[tuple[int, Value]] = []
        for pair in zip(each.tags, each.values, strict=True):
            (good if supports(each.name, pair[1], printer) else bad).append(pair)
        for pairs, put in ((good, accepted.add), (bad, unsupported.append)):
            if pairs:
                tags, values = zip(*pairs, strict=True)
                put(Attribute(each.name, bytes(tags), values))
    return accepted, unsupported


def is_supported(name: str, printer: Attributes) -> bool:
    """Whether the printer takes this Job Template attribute at all."""
    if name not in _JOB_TEMPLATE:
        return False
    supported = printer.get(f"{name}-supported")
    if supported is not None:
        return supported.values != (False,)
    return name in printer.strings("job-creation-attributes-supported")


def supports(name: str, value: Value, printer: Attributes) -> bool:
    """Whether a value is among what `NAME-supported` says."""
    if isinstance(value, OutOfBand):
        return False
    if isinstance(value, Collection):
        return _supports_collection(name, value, printer)
    supported = printer.get(f"{name}-supported")
    if supported is None:
        return name in _FREE or name in printer.strings("job-creation-attributes-supported")
    if name in _FREE:
        return True
    if name == "job-priority":
        return isinstance(value, int) and 1 <= value <= 100
    return any(_fits(value, one) for one in supported.values)


def _fits(value: Value, supported: Value) -> bool:
    if isinstance(supported, bool):
        return supported
    if isinstance(supported, Range):
        if isinstance(value, Range):
            return supported.lower <= value.lower <= value.upper <= supported.upper
        return isinstance(value, int) and supported.lower <= value <= supported.upper
    return value == supported


def _supports_collection(name: str, value: Collection, printer: Attributes) -> bool:
    """A collection fits when each of its members is known and has a supported value."""
    known = printer.strings(f"{name}-supported")
    for member in value:
        if known and member.name not in known:
            return False
        if member.name == "media-size":
            if not all(isinstance(one, Collection) and supports_size(one, printer) for one in member.values):
                return False
        elif f"{member.name}-supported" in printer and not all(
            supports(member.name, one, printer) for one in member.values
        ):
            return False
    return True


def supports_size(size: Collection, printer: Attributes) -> bool:
    """Whether media-size-supported holds a size, given in hundredths of a millimetre (PWG 5100.7 6.9.50)."""
    width, length = size.integer("x-dimension"), size.integer("y-dimension")
    if width is None or length is None:
        return False
    for one in printer.collections("media-size-supported"):
        across, along = one.get("x-dimension"), one.get("y-dimension")
        if (
            across is not None
            and along is not None
            and _near(width, across.value)
            and _near(length, along.value)
        ):
            return True
    return False


def _near(dimension: int, supported: Value) -> bool:
    """Equal within what converting inches to millimetres may lose (PWG 5101.1 5.1: 0.5 mm)."""
    if isinstance(supported, Range):
        return supported.lower <= dimension <= supported.upper
    return isinstance(supported, int) and abs(dimension - supported) <= 50
