"""Subscriptions pulled by ippget: made, heard, renewed, ended, and nobody else's."""

import asyncio

import pytest

from ipp import Attribute, DateTime, Group, GroupTag, Message, Operation, OutOfBand, Status, Tag
from ipp.exchange import User
from ipp.job import ACTIVE, FINISHED
from ipp.spool import Query
from ipp.subscriptions import EVENT_LIFE_S, LEASE_MAX_S, SUBSCRIPTIONS_KEPT, SUBSCRIPTIONS_PER_OWNER
from tests.ipp.asking import BERT, OPERATOR, Desk, of

PULL = of("notify-pull-method", Tag.KEYWORD, "ippget")


def wants(*events: str, more: tuple[Attribute, ...] = ()) -> Group:
    return Group(GroupTag.SUBSCRIPTION, [PULL, of("notify-events", Tag.KEYWORD, *events), *more])


async def subscribe(desk: Desk, *events: str, more: tuple[Attribute, ...] = ()) -> int:
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants(*events, more=more)])
    assert answer.status is Status.SUCCESSFUL_OK
    return answer.group(GroupTag.SUBSCRIPTION).integer("notify-subscription-id", 0)


async def hear(desk: Desk, subscription_id: int, *more: Attribute) -> Message:
    ids = of("notify-subscription-ids", Tag.INTEGER, subscription_id)
    return await desk.ask(Operation.GET_NOTIFICATIONS, ids, *more)


def kinds(answer: Message) -> list[str | None]:
    return [
        group.string("notify-subscribed-event") for group in answer.groups_of(GroupTag.EVENT_NOTIFICATION)
    ]


async def test_events_are_told_in_order_and_numbered(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created", "job-completed")
    job_id = await desk.park()
    await desk.ask(Operation.CANCEL_JOB, of("job-id", Tag.INTEGER, job_id))
    answer = await hear(desk, subscription)
    assert kinds(answer) == ["job-created", "job-completed"]
    events = answer.groups_of(GroupTag.EVENT_NOTIFICATION)
    assert [event.integer("notify-sequence-number") for event in events] == [1, 2]
    assert events[0].integer("notify-job-id") == job_id
    assert answer.operation_attributes.integer("notify-get-interval", 0) > 0
    later = await hear(desk, subscription, of("notify-sequence-numbers", Tag.INTEGER, 2))
    assert kinds(later) == ["job-completed"]


async def test_the_wider_event_hears_the_narrower(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-state-changed")
    await desk.park()
    assert kinds(await hear(desk, subscription))[0] == "job-created"


async def test_what_happened_before_is_not_told(desk: Desk) -> None:
    await desk.park()
    assert kinds(await hear(desk, await subscribe(desk, "job-created"))) == []


async def test_a_job_subscription_hears_of_its_job_only(desk: Desk) -> None:
    job_id = await desk.park()
    answer = await desk.ask(
        Operation.CREATE_JOB_SUBSCRIPTIONS,
        of("notify-job-id", Tag.INTEGER, job_id),
        groups=[wants("job-state-changed")],
    )
    subscription = answer.group(GroupTag.SUBSCRIPTION).integer("notify-subscription-id", 0)
    await desk.park()
    await desk.ask(Operation.CANCEL_JOB, of("job-id", Tag.INTEGER, job_id))
    events = (await hear(desk, subscription)).groups_of(GroupTag.EVENT_NOTIFICATION)
    assert {event.integer("notify-job-id") for event in events} == {job_id}


async def test_nobody_hears_of_jobs_that_they_may_not_see_but_an_operator(desk: Desk) -> None:
    heard = {}
    for user in (BERT, OPERATOR):
        group = [wants("job-created", "printer-state-changed")]
        made = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=group, user=user)
        ids = of(
            "notify-subscription-ids",
            Tag.INTEGER,
            made.group(GroupTag.SUBSCRIPTION).integer("notify-subscription-id", 0),
        )
        heard[user] = ids
    await desk.park("Anna's own affair")
    await desk.ask(Operation.PAUSE_PRINTER, user=OPERATOR)
    answers = [await desk.ask(Operation.GET_NOTIFICATIONS, ids, user=user) for user, ids in heard.items()]
    assert [kinds(answer) for answer in answers] == [
        ["printer-state-changed"],
        ["job-created", "printer-state-changed"],
    ]
    [event] = answers[0].groups_of(GroupTag.EVENT_NOTIFICATION)
    assert event.integer("notify-sequence-number") == 1


async def test_who_waits_is_told_as_soon_as_it_happens(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created")
    waiting = asyncio.create_task(hear(desk, subscription, of("notify-wait", Tag.BOOLEAN, True)))
    await asyncio.sleep(0)
    await desk.park()
    assert kinds(await waiting) == ["job-created"]


async def test_events_are_kept_for_their_life(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created")
    await desk.park()
    desk.clock.pass_(EVENT_LIFE_S + 1)
    assert kinds(await hear(desk, subscription)) == []


async def test_a_lease_ends_and_can_be_renewed(desk: Desk) -> None:
    lease = of("notify-lease-duration", Tag.INTEGER, 60)
    subscription = await subscribe(desk, "job-created", more=(lease,))
    number = of("notify-subscription-id", Tag.INTEGER, subscription)
    desk.clock.pass_(50)
    renewal = Group(GroupTag.SUBSCRIPTION, [lease])
    answer = await desk.ask(Operation.RENEW_SUBSCRIPTION, number, groups=[renewal])
    assert answer.status is Status.SUCCESSFUL_OK
    desk.clock.pass_(50)
    assert (await hear(desk, subscription)).status is Status.SUCCESSFUL_OK
    desk.clock.pass_(11)
    assert (await hear(desk, subscription)).status is Status.CLIENT_ERROR_NOT_FOUND


async def test_a_lease_without_end_is_the_longest(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created", more=(of("notify-lease-duration", Tag.INTEGER, 0),))
    desk.clock.pass_(LEASE_MAX_S - 1)
    assert (await hear(desk, subscription)).status is Status.SUCCESSFUL_OK
    desk.clock.pass_(1)
    assert (await hear(desk, subscription)).status is Status.CLIENT_ERROR_NOT_FOUND


async def test_subscriptions_are_told_and_ended_by_their_owner(desk: Desk) -> None:
    subscription = await subscribe(
        desk, "job-created", more=(of("notify-user-data", Tag.OCTET_STRING, b"\x00mine"),)
    )
    number = of("notify-subscription-id", Tag.INTEGER, subscription)
    told = (await desk.ask(Operation.GET_SUBSCRIPTION_ATTRIBUTES, number)).group(GroupTag.SUBSCRIPTION)
    assert told.strings("notify-events") == ("job-created",)
    assert told["notify-user-data"].value == b"\x00mine"
    assert len((await desk.ask(Operation.GET_SUBSCRIPTIONS)).groups_of(GroupTag.SUBSCRIPTION)) == 1
    assert (await desk.ask(Operation.GET_SUBSCRIPTIONS, user=BERT)).groups_of(GroupTag.SUBSCRIPTION) == []
    for operation in (Operation.CANCEL_SUBSCRIPTION, Operation.GET_SUBSCRIPTION_ATTRIBUTES):
        assert (await desk.ask(operation, number, user=BERT)).status is Status.CLIENT_ERROR_NOT_FOUND
    assert (await desk.ask(Operation.CANCEL_SUBSCRIPTION, number)).status is Status.SUCCESSFUL_OK
    assert (await desk.ask(Operation.CANCEL_SUBSCRIPTION, number)).status is Status.CLIENT_ERROR_NOT_FOUND


@pytest.mark.parametrize(
    "group",
    [
        Group(GroupTag.SUBSCRIPTION, [of("notify-pull-method", Tag.KEYWORD, "pigeon")]),
        Group(GroupTag.SUBSCRIPTION, [of("notify-recipient-uri", Tag.URI, "mailto:a@example.com")]),
        Group(GroupTag.SUBSCRIPTION, [PULL, of("notify-events", Tag.KEYWORD, "x-weather")]),
    ],
)
async def test_a_subscription_that_cannot_be_served_is_ignored_and_told_why(desk: Desk, group: Group) -> None:
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[group])
    assert answer.status is Status.CLIENT_ERROR_IGNORED_ALL_SUBSCRIPTIONS
    assert "notify-status-code" in answer.group(GroupTag.SUBSCRIPTION)
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[group, wants("job-created")])
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS


async def test_there_is_an_end_to_subscriptions(desk: Desk) -> None:
    for number in range(SUBSCRIPTIONS_KEPT):
        user = User(f"person-{number}", authenticated=True)
        await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants("job-created")], user=user)
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants("job-created")])
    assert answer.group(GroupTag.SUBSCRIPTION).integer("notify-status-code") == (
        Status.CLIENT_ERROR_TOO_MANY_SUBSCRIPTIONS
    )


async def test_nobody_takes_all_subscriptions(desk: Desk) -> None:
    for _ in range(SUBSCRIPTIONS_PER_OWNER):
        await subscribe(desk, "job-created")
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants("job-created")])
    assert answer.group(GroupTag.SUBSCRIPTION).integer("notify-status-code") == (
        Status.CLIENT_ERROR_TOO_MANY_SUBSCRIPTIONS
    )
    others = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants("job-created")], user=BERT)
    assert others.status is Status.SUCCESSFUL_OK


async def test_a_job_subscription_ends_once_the_end_of_its_job_is_old(desk: Desk) -> None:
    job_id = await desk.park()
    about = of("notify-job-id", Tag.INTEGER, job_id)
    answer = await desk.ask(Operation.CREATE_JOB_SUBSCRIPTIONS, about, groups=[wants("job-completed")])
    subscription = answer.group(GroupTag.SUBSCRIPTION).integer("notify-subscription-id", 0)
    desk.clock.pass_(LEASE_MAX_S - 1)
    await desk.ask(Operation.CANCEL_JOB, of("job-id", Tag.INTEGER, job_id))
    assert kinds(await hear(desk, subscription)) == ["job-completed"]
    desk.clock.pass_(EVENT_LIFE_S)
    assert (await hear(desk, subscription)).status is Status.CLIENT_ERROR_NOT_FOUND
    again = await desk.ask(Operation.CREATE_JOB_SUBSCRIPTIONS, about, groups=[wants("job-completed")])
    assert again.status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_of_many_who_listen_at_once_each_hears_an_event_once(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created")
    await desk.park()
    since = desk.spool.notices.since

    async def slow(position: int) -> object:
        told = await since(position)
        await asyncio.sleep(0)
        return told

    desk.spool.notices.since = slow  # type: ignore[method-assign, assignment]  # a database takes its time
    answers = await asyncio.gather(*(hear(desk, subscription) for _ in range(3)))
    assert [kinds(answer) for answer in answers] == [["job-created"]] * 3


async def test_a_subscription_that_is_named_often_is_told_once(desk: Desk) -> None:
    subscription = await subscribe(desk, "job-created")
    await desk.park()
    ids = of("notify-subscription-ids", Tag.INTEGER, *[subscription] * 1000)
    assert kinds(await desk.ask(Operation.GET_NOTIFICATIONS, ids)) == ["job-created"]


async def test_who_is_no_operator_any_more_hears_only_of_their_own_jobs(desk: Desk) -> None:
    answer = await desk.ask(
        Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[wants("job-created")], user=OPERATOR
    )
    subscription = answer.group(GroupTag.SUBSCRIPTION).integer("notify-subscription-id", 0)
    await desk.park()
    ids = of("notify-subscription-ids", Tag.INTEGER, subscription)
    assert kinds(await desk.ask(Operation.GET_NOTIFICATIONS, ids, user=OPERATOR)) == ["job-created"]
    demoted = User(OPERATOR.name, authenticated=True)
    assert kinds(await desk.ask(Operation.GET_NOTIFICATIONS, ids, user=demoted)) == []


@pytest.mark.parametrize(
    "wrong",
    [of("notify-lease-duration", Tag.INTEGER, -1), of("notify-user-data", Tag.OCTET_STRING, b"x" * 64)],
    ids=["a lease before now", "more user data than there may be"],
)
async def test_a_subscription_out_of_bounds_is_not_made(desk: Desk, wrong: Attribute) -> None:
    asked = wants("job-created", more=(wrong,))
    answer = await desk.ask(Operation.CREATE_PRINTER_SUBSCRIPTIONS, groups=[asked])
    assert answer.status is Status.CLIENT_ERROR_IGNORED_ALL_SUBSCRIPTIONS
    assert desk.printer.subscriptions.all() == []


async def test_requests_without_what_they_are_about_are_bad(desk: Desk) -> None:
    for operation in (
        Operation.CREATE_PRINTER_SUBSCRIPTIONS,
        Operation.CREATE_JOB_SUBSCRIPTIONS,
        Operation.GET_NOTIFICATIONS,
        Operation.RENEW_SUBSCRIPTION,
    ):
        assert (await desk.ask(operation)).status is Status.CLIENT_ERROR_BAD_REQUEST


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.CREATE_JOB])
async def test_who_makes_a_job_with_subscriptions_is_told_which_they_are(
    desk: Desk, operation: Operation
) -> None:
    document = b"%PDF-1.7" if operation is Operation.PRINT_JOB else None
    groups = [wants("job-created"), wants("x-weather"), wants("job-completed")]
    answer = await desk.ask(operation, groups=groups, document=document)
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS
    assert [group.tag for group in answer.groups[1:]] == [GroupTag.JOB, *[GroupTag.SUBSCRIPTION] * 3]
    made = answer.groups_of(GroupTag.SUBSCRIPTION)
    assert [group.integer("notify-subscription-id") for group in made] == [1, None, 2]
    assert kinds(await hear(desk, 1)) == ["job-created"]


async def test_a_job_is_validated_with_its_subscriptions_and_none_is_made(desk: Desk) -> None:
    answer = await desk.ask(Operation.VALIDATE_JOB, groups=[wants("job-created"), wants("x-weather")])
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS
    fits, does_not = answer.groups_of(GroupTag.SUBSCRIPTION)
    assert list(fits) == []
    assert "notify-status-code" in does_not
    assert desk.printer.subscriptions.all() == []


@pytest.mark.parametrize("operation", [Operation.PRINT_JOB, Operation.CREATE_JOB])
async def test_a_subscription_without_a_way_of_delivery_makes_no_job(
    desk: Desk, operation: Operation
) -> None:
    group = Group(GroupTag.SUBSCRIPTION, [of("notify-events", Tag.KEYWORD, "job-created")])
    answer = await desk.ask(operation, groups=[group], document=b"%PDF-1.7")
    assert answer.status is Status.CLIENT_ERROR_BAD_REQUEST
    assert await desk.spool.find(Query(ACTIVE | FINISHED)) == []


async def test_a_subscription_of_another_syntax_does_not_spoil_the_job(desk: Desk) -> None:
    group = Group(GroupTag.SUBSCRIPTION, [PULL, of("notify-events", Tag.INTEGER, 3)])
    answer = await desk.ask(Operation.CREATE_JOB, groups=[group])
    assert answer.status is Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS
    (told,) = answer.groups_of(GroupTag.SUBSCRIPTION)
    assert told.integer("notify-status-code") == Status.CLIENT_ERROR_BAD_REQUEST


async def test_what_a_subscription_cannot_have_is_named_beside_its_id(desk: Desk) -> None:
    odd = (
        of("notify-natural-language", Tag.NATURAL_LANGUAGE, "eo"),
        of("notify-time-interval", Tag.INTEGER, 60),
        of("notify-lease-duration", Tag.INTEGER, 60),
    )
    job_id = await desk.park()
    about = of("notify-job-id", Tag.INTEGER, job_id)
    answer = await desk.ask(
        Operation.CREATE_JOB_SUBSCRIPTIONS, about, groups=[wants("job-completed", "none", more=odd)]
    )
    assert answer.status is Status.SUCCESSFUL_OK
    (told,) = answer.groups_of(GroupTag.SUBSCRIPTION)
    assert told.integer("notify-subscription-id") == 1
    assert told.integer("notify-status-code") == Status.SUCCESSFUL_OK_IGNORED_OR_SUBSTITUTED_ATTRIBUTES
    assert told.strings("notify-events") == ("none",)
    assert told.string("notify-natural-language") == "eo"
    assert told["notify-time-interval"].value is OutOfBand.UNSUPPORTED
    assert told["notify-lease-duration"].value is OutOfBand.UNSUPPORTED


async def test_who_heard_the_end_of_their_job_need_not_ask_again(desk: Desk) -> None:
    job_id = await desk.park()
    about = of("notify-job-id", Tag.INTEGER, job_id)
    await desk.ask(Operation.CREATE_JOB_SUBSCRIPTIONS, about, groups=[wants("job-completed")])
    assert "notify-get-interval" in (await hear(desk, 1)).operation_attributes
    await desk.ask(Operation.CANCEL_JOB, of("job-id", Tag.INTEGER, job_id))
    answer = await hear(desk, 1, of("notify-wait", Tag.BOOLEAN, True))
    assert answer.status is Status.SUCCESSFUL_OK_EVENTS_COMPLETE
    assert "notify-get-interval" not in answer.operation_attributes
    (event,) = answer.groups_of(GroupTag.EVENT_NOTIFICATION)
    assert event.string("notify-subscribed-event") == "job-completed"
    assert event.date_time("printer-current-time") == DateTime.of(desk.clock())
    nothing_new = of("notify-sequence-numbers", Tag.INTEGER, 2)
    later = await hear(desk, 1, nothing_new, of("notify-wait", Tag.BOOLEAN, True))
    assert later.status is Status.SUCCESSFUL_OK_EVENTS_COMPLETE


async def test_subscriptions_are_told_by_their_ids_unless_more_is_requested(desk: Desk) -> None:
    await subscribe(desk, "job-created")
    names = {}
    for requested in ((), ("subscription-template",), ("subscription-description",), ("all",)):
        asked = [of("requested-attributes", Tag.KEYWORD, *requested)] if requested else []
        answer = await desk.ask(Operation.GET_SUBSCRIPTIONS, *asked)
        names[requested] = set(answer.group(GroupTag.SUBSCRIPTION).names())
    assert names[()] == {"notify-subscription-id"}
    template, description = names[("subscription-template",)], names[("subscription-description",)]
    assert {"notify-events", "notify-pull-method", "notify-user-data"} <= template
    assert {"notify-subscription-id", "notify-subscriber-user-name"} <= description
    assert not template & description
    assert names[("all",)] == template | description


async def test_a_printer_tells_what_subscriptions_it_supports_when_asked_for_the_group(desk: Desk) -> None:
    asked = of("requested-attributes", Tag.KEYWORD, "subscription-template")
    printer = (await desk.ask(Operation.GET_PRINTER_ATTRIBUTES, asked)).printer
    assert set(printer.names()) == {
        "charset-supported",
        "generated-natural-language-supported",
        "notify-events-default",
        "notify-events-supported",
        "notify-lease-duration-default",
        "notify-lease-duration-supported",
        "notify-max-events-supported",
        "notify-pull-method-supported",
    }
    assert {"none", "job-completed", "printer-state-changed"} <= set(
        printer.strings("notify-events-supported")
    )
