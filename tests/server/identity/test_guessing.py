"""Limits on guessing: who guesses stops themselves; nobody is locked out for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.identity import guessing
from server.identity.guessing import NAME, NAME_AT_ORIGIN, ORIGIN, Attempts

HOME = "203.0.113.5"


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def attempts(seconds: Seconds) -> Attempts:
    return Attempts({"192.168.1.7"}, clock=seconds)


def count(attempts: Attempts, name: str, peer: str, tries: int) -> int:
    return sum(attempts.begin(name, peer) for _ in range(tries))


def test_a_few_failures_are_allowed_and_then_no_more(attempts: Attempts) -> None:
    assert count(attempts, "ada", HOME, 100) == NAME_AT_ORIGIN.burst


def test_a_lockout_ends_by_itself_however_often_it_is_hit(attempts: Attempts, seconds: Seconds) -> None:
    count(attempts, "ada", HOME, 1000)
    seconds.now += NAME_AT_ORIGIN.interval_s
    assert attempts.begin("ada", HOME)
    assert not attempts.begin("ada", HOME)


def test_everything_is_forgotten_in_time(attempts: Attempts, seconds: Seconds) -> None:
    count(attempts, "ada", HOME, 1000)
    seconds.now += NAME_AT_ORIGIN.burst * NAME_AT_ORIGIN.interval_s
    assert count(attempts, "ada", HOME, 100) == NAME_AT_ORIGIN.burst


def test_one_place_cannot_try_many_names(attempts: Attempts) -> None:
    assert sum(attempts.begin(f"name-{number}", HOME) for number in range(100)) == ORIGIN.burst


def test_the_addresses_of_one_ipv6_site_are_one_place(attempts: Attempts) -> None:
    tried = sum(attempts.begin("ada", f"2001:db8:1:2::{number:x}") for number in range(100))
    assert tried == NAME_AT_ORIGIN.burst
    assert attempts.begin("ada", "2001:db8:1:3::1")


def test_many_places_cannot_try_one_name(attempts: Attempts) -> None:
    assert sum(attempts.begin("ada", f"198.51.100.{number}") for number in range(200)) == NAME.burst


def test_who_is_guessed_at_comes_in_from_a_place_where_they_were_before(attempts: Attempts) -> None:
    assert attempts.begin("ada", HOME)
    attempts.succeed("ada", HOME)
    for number in range(200):
        attempts.begin("ada", f"198.51.100.{number}")
    assert not attempts.begin("ada", "198.51.101.1")
    assert attempts.begin("ada", HOME)


def test_who_is_guessed_at_comes_in_from_a_trusted_network(attempts: Attempts) -> None:
    for number in range(200):
        attempts.begin("ada", f"198.51.100.{number}")
    assert attempts.begin("ada", "192.168.1.7")


def test_who_is_right_is_never_limited(attempts: Attempts) -> None:
    for _ in range(1000):
        assert attempts.begin("ada", HOME)
        attempts.succeed("ada", HOME)


def test_of_many_attempts_at_the_same_moment_no_more_get_through(attempts: Attempts) -> None:
    begun = [attempts.begin("ada", HOME) for _ in range(50)]
    for _ in range(sum(begun)):
        attempts.succeed("ada", HOME)
    assert sum(begun) == NAME_AT_ORIGIN.burst
    assert attempts.begin("ada", HOME)


def test_memory_is_bounded(attempts: Attempts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "KEYS_MAX", 10)
    for number in range(100):
        if attempts.begin(f"name-{number}", f"198.51.100.{number}"):
            attempts.succeed(f"name-{number}", f"198.51.100.{number}")
    for kept in (attempts._by_origin, attempts._by_pair, attempts._by_name):
        assert len(kept._clear_at) <= 10
    assert len(attempts._succeeded) <= 10


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.floats(0, 30)), max_size=200))
def test_guesses_never_exceed_burst_and_rate(steps: list[tuple[str, int, float]]) -> None:
    seconds = Seconds()
    attempts = Attempts(clock=seconds)
    begun: dict[tuple[str, str], int] = {}
    for name, host, pause in steps:
        seconds.now += pause
        pair = name, f"203.0.113.{host}"
        begun[pair] = begun.get(pair, 0) + attempts.begin(*pair)
    passed = seconds.now - 1000
    assert all(n <= NAME_AT_ORIGIN.burst + passed / NAME_AT_ORIGIN.interval_s + 1e-6 for n in begun.values())
