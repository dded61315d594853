"""People are found by name and by secret path, and neither can be read from the file."""

from __future__ import annotations

from functools import partial

import pytest

from server.errors import AlreadyStoredError, NotStoredError
from server.storage.index import Index, Transaction
from server.storage.people import Person, Role
from tests.server.storage.conftest import NOW

PHC = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"
TOKEN = "kq2vYhP3rC9sWm1xTz8LbA"


def get_by_name(name: str, t: Transaction) -> Person:
    return t.people.get_by_name(name)


async def test_a_person_is_found_by_id_and_by_exact_name(index: Index) -> None:
    ada = await index.write(lambda t: t.people.add("Ada Lovelace", Role.ADMINISTRATOR, NOW, PHC))
    assert ada == Person(1, "Ada Lovelace", Role.ADMINISTRATOR, NOW, PHC)
    assert await index.read(lambda t: t.people.get(1)) == ada
    assert await index.read(lambda t: t.people.get_by_name("Ada Lovelace")) == ada
    for name in ("ada lovelace", "Ada", ""):
        with pytest.raises(NotStoredError):
            await index.read(partial(get_by_name, name))


async def test_a_name_is_used_once(index: Index) -> None:
    await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    with pytest.raises(AlreadyStoredError):
        await index.write(lambda t: t.people.add("ada", Role.OPERATOR, NOW))
    await index.write(lambda t: t.people.remove(1))
    again = await index.write(lambda t: t.people.add("ada", Role.OPERATOR, NOW))
    assert (again.id, again.role) == (2, Role.OPERATOR)


async def test_people_are_listed_by_pages(index: Index) -> None:
    names = [f"person {number}" for number in range(5)]
    await index.write(lambda t: [t.people.add(name, Role.USER, NOW) for name in names])
    assert [person.name for person in await index.read(lambda t: t.people.list_all())] == names
    page = await index.read(lambda t: t.people.list_all(after_id=2, limit=2))
    assert [person.id for person in page] == [3, 4]


async def test_password_and_role_are_changed(index: Index) -> None:
    await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    await index.write(lambda t: t.people.set_password(1, PHC))
    await index.write(lambda t: t.people.set_role(1, Role.OPERATOR))
    person = await index.read(lambda t: t.people.get(1))
    assert (person.password, person.role) == (PHC, Role.OPERATOR)
    assert PHC not in repr(person)
    await index.write(lambda t: t.people.set_password(1, None))
    assert (await index.read(lambda t: t.people.get(1))).password is None


async def test_a_password_in_clear_is_refused(index: Index) -> None:
    with pytest.raises(ValueError, match="Argon2id PHC string only"):
        await index.write(lambda t: t.people.add("ada", Role.USER, NOW, "hunter2"))
    await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    with pytest.raises(ValueError, match="Argon2id PHC string only"):
        await index.write(lambda t: t.people.set_password(1, "hunter2"))


async def test_a_secret_path_leads_to_one_person_until_it_is_replaced(index: Index) -> None:
    ada = await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    assert not ada.has_path
    await index.write(lambda t: t.people.set_path(1, TOKEN))
    found = await index.read(lambda t: t.people.get_by_path(TOKEN))
    assert (found.id, found.has_path) == (1, True)
    await index.write(lambda t: t.people.set_path(1, TOKEN[::-1]))
    with pytest.raises(NotStoredError):
        await index.read(lambda t: t.people.get_by_path(TOKEN))
    await index.write(lambda t: t.people.set_path(1, None))
    assert not (await index.read(lambda t: t.people.get(1))).has_path
    with pytest.raises(ValueError, match="128 random bits"):
        await index.write(lambda t: t.people.set_path(1, "short"))


async def test_a_person_that_is_not_there_is_told(index: Index) -> None:
    with pytest.raises(NotStoredError):
        await index.read(lambda t: t.people.get(1))
    with pytest.raises(NotStoredError):
        await index.write(lambda t: t.people.remove(1))
    with pytest.raises(NotStoredError):
        await index.write(lambda t: t.people.set_role(1, Role.USER))


async def test_the_ledger_knows_people_by_number_and_strangers_by_digest(index: Index) -> None:
    await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    assert await index.read(lambda t: t.people.actor("ada")) == "person:1"
    stranger = await index.read(lambda t: t.people.actor("bob"))
    assert stranger.startswith("user:")
    assert len(stranger) == 5 + 32
    assert stranger == await index.read(lambda t: t.people.actor("bob"))
