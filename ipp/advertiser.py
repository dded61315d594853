"""Printers made known on the local network by Multicast DNS (RFC 6762), with subtypes, through `zeroconf`.

async with Advertiser() as advertiser:
    offered = await services_of(printer, f"{advertiser.host}:631/ipp/print")
    name = await advertiser.publish("a key", "Hall", offered)
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final, Self

import ifaddr
from zeroconf import (  # type: ignore[attr-defined]  # the first two are documented, but not in __all__
    AddressResolver,
    DNSService,
    InterfaceChoice,
    IPVersion,
    NonUniqueNameException,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)
from zeroconf.asyncio import AsyncZeroconf

from .decoder import decode
from .dnssd import Service, cut_octets, instance_name, next_instance_name, services, txt_strings
from .enums import GroupTag
from .exchange import Handler, Request
from .message import Group, Message
from .registry import attribute
from .vocabulary.enums import Operation

_LOG: Final = logging.getLogger(__name__)

_DOMAIN: Final = "local."
_OURSELVES: Final = "127.0.0.1"
_HOST_OCTETS: Final = 63
_MOST_RENAMES: Final = 99
_ADDRESS_WAIT_MS: Final = 800
# zeroconf takes every dot for the end of a label, so a dot within a name is written as its look-alike.
_DOT_LEADER: Final = "\N{ONE DOT LEADER}"


async def services_of(printer: Handler, location: str) -> tuple[Service, ...]:
    """What to advertise of a printer: what it tells, by ipp and by ipps, a client that comes to `location`.

    `location` is `HOST:PORT/PATH`, a path that everybody may know. Raises LocalProtocolError where the
    printer tells of no URI there, as one that is not to be found.
    """
    answers = []
    for scheme in ("ipp", "ipps"):
        uri = f"{scheme}://{location}"
        asked = [
            attribute("attributes-charset", "utf-8"),
            attribute("attributes-natural-language", "en"),
            attribute("printer-uri", uri),
            attribute("requested-attributes", "all"),
        ]
        message = Message(Operation.GET_PRINTER_ATTRIBUTES, 1, [Group(GroupTag.OPERATION, asked)])
        request = Request(message, uri, _nothing(), None, scheme == "ipps", _OURSELVES)
        response = await printer.handle(request)
        answers.append(decode(response.octets).printer)
    return services(*answers)


async def _nothing() -> AsyncIterator[bytes]:
    """The document of a request without one."""
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


class AdvertiserError(Exception):
    """A printer could not be made known: no free name, or no address to be found at."""


class SubtypeInfo(ServiceInfo):
    """A pointer from a subtype to a service that is registered under its own type.

    zeroconf keeps one service for each name. The key of a subtype is its type as well as its name, so that
    it stands beside the service; queries for the name itself find the service (zeroconf issues 109, 304).
    """

    def __init__(self, service: ServiceInfo, subtype: str) -> None:
        super().__init__(
            f"{subtype}._sub.{service.type}",
            service.name,
            port=service.port,
            properties=service.text,
            server=service.server,
        )
        self.key = f"{self.type}/{service.key}".lower()


class _ConflictWatch(RecordUpdateListener):
    """Tells of a service of a watched name that another host says it has (RFC 6762 9)."""

    def __init__(self, tell: Callable[[DNSService], None]) -> None:
        self._tell = tell
        self.names: set[str] = set()
        """Full names of our services, in lower case."""

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Look at the records of one packet; nearly none are of our names."""
        for update in records:
            record = update.new
            if isinstance(record, DNSService) and record.ttl and record.name.lower() in self.names:
                self._tell(record)


@dataclass(slots=True)
class _Publication:
    name: str
    wanted: str
    services: tuple[Service, ...]
    infos: list[ServiceInfo]


class Advertiser:
    """Publishes any number of printers; each is known to its owner by a key, and to the network by its name.

    `host` is the name that clients are sent to: this machine's, as `NAME.local`, unless given. Whoever
    answers for a `.local` name already with an address of this machine (avahi) is left to do so; else the
    addresses are announced here, and where the name is another machine's a number is added to it. A name
    of the DNS is taken as it is. Attributes must tell URIs of `self.host`, which is settled once the
    context is entered.
    `addresses` are what this machine is reached at, `interfaces` the addresses of the interfaces to speak
    on: all but loopback unless given.

    Raises AdvertiserError on entering when there is no address to announce.
    """

    def __init__(
        self,
        *,
        host: str = "",
        addresses: Sequence[str] = (),
        interfaces: Sequence[str] = (),
        ipv6: bool = False,
    ) -> None:
        self._ip_version = IPVersion.All if ipv6 else IPVersion.V4Only
        self._interfaces = list(interfaces)
        self._addresses_given = bool(addresses or interfaces)
        self._addresses = list(addresses) or self._interfaces or _own_addresses(ipv6=ipv6)
        self._answers_for_host = False
        self.host = _host_name(host or _machine_name())
        self._published: dict[str, _Publication] = {}
        self._turn = asyncio.Lock()
        self._announcements: dict[str, asyncio.Future[object]] = {}
        self._zeroconf: AsyncZeroconf | None = None
        self._watch = _ConflictWatch(self._settle_conflict)

    async def __aenter__(self) -> Self:
        if not self._addresses:
            raise AdvertiserError("no network address to advertise: connect an interface or give addresses")
        self._zeroconf = AsyncZeroconf(
            interfaces=self._interfaces or InterfaceChoice.All, ip_version=self._ip_version
        )
        try:
            await self._settle_host()
            self._zeroconf.zeroconf.async_add_listener(self._watch, None)
        except BaseException:
            await self._zeroconf.async_close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say goodbye for every printer, and stop."""
        zeroconf, self._zeroconf = self._running, None
        self._watch.names.clear()
        announcements = list(self._announcements.values())
        for announcement in announcements:
            announcement.cancel()
        await asyncio.gather(*announcements, return_exceptions=True)
        self._published.clear()
        await zeroconf.async_close()

    @property
    def names(self) -> Mapping[str, str]:
        """The name each published printer is known by now, by its key: a conflict may change it."""
        return {key: publication.name for key, publication in self._published.items()}

    async def publish(self, key: str, name: str, services: Iterable[Service]) -> str:
        """Make a printer known, or what changed of it; gives the name that it is known by.

        That is `name` (cut to a DNS label), or `name (2)` where another printer has it; it stays until
        another name is asked for. Raises AdvertiserError when a hundred names are taken.
        """
        wanted, offered = _fit_name(name), tuple(services)
        async with self._turn:
            present = self._published.get(key)
            if present and present.wanted == wanted:
                if present.services != offered:
                    await self._update(present, offered)
                return present.name
            if present:
                await self._withdraw(key)
            return await self._publish_new(key, wanted, offered)

    async def refresh(self) -> None:
        """Follow a change of this machine's interfaces and addresses, and announce every printer there.

        Addresses and interfaces that were given stay as they are.
        """
        async with self._turn:
            await self._running.async_update_interfaces()
            if self._addresses_given or not self._answers_for_host:
                return
            self._addresses = _own_addresses(ipv6=self._ip_version is IPVersion.All)
            for publication in self._published.values():
                await self._update(publication, publication.services)

    async def withdraw(self, key: str) -> None:
        """Say goodbye for a printer; nothing happens when it is not published."""
        async with self._turn:
            await self._withdraw(key)

    @property
    def _running(self) -> AsyncZeroconf:
        if self._zeroconf is None:
            raise AdvertiserError("not running: use the advertiser within `async with`")
        return self._zeroconf

    async def _publish_new(self, key: str, wanted: str, offered: tuple[Service, ...], first: str = "") -> str:
        free = await self._find_free_name(first or wanted, offered)
        made = _Publication(free, wanted, offered, self._make_infos(free, offered))
        self._published[key] = made
        try:
            for info in made.infos:
                await self._register(info)
        except BaseException:
            await self._withdraw(key)  # half a printer is none
            raise
        if free != wanted:
            _LOG.warning("printer name %r is taken on this network, advertised as %r", wanted, free)
        return free

    def _settle_conflict(self, theirs: DNSService) -> None:
        """Give a name up to a host that took it in the same moment, when that host's name is the later.

        Both see both records, so that exactly one yields. A record of our own host is a former one of ours.
        """
        if f"{self.host}." >= theirs.server.lower():
            return
        for key, publication in self._published.items():
            if any(info.name.lower() == theirs.name.lower() for info in publication.infos):
                # Each of their services tells; a change of name that has begun is not begun again.
                if (change := f"yield {key}") not in self._announcements:
                    self._announce(change, self._yield_name(key, publication))
                return

    async def _yield_name(self, key: str, publication: _Publication) -> None:
        async with self._turn:
            if self._published.get(key) is not publication or self._zeroconf is None:
                return  # settled already
            # No goodbye: the name is the other's now, and a goodbye would make everybody forget it.
            self._forget(key)
            for info in publication.infos:
                self._hush(info.key)
                self._running.zeroconf.registry.async_remove(info)
            following = next_instance_name(publication.name)
            await self._publish_new(key, publication.wanted, publication.services, following)

    def _forget(self, key: str) -> _Publication | None:
        publication = self._published.pop(key, None)
        if publication:
            self._watch.names.difference_update(info.name.lower() for info in publication.infos)
        return publication

    async def _settle_host(self) -> None:
        stem, _, domain = self.host.partition(".")
        if domain != "local":
            return
        for number in range(2, _MOST_RENAMES):
            found = await self._resolve(f"{self.host}.")
            if not found:
                self._answers_for_host = True
                return
            if found & set(self._addresses):
                _LOG.debug("%s is answered for by this machine's own responder", self.host)
                return
            suffix = f"-{number}"
            self.host = f"{cut_octets(stem, _HOST_OCTETS - len(suffix))}{suffix}.local"
        raise AdvertiserError(f"no free host name like {self.host}: give another host")

    async def _resolve(self, host: str) -> set[str]:
        asked = AddressResolver(host)
        await asked.async_request(self._running.zeroconf, _ADDRESS_WAIT_MS)
        return set(asked.parsed_addresses(self._ip_version))

    async def _find_free_name(self, wanted: str, services: tuple[Service, ...]) -> str:
        """Probe for the name under every type at once (RFC 6762 8.1), as often as it takes."""
        own = {publication.name.lower() for publication in self._published.values()}
        name = wanted
        for _ in range(_MOST_RENAMES):
            if name.lower() not in own and await self._is_free(name, services):
                return name
            name = next_instance_name(name)
        raise AdvertiserError(f"no free name like {wanted!r} on this network: choose another")

    async def _is_free(self, name: str, services: tuple[Service, ...]) -> bool:
        zeroconf = self._running.zeroconf
        await zeroconf.async_wait_for_start()
        probes = (
            zeroconf.async_check_service(self._make_info(name, service), allow_name_change=False)
            for service in services
        )
        outcomes = await asyncio.gather(*probes, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException) and not isinstance(outcome, NonUniqueNameException):
                raise outcome
        return not any(outcomes)

    def _make_info(self, name: str, service: Service) -> ServiceInfo:
        kind = f"{service.type}.{_DOMAIN}"
        strings = (bytes([len(string)]) + string for string in txt_strings(service.txt))
        return ServiceInfo(
            kind,
            f"{name}.{kind}",
            port=service.port,
            properties=b"".join(strings),
            server=f"{self.host}.",
            parsed_addresses=self._addresses if self._answers_for_host else [],
        )

    def _make_infos(self, name: str, services: tuple[Service, ...]) -> list[ServiceInfo]:
        infos = []
        for service in services:
            info = self._make_info(name, service)
            infos += [info, *(SubtypeInfo(info, subtype) for subtype in service.subtypes)]
        return infos

    async def _update(self, publication: _Publication, services: tuple[Service, ...]) -> None:
        before = {info.key: info for info in publication.infos}
        infos = self._make_infos(publication.name, services)
        zeroconf = self._running
        for key in before.keys() - {info.key for info in infos}:
            self._announce(key, await zeroconf.async_unregister_service(before[key]))
        for info in infos:
            old = before.get(info.key)
            if old is None:
                await self._register(info)
            elif _content(old) != _content(info):
                self._announce(info.key, await zeroconf.async_update_service(info))
        publication.services, publication.infos = services, infos

    async def _register(self, info: ServiceInfo) -> None:
        # The name was probed for already; a subtype's must be found by zeroconf, for it is the service's.
        self._watch.names.add(info.name.lower())
        sending = await self._running.async_register_service(info, cooperating_responders=True)
        self._announce(info.key, sending)

    async def _withdraw(self, key: str) -> None:
        publication = self._forget(key)
        for info in publication.infos if publication else ():
            self._announce(info.key, await self._running.async_unregister_service(info))

    def _announce(self, key: str, sending: Awaitable[object]) -> None:
        """Let an announcement or goodbye be repeated while the caller goes on (RFC 6762 8.3).

        What is still being repeated of the same service ends: it is no longer true.
        """
        self._hush(key)
        task = asyncio.ensure_future(sending)
        self._announcements[key] = task
        task.add_done_callback(partial(self._finish, key))

    def _hush(self, key: str) -> None:
        if task := self._announcements.get(key):
            task.cancel()

    def _finish(self, key: str, task: asyncio.Future[object]) -> None:
        if self._announcements.get(key) is task:
            del self._announcements[key]
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("could not advertise: %s", error)


def _content(info: ServiceInfo) -> tuple[object, ...]:
    return info.port, info.text, info.addresses_by_version(IPVersion.All)


def _fit_name(name: str) -> str:
    return instance_name(instance_name(name).replace(".", _DOT_LEADER))


def _host_name(host: str) -> str:
    name = host.lower().removesuffix(".")
    return name if "." in name else f"{name}.local"


def _machine_name() -> str:
    label = socket.gethostname().partition(".")[0]
    return cut_octets(label, _HOST_OCTETS) or "printer"


def _own_addresses(*, ipv6: bool) -> list[str]:
    """The addresses of this machine's interfaces, without those that only this machine reaches."""
    found = []
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            text = address.ip if isinstance(address.ip, str) else address.ip[0]
            local = text.startswith("127.") or text == "::1"
            if not local and (address.is_IPv4 or ipv6):
                found.append(text)
    return found
