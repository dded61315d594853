"""The composition root: configuration -> objects -> one TaskGroup. Nothing else constructs."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from ssl import SSLContext, SSLError
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from cryptography import x509

from ipp.endpoint import Endpoint
from ipp.listener import inherited_sockets
from ipp.profile import Destination, mobileconfig, sign
from ipp.spool import PrinterStatus, Spool, utc_now
from ipp.tls import GivenIdentity, OwnIdentity, Signer, read_signer
from pcl.worker import Limits, WorkerPool
from server.admin.commands import StatusView
from server.admin.desk import CommandError, Desk
from server.admin.socket import AdminServer
from server.announce import announce
from server.config import RESOURCE_PATH, Config
from server.describe import Describer
from server.errors import PullprintError
from server.fleet import Fleet
from server.gate import Gate
from server.identity.authenticator import BasicAuthenticator
from server.identity.guessing import Attempts
from server.identity.networks import Networks
from server.identity.people import Hasher, People
from server.jobs.analysis import StreamAnalyser
from server.jobs.intake import Analyser, Intake
from server.jobs.lock import Lock
from server.jobs.service import JobService, Keeping
from server.jobs.spool import QueueSpool
from server.logs import logging_to
from server.place import Place
from server.probe import probe
from server.release import Releaser
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger
from server.storage.room import Room
from server.storage.vault import Vault
from server.web.pages import Listed, Pages

_log: Final = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 30.0
GRACE_S: Final = 10.0
_ANALYSED_AT_ONCE: Final = 2
# Nobody waits longer for the analysis of others' documents; the pages are not counted then.
_ANALYSIS_WAIT_S: Final = 5.0
_PRIVILEGED: Final = 1024


Environment: TypeAlias = "dict[str, str] | os._Environ[str]"


class StartError(PullprintError):
    """The daemon cannot start; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stores:
    """What lasts."""

    index: Index
    ledger: Ledger
    vault: Vault


@dataclass(frozen=True, slots=True)
class Front:
    """The certificate that is shown: its context, its fingerprint, and itself where it was made here."""

    context: Callable[[], SSLContext]
    fingerprint: str
    certificate: x509.Certificate | None
    signer: Callable[[], Signer]


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises PullprintError where it cannot start."""
    with logging_to(sys.stderr, config.log):
        runner = asyncio.Runner(loop_factory=_loop_factory())
        with runner, suppress(KeyboardInterrupt):
            runner.run(serve(config, os.environ, ready=_say))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # an extra: asyncio's own loop serves as well
        return None
    return uvloop.new_event_loop


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def serve(
    config: Config,
    environment: Environment,
    *,
    ready: Callable[[str], None],
    until: asyncio.Event | None = None,
) -> None:
    """Serve a resolved configuration until a signal comes or `until` is set; `ready` is told when it does.

    Raises:
        PullprintError: it cannot start.
    """
    ending = until or asyncio.Event()
    async with AsyncExitStack() as stack:
        stack.enter_context(_locked(config.folder))
        stores = await stack.enter_async_context(_open_stores(config))
        house = await _House.build(config, stores)
        stack.callback(house.workers.close)
        stack.callback(house.intake.close)
        await house.gate.refresh()
        await stack.enter_async_context(_listening(house, environment))
        admin = AdminServer(config.folder, house.desk.carry)
        await admin.start()
        stack.push_async_callback(admin.stop)
        stack.enter_context(_signals(ending))
        async with asyncio.TaskGroup() as group:
            group.create_task(house.releaser.run())
            tasks = [group.create_task(house.sweep())]
            if config.discovery.enabled:
                tasks.append(group.create_task(house.announce()))
            ready(house.describe_ready())
            _log.info("serving %d queues at port %d", len(house.fleet.queues), house.place.port)
            await ending.wait()
            _log.info("ending")
            house.releaser.stop()
            for task in tasks:
                task.cancel()


class _House:
    """The rooms of a running daemon."""

    def __init__(self, config: Config, stores: Stores, fleet: Fleet) -> None:
        """Use `build`."""
        self.config = config
        self.stores = stores
        self.fleet = fleet
        self.place = Place.here(config.listen, name=config.name)
        self.front = _make_front(config, self.place)
        trusted = Networks(config.trusted_networks)
        hasher = Hasher()
        self.people = People(stores.index, hasher)
        self.workers = WorkerPool(_ANALYSED_AT_ONCE, limits=Limits(wait_s=_ANALYSIS_WAIT_S))
        self.intake = Intake(
            stores.vault,
            analyse=self._analyse if config.jobs.analyse else None,
            octets_max=config.jobs.document_octets_max,
            check_room=Room(config.folder).check,
        )
        keeping = Keeping(
            parked=timedelta(seconds=config.jobs.expire_after_s),
            history=timedelta(seconds=config.jobs.forget_after_s),
            operation=timedelta(seconds=config.jobs.incoming_time_out_s),
            waiting_per_owner_max=config.jobs.waiting_per_owner_max,
        )
        lock = Lock(stores.index, hasher, utc_now)
        self.jobs = JobService(stores.index, stores.vault, self.intake, utc_now, lock, keeping)
        self.releaser = Releaser(
            stores.index,
            stores.ledger,
            self.jobs,
            stores.vault,
            worker=f"{self.place.title}.{os.getpid()}.{uuid4().hex[:12]}",
            clock=utc_now,
        )
        self.gate = Gate(
            fleet,
            self.people,
            stores.index,
            make_spool=self._make_spool,
            describe=Describer(_instance(config.folder), self.place.title, config.jobs),
            trusted=trusted,
            plain=config.listen.plain,
        )
        self.desk = Desk(
            people=self.people,
            fleet=fleet,
            jobs=self.jobs,
            ledger=stores.ledger,
            serving=self,
            probe=probe,
            make_profile=self.make_profile,
        )
        self.endpoint = Endpoint(
            self.gate.route,
            hosts=self.place.hosts,
            authenticator=BasicAuthenticator(
                self.people, hasher, Attempts(trusted), realm=config.identity.realm
            ),
            pages=Pages(
                self.list_queues,
                place=self.place.title,
                version=_version(),
                kept=keeping.parked,
                port=lambda: self.place.port,
            ),
            tls=self.front.context,
        )

    @classmethod
    async def build(cls, config: Config, stores: Stores) -> _House:
        """The rooms over what lasts."""
        # The folder's lock says that no other daemon lives: what a killed one was delivering need not wait
        # until its claim runs out.
        await stores.index.write(lambda t: t.jobs.give_up_all_claims())
        return cls(config, stores, await Fleet.open(stores.index, config))

    def _analyse(self, claimed_format: str) -> Analyser:
        return StreamAnalyser(claimed_format, self.workers)

    def _make_spool(self, queue: str) -> Spool:
        return QueueSpool(queue, self.jobs, self.stores.index, self.stores.ledger, utc_now)

    async def sweep(self) -> None:
        """End what is over, again and again."""
        while True:
            try:
                await self.jobs.sweep()
            except PullprintError as error:
                _log.error("what is over could not be swept away: %s", error)
            except Exception:  # a defect of the broom is no reason to end the house
                _log.exception("what is over could not be swept away")
            await asyncio.sleep(SWEEP_EVERY_S)

    async def announce(self) -> None:
        """Make the queues known on the local network."""
        names = self.config.listen.names
        await announce(
            self.gate,
            self.place.port,
            host=names[0] if names else "",
            interfaces=self.config.discovery.interfaces,
            met=self.place.meet,
        )

    async def list_queues(self) -> list[Listed]:
        """The queues for the start page, the default one first."""
        listed = [
            Listed(
                served.settings,
                await served.spool.status(),
                str(served.printer.attributes.string("printer-dns-sd-name", served.settings.title)),
                served is self.gate.default,
            )
            for served in self.gate
        ]
        return sorted(listed, key=lambda each: not each.is_default)

    def uris(self, path: str, *, secret: bool = False) -> list[str]:
        """Where clients reach a resource path."""
        return self.place.uris(path, secret=secret)

    async def status(self, queue: str) -> PrinterStatus | None:
        """The state of a queue; None where it is not served."""
        return await self.gate.status(queue)

    async def refresh(self) -> None:
        """Serve the queues as the fleet has them now."""
        await self.gate.refresh()

    def describe(self) -> StatusView:
        """The daemon itself."""
        return StatusView(
            version=_version(),
            pid=os.getpid(),
            addresses=[f"{host}:{port}" for host, port in self.endpoint.addresses],
            queues=0,
            jobs=0,
            fingerprint=self.front.fingerprint,
        )

    def make_profile(self, name: str, path: str, title: str, host: str, signed: bool) -> bytes:
        """An AirPrint profile that prints as `name` by a secret path; it trusts a certificate made here.

        Raises CommandError where it is to be signed and the key of the certificate cannot do so.
        """
        where = Destination(host or self.place.host, path.lstrip("/"), self.place.port)
        certificate = self.front.certificate
        octets = mobileconfig(
            [where],
            identifier=f"org.pullprint.{_instance(self.config.folder)}",
            display_name=f"{title} ({name})",
            organization=self.place.title,
            description="Prints as you. Do not hand it on.",
            trusted=[certificate] if certificate is not None else [],
        )
        if not signed:
            return octets
        try:
            return sign(octets, *self.front.signer())
        except (OSError, ValueError) as error:
            raise CommandError(f"the profile cannot be signed: {error}; make it without --sign") from error

    def describe_ready(self) -> str:
        """How to print here, for whoever started the daemon."""
        default = self.gate.default
        lines = [f"pullprint {_version()} is ready: {self.place.page()}"]
        if default is not None:
            (uri, *_) = self.place.uris(RESOURCE_PATH)
            lines.append(f"  print to   {uri}")
            lines.append(f"  from CUPS  lpadmin -p pullprint -E -m everywhere -v {uri}")
            if default.settings.authentication == "none":
                lines.append(
                    "  who        anybody on this network, under any name that has no password here;"
                    " `pullprint users add NAME` gives one"
                )
            else:
                lines.append("  who        people with a password: `pullprint users add NAME`")
        lines.append(f"  data       {self.config.folder}")
        return "\n".join(lines)


@asynccontextmanager
async def _open_stores(config: Config) -> AsyncIterator[Stores]:
    folder = config.folder
    keys = await asyncio.to_thread(LocalKeyFile.load_or_create, folder / "keys.toml")
    blobs = await FileBlobs.open(folder / "blobs")
    try:
        async with await Database.open(folder / "pullprint.db") as database:
            index = await Index.open(database, keys)
            yield Stores(index, await Ledger.open(database), Vault(index, blobs, keys))
    finally:
        await blobs.close()


@asynccontextmanager
async def _listening(house: _House, environment: Environment) -> AsyncIterator[None]:
    """Serve at the sockets that systemd passed, or else at the configured addresses."""
    listen = house.config.listen
    sockets = inherited_sockets(environment)
    addresses = [] if sockets else [("" if each == "*" else each, listen.port) for each in listen.addresses]
    try:
        await house.endpoint.start(addresses, sockets)
    except OSError as error:
        raise StartError(_why_not(error, listen.port)) from error
    house.place.port = house.endpoint.addresses[0][1]
    try:
        yield
    finally:
        await house.endpoint.close(GRACE_S)


def _why_not(error: OSError, port: int) -> str:
    """Why a port cannot be had, and what to do."""
    what = f"port {port} cannot be listened at: {error.strerror}"
    if isinstance(error, PermissionError) and port < _PRIVILEGED:
        return (
            f"{what}. Ports below {_PRIVILEGED} need a systemd socket (LISTEN_FDS) or the capability "
            "CAP_NET_BIND_SERVICE; or choose another by --port"
        )
    return f"{what}. Choose another by --port, or end what listens there"


def _make_front(config: Config, place: Place) -> Front:
    try:
        if config.tls.certificate:
            key = Path(config.tls.key) if config.tls.key else None
            path = Path(config.tls.certificate)
            return Front(GivenIdentity(path, key).context, "", None, lambda: read_signer(path, key))
        path = config.folder / "identity.pem"
        own = OwnIdentity(path, place.names)
        return Front(own.context, own.fingerprint, own.certificate, lambda: read_signer(path))
    except (OSError, SSLError, ValueError) as error:
        raise StartError(f"the TLS certificate cannot be used: {error}; correct [tls] in the file") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The data folder, private, and no other daemon's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(
            f"data folder {folder} cannot be used: {error.strerror}; name another by --data"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                f"another daemon serves {folder}: end that one, or name another by --data"
            ) from None
        except OSError as error:
            raise StartError(
                f"data folder {folder} cannot be locked: {error.strerror}; name one on a local disk"
            ) from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _signals(ending: asyncio.Event) -> Iterator[None]:
    """End in order on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    caught = (signal.SIGTERM, signal.SIGINT)
    for number in caught:
        loop.add_signal_handler(number, ending.set)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)


def _instance(folder: Path) -> UUID:
    """What tells this daemon's queues from all others', as long as its data lives."""
    file = folder / "instance"
    try:
        if not file.exists():  # the folder is locked: nobody else makes it now
            making = folder / "instance.new"
            descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as written:
                written.write(f"{uuid4()}\n")
                written.flush()
                os.fsync(written.fileno())
            making.rename(file)
        return UUID(file.read_text("ascii").strip())
    except OSError as error:
        raise StartError(f"{file} cannot be made or read: {error.strerror}") from error
    except ValueError:
        raise StartError(f"{file} is damaged: restore it from a backup, or remove it") from None


def _version() -> str:
    return metadata.version("pullprint")
