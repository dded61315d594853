"""HTTP Basic (RFC 7617) for our people, as `ipp.exchange.Authenticator` has it."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ipp.exchange import User
from server.identity.guessing import Attempts
from server.identity.people import (
    PASSWORD_OCTETS_MAX,
    Hasher,
    IdentityError,
    People,
    fold_name,
    fold_password,
    user_of,
)
from server.storage.people import Person

_LOG: Final = logging.getLogger(__name__)

CREDENTIALS_OCTETS_MAX: Final = 4096
REMEMBERED_MAX: Final = 1000
REMEMBERED_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class _Remembered:
    """The PHC string that credentials were checked against, if there is one, and until when that counts."""

    phc: str | None
    until: float


class _Memory:
    """Credentials by their keyed digest; the longest unseen go when there are too many."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, _Remembered] = OrderedDict()

    def holds(self, digest: bytes, phc: str | None) -> bool:
        """Whether these credentials were kept, for the same PHC string, and not too long ago."""
        found = self._kept.get(digest)
        return found is not None and found.phc == phc and self._clock() < found.until

    def keep(self, digest: bytes, phc: str | None) -> None:
        """Keep credentials."""
        self._kept[digest] = _Remembered(phc, self._clock() + REMEMBERED_S)
        self._kept.move_to_end(digest)
        if len(self._kept) > REMEMBERED_MAX:
            self._kept.popitem(last=False)


class BasicAuthenticator:
    """Checks a name and a password against our people.

    Clients send the password with every request. Credentials are known again for ten minutes by their keyed
    digest, under a key that lives as long as the process: the right ones cost no Argon2id, and the same wrong
    ones, which a client that is not asked anew sends again and again, are one guess and not many. A changed
    password or a removed person counts at once.
    """

    def __init__(
        self,
        people: People,
        hasher: Hasher,
        attempts: Attempts,
        *,
        realm: str = "pullprint",
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._people = people
        self._hasher = hasher
        self._attempts = attempts
        self._challenges = (f'Basic realm="{realm}", charset="UTF-8"',)
        self._key = random(32)
        self._right = _Memory(clock)
        self._wrong = _Memory(clock)
        self._looking: dict[tuple[bytes, str | None, str], asyncio.Task[User | None]] = {}

    @property
    def challenges(self) -> Sequence[str]:
        """The value of WWW-Authenticate."""
        return self._challenges

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        """Whose name and password these are; None where they are wrong, or too many were wrong before."""
        given = parse_basic(credentials) if scheme == "basic" else None
        if given is None:
            return None
        name, password = given
        person = await self._people.find(name)
        phc = person.password if person is not None else None
        digest = self._digest(name, password)
        if person is not None and phc is not None and self._right.holds(digest, phc):
            return user_of(person)
        if self._wrong.holds(digest, phc):
            return None
        # A client that comes by many connections at once makes one guess, not as many.
        key = digest, phc, peer
        looking = self._looking.get(key)
        if looking is None:
            looking = asyncio.create_task(self._look(name, password, person, digest, peer))
            self._looking[key] = looking
            looking.add_done_callback(lambda _: self._looking.pop(key))
        return await asyncio.shield(looking)

    async def _look(
        self, name: str, password: str, person: Person | None, digest: bytes, peer: str
    ) -> User | None:
        """Look at credentials that were not seen of late."""
        phc = person.password if person is not None else None
        if not self._attempts.begin(name, peer):
            _LOG.warning("%s: too many wrong passwords; refused without looking at this one", peer)
            return None
        if not await self._hasher.verify(password, phc):
            _LOG.info("%s: a wrong name or password", peer)
            self._wrong.keep(digest, phc)
            return None
        self._attempts.succeed(name, peer)
        if person is None:  # a PHC string is somebody's
            return None
        self._right.keep(digest, phc)
        return user_of(person)

    def _digest(self, name: str, password: str) -> bytes:
        octets = name.encode(errors="surrogateescape") + b":" + fold_password(password)
        return hmac.digest(self._key, octets, "sha256")


def parse_basic(credentials: str) -> tuple[str, str] | None:
    """Name, written in the one way, and password; None where there are none, or the password is empty."""
    if len(credentials) > CREDENTIALS_OCTETS_MAX:
        return None
    try:
        octets = base64.b64decode(credentials.strip(), validate=True)
        name, colon, password = octets.decode("utf-8").partition(":")
        if not colon or not password or len(password.encode()) > PASSWORD_OCTETS_MAX:
            return None
        return fold_name(name), password
    except (binascii.Error, ValueError, IdentityError):  # ValueError: not UTF-8, or not ASCII
        return None
