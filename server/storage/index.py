"""The index: one tenant's jobs, documents, deliveries, people, printers and queues, and the ledger they
share.

A change is a function of a `Transaction`; all that it does is kept together or not at all, and its events
with it:

    def release(t: Transaction) -> Job:
        job = t.jobs.get(job_id)
        job = t.jobs.update(advance(job, Event.RELEASED, now), job.version)
        t.record(ledger.Event("job-state-changed", now, actor, job_id=job.id))
        return job

    job = await index.write(release)   # durable when it returns
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar
from uuid import UUID

import apsw
import msgspec

from server.storage import ledger
from server.storage.database import Database, fetch
from server.storage.deliveries import DeliveryRows
from server.storage.dispatch import DispatchRows
from server.storage.documents import DocumentRows
from server.storage.fleet import PrinterRows, QueueRows
from server.storage.jobs import JobRows
from server.storage.keys import KeyWrapper, split_wrapped
from server.storage.people import PersonRows
from server.storage.scope import Scope
from server.storage.seal import KEY_OCTETS, BlindIndex, FieldSealer, Random

T = TypeVar("T")

_PURPOSES: Final = ("field", "blind")


class Transaction:
    """All rows of one tenant, at one moment. Usable only inside the function it was given to."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def tenant(self) -> str:
        """Whose rows these are."""
        return self._scope.tenant

    @property
    def jobs(self) -> JobRows:
        """The jobs."""
        return JobRows(self._scope)

    @property
    def documents(self) -> DocumentRows:
        """Where the jobs' documents are."""
        return DocumentRows(self._scope)

    @property
    def deliveries(self) -> DeliveryRows:
        """The journal of deliveries."""
        return DeliveryRows(self._scope)

    @property
    def dispatch(self) -> DispatchRows:
        """Jobs and deliveries as the dispatcher sees them."""
        return DispatchRows(self._scope)

    @property
    def people(self) -> PersonRows:
        """The people."""
        return PersonRows(self._scope)

    @property
    def printers(self) -> PrinterRows:
        """The output devices."""
        return PrinterRows(self._scope)

    @property
    def queues(self) -> QueueRows:
        """What people print to."""
        return QueueRows(self._scope)

    def record(self, event: ledger.Event) -> ledger.Recorded:
        """Append an event to the ledger, for this tenant."""
        return ledger.append(self._scope.connection, replace(event, tenant=self._scope.tenant))


class _Wrapped(msgspec.Struct, array_like=True, frozen=True):
    purpose: str
    wrapped: bytes


class Index:
    """One tenant's rows in the database, with the keys that open them."""

    def __init__(self, database: Database, wrapper: KeyWrapper, tenant: str, keys: dict[str, bytes]) -> None:
        """Use `Index.open`."""
        self.tenant: Final = tenant
        self._database = database
        self._wrapper = wrapper
        self._fields = FieldSealer(keys["field"])
        self._blind = BlindIndex(keys["blind"])

    @classmethod
    async def open(
        cls,
        database: Database,
        wrapper: KeyWrapper,
        *,
        tenant: str = "default",
        random: Random = os.urandom,
    ) -> Index:
        """The index of a tenant, whose keys are made the first time, and else unwrapped by `wrapper`.

        Raises:
            UnknownKeyError: the key file is not the one that this data was stored with.
        """
        made = [
            (purpose, await wrapper.wrap(random(KEY_OCTETS), _context(tenant, purpose)))
            for purpose in _PURPOSES
        ]

        def make(connection: apsw.Connection) -> None:
            sql = "INSERT INTO tenant_keys (tenant, purpose, wrapped) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            for purpose, wrapped in made:
                connection.execute(sql, (tenant, purpose, wrapped)).close()

        stored = await database.read(lambda connection: _stored_keys(connection, tenant))
        if len(stored) < len(_PURPOSES):
            await database.write(make)  # another daemon may do so too: what is stored first counts
            stored = await database.read(lambda connection: _stored_keys(connection, tenant))
        keys = {
            purpose: await wrapper.unwrap(wrapped, _context(tenant, purpose))
            for purpose, wrapped in stored.items()
        }
        return cls(database, wrapper, tenant, keys)

    async def write(self, change: Callable[[Transaction], T]) -> T:
        """Run `change` in a transaction; return what it returned once it is durable.

        What it raises is raised here, and then nothing of it was kept. As `Database.write`.
        """
        return await self._database.write(lambda connection: change(self._transaction(connection)))

    async def read(self, question: Callable[[Transaction], T]) -> T:
        """Run `question`, which changes nothing, on one snapshot of what is committed. As `Database.read`."""
        return await self._database.read(lambda connection: question(self._transaction(connection)))

    async def rewrap(self) -> int:
        """Wrap every key of this tenant under the wrapper's newest key; return how many were not.

        After it, and after the same for every tenant, the older keys are needed for backups only.
        """
        rewrapped = await self._rewrap_tenant_keys()
        while documents := await self.read(lambda t: t.documents.wrapped_under_others(self._wrapper.key_id)):
            renewed = []
            for uuid, wrapped in documents:
                context = document_context(self.tenant, str(uuid))
                renewed.append(
                    (uuid, await self._wrapper.wrap(await self._wrapper.unwrap(wrapped, context), context))
                )

            def store(t: Transaction, renewed: list[tuple[UUID, bytes]] = renewed) -> None:
                for uuid, wrapped in renewed:
                    t.documents.rewrap(uuid, wrapped)

            await self.write(store)
            rewrapped += len(renewed)
        return rewrapped

    async def _rewrap_tenant_keys(self) -> int:
        stored = await self._database.read(lambda connection: _stored_keys(connection, self.tenant))
        old = {
            purpose: octets
            for purpose, octets in stored.items()
            if split_wrapped(octets)[0] != self._wrapper.key_id
        }
        renewed = []
        for purpose, wrapped in old.items():
            context = _context(self.tenant, purpose)
            renewed.append(
                (await self._wrapper.wrap(await self._wrapper.unwrap(wrapped, context), context), purpose)
            )

        def store(connection: apsw.Connection) -> None:
            sql = "UPDATE tenant_keys SET wrapped = ? WHERE tenant = ? AND purpose = ?"
            for wrapped, purpose in renewed:
                connection.execute(sql, (wrapped, self.tenant, purpose)).close()

        await self._database.write(store)
        return len(renewed)

    def _transaction(self, connection: apsw.Connection) -> Transaction:
        return Transaction(Scope(connection, self.tenant, self._fields, self._blind))


def document_context(tenant: str, uuid: str) -> bytes:
    """What a document's data key is wrapped for."""
    return f"{tenant}/document/{uuid}".encode()


def _context(tenant: str, purpose: str) -> bytes:
    return f"{tenant}/tenant key/{purpose}".encode()


def _stored_keys(connection: apsw.Connection, tenant: str) -> dict[str, bytes]:
    sql = "SELECT purpose, wrapped FROM tenant_keys WHERE tenant = ?"
    return {row.purpose: row.wrapped for row in fetch(connection, sql, (tenant,), _Wrapped)}
