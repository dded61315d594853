"""The rows that say where documents are: their wrapped keys, and their octets where those are few.

A row is of one document of one job; two jobs may have the same document, by its UUID. What a document says of
itself (name, format, impressions) belongs to the job and is sealed with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

import msgspec

from server.errors import NotStoredError
from server.storage.keys import split_wrapped
from server.storage.scope import Scope

_SELECT: Final = (
    "SELECT number, uuid, wrapped_key, blob, sealed_octets, sealed FROM documents"
    " WHERE tenant = :tenant AND job_id = :job_id"
)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Where the octets of one document are, and what opens them.

    `blob` names the blob that holds the ciphertext; None: the database does. `sealed_octets` is the
    ciphertext's length, `sha256` the digest of the plaintext.
    """

    number: int
    uuid: UUID
    wrapped_key: bytes = field(repr=False)
    blob: str | None
    sealed_octets: int
    sha256: bytes = field(repr=False)


class _Row(msgspec.Struct, array_like=True, frozen=True):
    number: int
    uuid: bytes
    wrapped_key: bytes
    blob: str | None
    sealed_octets: int
    sealed: bytes


class _Private(msgspec.Struct, array_like=True, frozen=True):
    sha256: bytes


class _Octets(msgspec.Struct, array_like=True, frozen=True):
    octets: bytes


class _Blob(msgspec.Struct, array_like=True, frozen=True):
    name: str


class _Wrapped(msgspec.Struct, array_like=True, frozen=True):
    uuid: bytes
    wrapped_key: bytes


class DocumentRows:
    """The documents of one tenant's jobs, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, job_id: int, document: StoredDocument, octets: bytes | None = None) -> None:
        """Store where a job's document is; `octets` is its ciphertext where no blob holds it."""
        if (octets is None) == (document.blob is None):
            raise ValueError("a document is in a blob or in the database, and in one of the two")
        key_id, _ = split_wrapped(document.wrapped_key)
        identity = str(document.uuid)
        self._scope.change(
            "INSERT INTO documents"
            " (job_id, number, tenant, uuid, wrapped_key, key_id, blob, sealed_octets, sealed) VALUES"
            " (:job_id, :number, :tenant, :uuid, :wrapped_key, :key_id, :blob, :sealed_octets, :sealed)",
            {
                "job_id": job_id,
                "number": document.number,
                "uuid": document.uuid.bytes,
                "wrapped_key": document.wrapped_key,
                "key_id": key_id,
                "blob": document.blob,
                "sealed_octets": document.sealed_octets,
                "sealed": self._scope.seal(_Private(document.sha256), "document", identity),
            },
        )
        if octets is not None:
            self._scope.connection.execute(
                "INSERT INTO document_octets (uuid, octets) VALUES (?, ?)", (document.uuid.bytes, octets)
            ).close()

    def of(self, job_id: int) -> list[StoredDocument]:
        """The documents that a job still has, by their numbers."""
        rows = self._scope.fetch(_SELECT + " ORDER BY number", {"job_id": job_id}, _Row)
        return [self._document(row) for row in rows]

    def get(self, job_id: int, number: int) -> StoredDocument:
        """One document of a job.

        Raises:
            NotStoredError: there is no such document, or it was destroyed.
        """
        sql = _SELECT + " AND number = :number"
        for row in self._scope.fetch(sql, {"job_id": job_id, "number": number}, _Row):
            return self._document(row)
        raise NotStoredError(f"job {job_id} has no document {number}: it was delivered, canceled or expired")

    def octets(self, uuid: UUID) -> bytes:
        """The ciphertext of a document that no blob holds.

        Raises:
            NotStoredError: the document was destroyed.
        """
        sql = (
            "SELECT octets FROM document_octets WHERE uuid = :uuid"
            " AND EXISTS (SELECT 1 FROM documents WHERE uuid = :uuid AND tenant = :tenant)"
        )
        for row in self._scope.fetch(sql, {"uuid": uuid.bytes}, _Octets):
            return row.octets
        raise NotStoredError(f"document {uuid} was destroyed")

    def share(self, from_job_id: int, to_job_id: int) -> None:
        """Give a job the documents of another one (Resubmit-Job); they last as long as either has them."""
        self._scope.change(
            "INSERT INTO documents"
            " (job_id, number, tenant, uuid, wrapped_key, key_id, blob, sealed_octets, sealed)"
            " SELECT :to_job, number, tenant, uuid, wrapped_key, key_id, blob, sealed_octets, sealed"
            " FROM documents WHERE tenant = :tenant AND job_id = :from_job",
            {"from_job": from_job_id, "to_job": to_job_id},
        )

    def destroy(self, job_id: int) -> list[str]:
        """Destroy the keys of a job's documents and their octets in the database, unless another job has
        them.

        Returns the names of blobs that nothing opens any more: delete them after the commit.
        """
        blobs = self._scope.fetch(
            "SELECT DISTINCT blob FROM documents"
            " WHERE tenant = :tenant AND job_id = :job_id AND blob NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM documents AS other"
            " WHERE other.blob = documents.blob AND other.job_id != :job_id)",
            {"job_id": job_id},
            _Blob,
        )
        sql = "DELETE FROM documents WHERE tenant = :tenant AND job_id = :job_id"
        self._scope.change(sql, {"job_id": job_id})
        return [blob.name for blob in blobs]

    def orphans(self, blobs: Sequence[str]) -> list[str]:
        """Those of the named blobs that no document of any tenant is in."""
        rows = self._scope.fetch(
            "SELECT value FROM json_each(:names)"
            " WHERE NOT EXISTS (SELECT 1 FROM documents WHERE blob = value) AND :tenant NOT NULL",
            {"names": msgspec.json.encode(blobs).decode()},
            _Blob,
        )
        return [row.name for row in rows]

    def wrapped_under_others(self, key_id: str, *, limit: int = 100) -> list[tuple[UUID, bytes]]:
        """At most `limit` documents, and their wrapped keys, whose key is not wrapped under that one."""
        rows = self._scope.fetch(
            "SELECT DISTINCT uuid, wrapped_key FROM documents"
            " WHERE tenant = :tenant AND key_id != :key_id LIMIT :limit",
            {"key_id": key_id, "limit": limit},
            _Wrapped,
        )
        return [(UUID(bytes=row.uuid), row.wrapped_key) for row in rows]

    def rewrap(self, uuid: UUID, wrapped_key: bytes) -> None:
        """Store a document's key as it is wrapped now; one that was destroyed meanwhile stays destroyed."""
        key_id, _ = split_wrapped(wrapped_key)
        self._scope.change(
            "UPDATE documents SET wrapped_key = :wrapped_key, key_id = :key_id"
            " WHERE tenant = :tenant AND uuid = :uuid",
            {"uuid": uuid.bytes, "wrapped_key": wrapped_key, "key_id": key_id},
        )

    def _document(self, row: _Row) -> StoredDocument:
        uuid = UUID(bytes=row.uuid)
        private = self._scope.open(row.sealed, "document", str(uuid), _Private)
        return StoredDocument(row.number, uuid, row.wrapped_key, row.blob, row.sealed_octets, private.sha256)
