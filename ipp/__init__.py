"""The Internet Printing Protocol: messages, a Printer object, an HTTP endpoint, a client, discovery.

message = ipp.decode(octets)
octets = ipp.encode(message)
"""

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

__all__ = [
    "Attribute",
    "Attributes",
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
