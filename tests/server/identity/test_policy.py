"""Policy: owners see and touch their own, operators all, and what nobody thought of is for operators."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipp.exchange import User
from ipp.job import Job
from ipp.operations import STANDARD
from ipp.vocabulary.enums import Operation
from server.identity.policy import ACTIONS, OPEN, PERSONAL, Action, may, may_operation

ADA = User("ada", authenticated=True)
BOB = User("bob", authenticated=True)
CLAIMED_ADA = User("ada", authenticated=False)
ROOT = User("root", authenticated=True, operator=True)
FALSE_ROOT = User("root", authenticated=False, operator=True)

OF_A_JOB = (Action.SEE, Action.CHANGE, Action.RELEASE, Action.CANCEL)
ADAS_JOB = Job(1, UUID(int=1), "hold", "ada", "Letter", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("action", OF_A_JOB)
def test_an_owner_touches_their_own(action: Action) -> None:
    assert may(ADA, action, ADAS_JOB)


@pytest.mark.parametrize("action", OF_A_JOB)
def test_nobody_else_touches_it(action: Action) -> None:
    assert not may(BOB, action, ADAS_JOB)


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("job", [None, ADAS_JOB])
def test_an_operator_may_all(action: Action, job: Job | None) -> None:
    assert may(ROOT, action, job)


def test_an_operator_who_only_claims_to_be_one_is_none() -> None:
    assert not may(FALSE_ROOT, Action.OPERATE)
    assert not may(FALSE_ROOT, Action.SEE, ADAS_JOB)


@pytest.mark.parametrize("who", [ADA, BOB, CLAIMED_ADA])
def test_everybody_may_look_and_print_and_ask_for_their_own(who: User) -> None:
    for action in (Action.LOOK, Action.PRINT, *OF_A_JOB):
        assert may(who, action)
    assert not may(who, Action.OPERATE)


def test_a_job_whose_owner_claimed_the_name_is_theirs() -> None:
    assert may(CLAIMED_ADA, Action.CANCEL, ADAS_JOB)


@given(st.text(), st.text(), st.sampled_from(OF_A_JOB))
def test_names_are_compared_whole(owner: str, asker: str, action: Action) -> None:
    job = Job(1, UUID(int=1), "hold", owner, "", datetime(2026, 1, 1, tzinfo=UTC))
    assert may(User(asker, authenticated=True), action, job) == (owner == asker)


@pytest.mark.parametrize("operation", sorted(STANDARD))
def test_nobody_touches_anothers_job_by_any_operation(operation: Operation) -> None:
    assert not may_operation(BOB, operation, ADAS_JOB)


@pytest.mark.parametrize(
    "operation",
    [
        Operation.PAUSE_PRINTER,
        Operation.PURGE_JOBS,
        Operation.SET_PRINTER_ATTRIBUTES,
        Operation.CANCEL_JOBS,
        Operation.PROMOTE_JOB,
        Operation.SHUTDOWN_PRINTER,
    ],
)
def test_running_the_printer_is_for_operators(operation: Operation) -> None:
    assert not may_operation(ADA, operation, None)
    assert may_operation(ROOT, operation, None)


@pytest.mark.parametrize("code", [0x0066 + 1000, 0x3FFF])
def test_an_operation_that_nobody_knows_is_for_operators(code: int) -> None:
    assert not may_operation(ADA, Operation(code), None)


def test_every_operation_is_either_open_or_personal() -> None:
    assert set(STANDARD) <= OPEN | PERSONAL
    assert not OPEN & PERSONAL
    assert all(ACTIONS[operation] is Action.LOOK for operation in OPEN)
