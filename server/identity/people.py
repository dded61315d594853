"""People who are known here: names, passwords, secret paths.

A password is kept as Argon2id; the token of a secret path only as a digest. A name is written in one way
however it is typed (`fold_name`), so that nobody passes for somebody else by a capital letter.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ipp.exchange import User
from ipp.spool import Clock, utc_now
from server.errors import NotStoredError, PullprintError
from server.storage.index import Index, Transaction
from server.storage.ledger import Event
from server.storage.people import Person, Role

NAME_OCTETS_MAX: Final = 127
PASSWORD_CHARACTERS_MIN: Final = 8
PASSWORD_OCTETS_MAX: Final = 1024
PEOPLE_PER_PAGE: Final = 1000
# 26 characters of 5 bits: 130 bits. No letter that is taken for a digit, since some people type it.
TOKEN_CHARACTERS: Final = 26
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"

# OWASP's second recommendation for Argon2id; 19 MiB and about 20 ms.
_MEMORY_KIB: Final = 19 * 1024
_ITERATIONS: Final = 2
_LANES: Final = 1
_SALT_OCTETS: Final = 16
_HASH_OCTETS: Final = 32
# As many at a time; the others wait, so that guessing cannot take all memory or every processor.
_AT_ONCE: Final = 2


class IdentityError(PullprintError):
    """A name, password or role that cannot be used; the text says why."""


# What IPP calls somebody who gave no name (RFC 8011 9.3).
_NOBODY: Final = "anonymous"


def fold_name(name: str) -> str:
    """The one way in which a name is written: NFKC, no case, no space around.

    Raises:
        IdentityError: nobody can be called so.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    if not folded:
        raise IdentityError("a person needs a name")
    if len(folded.encode(errors="surrogateescape")) > NAME_OCTETS_MAX:
        raise IdentityError(f"the name has more than {NAME_OCTETS_MAX} octets: shorten it")
    if ":" in folded or not folded.isprintable():
        raise IdentityError("a name holds neither a colon nor a control character")
    return folded


def fold_password(password: str) -> bytes:
    """The octets of a password, however its characters were composed (RFC 8265 4.2: NFC)."""
    return unicodedata.normalize("NFC", password).encode(errors="surrogateescape")


def check_password(password: str) -> None:
    """Raise IdentityError where a password is too short, too long, or cannot be typed again."""
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise IdentityError(f"a password has at least {PASSWORD_CHARACTERS_MIN} characters")
    if len(fold_password(password)) > PASSWORD_OCTETS_MAX:
        raise IdentityError(f"a password has at most {PASSWORD_OCTETS_MAX} octets")
    if not password.isprintable():
        raise IdentityError("a password holds no control character")


def user_of(person: Person) -> User:
    """The person as what answers requests knows them."""
    return User(person.name, authenticated=True, operator=person.role is not Role.USER)


class Hasher:
    """Argon2id in threads, a few at a time. `random` makes the salts."""

    def __init__(self, *, random: Callable[[int], bytes] = os.urandom, at_once: int = _AT_ONCE) -> None:
        self._random = random
        self._turn = asyncio.Semaphore(at_once)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """The PHC string of a password."""
        return await self.hash_octets(fold_password(password))

    async def hash_octets(self, octets: bytes) -> str:
        """The PHC string of a secret that is no text, as a job's password."""
        async with self._turn:
            return await asyncio.to_thread(self._hash, octets)

    async def verify(self, password: str, phc: str | None) -> bool:
        """Whether the PHC string is this password's. The work is the same where there is none (None)."""
        return await self.verify_octets(fold_password(password), phc)

    async def verify_octets(self, octets: bytes, phc: str | None) -> bool:
        """Whether the PHC string is that of these octets: see `verify`."""
        async with self._turn:
            if self._nobodys is None:
                self._nobodys = await asyncio.to_thread(self._hash, self._random(_HASH_OCTETS))
            fits = await asyncio.to_thread(_verify, octets, phc or self._nobodys)
        return fits and phc is not None and len(octets) > 0

    def _hash(self, octets: bytes) -> str:
        function = Argon2id(
            salt=self._random(_SALT_OCTETS),
            length=_HASH_OCTETS,
            iterations=_ITERATIONS,
            lanes=_LANES,
            memory_cost=_MEMORY_KIB,
        )
        return function.derive_phc_encoded(octets)


def _verify(octets: bytes, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(octets, phc)
    except InvalidKey:
        return False
    return True


class People:
    """Who is known here. Every change is in the ledger, with neither name nor secret."""

    def __init__(
        self,
        index: Index,
        hasher: Hasher,
        *,
        clock: Clock = utc_now,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._index = index
        self._hasher = hasher
        self._clock = clock
        self._random = random

    async def find(self, name: str) -> Person | None:
        """The person who is called so, however it is typed."""
        try:
            folded = fold_name(name)
            return await self._index.read(lambda t: t.people.get_by_name(folded))
        except (IdentityError, NotStoredError):
            return None

    async def get(self, name: str) -> Person:
        """As `find`; raises IdentityError where nobody is called so."""
        person = await self.find(name)
        if person is None:
            raise IdentityError(f"nobody here is called {name!r}: `pullprint users list` shows who is")
        return person

    async def find_by_token(self, token: str) -> Person | None:
        """The person whose secret path has that token."""
        if len(token) != TOKEN_CHARACTERS or not set(token) <= set(_ALPHABET):
            return None
        try:
            return await self._index.read(lambda t: t.people.get_by_path(token))
        except NotStoredError:
            return None

    async def list_all(self) -> list[Person]:
        """Everybody, by name."""
        people: list[Person] = []
        page = await self._page(0)
        while page:
            people += page
            page = await self._page(page[-1].id)
        return sorted(people, key=lambda person: person.name)

    async def add(self, name: str, password: str | None, role: Role, by: str) -> Person:
        """A new person; `by` is the ledger's name for whoever adds them.

        Raises:
            IdentityError: the name or the password cannot be used.
            AlreadyStoredError: the name is taken.
        """
        folded = fold_name(name)
        if folded == _NOBODY:
            raise IdentityError(f"{_NOBODY!r} is what somebody without a name is called: give another name")
        phc = await self._phc(password)
        now = self._clock()

        def change(t: Transaction) -> Person:
            person = t.people.add(folded, role, now, phc)
            payload = {"role": role.value, "password": phc is not None}
            t.record(Event("person-added", now, by, subject=_subject(person), payload=payload))
            return person

        return await self._index.write(change)

    async def set_password(self, name: str, password: str | None, by: str) -> Person:
        """Replace somebody's password, or (None) take it away."""
        person, phc = await self.get(name), await self._phc(password)
        kind = "person-password-removed" if phc is None else "person-password-set"
        await self._change(person, kind, by, lambda t: t.people.set_password(person.id, phc))
        return person

    async def set_role(self, name: str, role: Role, by: str) -> Person:
        """Give somebody another role."""
        person = await self.get(name)
        await self._change(person, "person-role-set", by, lambda t: t.people.set_role(person.id, role))
        return await self.get(name)

    async def make_token(self, name: str, by: str) -> str:
        """A new token for somebody's secret path. It is told once; the one before leads nowhere now."""
        person = await self.get(name)
        token = make_token(self._random)
        await self._change(person, "person-path-made", by, lambda t: t.people.set_path(person.id, token))
        return token

    async def revoke_token(self, name: str, by: str) -> Person:
        """Let somebody's secret path lead nowhere."""
        person = await self.get(name)
        await self._change(person, "person-path-revoked", by, lambda t: t.people.set_path(person.id, None))
        return person

    async def remove(self, name: str, by: str) -> Person:
        """Forget somebody. Their jobs stay."""
        person = await self.get(name)
        await self._change(person, "person-removed", by, lambda t: t.people.remove(person.id))
        return person

    async def _page(self, after_id: int) -> list[Person]:
        return await self._index.read(lambda t: t.people.list_all(after_id=after_id, limit=PEOPLE_PER_PAGE))

    async def _phc(self, password: str | None) -> str | None:
        if password is None:
            return None
        check_password(password)
        return await self._hasher.hash(password)

    async def _change(
        self, person: Person, kind: str, by: str, change: Callable[[Transaction], None]
    ) -> None:
        event = Event(kind, self._clock(), by, subject=_subject(person))

        def whole(t: Transaction) -> None:
            change(t)
            t.record(event)

        await self._index.write(whole)


def make_token(random: Callable[[int], bytes] = os.urandom) -> str:
    """A token of 130 random bits that can be typed and that is no job's number."""
    while True:
        token = "".join(_ALPHABET[octet & 31] for octet in random(TOKEN_CHARACTERS))
        if not token.isdigit():
            return token


def _subject(person: Person) -> str:
    return f"person:{person.id}"
