"""IPP over HTTP, the client's half: one `send` for any operation, and the usual operations on it.

async with Client("ipps://printer.example/ipp/print") as client:
    printer = await client.get_printer_attributes("printer-state", "media-ready")
    job = await client.print_document(chunks, document_format="application/pdf", job_name="Report")
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from types import TracebackType
from typing import Final, Literal, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import hdrs
from yarl import URL

from .compression import Encoding
from .decoder import DEFAULT_LIMITS, Limits
from .encoder import encode
from .enums import GroupTag, Status, Tag
from .errors import CertificateChanged, ConnectionFailed, LocalProtocolError, RemoteProtocolError
from .exchange import read_message
from .message import Attribute, Attributes, Group, Message
from .registry import attribute
from .trust import (
    AnyCertificate,
    Authorities,
    Credentials,
    FirstUse,
    Pinned,
    Trust,
    authorities_context,
    normal_fingerprint,
    shown_fingerprint,
    unverified_context,
)
from .upload import (
    AnswerChunks,
    ClientTimes,
    Compressed,
    Deadline,
    Document,
    Patience,
    PatientRequest,
    Upload,
)
from .vocabulary.enums import Operation

_LOG: Final = logging.getLogger(__name__)
_MEDIA_TYPE: Final = "application/ipp"
_PORTS: Final = {"ipp": 631, "ipps": 631, "http": 80, "https": 443}
_SECURE: Final = ("ipps", "https")
_CHALLENGE: Final = re.compile(r"(?:^|,)\s*([A-Za-z][-\w]*)(?=\s+[^\s=,]|\s*(?:,|$))")
_TRIES: Final = 5  # as asked; over TLS; with credentials; without Expect; after a stale connection
_IDLE_S: Final = 15.0
_MEANINGS: Final = {
    401: (Status.CLIENT_ERROR_NOT_AUTHENTICATED, "it wants credentials, or refused those it was given"),
    403: (Status.CLIENT_ERROR_FORBIDDEN, "it forbids this"),
    404: (Status.CLIENT_ERROR_NOT_FOUND, "nothing answers at this path: check the URI"),
    405: (Status.CLIENT_ERROR_NOT_FOUND, "no printer is at this path: check the URI"),
    408: (Status.CLIENT_ERROR_TIMEOUT, "the request took it too long"),
    413: (Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE, "the request is larger than it takes"),
    426: (Status.CLIENT_ERROR_NOT_AUTHORIZED, "it wants TLS: use an ipps URI"),
    500: (Status.SERVER_ERROR_INTERNAL_ERROR, "it failed; its log may tell why"),
    503: (Status.SERVER_ERROR_SERVICE_UNAVAILABLE, "it is not available now: try again later"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and the document that came with it (of Fetch-Document), to be read while it is open."""

    message: Message
    document: AsyncIterator[bytes]


class Client:
    """One printer, or other IPP object, by its URI: `ipp`, `ipps`, `http` or `https`.

    `trust` says which certificates are accepted. `credentials` are shown when the server asks for them,
    and only over TLS unless `plain_credentials`. `tls="when-asked"` begins without TLS for `ipp` and goes
    over to it when the server demands it (426); `never` does not. `compression` is used for documents where
    the printer takes it. `user_name` is the requesting-user-name.

    Raises `ConnectionFailed` where the server cannot be reached or trusted or goes silent, and
    `RemoteProtocolError` where it does not answer by IPP. To be used as an asynchronous context manager;
    requests may run at the same time.
    """

    def __init__(
        self,
        uri: str,
        *,
        trust: Trust | None = None,
        credentials: Credentials | None = None,
        plain_credentials: bool = False,
        tls: Literal["when-asked", "never"] = "when-asked",
        compression: Encoding | None = None,
        user_name: str = "",
        times: ClientTimes | None = None,
        limits: Limits = DEFAULT_LIMITS,
        user_agent: str = "pullprint",
    ) -> None:
        """Raises `LocalProtocolError` for a URI that is none of these or that holds credentials."""
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError as error:
            raise LocalProtocolError(f"not a printer's URI: {error}") from error
        if parts.scheme not in _PORTS or not parts.hostname:
            raise LocalProtocolError("a printer's URI is ipp, ipps, http or https://host[:port]/path")
        if parts.username is not None or parts.password is not None:
            raise LocalProtocolError("give credentials by themselves, not within the URI")
        self._host = parts.hostname
        self._port = port if port is not None else _PORTS[parts.scheme]
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secure = parts.scheme in _SECURE
        self._trust = trust if trust is not None else Authorities()
        self._tls_context: ssl.SSLContext | aiohttp.Fingerprint | None = None
        self._credentials = credentials
        self._plain_credentials = plain_credentials
        self._authorized = False
        self._tls = tls
        self._compression = compression
        self._user_name = user_name
        self._times = times or ClientTimes()
        self._patience = Patience(self._times.continue_s)
        self._limits = limits
        self._user_agent = user_agent
        self._request_ids = count(1)
        self._session: aiohttp.ClientSession | None = None
        self._abilities: Group | None = None
        host = f"[{self._host}]" if ":" in self._host else self._host
        self._netloc = f"{host}:{self._port}"
        authority = self._netloc if port is not None or parts.scheme in ("http", "https") else host
        self.printer_uri = f"{'ipps' if self._secure else 'ipp'}://{authority}{self._path}"

    @property
    def secure(self) -> bool:
        """Whether requests go by TLS; a server's demand may have changed it."""
        return self._secure

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=8, keepalive_timeout=_IDLE_S),
            timeout=aiohttp.ClientTimeout(total=None, connect=self._times.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=partial(PatientRequest, patience=self._patience),  # type: ignore[arg-type]  # it is called only
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, message: Message, document: Document | None = None) -> Message:
        """Send a request, and the document after it; the answer, whatever its status.

        The request-id is counted by the client. A document that came with the answer is dropped.
        """
        async with self.exchange(message, document) as answer:
            return answer.message

    @asynccontextmanager
    async def exchange(self, message: Message, document: Document | None = None) -> AsyncIterator[Answer]:
        """As `send`, with the answer's own document, which streams for the length of the block."""
        request = msgspec.structs.replace(message, request_id=next(self._request_ids))
        upload = Upload(encode(request), document, not self._patience.was_in_vain)
        response = await self._post(request, upload)
        try:
            self._refuse_unless_ipp(response)
            chunks = AnswerChunks(response, self._times.answer_s, self._netloc)
            answer, rest = await read_message(chunks, self._limits)
            if answer.request_id != request.request_id:
                raise RemoteProtocolError(
                    f"{self._netloc} answered request {answer.request_id} where {request.request_id} was sent"
                )
            yield Answer(answer, rest)
            await chunks.end()
        finally:
            # What was not read to its end takes the connection with it.
            response.close()

    def request(self, operation: int, *attributes: Attribute) -> Message:
        """A request to this printer: the attributes every one begins with, then these."""
        head = [
            Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
            Attribute.of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en"),
            Attribute.of("printer-uri", Tag.URI, self.printer_uri),
        ]
        names = [found.name for found in attributes]
        if "job-id" in names:  # RFC 8011 4.1.5: the target comes first
            head.append(attributes[names.index("job-id")])
        if self._user_name:
            head.append(attribute("requesting-user-name", self._user_name))
        head.extend(found for found in attributes if found.name != "job-id")
        return Message(operation, groups=[Group(GroupTag.OPERATION, head)])

    async def get_printer_attributes(self, *names: str) -> Group:
        """The printer's attributes of these names or group names; every one where none is named.

        Raises `RemoteProtocolError` with the status where the printer refuses, as do the operations below.
        """
        asked = (attribute("requested-attributes", *names),) if names else ()
        answer = await self.send(self.request(Operation.GET_PRINTER_ATTRIBUTES, *asked))
        return self.check(answer, Operation.GET_PRINTER_ATTRIBUTES).printer

    async def get_jobs(
        self,
        which: str = "not-completed",
        *,
        my_jobs: bool = False,
        limit: int | None = None,
        names: Iterable[str] = ("job-id", "job-name", "job-state", "job-state-reasons"),
    ) -> list[Group]:
        """Jobs of the printer, with these of their attributes."""
        asked = [attribute("which-jobs", which), attribute("my-jobs", my_jobs)]
        asked += [attribute("limit", limit)] if limit is not None else []
        asked.append(attribute("requested-attributes", *names))
        answer = await self.send(self.request(Operation.GET_JOBS, *asked))
        return self.check(answer, Operation.GET_JOBS).jobs

    async def print_document(
        self,
        document: Document,
        *,
        document_format: str = "application/octet-stream",
        job_name: str = "",
        operation_attributes: Iterable[Attribute] = (),
        job_attributes: Iterable[Attribute] = (),
    ) -> Group:
        """Print one document as a job of its own; the job's attributes as the printer gives them.

        `operation_attributes` are such as job-password, `job_attributes` of the Job Template. What the
        printer names of them because it does not take it is logged as a warning.

        By Create-Job and Send-Document where the printer has both, else by Print-Job. A job whose document
        could not be sent is cancelled again.
        """
        abilities = await self._ask_abilities()
        compression = self._compression
        if compression not in abilities.strings("compression-supported"):
            compression = None
        given = Attributes([attribute("document-format", document_format)])
        for each in (*([attribute("job-name", job_name)] if job_name else []), *operation_attributes):
            given.put(each)
        describe = [each for each in given if each.name.startswith("document-")]
        named = [each for each in given if not each.name.startswith("document-")]
        if compression is not None:
            describe.append(attribute("compression", compression))
            document = Compressed(document, compression)
        template = Group(GroupTag.JOB, job_attributes)
        operations = abilities.integers("operations-supported")
        if Operation.CREATE_JOB not in operations or Operation.SEND_DOCUMENT not in operations:
            request = self.request(Operation.PRINT_JOB, *named, *describe)
            request.groups.extend([template] if len(template) else [])
            return self.check(await self.send(request, document), Operation.PRINT_JOB).job
        request = self.request(Operation.CREATE_JOB, *named)
        request.groups.extend([template] if len(template) else [])
        created = self.check(await self.send(request), Operation.CREATE_JOB).job
        number = created.integer("job-id")
        if number is None:
            raise RemoteProtocolError(f"{self._netloc} gave no job-id for a new job")
        job_id = attribute("job-id", number)
        try:
            last = attribute("last-document", True)
            request = self.request(Operation.SEND_DOCUMENT, job_id, *describe, last)
            return self.check(await self.send(request, document), Operation.SEND_DOCUMENT).job
        except BaseException:
            with suppress(ConnectionFailed, RemoteProtocolError, TimeoutError):
                async with asyncio.timeout(self._times.connect_s):
                    await self.send(self.request(Operation.CANCEL_JOB, job_id))
            raise

    def check(self, answer: Message, operation: int) -> Message:
        """The answer, where its status is a success. Raises `RemoteProtocolError` with the status else."""
        refused = list(answer.group(GroupTag.UNSUPPORTED).names())
        if answer.status.successful:
            if refused:
                _LOG.warning("%s did not take %r", self._netloc, refused)  # names as a peer writes them
            return answer
        text = answer.operation_attributes.string("status-message", "")
        told = "; ".join(filter(None, [text, f"not supported: {', '.join(refused)}" if refused else ""]))
        raise RemoteProtocolError(
            f"{self._netloc} answered {Operation(operation).keyword} by {answer.status.keyword}"
            + (f" ({told})" if told else ""),
            status=answer.status,
        )

    async def _ask_abilities(self) -> Group:
        if self._abilities is None:
            self._abilities = await self.get_printer_attributes(
                "operations-supported", "compression-supported", "document-format-supported"
            )
        return self._abilities

    async def _post(self, message: Message, upload: Upload) -> aiohttp.ClientResponse:
        """Post until the answer is one to the request itself, not to how it came."""
        harmless = message.operation.keyword.lower().startswith(("get-", "validate-"))
        repeatable = True
        for _ in range(_TRIES):
            try:
                response = await self._post_once(upload)
            except _Stale as error:
                if not repeatable or (upload.begun and not harmless):
                    raise ConnectionFailed(str(error), may_have_arrived=upload.begun) from error.__cause__
                repeatable = False
                upload.rewind(self._netloc)
                continue
            if response.status == 401 and self._may_authorize(response):
                self._authorized = True
            elif response.status == 426 and not self._secure and self._tls == "when-asked":
                self._secure = True
            elif response.status == 417 and upload.expects_continue:  # it does not know the header
                self._patience.was_in_vain = True
                upload.expects_continue = False
            else:
                return response
            response.close()
            upload.rewind(self._netloc)
        raise RemoteProtocolError(
            f"{self._netloc} goes on demanding credentials or TLS that it was given",
            status=Status.CLIENT_ERROR_NOT_AUTHENTICATED,
        )

    async def _post_once(self, upload: Upload) -> aiohttp.ClientResponse:
        if self._session is None:
            raise LocalProtocolError("a client is used within its `async with` block")
        headers = {
            hdrs.CONTENT_TYPE: _MEDIA_TYPE,
            hdrs.ACCEPT: _MEDIA_TYPE,
            hdrs.ACCEPT_ENCODING: "identity",
            hdrs.USER_AGENT: self._user_agent,
        }
        if self._authorized and self._credentials is not None and self._may_show_credentials():
            headers[hdrs.AUTHORIZATION] = self._credentials.authorization
        if upload.octets is not None:
            headers[hdrs.CONTENT_LENGTH] = str(upload.octets)
        if self._secure and self._tls_context is None:
            self._tls_context = await self._make_tls_context()
        times = self._times
        scheme = "https" if self._secure else "http"
        deadline = Deadline()
        try:
            async with deadline:
                deadline.set(times.connect_s + times.answer_s)
                return await self._session.post(
                    URL(f"{scheme}://{self._netloc}{self._path}", encoded=True),
                    data=upload.stream(deadline, times),
                    headers=headers,
                    ssl=self._tls_context if self._tls_context is not None else True,
                    expect100=upload.expects_continue,
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is one
            if upload.failure is not None:
                raise upload.failure from None
            if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) and not isinstance(
                error, aiohttp.ClientConnectorError
            ):
                raise _Stale(_explain(error, self._netloc)) from error
            raise self._failure(error, upload) from error

    async def _make_tls_context(self) -> ssl.SSLContext | aiohttp.Fingerprint:
        trust = self._trust
        if isinstance(trust, Authorities):
            return authorities_context(trust)
        if isinstance(trust, AnyCertificate):
            return unverified_context()
        if isinstance(trust, Pinned):
            known = trust.fingerprint
        else:
            known = trust.store.get(self._netloc, "")
            if not known:
                known = await shown_fingerprint(self._host, self._port, self._times.connect_s)
                trust.store[self._netloc] = known
        return aiohttp.Fingerprint(bytes.fromhex(normal_fingerprint(known)))

    def _may_show_credentials(self) -> bool:
        return self._secure or self._plain_credentials

    def _may_authorize(self, response: aiohttp.ClientResponse) -> bool:
        """Whether the server asks, for the first time, for what we have and may show it."""
        if self._credentials is None or self._authorized:
            return False
        asked = ", ".join(response.headers.getall(hdrs.WWW_AUTHENTICATE, []))
        schemes = {found.lower() for found in _CHALLENGE.findall(asked)}
        if self._credentials.scheme not in schemes:
            return False
        if not self._may_show_credentials():
            response.close()
            raise RemoteProtocolError(
                f"{self._netloc} asks for credentials on a connection that others can read: use an ipps URI",
                status=Status.CLIENT_ERROR_NOT_AUTHENTICATED,
            )
        return True

    def _failure(self, error: Exception, upload: Upload) -> ConnectionFailed:
        before = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) or (
            upload.expects_continue and not upload.begun
        )
        text = _explain(error, self._netloc)
        if isinstance(error, aiohttp.ServerFingerprintMismatch):
            if isinstance(self._trust, FirstUse):
                text += "; where it was renewed, forget the stored fingerprint"
            return CertificateChanged(text, error.got.hex())
        return ConnectionFailed(text, may_have_arrived=not before)

    def _refuse_unless_ipp(self, response: aiohttp.ClientResponse) -> None:
        status = response.status
        if status == 200 and response.content_type == _MEDIA_TYPE:
            return
        if status == 200:
            raise RemoteProtocolError(
                f"{self._netloc} answered by {response.content_type}, not by IPP: check the URI"
            )
        meaning, text = _MEANINGS.get(status, (Status.SERVER_ERROR_INTERNAL_ERROR, "it gave no IPP answer"))
        raise RemoteProtocolError(f"{self._netloc} answered HTTP {status}: {text}", status=meaning)


class _Stale(Exception):  # noqa: N818  # never leaves this module
    """The connection broke before an answer came; it may have been an old one that the server gave up."""


def _explain(error: Exception, where: str) -> str:
    """What happened, where, and what to do."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            f"the certificate of {where} is not trusted ({error.certificate_error}): pin it or its authority"
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"no TLS with {where} ({error.strerror or error}): does this port speak TLS?"
    if isinstance(error, aiohttp.ServerFingerprintMismatch):
        return f"{where} shows another certificate ({error.got.hex()}) than the pinned one"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name of {where} has no address: check its spelling and the name service"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {where} ({error.os_error.strerror or error.os_error}): is it up?"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in time"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{where} answered by what is no HTTP: check the port"
    return f"the connection to {where} broke off ({type(error).__name__}: {error})"
