"""People: names written in one way, passwords and tokens that nobody can read again, changes on record."""

import asyncio
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import AlreadyStoredError
from server.identity.people import (
    Hasher,
    IdentityError,
    People,
    check_password,
    fold_name,
    make_token,
    user_of,
)
from server.storage.ledger import Ledger
from server.storage.people import Role

PASSWORD = "correct horse"


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("ada", "ada"),
        ("Ada", "ada"),
        ("  ada ", "ada"),
        ("\uff21\uff24\uff21", "ada"),
        ("Zoe\u0308", "zoë"),
        ("STRASSE", "strasse"),
        ("straße", "strasse"),
        ("ليلى", "ليلى"),
    ],
)
def test_a_name_is_written_in_one_way(typed: str, folded: str) -> None:
    assert fold_name(typed) == folded


@pytest.mark.parametrize("name", ["", " ", "a:b", "a\nb", "a\x00", "ä" * 64, "\u202eada"])
def test_a_name_that_nobody_can_have_is_refused(name: str) -> None:
    with pytest.raises(IdentityError):
        fold_name(name)


@given(st.text())
def test_writing_a_name_twice_changes_nothing(name: str) -> None:
    try:
        folded = fold_name(name)
    except IdentityError:
        return
    assert fold_name(folded) == folded


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025, "pass\tword", "ä" * 513])
def test_a_password_that_is_too_short_or_cannot_be_typed_is_refused(password: str) -> None:
    with pytest.raises(IdentityError):
        check_password(password)


async def test_a_password_fits_its_hash_only(hasher: Hasher) -> None:
    phc = await hasher.hash(PASSWORD)
    assert phc.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(PASSWORD, phc)
    assert not await hasher.verify(PASSWORD + " ", phc)
    assert not await hasher.verify("", phc)
    assert await hasher.hash(PASSWORD) != phc


async def test_a_password_fits_however_its_letters_were_composed(hasher: Hasher) -> None:
    assert await hasher.verify("cafe\u0301 au lait", await hasher.hash("caf\u00e9 au lait"))


async def test_nobodys_password_is_never_right_and_costs_the_same_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    from server.identity import people as module

    def verify(octets: bytes, phc: str) -> bool:
        looked.append(phc)
        return True

    monkeypatch.setattr(module, "_verify", verify)
    assert not await Hasher().verify(PASSWORD, None)
    assert [phc.split("$")[:4] for phc in looked] == [["", "argon2id", "v=19", "m=19456,t=2,p=1"]]


async def test_somebody_is_found_however_they_are_typed(people: People) -> None:
    added = await people.add("Ada", PASSWORD, Role.USER, "uid:0")
    assert added.name == "ada"
    assert await people.find("ADA") == added
    assert await people.find("bob") is None
    assert await people.find("") is None


async def test_two_people_cannot_have_one_name(people: People) -> None:
    await people.add("ada", PASSWORD, Role.USER, "uid:0")
    with pytest.raises(AlreadyStoredError):
        await people.add("ADA", None, Role.USER, "uid:0")


async def test_nobody_can_be_called_as_somebody_without_a_name_is(people: People) -> None:
    with pytest.raises(IdentityError, match="anonymous"):
        await people.add("Anonymous", None, Role.USER, "uid:0")


async def test_two_adding_one_name_at_the_same_moment_make_one_person(people: People) -> None:
    made = await asyncio.gather(
        *(people.add("ada", None, Role.USER, "uid:0") for _ in range(2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in made) == ["AlreadyStoredError", "Person"]
    assert len(await people.list_all()) == 1


async def test_everybody_is_listed_by_name(people: People) -> None:
    for name in ("zoe", "ada", "mel"):
        await people.add(name, None, Role.USER, "uid:0")
    assert [person.name for person in await people.list_all()] == ["ada", "mel", "zoe"]


async def test_the_longest_list_is_whole(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    from server.identity import people as module

    monkeypatch.setattr(module, "PEOPLE_PER_PAGE", 2)
    for number in range(5):
        await people.add(f"p{number}", None, Role.USER, "uid:0")
    assert len(await people.list_all()) == 5


async def test_a_password_is_replaced_or_taken_away(people: People, hasher: Hasher) -> None:
    await people.add("ada", PASSWORD, Role.USER, "uid:0")
    await people.set_password("ada", "another one", "uid:0")
    assert await hasher.verify("another one", (await people.get("ada")).password)
    await people.set_password("ada", None, "uid:0")
    assert (await people.get("ada")).password is None


@pytest.mark.parametrize(
    ("role", "operator"), [(Role.USER, False), (Role.OPERATOR, True), (Role.ADMINISTRATOR, True)]
)
async def test_a_role_decides_who_is_an_operator(people: People, role: Role, operator: bool) -> None:
    await people.add("ada", None, Role.USER, "uid:0")
    user = user_of(await people.set_role("ada", role, "uid:0"))
    assert (user.name, user.authenticated, user.operator) == ("ada", True, operator)


def test_a_token_has_130_bits_and_can_be_typed() -> None:
    tokens = {make_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch("[0-9a-hjkmnp-tv-z]{26}", token) for token in tokens)


def test_a_token_is_never_a_number() -> None:
    draws = iter([bytes(26), bytes(25) + b"\x0a"])
    assert make_token(lambda octets: next(draws)) == "0" * 25 + "a"


async def test_a_token_leads_to_its_person_until_it_is_replaced_or_revoked(people: People) -> None:
    ada = await people.add("ada", None, Role.USER, "uid:0")
    first = await people.make_token("ada", "uid:0")
    found = await people.find_by_token(first)
    assert found is not None
    assert found.id == ada.id
    second = await people.make_token("ada", "uid:0")
    assert await people.find_by_token(first) is None
    assert await people.find_by_token(second) is not None
    await people.revoke_token("ada", "uid:0")
    assert await people.find_by_token(second) is None


@pytest.mark.parametrize(
    "token", ["", "a", "o" * 26, "A" * 26, "a" * 27, "../../../etc/passwd/abcdef", "0" * 26]
)
async def test_what_is_no_token_leads_to_nobody(people: People, token: str) -> None:
    assert await people.find_by_token(token) is None


async def test_somebody_removed_is_nobody(people: People) -> None:
    await people.add("ada", PASSWORD, Role.USER, "uid:0")
    token = await people.make_token("ada", "uid:0")
    await people.remove("ada", "uid:0")
    assert await people.find("ada") is None
    assert await people.find_by_token(token) is None


async def test_every_change_of_nobody_says_so(people: People) -> None:
    for change in (
        people.set_password("ada", PASSWORD, "uid:0"),
        people.set_role("ada", Role.USER, "uid:0"),
        people.make_token("ada", "uid:0"),
        people.revoke_token("ada", "uid:0"),
        people.remove("ada", "uid:0"),
    ):
        with pytest.raises(IdentityError, match="nobody here is called 'ada'"):
            await change


async def test_changes_are_on_record_without_names_or_secrets(people: People, ledger: Ledger) -> None:
    ada = await people.add("ada", PASSWORD, Role.OPERATOR, "uid:1000")
    token = await people.make_token("ada", "uid:1000")
    await people.set_password("ada", None, "uid:1000")
    await people.remove("ada", "uid:1000")
    events = [recorded.event for recorded in await ledger.events()]
    assert [event.kind for event in events] == [
        "person-added",
        "person-path-made",
        "person-password-removed",
        "person-removed",
    ]
    assert {(event.actor, event.subject) for event in events} == {("uid:1000", f"person:{ada.id}")}
    assert not any(secret in repr(events) for secret in ("ada", PASSWORD, token))


def read_all(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_neither_name_nor_password_nor_token_is_on_the_disk(people: People, tmp_path: Path) -> None:
    await people.add("canary-of-a-name", "canary-of-a-password", Role.USER, "uid:0")
    token = await people.make_token("canary-of-a-name", "uid:0")
    written = await asyncio.to_thread(read_all, tmp_path)
    assert b"argon2id" in written
    assert not any(secret in written for secret in (b"canary-of", token.encode()))
