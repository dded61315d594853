"""Subscriptions and their events, pulled by `ippget` (RFC 3995 11, RFC 3996)."""

from __future__ import annotations

from collections.abc import Callable
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
from ..values import Range
from ..vocabulary.enums import Operation
from .job import own_job

# How long Get-Notifications with notify-wait is held open, and how soon the others may come again.
WAIT_S: Final = 30.0
INTERVAL_S: Final = 5


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
    groups = call.message.groups_of(GroupTag.SUBSCRIPTION)
    if not groups:
        raise RemoteProtocolError("no subscription attributes")
    answers = [await _subscribe(call, group, job) for group in groups]
    made = sum("notify-subscription-id" in answer for answer in answers)
    if not made:
        return call.reply(Status.CLIENT_ERROR_IGNORED_ALL_SUBSCRIPTIONS, answers)
    if made < len(answers):
        return call.reply(Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS, answers)
    return call.reply(groups=answers)


async def subscribe(call: Call, job: Job) -> bool:
    """Make the subscriptions that came with a job's creation; whether one had to be ignored."""
    answers = [await _subscribe(call, group, job) for group in call.message.groups_of(GroupTag.SUBSCRIPTION)]
    return any("notify-subscription-id" not in answer for answer in answers)


async def _subscribe(call: Call, group: Group, job: Job | None) -> Group:
    """The subscription group of the answer: an id, or a notify-status-code (RFC 3995 5.3)."""
    events = [event for event in group.strings("notify-events") or (EVENT_DEFAULT,) if event in EVENTS]
    method = group.string("notify-pull-method")
    if method != "ippget" or "notify-recipient-uri" in group or not events:
        status = Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
        return Group(GroupTag.SUBSCRIPTION, [Attribute.of("notify-status-code", Tag.ENUM, status)])
    data = group.get("notify-user-data")
    try:
        for each in group:
            check_value(each)
        made = await call.printer.subscriptions.create(
            call.user.name,
            events,
            job_id=None if job is None else job.id,
            lease_s=group.integer("notify-lease-duration", LEASE_DEFAULT_S),
            user_data=data.value if data is not None and isinstance(data.value, bytes) else b"",
            sees=_sight(call),
        )
    except RemoteProtocolError as error:
        return Group(GroupTag.SUBSCRIPTION, [Attribute.of("notify-status-code", Tag.ENUM, error.status)])
    answer = [attribute("notify-subscription-id", made.id)]
    if job is None:
        answer.append(attribute("notify-lease-duration", made.lease_s))
    return Group(GroupTag.SUBSCRIPTION, answer)


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
            attribute("notify-printer-up-time", call.printer.up_time_at(call.printer.clock())),
            Attribute.of("notify-subscriber-user-name", Tag.NAME, subscription.owner),
            Attribute.of("notify-user-data", Tag.OCTET_STRING, subscription.user_data),
        ],
    )
    if subscription.job_id is not None:
        group.add(attribute("notify-job-id", subscription.job_id))
    else:
        group.add(
            attribute("notify-lease-duration", subscription.lease_s),
            attribute("notify-lease-expiration-time", call.printer.up_time_at(subscription.expires)),
        )
    return group


def _filtered(group: Group, call: Call) -> Group:
    requested = frozenset(call.asked.strings("requested-attributes"))
    everything = not requested or requested & {"all", "subscription-template", "subscription-description"}
    return Group(group.tag, [each for each in group if everything or each.name in requested])


async def get_subscription_attributes(call: Call) -> Response:
    """RFC 3995 11.2.4."""
    return call.reply(groups=[_filtered(_describe(call, await _own_subscription(call)), call)])


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
    groups = [_filtered(_describe(call, each), call) for each in found[: call.asked.integer("limit")]]
    return call.reply(groups=groups)


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
    if asked.boolean("notify-wait", default=False) and not _pending(wanted):
        await call.printer.subscriptions.wait(WAIT_S)
    status = await call.spool.status()
    may_see = _sight(call)  # as of now: who was an operator when they subscribed may be none any more
    groups = [
        _event(call, subscription, sequence, notice, status)
        for subscription, sequence, notice in _pending(wanted)
        if notice.job is None or may_see(notice.job)
    ]
    when_again = [
        attribute("notify-get-interval", INTERVAL_S),
        attribute("printer-up-time", call.printer.up_time_at(call.printer.clock())),
    ]
    return call.reply(groups=groups, told=when_again)


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
            attribute("notify-events-supported", *EVENTS),
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
