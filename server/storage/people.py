"""The rows of people: names sealed, passwords only as Argon2id, secret paths only as digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

import apsw
import msgspec

from server.errors import AlreadyStoredError, NotStoredError
from server.storage.scope import Scope, Text, checked_phc, from_us, to_us

_SELECT: Final = (
    "SELECT id, name_digest, role, password, path_digest NOT NULL, created_us, sealed FROM people"
    " WHERE tenant = :tenant AND "
)


class Role(Enum):
    """What a person may do: see to their own jobs, to everybody's, or to everything."""

    USER = "user"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a name here. `password` is an Argon2id PHC string, None where they log in otherwise."""

    id: int
    name: str
    role: Role
    created: datetime
    password: str | None = field(default=None, repr=False)
    has_path: bool = False


class _Row(msgspec.Struct, array_like=True, frozen=True):
    id: int
    name_digest: bytes
    role: str
    password: str | None
    has_path: int
    created_us: int
    sealed: bytes


class _Private(msgspec.Struct, array_like=True, frozen=True):
    name: Text


class _Id(msgspec.Struct, array_like=True, frozen=True):
    id: int


class PersonRows:
    """The people of one tenant, within one transaction. Names differ by case too."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, name: str, role: Role, created: datetime, password: str | None = None) -> Person:
        """Store a new person; `password` is an Argon2id PHC string.

        Raises:
            AlreadyStoredError: the name is in use.
        """
        if password is not None:
            checked_phc(password)
        digest = self._digest(name)
        bindings: dict[str, apsw.SQLiteValue] = {
            "digest": digest,
            "role": role.value,
            "password": password,
            "created_us": to_us(created),
            "sealed": self._scope.seal(_Private(Text.of(name)), "person", digest.hex()),
        }
        sql = (
            "INSERT INTO people (tenant, name_digest, role, password, created_us, sealed)"
            " VALUES (:tenant, :digest, :role, :password, :created_us, :sealed) RETURNING id"
        )
        try:
            (row,) = self._scope.fetch(sql, bindings, _Id)
        except apsw.ConstraintError:
            raise AlreadyStoredError("a person of that name is there already") from None
        return Person(row.id, name, role, created, password)

    def get(self, person_id: int) -> Person:
        """The person with that id.

        Raises:
            NotStoredError: there is none.
        """
        return self._one("id = :id", {"id": person_id})

    def get_by_name(self, name: str) -> Person:
        """The person of that name, found by its blind index.

        Raises:
            NotStoredError: there is none.
        """
        return self._one("name_digest = :digest", {"digest": self._digest(name)})

    def get_by_path(self, token: str) -> Person:
        """The person whose secret path has that token.

        Raises:
            NotStoredError: it is nobody's, or was replaced.
        """
        return self._one("path_digest = :digest", {"digest": _path_digest(token)})

    def list_all(self, *, after_id: int = 0, limit: int = 1000) -> list[Person]:
        """At most `limit` people with ids after that one, in the order they were added."""
        sql = _SELECT + "id > :after ORDER BY id LIMIT :limit"
        return [
            self._person(row) for row in self._scope.fetch(sql, {"after": after_id, "limit": limit}, _Row)
        ]

    def set_password(self, person_id: int, password: str | None) -> None:
        """Replace the password by another Argon2id PHC string, or (None) take it away.

        Raises:
            NotStoredError: there is no such person.
        """
        if password is not None:
            checked_phc(password)
        sql = "UPDATE people SET password = :password WHERE tenant = :tenant AND id = :id"
        self._change(sql, person_id, {"password": password})

    def set_role(self, person_id: int, role: Role) -> None:
        """Give a person another role. Raises NotStoredError where there is no such person."""
        sql = "UPDATE people SET role = :role WHERE tenant = :tenant AND id = :id"
        self._change(sql, person_id, {"role": role.value})

    def set_path(self, person_id: int, token: str | None) -> None:
        """Let a random token (22 characters or more) lead to this person from now on, and no other.

        Raises:
            NotStoredError: there is no such person.
        """
        if token is not None and len(token) < 22:
            raise ValueError("the token of a secret path has 128 random bits: 22 characters or more")
        digest = None if token is None else _path_digest(token)
        sql = "UPDATE people SET path_digest = :digest WHERE tenant = :tenant AND id = :id"
        self._change(sql, person_id, {"digest": digest})

    def remove(self, person_id: int) -> None:
        """Remove a person. Raises NotStoredError where there is no such person."""
        self._change("DELETE FROM people WHERE tenant = :tenant AND id = :id", person_id, {})

    def actor(self, name: str) -> str:
        """What the ledger calls somebody: `person:7`, or `user:` and 32 digits for a stranger."""
        try:
            return f"person:{self.get_by_name(name).id}"
        except NotStoredError:
            return f"user:{self._digest(name).hex()}"

    def _digest(self, name: str) -> bytes:
        return self._scope.digest(name, "person")

    def _one(self, where: str, bindings: dict[str, apsw.SQLiteValue]) -> Person:
        for row in self._scope.fetch(_SELECT + where, bindings, _Row):
            return self._person(row)
        raise NotStoredError("there is no such person")

    def _change(self, sql: str, person_id: int, bindings: dict[str, apsw.SQLiteValue]) -> None:
        if not self._scope.change(sql, bindings | {"id": person_id}):
            raise NotStoredError("there is no such person")

    def _person(self, row: _Row) -> Person:
        name = self._scope.open(row.sealed, "person", row.name_digest.hex(), _Private).name.text
        return Person(row.id, name, Role(row.role), from_us(row.created_us), row.password, bool(row.has_path))


def _path_digest(token: str) -> bytes:
    # A plain digest is enough for what has 128 random bits, and can be found by an index.
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
