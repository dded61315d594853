"""Subscriptions to what happens at a printer, pulled by `ippget` (RFC 3995, RFC 3996)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Final

from .enums import Status
from .errors import RemoteProtocolError
from .job import Job
from .spool import Clock, Notice, Notices

LEASE_DEFAULT_S: Final = 3600
LEASE_MAX_S: Final = 7 * 86400
EVENT_LIFE_S: Final = 300
EVENTS_KEPT: Final = 100
SUBSCRIPTIONS_KEPT: Final = 200
SUBSCRIPTIONS_PER_OWNER: Final = 20

EVENTS: Final = (
    "job-completed",
    "job-config-changed",
    "job-created",
    "job-progress",
    "job-state-changed",
    "job-stopped",
    "printer-config-changed",
    "printer-state-changed",
    "printer-stopped",
)
EVENT_DEFAULT: Final = "job-completed"

# An event in the narrow sense is also the wider one (RFC 3995 5.3.3.4.2).
_WIDER: Final = {
    "job-created": "job-state-changed",
    "job-completed": "job-state-changed",
    "job-stopped": "job-state-changed",
    "printer-stopped": "printer-state-changed",
}


def _sees_all(job: Job) -> bool:
    return True


@dataclass(slots=True)
class Subscription:
    """Who wants to hear of what, until when, and what is kept for them; of jobs, those that they may see."""

    id: int
    owner: str
    events: frozenset[str]
    job_id: int | None
    lease_s: int
    expires: datetime
    user_data: bytes = b""
    charset: str = "utf-8"
    natural_language: str = "en"
    sequence: int = 0
    kept: deque[tuple[int, Notice]] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    sees: Callable[[Job], bool] = _sees_all
    ended: bool = False  # it is for a job that is finished

    def wants(self, notice: Notice) -> bool:
        """Whether the notice is one of those subscribed to, and of no job that the subscriber may not see."""
        if self.job_id is not None and (notice.job is None or notice.job.id != self.job_id):
            return False
        if notice.job is not None and not self.sees(notice.job):
            return False
        return notice.kind in self.events or _WIDER.get(notice.kind) in self.events

    def hear(self, notice: Notice) -> None:
        """Keep a notice, under the next number, where it is wanted."""
        if self.wants(notice):
            self.sequence += 1
            self.kept.append((self.sequence, notice))


class Subscriptions:
    """A printer's subscriptions, in memory: a client whose subscription is gone makes a new one (RFC 3995 9).

    Notices are taken from the spool when somebody asks, so nothing runs in between. Identifiers are never
    used twice. What is kept is bounded: subscriptions, and events for each.
    """

    def __init__(self, notices: Notices, clock: Clock) -> None:
        self._notices = notices
        self._clock = clock
        self._position = notices.position
        self._ids = count(1)
        self._subscriptions: dict[int, Subscription] = {}
        self._catching_up = asyncio.Lock()

    async def create(
        self,
        owner: str,
        events: Iterable[str],
        *,
        job_id: int | None = None,
        lease_s: int = LEASE_DEFAULT_S,
        user_data: bytes = b"",
        natural_language: str = "en",
        sees: Callable[[Job], bool] = _sees_all,
        first: Notice | None = None,
    ) -> Subscription:
        """A new subscription; one for a job ends when its job's end is old news.

        A lease of 0 asks for one that never ends and is given the longest (RFC 3995 5.3.8): what nobody
        renews would keep its place for ever.

        Events of a job are kept only where `sees` says so of it. `first` is one that has happened already:
        the creation of the job with which the subscription came.

        Raises `RemoteProtocolError` (client-error-too-many-subscriptions).
        """
        await self.catch_up()
        own = sum(each.owner == owner for each in self._subscriptions.values())
        if len(self._subscriptions) >= SUBSCRIPTIONS_KEPT or own >= SUBSCRIPTIONS_PER_OWNER:
            raise RemoteProtocolError(
                f"{len(self._subscriptions)} subscriptions, {own} of them this user's",
                status=Status.CLIENT_ERROR_TOO_MANY_SUBSCRIPTIONS,
            )
        lasting_s = LEASE_MAX_S if job_id is not None else _granted_s(lease_s)
        made = Subscription(
            id=next(self._ids),
            owner=owner,
            events=frozenset(events),
            job_id=job_id,
            lease_s=lasting_s,
            expires=self._clock() + timedelta(seconds=lasting_s),
            user_data=user_data,
            natural_language=natural_language,
            sees=sees,
        )
        if first is not None:
            made.hear(first)
        self._subscriptions[made.id] = made
        return made

    async def catch_up(self) -> None:
        """Hand out what happened since, once, and let go of what has expired."""
        async with self._catching_up:
            await self._catch_up()

    async def _catch_up(self) -> None:
        if not self._subscriptions:
            self._position = self._notices.position
            return
        notices, self._position = await self._notices.since(self._position)
        now = self._clock()
        for notice in notices:
            for each in self._subscriptions.values():
                each.hear(notice)
                if notice.job is not None and notice.job.id == each.job_id:
                    each.ended = notice.job.finished
                    life_s = EVENT_LIFE_S if notice.job.finished else LEASE_MAX_S
                    each.expires = notice.at + timedelta(seconds=life_s)
        for each in list(self._subscriptions.values()):
            while each.kept and each.kept[0][1].at < now - timedelta(seconds=EVENT_LIFE_S):
                each.kept.popleft()
            if each.expires <= now:
                del self._subscriptions[each.id]

    def all(self) -> list[Subscription]:
        """Every subscription, oldest first."""
        return list(self._subscriptions.values())

    def get(self, subscription_id: int) -> Subscription:
        """A subscription. Raises `RemoteProtocolError` (client-error-not-found)."""
        found = self._subscriptions.get(subscription_id)
        if found is None:
            raise RemoteProtocolError(
                f"no subscription {subscription_id}", status=Status.CLIENT_ERROR_NOT_FOUND
            )
        return found

    def renew(self, subscription: Subscription, lease_s: int) -> None:
        """A new lease, from now."""
        subscription.lease_s = _granted_s(lease_s)
        subscription.expires = self._clock() + timedelta(seconds=subscription.lease_s)

    def cancel(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._subscriptions.pop(subscription.id, None)

    async def wait(self, timeout_s: float) -> None:
        """Return once something happened that was not handed out yet, or after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._notices.wait(self._position)
        except TimeoutError:
            return
        await self.catch_up()


def _granted_s(lease_s: int) -> int:
    return min(lease_s or LEASE_MAX_S, LEASE_MAX_S)
