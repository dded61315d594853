"""The daemon's own errors: each says what was wrong, where, and what to do.

A person at a terminal or in a log reads `str(error)`. A peer never does: an IPP or HTTP client gets a status
and a fixed text, chosen once at the boundary. No error here carries a secret, a title or a user's name.
"""

from __future__ import annotations


class PullprintError(Exception):
    """Base of every error that the daemon raises on purpose."""


class StorageError(PullprintError):
    """The embedded store cannot do what was asked."""


class KeyFileError(StorageError):
    """The key file is missing, unreadable, open to others or malformed; the text says what to do."""


class UnknownKeyError(StorageError):
    """Something was wrapped or sealed under a key that this daemon does not hold."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"key {key_id!r} is not in the key file: put back the one that was in use when this was stored"
        )
        self.key_id = key_id


class SealBrokenError(StorageError):
    """Ciphertext that does not open: truncated, reordered, extended, altered, or under another key."""


class BlobMissingError(StorageError):
    """No blob has this name: it was never put whole, or it was deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"blob {name} is not in the store: it was deleted, or the data folder is incomplete")
        self.name = name


class StorageFullError(StorageError):
    """The disk or the quota is full; nothing of the refused change was kept."""


class DatabaseError(StorageError):
    """The database refused or lost a change; nothing of the change was kept."""


class DatabaseClosedError(DatabaseError):
    """The database was closed before the change or the question reached it."""


class MigrationError(DatabaseError):
    """The database and this version of the program do not fit together."""


class DatabaseTooNewError(MigrationError):
    """A newer version of the program wrote the database."""


class NotStoredError(StorageError):
    """No row has this identity in this tenant."""


class AlreadyStoredError(StorageError):
    """A row with this identity is there already."""


class VersionConflictError(StorageError):
    """The row changed after it was read: read it again and decide anew."""
