"""IPP Everywhere: what a printer can do, as the attributes it answers with, and what a printer lacks.

printer = Capabilities(name="Hall", uuid=uuid)
answer = attributes(printer)
lacks = missing(answer_of_some_printer)
"""

from .capabilities import (
    BORDERLESS,
    Capabilities,
    Constraint,
    JobPassword,
    JobStorage,
    Margins,
    Preset,
    ReadyMedium,
    Supply,
)
from .conformance import Missing, missing
from .printer_attributes import ONLY_WHEN_NAMED, attributes, device_id

__all__ = [
    "BORDERLESS",
    "ONLY_WHEN_NAMED",
    "Capabilities",
    "Constraint",
    "JobPassword",
    "JobStorage",
    "Margins",
    "Missing",
    "Preset",
    "ReadyMedium",
    "Supply",
    "attributes",
    "device_id",
    "missing",
]
