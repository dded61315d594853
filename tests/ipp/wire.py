"""A handler that tells what reached it, and a client of bare octets, for tests of the endpoint."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from ipp import Attribute, Group, GroupTag, Message, Operation, Status, Tag, encode
from ipp.exchange import Request, Response, Route, Router

PRINT_JOB = Operation.PRINT_JOB


def request_message(
    operation: int = PRINT_JOB, *attributes: Attribute, uri: str = "ipp://localhost/ipp/print"
) -> Message:
    head = (
        Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
        Attribute.of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en"),
        Attribute.of("printer-uri", Tag.URI, uri),
    )
    return Message(operation, 7, [Group(GroupTag.OPERATION, (*head, *attributes))])


def answer_message(status: int = Status.SUCCESSFUL_OK, request_id: int = 7) -> Message:
    head = (
        Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
        Attribute.of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en"),
    )
    return Message(status, request_id, [Group(GroupTag.OPERATION, head)])


@dataclass
class RecordingHandler:
    """Reads every document whole and says successful-ok, unless told to do otherwise."""

    act: Callable[[Request], Awaitable[Response | None]] | None = None
    requests: list[Request] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        if self.act is not None:
            response = await self.act(request)
            if response is not None:
                return response
        self.documents.append(b"".join([chunk async for chunk in request.document]))
        return Response(encode(answer_message(request_id=request.message.request_id)))


def router_of(routes: Mapping[str, Route]) -> Router:
    async def route(path: str) -> Route | None:
        return routes.get(path)

    return route


@dataclass
class HttpAnswer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ipp_status(self) -> int:
        return int.from_bytes(self.body[2:4])


class BareClient:
    """One connection; what goes out is what the test says, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, address: tuple[str, int], context: ssl.SSLContext | None = None) -> BareClient:
        name = "localhost" if context is not None else None
        return cls(*await asyncio.open_connection(*address, ssl=context, server_hostname=name))

    async def __aenter__(self) -> BareClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    def post(
        self,
        body: bytes = b"",
        *headers: str,
        path: str = "/ipp/print",
        host: str | None = "localhost",
        content_type: str = "application/ipp",
        sized: bool = True,
    ) -> None:
        """A whole POST, sized unless the headers say how the body comes."""
        lines = [f"POST {path} HTTP/1.1", f"Content-Type: {content_type}", *headers]
        lines += [f"Host: {host}"] if host is not None else []
        lines += [f"Content-Length: {len(body)}"] if sized else []
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def answer(self, timeout_s: float = 10.0) -> HttpAnswer:
        """The next answer, an interim one (1xx) too."""
        async with asyncio.timeout(timeout_s):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            status_line, *lines = head.strip().split("\r\n")
            pairs = [line.partition(":") for line in lines]
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            status = int(status_line.split(" ")[1])
            body = b""
            if headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readline(), 16):
                    body += await self.reader.readexactly(size)
                    await self.reader.readexactly(2)
                await self.reader.readexactly(2)
            elif "content-length" in headers:
                body = await self.reader.readexactly(int(headers["content-length"]))
            return HttpAnswer(status, headers, body)

    async def closed(self, timeout_s: float = 10.0) -> bytes:
        """What still comes until the server closes the connection."""
        async with asyncio.timeout(timeout_s):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


def chunked(*pieces: bytes) -> bytes:
    """The octets of a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def chunks_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for what another party does without telling."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(0.005)


class Anew:
    """A document that can be read as often as one likes."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.times_read = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.times_read += 1
        return chunks_of(*self.chunks)


def spoil(octets: bytes, random: Random) -> bytes:
    """The octets with a few of them changed, missing, repeated or put in between."""
    spoilt = bytearray(octets)
    for _ in range(random.randint(1, 6)):
        place = random.randrange(len(spoilt))
        what = random.randrange(4)
        if what == 0:
            spoilt[place] = random.randrange(256)
        elif what == 1:
            spoilt[place:place] = random.choice((b"\r", b"\n", b" ", b":", b"\0", b"\xff" * 200))
        elif what == 2:
            del spoilt[place : place + random.randint(1, 20)]
        else:
            spoilt[place:place] = spoilt[: random.randrange(60)]
        spoilt = spoilt or bytearray(b" ")
    return bytes(spoilt)
