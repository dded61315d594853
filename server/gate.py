"""The queues that are served: a Printer for each, and which path leads to which, for whom.

/ipp/print[/JOB]                    the default queue
/ipp/print/QUEUE[/JOB]              a queue by its name
/ipp/print/u/TOKEN[/QUEUE][/JOB]    a person's secret path, by TLS only; its answers name no other path
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from ipp import Attributes, Status
from ipp.exchange import Handler, Request, Response, Route
from ipp.operations import standard_printer
from ipp.printer import Access, Printer
from ipp.spool import Clock, PrinterStatus, Spool, utc_now
from server.config import PERSONAL, RESOURCE_PATH, QueueSettings
from server.errors import StorageFullError
from server.fleet import Fleet
from server.identity.guard import Guard
from server.identity.people import People, user_of
from server.identity.policy import PERSONAL as PERSONAL_OPERATIONS
from server.identity.policy import may_operation
from server.storage.index import Index

_LOG: Final = logging.getLogger(__name__)

ICONS: Final = ("/icons/48.png", "/icons/128.png", "/icons/512.png")


class Describe(Protocol):
    """Makes the attributes of a queue."""

    def __call__(self, queue: QueueSettings, told: Attributes) -> Attributes:
        """The attributes of a queue; `told` is what its printer says of itself, where it has one."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A queue that is served."""

    settings: QueueSettings
    described: Attributes
    printer: Printer
    spool: Spool
    public: Route
    secret: Handler


@dataclass(frozen=True, slots=True)
class _Entrance:
    """A printer as one kind of path reaches it; a full disk is told as what it is (RFC 8011 B.1.5.6)."""

    printer: Printer
    access: Access

    async def handle(self, request: Request) -> Response:
        """Answer as the printer does."""
        try:
            return await self.printer.answer(request, self.access)
        except StorageFullError as error:
            _LOG.error("nothing is taken in: %s", error)
            return self.printer.respond(request.message, Status.SERVER_ERROR_TEMPORARY_ERROR)


class Gate:
    """Serves the queues of a fleet: `route` is the endpoint's router, `refresh` follows changes."""

    def __init__(
        self,
        fleet: Fleet,
        people: People,
        index: Index,
        *,
        make_spool: Callable[[str], Spool],
        describe: Describe,
        trusted: Container[str],
        plain: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        self._fleet = fleet
        self._people = people
        self._index = index
        self._make_spool = make_spool
        self._describe = describe
        self._trusted = trusted
        self._plain = plain
        self._clock = clock
        self._served: dict[str, Served] = {}
        self._refreshing = asyncio.Lock()
        self._changed = asyncio.Event()
        self._revision = 0

    def __iter__(self) -> Iterator[Served]:
        return iter(self._served.values())

    @property
    def default(self) -> Served | None:
        """The queue at /ipp/print."""
        default = self._fleet.default
        return self._served.get(default.name) if default is not None else None

    def get(self, queue: str) -> Served | None:
        """A queue by its name."""
        return self._served.get(queue)

    async def status(self, queue: str) -> PrinterStatus | None:
        """The state of a queue; None where it is not served."""
        served = self._served.get(queue)
        return await served.spool.status() if served is not None else None

    async def refresh(self) -> None:
        """Serve the queues as the fleet has them now. One that did not change keeps its subscriptions."""
        async with self._refreshing:
            served = dict(self._served)
            for name in served.keys() - self._fleet.queues.keys():
                del served[name]
            for name, settings in self._fleet.queues.items():
                told = await self._fleet.told(settings.printer) if settings.printer else Attributes()
                described = self._describe(settings, told)
                present = served.get(name)
                if present is None or (present.settings, present.described) != (settings, described):
                    served[name] = await self._serve(settings, described)
            self._served = served
            self._revision += 1
            self._changed.set()
            self._changed = asyncio.Event()

    @property
    def revision(self) -> int:
        """How often `refresh` was done."""
        return self._revision

    async def wait_change(self, revision: int) -> None:
        """Return once there is another revision than that one."""
        while self._revision == revision:
            await self._changed.wait()

    async def _serve(self, settings: QueueSettings, described: Attributes) -> Served:
        row = await self._index.read(lambda t: t.queues.get(settings.name))
        spool = self._make_spool(settings.name)
        basic = settings.authentication == "basic"
        access = Access(plain=False, authentication="basic") if basic else Access(plain=self._plain)
        printer = standard_printer(
            described,
            spool,
            policy=may_operation,
            authenticated=PERSONAL_OPERATIONS if basic else frozenset(),
            icons=ICONS,
            clock=self._clock,
        )
        if len(row.attributes):
            printer.set_attributes(row.attributes)
        return Served(
            settings,
            described,
            printer,
            spool,
            public=self._public_route(settings, _Entrance(printer, access)),
            secret=_Entrance(printer, Access(plain=False)),
        )

    def _public_route(self, settings: QueueSettings, handler: Handler) -> Route:
        if settings.authentication == "basic":
            return Route(handler, settings.name, authentication="when-asked", plain="upgrade")
        guarded = Guard(handler, self._people, self._trusted)
        plain: Literal["allow", "upgrade"] = "allow" if self._plain else "upgrade"
        return Route(guarded, settings.name, authentication="when-asked", plain=plain)

    async def route(self, path: str) -> Route | None:
        """What a path leads to; None where it leads nowhere."""
        if path == "/":
            return self.default.public if self.default is not None else None
        if path.rstrip("/") != RESOURCE_PATH and not path.startswith(f"{RESOURCE_PATH}/"):
            return None
        parts = [part for part in path[len(RESOURCE_PATH) :].split("/") if part]
        if parts and parts[-1].isdigit():
            parts.pop()
        if parts and parts[0] == PERSONAL:
            return await self._secret_route(parts[1:])
        served = self.default if not parts else self._served.get(parts[0]) if len(parts) == 1 else None
        return served.public if served is not None else None

    async def _secret_route(self, parts: list[str]) -> Route | None:
        if len(parts) not in (1, 2):
            return None
        person = await self._people.find_by_token(parts[0])
        served = self.default if len(parts) == 1 else self._served.get(parts[1])
        if person is None or served is None:
            return None
        name = f"{served.settings.name} by a secret path"
        return Route(served.secret, name, user=user_of(person), plain="upgrade")
