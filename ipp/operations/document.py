"""Operations on the documents of a job (PWG 5100.5)."""

from __future__ import annotations

from typing import Final

from ..enums import Status, Tag
from ..errors import RemoteProtocolError
from ..exchange import Response
from ..job import Document, Job
from ..message import Attribute
from ..printer import Call, Handler
from ..values import OutOfBand
from ..vocabulary.enums import Operation
from .describe import describe_document, requested_attributes
from .job import own_job


async def _document(call: Call) -> tuple[Job, Document]:
    job = await own_job(call)
    number = call.asked.integer("document-number")
    if number is None:
        raise RemoteProtocolError("no document-number")
    for document in job.documents:
        if document.number == number:
            return job, document
    raise RemoteProtocolError(f"no document {number}", status=Status.CLIENT_ERROR_NOT_FOUND)


async def get_document_attributes(call: Call) -> Response:
    """PWG 5100.5 4.1."""
    job, document = await _document(call)
    requested = requested_attributes(call.asked, frozenset({"all"}))
    return call.reply(groups=[describe_document(call, job, document, requested)])


async def get_documents(call: Call) -> Response:
    """PWG 5100.5 4.2."""
    job = await own_job(call)
    requested = requested_attributes(call.asked, frozenset({"document-number"}))
    limit = call.asked.integer("limit")
    return call.reply(
        groups=[describe_document(call, job, document, requested) for document in job.documents[:limit]]
    )


async def cancel_document(call: Call) -> Response:
    """PWG 5100.5 4.4: a document of a job of one can only go with its job."""
    await _document(call)
    raise RemoteProtocolError("cancel the job instead", status=Status.CLIENT_ERROR_NOT_POSSIBLE)


async def set_document_attributes(call: Call) -> Response:
    """PWG 5100.5 4.5: nothing of a document is settable once it has arrived."""
    await _document(call)
    for group in call.message.groups[1:]:
        call.unsupported.extend(
            Attribute.of(each.name, Tag.NOT_SETTABLE, OutOfBand.NOT_SETTABLE) for each in group
        )
    raise RemoteProtocolError("not settable", status=Status.CLIENT_ERROR_ATTRIBUTES_NOT_SETTABLE)


HANDLERS: Final[dict[Operation, Handler]] = {
    Operation.GET_DOCUMENT_ATTRIBUTES: get_document_attributes,
    Operation.GET_DOCUMENTS: get_documents,
    Operation.CANCEL_DOCUMENT: cancel_document,
    Operation.SET_DOCUMENT_ATTRIBUTES: set_document_attributes,
}
