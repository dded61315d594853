"""Operations on the printer itself (RFC 8011 4.2, RFC 3380, RFC 3998, PWG 5100.13, 5100.11) and the two by
which old CUPS clients ask what printers there are."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..enums import GroupTag, Status, Tag
from ..errors import RemoteProtocolError
from ..exchange import Response
from ..message import Attribute, Attributes, Group
from ..printer import Call, Handler
from ..registry import attribute
from ..spool import Command
from ..ticket import check_count, check_value, is_allowed_out_of_band
from ..values import OutOfBand
from ..vocabulary.enums import Operation
from .describe import requested_attributes

CUPS_GET_DEFAULT: Final = Operation(0x4001)
CUPS_GET_PRINTERS: Final = Operation(0x4002)

# What Set-Printer-Attributes may change; all are free text, names or URIs.
SETTABLE: Final = (
    "printer-geo-location",
    "printer-info",
    "printer-location",
    "printer-message-from-operator",
    "printer-organization",
    "printer-organizational-unit",
)


async def get_printer_attributes(call: Call) -> Response:
    """RFC 8011 4.2.5. The octets of the attributes are ready; only the envelope is made."""
    document_format = call.asked.string("document-format")
    if document_format is not None and document_format not in call.printer.attributes.strings(
        "document-format-supported"
    ):
        call.unsupported.append(call.asked["document-format"])
        raise RemoteProtocolError(document_format, status=Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED)
    requested = requested_attributes(call.asked, frozenset({"all"}))
    same = call.printer.unchanged()
    envelope = call.reply().octets[:-1]
    described = await call.printer.describe(call, requested)
    octets = b"".join((envelope, bytes((GroupTag.PRINTER,)), described, bytes((GroupTag.END,))))
    return Response(octets, same=same)


async def get_user_printer_attributes(call: Call) -> Response:
    """PWG 5100.13 4.2: what this user may know and do, which here is what everybody may.

    Whether somebody may ask is decided for each anew: nobody is given the answer that another one got.
    """
    return replace(await get_printer_attributes(call), same=None)


async def get_printer_supported_values(call: Call) -> Response:
    """RFC 3380 4.3: what may be set; for all of ours an administrator defines the values."""
    requested = requested_attributes(call.asked, frozenset({"all"}))
    told = [
        Attribute.of(name, Tag.ADMIN_DEFINE, OutOfBand.ADMIN_DEFINE)
        for name in SETTABLE
        if name in requested or "all" in requested or "printer-description" in requested
    ]
    return call.reply(groups=[Group(GroupTag.PRINTER, told)])


async def set_printer_attributes(call: Call) -> Response:
    """RFC 3380 4.1: all of the changes, or none."""
    call.demand()
    changes = list(call.message.printer)
    if not changes:
        raise RemoteProtocolError("no printer attributes to set")
    for each in changes:
        check_value(each)
        check_count(each)
        if each.name not in SETTABLE:
            call.unsupported.append(Attribute.of(each.name, Tag.NOT_SETTABLE, OutOfBand.NOT_SETTABLE))
    if call.unsupported:
        raise RemoteProtocolError("not settable", status=Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE)
    # Such as delete-attribute: it is of jobs only (RFC 3380 8.2), and would be told to everybody as a value.
    call.unsupported.extend(each for each in changes if not is_allowed_out_of_band(each))
    if call.unsupported:
        raise RemoteProtocolError(
            "values not supported", status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
        )
    await call.spool.configure(changes, call.user)
    call.printer.set_attributes(changes)
    return call.reply()


async def identify_printer(call: Call) -> Response:
    """PWG 5100.13 4.1. Actions the printer has not are ignored and named."""
    call.demand()
    supported = call.printer.attributes.strings("identify-actions-supported")
    asked = call.asked.strings("identify-actions") or call.printer.attributes.strings(
        "identify-actions-default"
    )
    bad = [action for action in asked if action not in supported]
    if bad:
        call.unsupported.append(attribute("identify-actions", *bad))
    actions = [action for action in asked if action in supported]
    if actions:
        await call.spool.identify(actions, str(call.asked.string("message", "")), call.user)
    return call.reply()


def _command(command: Command) -> Handler:
    async def handler(call: Call) -> Response:
        call.demand()
        await call.spool.command(command, call.user)
        return call.reply()

    handler.__doc__ = f"Tell the printer: {command.value}."
    return handler


def own_attributes() -> Attributes:
    """What these operations add to the printer's attributes."""
    return Attributes(
        [
            attribute("printer-get-attributes-supported", "document-format"),
            attribute("printer-settable-attributes-supported", *SETTABLE),
            attribute("printer-message-from-operator", ""),
            attribute("preferred-attributes-supported", False),
        ]
    )


HANDLERS: Final[dict[Operation, Handler]] = {
    Operation.GET_PRINTER_ATTRIBUTES: get_printer_attributes,
    Operation.GET_USER_PRINTER_ATTRIBUTES: get_user_printer_attributes,
    Operation.GET_PRINTER_SUPPORTED_VALUES: get_printer_supported_values,
    Operation.SET_PRINTER_ATTRIBUTES: set_printer_attributes,
    Operation.IDENTIFY_PRINTER: identify_printer,
    Operation.PAUSE_PRINTER: _command(Command.PAUSE),
    Operation.RESUME_PRINTER: _command(Command.RESUME),
    Operation.ENABLE_PRINTER: _command(Command.ENABLE),
    Operation.DISABLE_PRINTER: _command(Command.DISABLE),
    Operation.PAUSE_PRINTER_AFTER_CURRENT_JOB: _command(Command.PAUSE_AFTER_CURRENT_JOB),
    Operation.HOLD_NEW_JOBS: _command(Command.HOLD_NEW_JOBS),
    Operation.RELEASE_HELD_NEW_JOBS: _command(Command.RELEASE_HELD_NEW_JOBS),
    Operation.RESTART_PRINTER: _command(Command.RESTART),
    Operation.SHUTDOWN_PRINTER: _command(Command.SHUTDOWN),
    Operation.STARTUP_PRINTER: _command(Command.STARTUP),
    CUPS_GET_DEFAULT: get_printer_attributes,
    CUPS_GET_PRINTERS: get_printer_attributes,
}
