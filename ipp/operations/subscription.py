"""Subscriptions and their events, pulled by `ippget` (RFC 3995 11, RFC 3996)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from ..enums import GroupTag, Status, Tag
from ..errors import RemoteProtocolError
from ..exchange import Response
from ..job import Job
from ..message import Attribute, Attributes, Group
from ..printer import Call, Handler
from ..registry import attribute
from ..spool import Notice, PrinterStatus
from ..subscriptions import (
    EVENT_DEFAULT,
    EVENT_LIFE_S,
    EVENTS,
    LEASE_DEFAULT_S,
    LEASE_MAX_S,
    Subscription,
)
from ..ticket import check_value
from ..values import DateTime, OutOfBand, Range
from ..vocabulary.attributes import ATTRIBUTES
from ..vocabulary.enums import Operation
from .describe import requested_attributes
from .job import own_job

# How long Get-Notifications with notify-wait is held open, and how soon the others may come again.
WAIT_S: Final = 30.0
INTERVAL_S: Final = 5

_TEMPLATE: Final = frozenset(ATTRIBUTES["subscription-template"])
# Of which there is one value only, in events.
_ONE_VALUE: Final = {"notify-charset": "utf-8", "notify-natural-language": "en"}
_SUPPORTED: Final = frozenset(
    {*_ONE_VALUE, "notify-events", "notify-lease-duration", "notify-pull-method", "notify-user-data"}
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription that is asked for, as far as it is supported (RFC 3995 5.2).

    `unsupported` is what is not, for the answer; `refusal` says why nothing is made of it.
    """

    events: tuple[str, ...] = ()
    lease_s: int = LEASE_DEFAULT_S
    user_data: bytes = b""
    unsupported: tuple[Attribute, ...] = ()
    refusal: Status | None = None

    def answer(self, *made: Attribute) -> Group:
        """The subscription group of the answer, with what was `made` of the wish."""
        status = self.refusal
        if status is None and self.unsupported:
            status = Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
        told = [Attribute.of("notify-status-code", Tag.ENUM, status)] if status is not None else []
        return Group(GroupTag.SUBSCRIPTION, (*made, *told, *self.unsupported))


def wishes_of(call: Call, *, for_job: bool) -> list[Wish]:
    """What the subscription groups of a request ask for. Nothing is made yet.

    Raises `RemoteProtocolError` (client-error-bad-request) where one names no way of delivery: RFC 3995 5.2
    has the whole request refused, a job's too.
    """
    groups = call.message.groups_of(GroupTag.SUBSCRIPTION)
    if not all("notify-pull-method" in group or "notify-recipient-uri" in group for group in groups):
        raise RemoteProtocolError("a subscription without notify-pull-method")
    return [_wish(group, for_job=for_job) for group in groups]


def _wish(group: Group, *, for_job: bool) -> Wish:
    try:
        for each in group:
            check_value(each)
    except RemoteProtocolError as error:
        return Wish(refusal=error.status)
    if "notify-recipient-uri" in group:
        return Wish(
            unsupported=(group["notify-recipient-uri"],), refusal=Status.CLIENT_ERROR_URI_SCHEME_NOT_SUPPORTED
        )
    method = group["notify-pull-method"]
    if method.values != ("ippget",):
        return Wish(unsupported=(method,), refusal=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED)
    events = group.strings("notify-events") or (EVENT_DEFAULT,)
    known = tuple(event for event in events if event in EVENTS)
    unsupported = tuple(_unsupported(group, events, for_job=for_job))
    data = group.get("notify-user-data")
    return Wish(
        known,
        group.integer("notify-lease-duration", LEASE_DEFAULT_S),
        data.value if data is not None and isinstance(data.value, bytes) else b"",
        unsupported,
        None if known else Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
    )


def _unsupported(group: Group, events: tuple[str, ...], *, for_job: bool) -> Iterator[Attribute]:
    """The values that are not supported, and the attributes, as RFC 3995 5.2 tells them."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        yield attribute("notify-events", *unknown)
    for each in group:
        if each.name not in _SUPPORTED or (for_job and each.name == "notify-lease-duration"):
            yield Attribute.of(each.name, Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED)
        elif each.name in _ONE_VALUE and each.values != (_ONE_VALUE[each.name],):
            yield each


async def create_printer_subscriptions(call: Call) -> Response:
    """RFC 3995 11.1.2."""
    call.demand()
    return await _create(call, None)


async def create_job_subscriptions(call: Call) -> Response:
    """RFC 3995 11.1.1."""
    job_id = call.asked.integer("notify-job-id")
    if job_id is None:
        raise RemoteProtocolError("no notify-job-id")
    job = await own_job(call, job_id)
    if job.finished:
        raise RemoteProtocolError("nothing more will happen", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    return await _create(call, job)


async def _create(call: Call, job: Job | None) -> Response:
    wishes = wishes_of(call, for_job=job is not None)
    if not wishes:
        raise RemoteProtocolError("no subscription attributes")
    answers = [await _subscribe(call, wish, job) for wish in wishes]
    if not any("notify-subscription-id" in answer for answer in answers):
        return call.reply(Status.CLIENT_ERROR_IGNORED_ALL_SUBSCRIPTIONS, answers)
    return call.reply(creation_status(answers), answers)


def creation_status(answers: Iterable[Group]) -> Status:
    """The status of an operation that made something, but maybe not every subscription."""
    if all("notify-subscription-id" in answer for answer in answers):
        return Status.SUCCESSFUL_OK
    return Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS


async def subscribe(call: Call, wishes: Iterable[Wish], job: Job) -> list[Group]:
    """Make the subscriptions that came with a job's creation; the groups of the answer (RFC 3995 11.1.3)."""
    return [await _subscribe(call, wish, job, Notice("job-created", job.created, job)) for wish in wishes]


async def _subscribe(call: Call, wish: Wish, job: Job | None, first: Notice | None = None) -> Group:
    """The subscription group of the answer: an id, or a notify-status-code (RFC 3995 5.3)."""
    if wish.refusal is not None:
        return wish.answer()
    try:
        made = await call.printer.subscriptions.create(
            call.user.name,
            wish.events,
            job_id=None if job is None else job.id,
            lease_s=wish.lease_s,
            user_data=wish.user_data,
            sees=_sight(call),
            first=first,
        )
    except RemoteProtocolError as error:
        return replace(wish, refusal=error.status).answer()
    told = [attribute("notify-subscription-id", made.id)]
    if job is None:
        told.append(attribute("notify-lease-duration", made.lease_s))
    return wish.answer(*told)


def _sight(call: Call) -> Callable[[Job], bool]:
    """Whose jobs the caller hears of: those that they could also ask for."""
    printer, user = call.printer, call.user
    return lambda job: printer.policy(user, Operation.GET_JOB_ATTRIBUTES, job)


async def _own_subscription(call: Call, subscription_id: int | None = None) -> Subscription:
    if subscription_id is None:
        subscription_id = call.asked.integer("notify-subscription-id")
    if subscription_id is None:
        raise RemoteProtocolError("no notify-subscription-id")
    await call.printer.subscriptions.catch_up()
    found = call.printer.subscriptions.get(subscription_id)
    if found.owner != call.user.name and not call.user.operator:
        raise RemoteProtocolError("another user's", status=Status.CLIENT_ERROR_NOT_FOUND)
    return found


def _describe(call: Call, subscription: Subscription) -> Group:
    group = Group(
        GroupTag.SUBSCRIPTION,
        [
            attribute("notify-subscription-id", subscription.id),
            attribute("notify-events", *sorted(subscription.events)),
            attribute("notify-pull-method", "ippget"),
            attribute("notify-charset", subscription.charset),
            attribute("notify-natural-language", subscription.natural_language),
            attribute("notify-printer-uri", call.printer_uri),
            attribute("notify-sequence-number", subscription.sequence),
            attribute("notify-printer-up-time", call.printer.up_time),
            Attribute.of("notify-subscriber-user-name", Tag.NAME, subscription.owner),
            Attribute.of("notify-user-data", Tag.OCTET_STRING, subscription.user_data),
        ],
    )
    if subscription.job_id is not None:
        group.add(attribute("notify-job-id", subscription.job_id))
    else:
        group.add(
            attribute("notify-lease-duration", subscription.lease_s),
            attribute("notify-lease-expiration-time", max(0, call.printer.up_time_at(subscription.expires))),
        )
    return group


def _filtered(group: Group, call: Call, default: str) -> Group:
    requested = requested_attributes(call.asked, frozenset({default}))
    kept = []
    for each in group:
        belongs_to = "subscription-template" if each.name in _TEMPLATE else "subscription-description"
        if requested & {each.name, belongs_to, "all"}:
            kept.append(each)
    return Group(group.tag, kept)


async def get_subscription_attributes(call: Call) -> Response:
    """RFC 3995 11.2.4."""
    return call.reply(groups=[_filtered(_describe(call, await _own_subscription(call)), call, "all")])


async def get_subscriptions(call: Call) -> Response:
    """RFC 3995 11.2.5: those of the printer, or of the job that notify-job-id names."""
    await call.printer.subscriptions.catch_up()
    job_id = call.asked.integer("notify-job-id")
    mine = call.asked.boolean("my-subscriptions", default=False) or not call.user.operator
    found = [
        each
        for each in call.printer.subscriptions.all()
        if each.job_id == job_id and (not mine or each.owner == call.user.name)
    ]
    told = found[: call.asked.integer("limit")]
    return call.reply(
        groups=[_filtered(_describe(call, each), call, "notify-subscription-id") for each in told]
    )


async def renew_subscription(call: Call) -> Response:
    """RFC 3995 11.2.6."""
    subscription = await _own_subscription(call)
    if subscription.job_id is not None:
        raise RemoteProtocolError("it ends with its job", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    group = call.message.group(GroupTag.SUBSCRIPTION)
    for each in group:
        check_value(each)
    asked = group.integer("notify-lease-duration", LEASE_DEFAULT_S)
    call.printer.subscriptions.renew(subscription, asked)
    lease = attribute("notify-lease-duration", subscription.lease_s)
    return call.reply(groups=[Group(GroupTag.SUBSCRIPTION, [lease])])


async def cancel_subscription(call: Call) -> Response:
    """RFC 3995 11.2.7."""
    call.printer.subscriptions.cancel(await _own_subscription(call))
    return call.reply()


async def get_notifications(call: Call) -> Response:
    """RFC 3996 5: what happened, for each subscription, from the sequence number on that the client names."""
    asked = call.asked
    ids = asked.integers("notify-subscription-ids")
    if not ids:
        raise RemoteProtocolError("no notify-subscription-ids")
    # Each once, however often it is named: its events are told for every time.
    starts = dict(zip(ids, [*asked.integers("notify-sequence-numbers"), *[1] * len(ids)], strict=False))
    wanted = [(await _own_subscription(call, each), start) for each, start in starts.items()]
    if asked.boolean("notify-wait", default=False) and not (_pending(wanted) or _are_complete(wanted)):
        await call.printer.subscriptions.wait(WAIT_S)
    status = await call.spool.status()
    may_see = _sight(call)  # as of now: who was an operator when they subscribed may be none any more
    groups = [
        _event(call, subscription, sequence, notice, status)
        for subscription, sequence, notice in _pending(wanted)
        if notice.job is None or may_see(notice.job)
    ]
    up_time = attribute("printer-up-time", call.printer.up_time)
    if _are_complete(wanted):
        return call.reply(Status.SUCCESSFUL_OK_EVENTS_COMPLETE, groups, told=[up_time])
    return call.reply(groups=groups, told=[attribute("notify-get-interval", INTERVAL_S), up_time])


def _are_complete(wanted: list[tuple[Subscription, int]]) -> bool:
    """Whether all are for jobs that are finished: the client need not ask again (RFC 3996 5.2)."""
    return all(subscription.ended for subscription, _ in wanted)


def _pending(wanted: list[tuple[Subscription, int]]) -> list[tuple[Subscription, int, Notice]]:
    return [
        (subscription, sequence, notice)
        for subscription, start in wanted
        for sequence, notice in subscription.kept
        if sequence >= start
    ]


def _event(
    call: Call, subscription: Subscription, sequence: int, notice: Notice, status: PrinterStatus
) -> Group:
    """RFC 3995 9: what every event tells, and what those of a job and of a printer add."""
    printer_name = call.printer.attributes.get("printer-name")
    group = Group(
        GroupTag.EVENT_NOTIFICATION,
        [
            attribute("notify-charset", subscription.charset),
            attribute("notify-natural-language", subscription.natural_language),
            attribute("notify-subscription-id", subscription.id),
            attribute("notify-sequence-number", sequence),
            attribute("notify-subscribed-event", notice.kind),
            attribute("notify-printer-uri", call.printer_uri),
            attribute("printer-up-time", max(1, call.printer.up_time_at(notice.at))),
            attribute("printer-current-time", DateTime.of(notice.at)),
            Attribute.of("notify-text", Tag.TEXT, notice.kind.replace("-", " ")),
            Attribute.of("notify-user-data", Tag.OCTET_STRING, subscription.user_data),
        ],
    )
    if printer_name is not None:
        group.add(printer_name)
    if notice.job is not None:
        job = notice.job
        group.add(
            attribute("notify-job-id", job.id),
            attribute("job-id", job.id),
            Attribute.of("job-name", Tag.NAME, job.name),
            attribute("job-state", job.state),
            attribute("job-state-reasons", *(sorted(job.reasons) or ["none"])),
            attribute("job-impressions-completed", job.impressions_completed),
        )
    group.add(
        attribute("printer-state", status.state),
        attribute("printer-state-reasons", *(sorted(status.reasons) or ["none"])),
        attribute("printer-is-accepting-jobs", status.accepting_jobs),
    )
    return group


def own_attributes() -> Attributes:
    """What these operations add to the printer's attributes."""
    return Attributes(
        [
            attribute("notify-events-default", EVENT_DEFAULT),
            attribute("notify-events-supported", "none", *EVENTS),
            attribute("notify-lease-duration-default", LEASE_DEFAULT_S),
            attribute("notify-lease-duration-supported", Range(1, LEASE_MAX_S)),
            attribute("notify-max-events-supported", len(EVENTS)),
            attribute("notify-pull-method-supported", "ippget"),
            attribute("ippget-event-life", EVENT_LIFE_S),
        ]
    )


HANDLERS: Final[dict[Operation, Handler]] = {
    Operation.CREATE_PRINTER_SUBSCRIPTIONS: create_printer_subscriptions,
    Operation.CREATE_JOB_SUBSCRIPTIONS: create_job_subscriptions,
    Operation.GET_SUBSCRIPTION_ATTRIBUTES: get_subscription_attributes,
    Operation.GET_SUBSCRIPTIONS: get_subscriptions,
    Operation.RENEW_SUBSCRIPTION: renew_subscription,
    Operation.CANCEL_SUBSCRIPTION: cancel_subscription,
    Operation.GET_NOTIFICATIONS: get_notifications,
}
