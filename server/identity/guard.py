"""Who is believed on a queue that asks for no password: a Handler in front of another one."""

from __future__ import annotations

from collections.abc import Container
from typing import Protocol

from ipp.errors import AuthenticationRequired, RemoteProtocolError
from ipp.exchange import Handler, Request, Response
from server.identity.policy import OPEN


class Names(Protocol):
    """Knows which names are somebody's: `People`."""

    async def find(self, name: str) -> object | None:
        """Somebody who is called so, however it is typed."""
        ...


class Guard:
    """Lets a merely claimed name through only from a trusted network, and only where it is nobody's.

    So a job of somebody who has a password is never touched by who only knows their name, on whichever queue,
    and `job.owner == user.name` is all that policy has to ask.
    """

    def __init__(self, handler: Handler, names: Names, trusted: Container[str]) -> None:
        self._handler = handler
        self._names = names
        self._trusted = trusted

    async def handle(self, request: Request) -> Response:
        """Answer as the handler does. Raises AuthenticationRequired where the name needs proof."""
        message = request.message
        if request.user is None and message.operation not in OPEN:
            if request.peer not in self._trusted:
                raise AuthenticationRequired
            try:
                claimed = message.operation_attributes.string("requesting-user-name", "")
            except RemoteProtocolError:
                claimed = ""  # of another syntax: nobody is called so, and the handler says what is wrong
            if claimed and await self._names.find(str(claimed)):
                raise AuthenticationRequired
        return await self._handler.handle(request)
