"""What a printer lacks for IPP Everywhere 1.1, told from the attributes that it answered with.

The requirements are those of PWG 5100.14 as its conformance suites hold printers to them; what only an
exchange of messages can show (error rules, printing) is not seen here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ..message import Attributes, Value
from ..registry import lookup
from ..values import OutOfBand, Range
from ..vocabulary.enums import Finishings, Operation

_OPERATIONS: Final = "PWG 5100.14 5.1"
_ATTRIBUTES: Final = "PWG 5100.14 5.2"
_FORMATS: Final = "PWG 5100.14 6"


@dataclass(frozen=True, slots=True)
class Missing:
    """A requirement that is not met: the attribute, what is wrong with it, and where it is required."""

    name: str
    problem: str
    section: str

    def __str__(self) -> str:
        return f"{self.name}: {self.problem} ({self.section})"


_REQUIRED_OPERATIONS: Final = (
    *(Operation.PRINT_JOB, Operation.VALIDATE_JOB, Operation.CREATE_JOB, Operation.SEND_DOCUMENT),
    *(Operation.CANCEL_JOB, Operation.GET_JOB_ATTRIBUTES, Operation.GET_JOBS),
    *(Operation.GET_PRINTER_ATTRIBUTES, Operation.CANCEL_MY_JOBS, Operation.CLOSE_JOB),
    Operation.IDENTIFY_PRINTER,
)

_REQUIRED: Final = """
    charset-configured charset-supported color-supported compression-supported document-format-default
    document-format-supported generated-natural-language-supported identify-actions-default
    identify-actions-supported ipp-features-supported ipp-versions-supported
    job-creation-attributes-supported job-ids-supported multiple-document-jobs-supported
    multiple-operation-time-out multiple-operation-time-out-action natural-language-configured
    operations-supported pages-per-minute pdl-override-supported preferred-attributes-supported
    printer-config-change-date-time printer-config-change-time printer-current-time printer-geo-location
    printer-get-attributes-supported printer-icons printer-info printer-is-accepting-jobs printer-location
    printer-make-and-model printer-more-info printer-name printer-organization printer-organizational-unit
    printer-state printer-state-change-date-time printer-state-change-time printer-state-message
    printer-state-reasons printer-up-time printer-uri-supported printer-uuid queued-job-count
    uri-authentication-supported uri-security-supported which-jobs-supported
    copies-default copies-supported media-bottom-margin-supported media-col-database media-col-default
    media-col-ready media-col-supported media-default media-left-margin-supported media-ready
    media-right-margin-supported media-size-supported media-supported media-top-margin-supported
    orientation-requested-default orientation-requested-supported output-bin-default output-bin-supported
    print-color-mode-default print-color-mode-supported print-quality-default print-quality-supported
    printer-resolution-default printer-resolution-supported sides-default sides-supported
    pwg-raster-document-resolution-supported pwg-raster-document-type-supported
""".split()  # noqa: SIM905 (seventy quotes and commas would hide the words)

# Values of which one must be there.
_REQUIRED_VALUES: Final = (
    ("charset-supported", "utf-8", _ATTRIBUTES),
    ("compression-supported", "none", _ATTRIBUTES),
    ("document-format-supported", "image/pwg-raster", _FORMATS),
    ("ipp-features-supported", "ipp-everywhere", _ATTRIBUTES),
    ("ipp-versions-supported", "2.0", _ATTRIBUTES),
    ("job-ids-supported", True, _ATTRIBUTES),
    ("media-col-supported", "media-size", _ATTRIBUTES),
    ("printer-get-attributes-supported", "document-format", _ATTRIBUTES),
    ("which-jobs-supported", "completed", _ATTRIBUTES),
    ("which-jobs-supported", "not-completed", _ATTRIBUTES),
)
_EQUAL_COUNTS: Final = (
    ("printer-uri-supported", "uri-security-supported"),
    ("printer-uri-supported", "uri-authentication-supported"),
    ("printer-alert", "printer-alert-description"),
    ("printer-supply", "printer-supply-description"),
    ("printer-input-tray", "media-source-supported"),
    ("printer-output-tray", "output-bin-supported"),
)
# Their -supported is the number of levels into which the values fall (RFC 8011 5.2.1).
_LEVELS: Final = frozenset({"job-priority", "print-darkness"})
_FORMS: Final = {
    "printer-uri-supported": re.compile(r"ipps?://.+"),
    "printer-more-info": re.compile(r"https?://.+"),
    "printer-icons": re.compile(r"https?://.+"),
    "printer-geo-location": re.compile(r"geo:.+"),
    "printer-uuid": re.compile(r"urn:uuid:[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    "multiple-operation-time-out-action": re.compile(r"abort-job|hold-job|process-job"),
}

Finder: TypeAlias = Callable[[Attributes], Iterator[Missing]]


def missing(answer: Attributes) -> list[Missing]:
    """Every requirement of IPP Everywhere 1.1 that a printer's answer does not show to be met.

    `answer` is what it gave for requested-attributes `all` and `media-col-database`, which no printer sends
    unless it is named. Whatever a printer sent is judged, never refused.
    """
    finders: tuple[Finder, ...] = (
        *(_find_absent, _find_operations, _find_values, _find_conditional, _find_syntaxes),
        *(_find_forms, _find_defaults, _find_counts),
    )
    found = [lack for find in finders for lack in find(answer)]
    return list(dict.fromkeys(found))


def _values(answer: Attributes, name: str) -> tuple[Value, ...]:
    attribute = answer.get(name)
    return attribute.values if attribute else ()


def _absent(
    answer: Attributes, names: Iterable[str], when: str = "", section: str = _ATTRIBUTES
) -> Iterator[Missing]:
    for name in names:
        if not _values(answer, name):
            yield Missing(name, f"absent{when}", section)


def _find_absent(answer: Attributes) -> Iterator[Missing]:
    yield from _absent(answer, _REQUIRED)


def _find_operations(answer: Attributes) -> Iterator[Missing]:
    supported = _values(answer, "operations-supported")
    for operation in _REQUIRED_OPERATIONS:
        if supported and operation not in supported:
            yield Missing("operations-supported", f"lacks {operation.keyword}", _OPERATIONS)


def _find_values(answer: Attributes) -> Iterator[Missing]:
    for name, value, section in _REQUIRED_VALUES:
        values = _values(answer, name)
        if values and value not in values:
            yield Missing(name, f"lacks {str(value).lower()}", section)
    time_out = _values(answer, "multiple-operation-time-out")
    if time_out and not _is_positive(time_out[0]):
        yield Missing("multiple-operation-time-out", "not above 0", _ATTRIBUTES)
    up_time = _values(answer, "printer-up-time")
    if up_time and not _is_positive(up_time[0]):
        yield Missing("printer-up-time", "not above 0", _ATTRIBUTES)


def _is_positive(value: Value) -> bool:
    return isinstance(value, int) and value > 0


def _find_conditional(answer: Attributes) -> Iterator[Missing]:
    formats = _values(answer, "document-format-supported")
    if True in _values(answer, "color-supported"):
        yield from _absent(answer, ("pages-per-minute-color",), " though it prints colour")
        if "image/jpeg" not in formats:
            yield Missing("document-format-supported", "lacks image/jpeg though it prints colour", _FORMATS)
    if "application/pdf" in formats:
        when = " though it prints PDF"
        yield from _absent(answer, ("document-password-supported", "overrides-supported"), when)
        if "pages" not in _values(answer, "overrides-supported"):
            yield Missing("overrides-supported", f"lacks pages{when}", _ATTRIBUTES)
        if True not in _values(answer, "page-ranges-supported"):
            yield Missing("page-ranges-supported", f"not true{when}", _ATTRIBUTES)
    if any(str(sides).startswith("two-sided") for sides in _values(answer, "sides-supported")):
        yield from _absent(answer, ("pwg-raster-document-sheet-back",), " though it prints on both sides")
    if any(code != Finishings.NONE for code in _values(answer, "finishings-supported")):
        names = ("default", "col-database", "col-default", "col-ready", "col-supported")
        finishings = ("finishing-template-supported", *(f"finishings-{name}" for name in names))
        yield from _absent(answer, finishings, " though it finishes")
    for member in ("media-source", "media-type"):
        if _values(answer, f"{member}-supported") and member not in _values(answer, "media-col-supported"):
            yield Missing("media-col-supported", f"lacks {member} though it is supported", _ATTRIBUTES)
    for name, companion in (
        ("job-constraints-supported", "job-resolvers-supported"),
        ("job-password-supported", "job-password-encryption-supported"),
        ("job-account-id-supported", "job-account-id-default"),
        ("job-accounting-user-id-supported", "job-accounting-user-id-default"),
        ("printer-charge-info", "printer-charge-info-uri"),
    ):
        if _values(answer, name) not in ((), (False,)):
            yield from _absent(answer, (companion,), f" though {name} is there")


def _find_syntaxes(answer: Attributes) -> Iterator[Missing]:
    for name in _REQUIRED:
        attribute, definition = answer.get(name), lookup(name)
        if attribute is None or definition is None:
            continue
        for tag, value in zip(attribute.tags, attribute.values, strict=True):
            # Suites let every printer without a clock, a tray or a wish say so.
            if isinstance(value, OutOfBand) and value in (OutOfBand.NO_VALUE, OutOfBand.UNKNOWN):
                continue
            # printer-up-time 0 and config times of 0 are judged by value, not by IANA's bounds.
            problem = definition.violation(tag, value)
            if problem and not (isinstance(value, int) and value == 0):
                yield Missing(name, problem, _ATTRIBUTES)
        if len(attribute.values) > 1 and not definition.is_set:
            yield Missing(name, f"{len(attribute.values)} values where one is allowed", _ATTRIBUTES)


def _find_forms(answer: Attributes) -> Iterator[Missing]:
    for name, form in _FORMS.items():
        for value in _values(answer, name):
            if isinstance(value, str) and not form.fullmatch(value):
                yield Missing(name, f"{value[:80]!r} is not of the form {form.pattern}", _ATTRIBUTES)


def _find_defaults(answer: Attributes) -> Iterator[Missing]:
    for attribute in answer:
        stem = attribute.name.removesuffix("-default")
        supported = _values(answer, f"{stem}-supported")
        if stem == attribute.name or not supported or stem.endswith("-col") or stem in _LEVELS:
            continue
        fits = _among(supported)
        # The first says enough: a printer may send as many as it likes.
        odd = next((value for value in attribute.values if not fits(value)), None)
        if odd is not None:
            yield Missing(attribute.name, f"{odd!r} is not in {stem}-supported", _ATTRIBUTES)


def _among(supported: tuple[Value, ...]) -> Callable[[Value], bool]:
    """Whether a value is one of these, or within one of these ranges; made once for many values."""
    if isinstance(supported[0], bool):
        return lambda _: True  # this -supported only says yes or no
    plain = frozenset(item for item in supported if not isinstance(item, Attributes))
    ranges = [item for item in supported if isinstance(item, Range)]

    def fits(value: Value) -> bool:
        if isinstance(value, OutOfBand | Attributes) or value in plain:
            return True  # what is no value is not to be found, and collections are not compared
        return isinstance(value, int) and any(item.lower <= value <= item.upper for item in ranges)

    return fits


def _find_counts(answer: Attributes) -> Iterator[Missing]:
    for name, companion in _EQUAL_COUNTS:
        count, other = len(_values(answer, name)), len(_values(answer, companion))
        if count and count != other:
            yield Missing(companion, f"{other} values beside {count} of {name}", _ATTRIBUTES)
