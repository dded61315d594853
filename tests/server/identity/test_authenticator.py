"""HTTP Basic: right, wrong, unknown, too often, and changed in between."""

import asyncio
import base64
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp.exchange import Authenticator, User
from server.identity.authenticator import BasicAuthenticator, parse_basic
from server.identity.guessing import NAME_AT_ORIGIN, Attempts
from server.identity.people import Hasher, People
from server.storage.people import Role
from tests.server.identity.conftest import Clock

PASSWORD = "correct horse"
PEER = "203.0.113.5"


def basic(name: str, password: str) -> str:
    return base64.b64encode(f"{name}:{password}".encode()).decode()


class CountingHasher(Hasher):
    """Counts how often somebody had to wait for Argon2id."""

    def __init__(self) -> None:
        super().__init__()
        self.verified = 0

    async def verify(self, password: str, phc: str | None) -> bool:
        self.verified += 1
        return await super().verify(password, phc)


@pytest.fixture
def counting() -> CountingHasher:
    return CountingHasher()


@pytest.fixture
async def authenticator(people: People, counting: CountingHasher, clock: Clock) -> BasicAuthenticator:
    await people.add("ada", PASSWORD, Role.USER, "uid:0")
    attempts = Attempts(clock=clock.seconds)
    return BasicAuthenticator(people, counting, attempts, clock=clock.seconds)


def test_it_is_what_the_endpoint_wants(authenticator: BasicAuthenticator) -> None:
    wanted: Authenticator = authenticator
    assert list(wanted.challenges) == ['Basic realm="pullprint", charset="UTF-8"']


async def test_a_name_and_its_password_are_its_person(authenticator: BasicAuthenticator) -> None:
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) == User(
        "ada", authenticated=True
    )


async def test_a_name_is_its_person_however_it_is_typed(authenticator: BasicAuthenticator) -> None:
    assert await authenticator.identify("basic", basic(" ADA", PASSWORD), PEER) is not None


@pytest.mark.parametrize(
    ("scheme", "credentials"),
    [
        ("basic", basic("ada", "wrong")),
        ("basic", basic("ada", "")),
        ("basic", basic("bob", PASSWORD)),
        ("basic", basic("", PASSWORD)),
        ("basic", ""),
        ("basic", "!"),
        ("basic", "ä"),
        ("basic", base64.b64encode(b"ada").decode()),
        ("basic", base64.b64encode(b"\xff:\xff").decode()),
        ("basic", basic("ada", "x" * 5000)),
        ("bearer", basic("ada", PASSWORD)),
    ],
)
async def test_anything_else_is_nobody(
    authenticator: BasicAuthenticator, scheme: str, credentials: str
) -> None:
    assert await authenticator.identify(scheme, credentials, PEER) is None


async def test_many_connections_of_one_client_at_once_are_one_guess(
    authenticator: BasicAuthenticator, counting: CountingHasher
) -> None:
    right = [authenticator.identify("basic", basic("ada", PASSWORD), PEER) for _ in range(30)]
    assert set(await asyncio.gather(*right)) == {User("ada", authenticated=True)}
    wrong = [authenticator.identify("basic", basic("ada", "wrong"), PEER) for _ in range(30)]
    assert set(await asyncio.gather(*wrong)) == {None}
    assert counting.verified == 2


async def test_who_is_let_go_while_a_password_is_looked_at_spoils_it_for_nobody(people: People) -> None:
    looking, may_end = asyncio.Event(), asyncio.Event()

    class Slow(Hasher):
        async def verify(self, password: str, phc: str | None) -> bool:
            looking.set()
            await may_end.wait()
            return await super().verify(password, phc)

    await people.add("ada", PASSWORD, Role.USER, "uid:0")
    authenticator = BasicAuthenticator(people, Slow(), Attempts())
    first = asyncio.create_task(authenticator.identify("basic", basic("ada", PASSWORD), PEER))
    await looking.wait()
    second = asyncio.create_task(authenticator.identify("basic", basic("ada", PASSWORD), PEER))
    first.cancel()
    may_end.set()
    assert await second == User("ada", authenticated=True)


async def test_an_unknown_name_costs_the_work_of_a_known_one(
    authenticator: BasicAuthenticator, counting: CountingHasher
) -> None:
    await authenticator.identify("basic", basic("bob", PASSWORD), PEER)
    assert counting.verified == 1


async def test_somebody_without_a_password_cannot_log_in(
    authenticator: BasicAuthenticator, people: People, counting: CountingHasher
) -> None:
    await people.add("bob", None, Role.USER, "uid:0")
    assert await authenticator.identify("basic", basic("bob", "None"), PEER) is None
    assert counting.verified == 1


async def test_a_password_that_was_right_is_known_again(
    authenticator: BasicAuthenticator, counting: CountingHasher, clock: Clock
) -> None:
    for _ in range(5):
        assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None
    assert counting.verified == 1
    clock.pass_s(601)
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None
    assert counting.verified == 2


async def test_a_changed_password_counts_at_once(authenticator: BasicAuthenticator, people: People) -> None:
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None
    await people.set_password("ada", "another one", "uid:0")
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is None
    assert await authenticator.identify("basic", basic("ada", "another one"), PEER) is not None


async def test_somebody_removed_is_nobody_at_once(authenticator: BasicAuthenticator, people: People) -> None:
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None
    await people.remove("ada", "uid:0")
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is None


async def test_a_new_role_counts_at_once(authenticator: BasicAuthenticator, people: People) -> None:
    await authenticator.identify("basic", basic("ada", PASSWORD), PEER)
    await people.set_role("ada", Role.ADMINISTRATOR, "uid:0")
    user = await authenticator.identify("basic", basic("ada", PASSWORD), PEER)
    assert user is not None
    assert user.operator


async def test_guessing_ends_before_it_succeeds(
    authenticator: BasicAuthenticator, counting: CountingHasher, clock: Clock
) -> None:
    for number in range(20):
        await authenticator.identify("basic", basic("ada", f"guess {number}"), PEER)
    assert counting.verified == NAME_AT_ORIGIN.burst
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is None
    clock.pass_s(NAME_AT_ORIGIN.interval_s)
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None


async def test_the_same_wrong_password_again_and_again_is_one_guess(
    authenticator: BasicAuthenticator, counting: CountingHasher
) -> None:
    for _ in range(50):
        assert await authenticator.identify("basic", basic("ada", "mistyped"), PEER) is None
    assert counting.verified == 1
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None


async def test_a_wrong_password_that_becomes_the_right_one_is_right_at_once(
    authenticator: BasicAuthenticator, people: People
) -> None:
    assert await authenticator.identify("basic", basic("ada", "another one"), PEER) is None
    await people.set_password("ada", "another one", "uid:0")
    assert await authenticator.identify("basic", basic("ada", "another one"), PEER) is not None


async def test_credentials_of_somebody_who_comes_to_be_are_right_at_once(
    authenticator: BasicAuthenticator, people: People
) -> None:
    assert await authenticator.identify("basic", basic("bob", PASSWORD), PEER) is None
    await people.add("bob", PASSWORD, Role.USER, "uid:0")
    assert await authenticator.identify("basic", basic("bob", PASSWORD), PEER) is not None


async def test_what_is_remembered_is_bounded(
    authenticator: BasicAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.identity import authenticator as module

    monkeypatch.setattr(module, "REMEMBERED_MAX", 2)
    for number in range(5):
        await authenticator.identify("basic", basic(f"name {number}", PASSWORD), f"203.0.113.{number}")
    assert len(authenticator._wrong._kept) == 2


async def test_guesses_at_the_same_moment_get_no_further(
    authenticator: BasicAuthenticator, counting: CountingHasher
) -> None:
    guesses = (authenticator.identify("basic", basic("ada", f"guess {n}"), PEER) for n in range(20))
    assert not any(await asyncio.gather(*guesses))
    assert counting.verified == NAME_AT_ORIGIN.burst


async def test_who_is_logged_in_goes_on_while_somebody_guesses_beside_them(
    authenticator: BasicAuthenticator,
) -> None:
    await authenticator.identify("basic", basic("ada", PASSWORD), PEER)
    for number in range(20):
        await authenticator.identify("basic", basic("ada", f"guess {number}"), PEER)
    assert await authenticator.identify("basic", basic("ada", PASSWORD), PEER) is not None


async def test_the_log_tells_where_from_but_neither_name_nor_password(
    authenticator: BasicAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for number in range(7):
        await authenticator.identify("basic", basic("ada", f"guess {number}"), PEER)
    assert PEER in caplog.text
    assert "ada" not in caplog.text
    assert "guess" not in caplog.text


@given(st.text(max_size=100))
def test_any_credentials_are_read_without_failing(credentials: str) -> None:
    parse_basic(credentials)


@given(st.binary(max_size=100))
def test_any_octets_are_read_without_failing(octets: bytes) -> None:
    given = parse_basic(base64.b64encode(octets).decode())
    assert given is None or (given[0] and given[1])
