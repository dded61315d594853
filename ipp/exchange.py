"""What passes between the HTTP endpoint and what answers: a request, a response, who asks, which path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from .decoder import DEFAULT_LIMITS, Decoder, Limits
from .errors import LocalProtocolError
from .message import Message


@dataclass(frozen=True, slots=True)
class User:
    """Who asks: authenticated over HTTP or by a secret path, or merely claiming the name."""

    name: str
    authenticated: bool
    operator: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One IPP request as it came over HTTP.

    `uri` is `ipp(s)://host:port/path` as the client used it: the validated Host and the path, `ipps` when
    `secure`. `document` streams the octets after the message, of any chunk size, never an empty chunk; it
    has none where the request carried no document. `peer` is the client's address.

    Iterating over `document` raises `RemoteProtocolError`: client-error-bad-request where the body was cut
    short, -timeout where it stalled, -request-entity-too-large where it passed a limit, -compression-error
    where its Content-Encoding was broken. A handler that lets it pass is answered for by the endpoint.
    """

    message: Message
    uri: str = field(repr=False)  # may hold a secret path
    document: AsyncIterator[bytes] = field(repr=False)
    user: User | None
    secure: bool
    peer: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """The encoded message of an answer, and the document that follows it in the same body, if one does.

    `same` says whether the same request, but for its request-id, would be answered by the same octets now;
    None where nobody can say.
    """

    octets: bytes
    document: AsyncIterator[bytes] | None = None
    same: Callable[[], bool] | None = None


class Handler(Protocol):
    """What answers IPP requests: the Printer object, or anything of its shape."""

    async def handle(self, request: Request) -> Response:
        """The answer to a request.

        May raise `AuthenticationRequired` before it reads the document (HTTP 401 with the challenges) and
        `RemoteProtocolError` for what is wrong below IPP (HTTP 400, 408 or 413). Anything else it raises is
        a defect: logged, and answered with server-error-internal-error.
        """
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """What a path leads to, and what it asks of the connection.

    `name` is how logs call it; a path is never logged, since it may be a secret. `user` is whom a secret
    path stands for: nobody is asked then. `authentication`: `none` ignores credentials; `when-asked` checks
    those that are given and challenges when the handler says so; `always` challenges first. `plain`:
    `upgrade` answers requests that come without TLS by 426, `allow` serves them.
    """

    handler: Handler
    name: str = ""
    user: User | None = None
    authentication: Literal["none", "when-asked", "always"] = "none"
    plain: Literal["allow", "upgrade"] = "allow"


# From the path of a request to its route; None is answered by 404.
Router: TypeAlias = Callable[[str], Awaitable[Route | None]]


class Authenticator(Protocol):
    """Checks what an Authorization header carries."""

    @property
    def challenges(self) -> Sequence[str]:
        """The values of WWW-Authenticate, one for each scheme: `Basic realm="pullprint"`."""
        ...

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        """Whose credentials these are; None where they are wrong.

        `scheme` is in lower case (`basic`, `bearer`), `credentials` what follows it, undecoded. `peer` is
        the address that sent them, for limits on guessing.
        """
        ...


async def read_message(
    chunks: AsyncIterator[bytes], limits: Limits = DEFAULT_LIMITS
) -> tuple[Message, AsyncIterator[bytes]]:
    """Octets as they come: the message they begin with, and the document that follows, still streaming.

    Raises `RemoteProtocolError` as `Decoder` does, and what reading the chunks raises.
    """
    decoder = Decoder(limits)
    async for chunk in chunks:
        message = decoder.feed(chunk)
        if message is not None:
            return message, _Remainder(decoder.trailing, chunks)
    decoder.finish()
    raise LocalProtocolError("unreachable: an unfinished decoder raises")


class _Remainder:
    """What came with the end of the message, then the rest."""

    __slots__ = ("_first", "_rest")

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._first = first
        self._rest = rest

    def __aiter__(self) -> _Remainder:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return await anext(self._rest)
