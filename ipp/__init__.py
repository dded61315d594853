"""The Internet Printing Protocol: messages, a Printer object, an HTTP endpoint, a client, discovery.

message = ipp.decode(octets)
octets = ipp.encode(message)

Messages and values are here. `ipp.Client` is imported when it is asked for, since it brings aiohttp along.
"""

from typing import TYPE_CHECKING

from .decoder import Decoder, Limits, decode
from .encoder import encode
from .enums import GroupTag, Status, Tag
from .errors import IppError, LocalProtocolError, RemoteProtocolError
from .message import Attribute, Attributes, Collection, Group, Message, Value
from .values import DateTime, LanguageString, OutOfBand, Range, Resolution, ResolutionUnits
from .vocabulary.enums import (
    Finishings,
    JobState,
    Operation,
    OrientationRequested,
    PrinterState,
    PrintQuality,
)

if TYPE_CHECKING:
    from .client import Client

__all__ = [
    "Attribute",
    "Attributes",
    "Client",
    "Collection",
    "DateTime",
    "Decoder",
    "Finishings",
    "Group",
    "GroupTag",
    "IppError",
    "JobState",
    "LanguageString",
    "Limits",
    "LocalProtocolError",
    "Message",
    "Operation",
    "OrientationRequested",
    "OutOfBand",
    "PrintQuality",
    "PrinterState",
    "Range",
    "RemoteProtocolError",
    "Resolution",
    "ResolutionUnits",
    "Status",
    "Tag",
    "Value",
    "decode",
    "encode",
]


def __getattr__(name: str) -> type:
    if name == "Client":
        from .client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
