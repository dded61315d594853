"""The address of a peer, and what is one machine."""

import pytest

from ipp.peer import origin_of


@pytest.mark.parametrize(
    ("peer", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_what_one_machine_sends_from_is_one_origin(peer: str, origin: str) -> None:
    assert origin_of(peer) == origin
