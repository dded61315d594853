"""The operations of a printer, each from a `Call` to a `Response`, and a printer that has them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ..message import Attribute, Attributes
from ..printer import Handler, Printer
from ..registry import attribute
from ..spool import Spool
from ..vocabulary.attributes import ATTRIBUTES
from ..vocabulary.enums import Operation
from . import creation, document, job, printer, subscription

# IPP/2.2, IPP Everywhere 1.1, and two of CUPS. Print-URI and Send-URI are left out on purpose: a printer that
# fetches what a stranger names reaches whatever it can reach.
STANDARD: Final[dict[Operation, Handler]] = {
    **creation.HANDLERS,
    **job.HANDLERS,
    **document.HANDLERS,
    **printer.HANDLERS,
    **subscription.HANDLERS,
}

_JOB_TEMPLATE: Final = frozenset(ATTRIBUTES["job-template"])


def standard_printer(attributes: Iterable[Attribute], spool: Spool, **options: Any) -> Printer:
    """A `Printer` with every standard operation and the attributes that tell of them.

    `attributes` come from `ipp.everywhere.attributes`; `options` are those of `Printer`.
    """
    given = Attributes(attributes)
    supported = {name.removesuffix("-supported") for name in given.names() if name.endswith("-supported")}
    settable = sorted(job.SETTABLE | (supported & _JOB_TEMPLATE))
    own = [
        *creation.own_attributes(),
        *job.own_attributes(),
        *printer.own_attributes(),
        *subscription.own_attributes(),
        attribute("job-settable-attributes-supported", *settable),
    ]
    return Printer(Attributes((*own, *given)), STANDARD, spool, **options)
