"""Who acts, as the ledger calls them."""

from __future__ import annotations

from typing import Final

from ipp.exchange import User
from server.storage.index import Transaction

# Who acts where no person does.
SYSTEM: Final = User("system", authenticated=True, operator=True)


def actor_of(t: Transaction, user: User) -> str:
    """What the ledger calls who acts, so that nobody passes for us or for who commands at this machine."""
    if user is SYSTEM:
        return user.name
    if user.authenticated and ":" in user.name:  # `uid:0`: nobody who prints has such a name and proved it
        return user.name
    return t.people.actor(user.name)
