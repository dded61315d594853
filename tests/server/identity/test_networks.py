"""Which network a peer is in."""

from ipaddress import ip_network

import pytest

from server.config import Config
from server.identity.networks import Networks


@pytest.mark.parametrize(
    "peer",
    [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "192.168.0.9",
        "fe80::1%eth0",
        "fd00::7",
        "::ffff:10.0.0.1",
        "172.31.0.1",
    ],
)
def test_the_network_one_is_in_is_trusted_unless_told_otherwise(peer: str) -> None:
    assert peer in Networks(Config().trusted_networks)


@pytest.mark.parametrize(
    "peer", ["8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8", "172.32.0.1", "", "host", "1.2.3"]
)
def test_the_internet_is_not(peer: str) -> None:
    assert peer not in Networks(Config().trusted_networks)


def test_no_networks_hold_nobody() -> None:
    assert "127.0.0.1" not in Networks(())


def test_all_networks_of_a_family_hold_all_of_it() -> None:
    assert "8.8.8.8" in Networks([ip_network("0.0.0.0/0")])
    assert "2001:db8::1" not in Networks([ip_network("0.0.0.0/0")])
