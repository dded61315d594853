"""Limits on guessing secrets, which cannot be used to lock somebody out for ever.

Three counts of failures drain with time, each at its own rate; for people and their passwords:

    from an origin         whatever the names: 20, then one in 15 s
    a name from an origin  5, then one in 60 s
    a name from anywhere   50, then one in 60 s; does not bind an origin from which that name has
                           succeeded before, nor one in a trusted network

So who guesses from one place stops themselves only; who guesses one name from everywhere keeps that person,
while it lasts, from beginning at a new place on the Internet, and from nothing else. An attempt that is
refused counts for nothing: it cannot prolong a lockout.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ipp.peer import origin_of

Key = TypeVar("Key")

KEYS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many failures at once, and then one in so many seconds."""

    burst: int
    interval_s: float


ORIGIN: Final = Rate(20, 15)
NAME_AT_ORIGIN: Final = Rate(5, 60)
NAME: Final = Rate(50, 60)


@dataclass(frozen=True, slots=True)
class Rates:
    """What may fail from an origin whatever the names, of a name from an origin, and of a name."""

    origin: Rate = ORIGIN
    name_at_origin: Rate = NAME_AT_ORIGIN
    name: Rate = NAME


class _Count(Generic[Key]):
    """Failures by key, each gone after its interval; the longest untouched key goes when there are too many.

    A key's number is the time at which the last of its failures will be gone.
    """

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._clear_at: OrderedDict[Key, float] = OrderedDict()

    def has_room(self, key: Key, now: float) -> bool:
        """Whether one more may fail."""
        ahead = self._clear_at.get(key, now) - now
        return ahead <= (self._rate.burst - 1) * self._rate.interval_s

    def add(self, key: Key, now: float) -> None:
        """Count a failure."""
        self._clear_at[key] = max(self._clear_at.get(key, now), now) + self._rate.interval_s
        self._clear_at.move_to_end(key)
        if len(self._clear_at) > KEYS_MAX:
            self._clear_at.popitem(last=False)

    def take_back(self, key: Key) -> None:
        """It did not fail after all."""
        if key in self._clear_at:
            self._clear_at[key] -= self._rate.interval_s


class Attempts:
    """Who may try a secret now: a person's, or whatever else has a name. `clock` gives seconds that only go
    forward."""

    def __init__(
        self,
        trusted: Container[str] = (),
        *,
        rates: Rates = Rates(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted = trusted
        self._clock = clock
        self._by_origin: _Count[str] = _Count(rates.origin)
        self._by_pair: _Count[tuple[str, str]] = _Count(rates.name_at_origin)
        self._by_name: _Count[str] = _Count(rates.name)
        self._succeeded: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, name: str, peer: str) -> bool:
        """Whether this name may be tried from there now. If so it counts as failed, until `succeed`: of many
        attempts at the same moment no more get through than one after another."""
        now, origin = self._clock(), origin_of(peer)
        pair = name, origin
        if not self._by_origin.has_room(origin, now) or not self._by_pair.has_room(pair, now):
            return False
        familiar = pair in self._succeeded or peer in self._trusted
        if not familiar and not self._by_name.has_room(name, now):
            return False
        self._by_origin.add(origin, now)
        self._by_pair.add(pair, now)
        self._by_name.add(name, now)
        return True

    def succeed(self, name: str, peer: str) -> None:
        """The attempt that began was right."""
        origin = origin_of(peer)
        pair = name, origin
        self._by_origin.take_back(origin)
        self._by_pair.take_back(pair)
        self._by_name.take_back(name)
        self._succeeded[pair] = None
        self._succeeded.move_to_end(pair)
        if len(self._succeeded) > KEYS_MAX:
            self._succeeded.popitem(last=False)
