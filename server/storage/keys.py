"""The keys that wrap keys: tenant keys in a local file, and the protocol of whatever replaces the file.

A data key (of one document, or of a tenant's sealed fields) is stored only wrapped. A wrapped key is

    1 octet version, 1 octet length of the key id, key id (ASCII), then what the wrapper made of the key

so it names the key that opens it. To rotate, a new key is added to the file: it wraps from then on, the old
ones still unwrap, and `Index.rewrap` moves what is stored to the new one, documents untouched.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import KeyFileError, SealBrokenError, UnknownKeyError
from server.storage.seal import KEY_OCTETS, Random, derive_key

_VERSION: Final = 1
_NONCE_OCTETS: Final = 12
_FILE_OCTETS_MAX: Final = 1024 * 1024
_PREAMBLE: Final = (
    "# pullprint tenant keys. Who reads this file can read every parked document; without it nobody can.\n"
    "# Keep it readable by the daemon alone, and a copy of it where the backups of the data are not.\n"
    "# The last key wraps; the others still unwrap.\n"
)


class KeyWrapper(Protocol):
    """Wraps and unwraps 32-octet keys under a key that never leaves it.

    `context` says what the key is for; a wrapped key unwraps for the same context only.
    """

    @property
    def key_id(self) -> str:
        """Id of the key that wraps now: 1 to 255 printable ASCII characters."""
        ...

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """The wrapped form of `key`, to be stored."""
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped.

        Raises:
            UnknownKeyError: it was wrapped under a key that is not held here.
            SealBrokenError: altered, or for another context.
        """
        ...


def frame_wrapped(key_id: str, octets: bytes) -> bytes:
    """A wrapped key that names the key which opens it."""
    name = key_id.encode("ascii")
    if not 1 <= len(name) <= 255:
        raise ValueError("a key id has 1 to 255 characters")
    return bytes((_VERSION, len(name))) + name + octets


def split_wrapped(wrapped: bytes) -> tuple[str, bytes]:
    """Key id and the wrapper's own octets of a wrapped key.

    Raises:
        SealBrokenError: it is not a wrapped key.
    """
    try:
        if wrapped[0] != _VERSION or len(wrapped) < 2 + wrapped[1]:
            raise ValueError
        return wrapped[2 : 2 + wrapped[1]].decode("ascii"), wrapped[2 + wrapped[1] :]
    except (IndexError, ValueError):
        raise SealBrokenError("a stored key is damaged: restore the database from a backup") from None


class _Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    id: str
    created: str
    key: str


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    key: list[_Entry]


class LocalKeyFile:
    """The default `KeyWrapper`: AES-256-GCM under keys in a local file of mode 0600.

    The wrapping key is derived from the file's key and the context, so nonces are random over few messages
    each.
    """

    def __init__(self, path: Path, keys: dict[str, bytes], *, random: Random = os.urandom) -> None:
        """Use `load` or `load_or_create`. `keys` is in the order of the file; the last one wraps."""
        self.path: Final = path
        self._keys = keys
        self._random = random
        self._current = list(keys)[-1]

    @classmethod
    def load(cls, path: Path, *, random: Random = os.urandom) -> LocalKeyFile:
        """Read the key file (blocking).

        Raises:
            KeyFileError: missing, readable by others, owned by another user, or malformed.
        """
        return cls(path, _read_keys(path), random=random)

    @classmethod
    def load_or_create(
        cls, path: Path, *, now: Callable[[], datetime] | None = None, random: Random = os.urandom
    ) -> LocalKeyFile:
        """As `load`, making the file with one new key where there is none; two at once agree on one."""
        try:
            if not path.exists():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with suppress(FileExistsError):  # another process was first: its key is the one
                    _write_durably(path, _PREAMBLE + _entry_text(now, random), replace=False)
        except OSError as error:
            raise KeyFileError(f"key file {path} cannot be made: {error.strerror}") from error
        return cls.load(path, random=random)

    @property
    def key_id(self) -> str:
        """Id of the newest key of the file."""
        return self._current

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Every id held, oldest first."""
        return tuple(self._keys)

    def rotate(self, *, now: Callable[[], datetime] | None = None) -> str:
        """Add a new key to the file and wrap under it from now on (blocking); return its id.

        The file is durable before anything is wrapped under the new key.
        """
        with _locked_folder(self.path.parent):  # two that rotate at once both keep their key
            _read_keys(self.path)
            text = self.path.read_text("utf-8")
            _write_durably(self.path, text.rstrip("\n") + "\n" + _entry_text(now, self._random), replace=True)
        self.reload()
        return self._current

    def reload(self) -> None:
        """Read the file again, as after an edit (blocking).

        Raises:
            KeyFileError: as `load`; the keys held stay as they were.
        """
        self._keys = _read_keys(self.path)
        self._current = list(self._keys)[-1]

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """The wrapped form of `key` under the newest key."""
        if len(key) != KEY_OCTETS:
            raise ValueError(f"a key has {KEY_OCTETS} octets, not {len(key)}")
        nonce = self._random(_NONCE_OCTETS)
        key_id = self._current
        return frame_wrapped(key_id, nonce + self._cipher(key_id, context).encrypt(nonce, key, b""))

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped, whichever key of the file did it."""
        key_id, octets = split_wrapped(wrapped)
        if key_id not in self._keys:
            raise UnknownKeyError(key_id)
        try:
            return self._cipher(key_id, context).decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], b"")
        except (InvalidTag, ValueError):
            place = context.decode(errors="replace")
            raise SealBrokenError(
                f"the stored key of {place} does not unwrap under key {key_id!r}: "
                "the database or the key file was altered; restore both from the same backup"
            ) from None

    def _cipher(self, key_id: str, context: bytes) -> AESGCM:
        return AESGCM(derive_key(self._keys[key_id], b"pullprint wrap", context))


def _entry_text(now: Callable[[], datetime] | None, random: Random) -> str:
    created = (now() if now else datetime.now(UTC)).isoformat(timespec="seconds")
    key_id, key = random(8).hex(), base64.b64encode(random(KEY_OCTETS)).decode()
    return f'\n[[key]]\nid = "{key_id}"\ncreated = "{created}"\nkey = "{key}"\n'


def _read_keys(path: Path) -> dict[str, bytes]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _check_private(path, status)
            octets = file.read(_FILE_OCTETS_MAX + 1)
    except FileNotFoundError:
        raise KeyFileError(
            f"key file {path} is missing: put back the one that this data was stored with"
        ) from None
    except OSError as error:
        raise KeyFileError(f"key file {path} cannot be read: {error.strerror}") from None
    return _parse_keys(path, octets)


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyFileError(f"key file {path} is not a regular file: name another one in the configuration")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise KeyFileError(
            f"key file {path} can be read or changed by other users (mode {mode:04o}): "
            f"run `chmod 600 {path}`, and if others may have read it, rotate the key"
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyFileError(
            f"key file {path} belongs to user {status.st_uid}, not to the daemon's: "
            f"run `chown {os.geteuid()} {path}`"
        )


def _parse_keys(path: Path, octets: bytes) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    try:
        for entry in msgspec.toml.decode(octets, type=_File).key:
            key = base64.b64decode(entry.key, validate=True)
            if len(key) != KEY_OCTETS or entry.id in keys:
                raise ValueError
            frame_wrapped(entry.id, b"")
            keys[entry.id] = key
        if not keys or len(octets) > _FILE_OCTETS_MAX:
            raise ValueError
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        # The cause is not shown: a parser's message may quote the line, and the line is a secret.
        raise KeyFileError(
            f"key file {path} is malformed: it holds [[key]] tables, each with id, created and key "
            f"({KEY_OCTETS} octets in base64); restore it from a copy"
        ) from None
    return keys


@contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_durably(path: Path, text: str, *, replace: bool) -> None:
    """Write a private file, whole or not at all.

    Raises:
        FileExistsError: it is there already and `replace` is false.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.rename(path)
        else:
            path.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
