"""Who may do what: pure, one table, everything that is not in it is for operators."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ipp.exchange import User
from ipp.job import Job
from ipp.vocabulary.enums import Operation


class Action(Enum):
    """What somebody wants to do, however they ask: by IPP, a page, a panel or a command."""

    LOOK = "look"  # at a queue: what it is, how it is
    PRINT = "print"
    SEE = "see"  # a job: its title, its state
    CHANGE = "change"  # a job: what was asked for it, its documents, whether it waits
    RELEASE = "release"
    CANCEL = "cancel"
    OPERATE = "operate"  # a queue, or the order of its jobs


_OWN: Final = frozenset({Action.SEE, Action.CHANGE, Action.RELEASE, Action.CANCEL})
_ANYBODY: Final = frozenset({Action.LOOK, Action.PRINT})

# What an IPP operation wants to do. One that is not here is for operators.
ACTIONS: Final[dict[Operation, Action]] = {
    Operation.GET_PRINTER_ATTRIBUTES: Action.LOOK,
    Operation.GET_USER_PRINTER_ATTRIBUTES: Action.LOOK,
    Operation.GET_PRINTER_SUPPORTED_VALUES: Action.LOOK,
    Operation.IDENTIFY_PRINTER: Action.LOOK,
    Operation.CREATE_PRINTER_SUBSCRIPTIONS: Action.LOOK,
    Operation.GET_SUBSCRIPTION_ATTRIBUTES: Action.LOOK,
    Operation.GET_SUBSCRIPTIONS: Action.LOOK,
    Operation.RENEW_SUBSCRIPTION: Action.LOOK,
    Operation.CANCEL_SUBSCRIPTION: Action.LOOK,
    Operation.GET_NOTIFICATIONS: Action.LOOK,
    Operation(0x4001): Action.LOOK,  # CUPS-Get-Default
    Operation(0x4002): Action.LOOK,  # CUPS-Get-Printers
    Operation.PRINT_JOB: Action.PRINT,
    Operation.VALIDATE_JOB: Action.PRINT,
    Operation.CREATE_JOB: Action.PRINT,
    Operation.GET_JOBS: Action.SEE,
    Operation.GET_JOB_ATTRIBUTES: Action.SEE,
    Operation.GET_DOCUMENTS: Action.SEE,
    Operation.GET_DOCUMENT_ATTRIBUTES: Action.SEE,
    Operation.CREATE_JOB_SUBSCRIPTIONS: Action.SEE,
    Operation.SEND_DOCUMENT: Action.CHANGE,
    Operation.VALIDATE_DOCUMENT: Action.CHANGE,
    Operation.CLOSE_JOB: Action.CHANGE,
    Operation.HOLD_JOB: Action.CHANGE,
    Operation.SET_JOB_ATTRIBUTES: Action.CHANGE,
    Operation.SET_DOCUMENT_ATTRIBUTES: Action.CHANGE,
    Operation.CANCEL_DOCUMENT: Action.CHANGE,
    Operation.RELEASE_JOB: Action.RELEASE,
    Operation.RESUME_JOB: Action.RELEASE,
    Operation.RESTART_JOB: Action.RELEASE,
    Operation.RESUBMIT_JOB: Action.RELEASE,
    Operation.REPROCESS_JOB: Action.RELEASE,
    Operation.CANCEL_JOB: Action.CANCEL,
    Operation.CANCEL_MY_JOBS: Action.CANCEL,
    Operation.CANCEL_CURRENT_JOB: Action.CANCEL,
    Operation.SUSPEND_CURRENT_JOB: Action.CANCEL,
}

# Operations for which it does not matter who asks: clients make them before they know whether to print.
OPEN: Final = frozenset(
    {
        Operation.GET_PRINTER_ATTRIBUTES,
        Operation.GET_PRINTER_SUPPORTED_VALUES,
        Operation(0x4001),
        Operation(0x4002),
    }
)
# All others: on a queue that wants to know who asks, nobody does these unknown.
PERSONAL: Final = frozenset(Operation) - OPEN


def may(who: User, action: Action, what: Job | None = None) -> bool:
    """Whether somebody may do this, to that job or (None) at all.

    Owners see and touch their own; operators, all. With no job, an action on jobs is allowed: it will find
    only those that it may touch. Whoever has a proved name is not asked for by those who merely claim it:
    see `identity.guard`.
    """
    if who.operator and who.authenticated:
        return True
    if action in _ANYBODY:
        return True
    return action in _OWN and (what is None or what.owner == who.name)


def may_operation(who: User, operation: Operation, job: Job | None) -> bool:
    """`may` as the Printer object asks it."""
    if job is not None and ACTIONS.get(operation) in _ANYBODY:
        return may(who, Action.SEE, job)
    return may(who, ACTIONS.get(operation, Action.OPERATE), job)
