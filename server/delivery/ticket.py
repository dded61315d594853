"""What was asked for a job, fitted to what a device can do; and what is lost on the way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ipp import Attribute, Attributes, Collection, Tag, Value
from ipp.job import Job
from ipp.media import resolve
from ipp.registry import attribute
from ipp.ticket import sort_out, supports
from ipp.vocabulary.attributes import ATTRIBUTES

# Asked of us, not of the device: when the job comes out is decided here.
_OURS: Final = frozenset(
    {
        "job-cancel-after",
        "job-delay-output-until",
        "job-delay-output-until-time",
        "job-hold-until",
        "job-hold-until-time",
        "job-priority",
        "job-retain-until",
        "job-retain-until-interval",
        "job-retain-until-time",
    }
)
_TEMPLATE: Final = frozenset(ATTRIBUTES["job-template"]) - _OURS

# Values that ask for nothing: a device that does not know the attribute does the same.
_NOTHING: Final[dict[str, frozenset[Value]]] = {
    "copies": frozenset({1}),
    "finishings": frozenset({3}),
    "job-error-sheet": frozenset({"none"}),
    "job-sheets": frozenset({"none"}),
    "number-up": frozenset({1}),
    "orientation-requested": frozenset({7}),
    "output-bin": frozenset({"auto"}),
    "print-color-mode": frozenset({"auto"}),
    "print-content-optimize": frozenset({"auto"}),
    "print-quality": frozenset({4}),
    "print-rendering-intent": frozenset({"auto"}),
    "print-scaling": frozenset({"auto"}),
    "sides": frozenset({"one-sided"}),
}
_ANY_FORMAT: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that was asked for and the device cannot do; `attribute` may be `media-col/media-type`."""

    attribute: str
    asked: tuple[Value, ...]

    def __str__(self) -> str:
        """In words, for the person who asked."""
        values = ", ".join(str(value) for value in self.asked if not isinstance(value, Collection))
        return f"{self.attribute} {values}".rstrip()


def losses(job: Job, printer: Attributes) -> list[Loss]:
    """What the job asks for and a device with these printer attributes cannot do; empty when all is well.

    A device that tells nothing of itself (a raw port, a folder) does nothing of what was asked.
    """
    _, lost = fit(job.attributes, printer)
    formats = printer.strings("document-format-supported")
    lost += [Loss("document-format", (each,)) for each in unprintable(job, formats)]
    if len(job.documents) > 1 and not printer.boolean("multiple-document-jobs-supported", True):
        lost.append(Loss("multiple-document-jobs", (len(job.documents),)))
    return lost


def unprintable(job: Job, formats: Iterable[str]) -> list[str]:
    """The document formats of a job that are none of these; with none given, nothing is known against any."""
    known = {each.lower() for each in formats}
    wanted = dict.fromkeys(document.format for document in job.documents)
    return [each for each in wanted if known and each != _ANY_FORMAT and each.lower() not in known]


def fit(asked: Attributes, printer: Attributes) -> tuple[Attributes, list[Loss]]:
    """The Job Template attributes to send to a device with these printer attributes, and what is lost."""
    wanted = [each for each in asked if each.name in _TEMPLATE]
    collections = [each for each in wanted if isinstance(each.value, Collection)]
    fitting, unsupported = sort_out((each for each in wanted if each not in collections), printer)
    lost = []
    for refused in unsupported:
        each = asked[refused.name]
        if each.name == "media" and (sized := _as_size(each, printer)) is not None:
            fitting.put(sized)
        elif not _asks_nothing(each):
            lost.append(Loss(each.name, _values(each, refused)))
    for each in collections:
        kept, missing = _fit_collection(each, printer)
        if kept is not None:
            fitting.put(kept)
        lost += missing
    return fitting, lost


def _asks_nothing(asked: Attribute) -> bool:
    nothing = _NOTHING.get(asked.name)
    return nothing is not None and all(
        isinstance(value, int | str) and value in nothing for value in asked.values
    )


def _values(asked: Attribute, refused: Attribute) -> tuple[Value, ...]:
    """The values that are lost: those refused, or all where the attribute itself is."""
    return asked.values if refused.tag == Tag.UNSUPPORTED else refused.values


def _as_size(media: Attribute, printer: Attributes) -> Attribute | None:
    """`media-col` of the size of a medium whose name the device does not know, if it takes that size."""
    size = resolve(media.value) if isinstance(media.value, str) else None
    if size is None or "media-size" not in printer.strings("media-col-supported"):
        return None
    members = {"media-size": {"x-dimension": size.x_dimension, "y-dimension": size.y_dimension}}
    sized = attribute("media-col", members)
    return sized if supports("media-col", sized.value, printer) else None


def _fit_collection(asked: Attribute, printer: Attributes) -> tuple[Attribute | None, list[Loss]]:
    """A collection attribute with the members that the device supports, and those it does not."""
    if f"{asked.name}-supported" not in printer:
        return None, [Loss(asked.name, asked.values)]
    kept, lost = [], []
    for value in asked.values:
        if not isinstance(value, Collection):
            continue
        good = [member for member in value if supports(asked.name, Collection([member]), printer)]
        lost += [Loss(f"{asked.name}/{each.name}", each.values) for each in value if each not in good]
        if good:
            kept.append(Collection(good))
    return (Attribute.of(asked.name, Tag.BEG_COLLECTION, *kept) if kept else None), lost
