"""Printers in a DNS zone, read back by dnspython and accepted by BIND."""

from __future__ import annotations

from pathlib import Path

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipp.dnssd import IPP, LPD, Service, instance_name, services, txt_strings
from ipp.errors import LocalProtocolError
from ipp.zone import Authority, make_zone, zone_text
from tests.ipp.test_everywhere import HALL, RICH, whole_answer
from tests.peers.process import clean_environment, find_program, run_program

DOMAIN = "print.example.com"
HOST = f"server.{DOMAIN}"
AUTHORITY = Authority("ns.example.com", "print.admin@example.com", 2026112101)
AWKWARD = 'Café No. 5; "left" (2nd\\3rd) @$'


def read(text: str) -> dns.zone.Zone:
    return dns.zone.from_text(text, check_origin=False)


def pointers(zone: dns.zone.Zone, owner: str) -> set[dns.name.Name]:
    found = zone.find_rdataset(owner, dns.rdatatype.PTR)
    return {rdata.target.derelativize(zone.origin) for rdata in found}


@pytest.fixture
def text() -> str:
    printers = {AWKWARD: services(whole_answer(HALL)), "Hall": services(whole_answer(RICH))}
    addresses = ["192.0.2.7", "2001:db8::7"]
    return zone_text(make_zone(DOMAIN, HOST, printers, addresses=addresses, authority=AUTHORITY))


@pytest.mark.peer
def test_bind_accepts_the_zone_without_a_word_of_warning(text: str, tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text(text)
    done = run_program(
        [find_program("named-checkzone"), "-i", "local", "-k", "fail", DOMAIN, file],
        environment=clean_environment(tmp_path),
    )
    assert done.stdout.splitlines() == [f"zone {DOMAIN}/IN: loaded serial 2026112101", "OK"]


@pytest.mark.parametrize(
    "owner",
    [
        *("_ipp._tcp", "_ipps._tcp", "_http._tcp", "_printer._sub._http._tcp"),
        *(
            f"{subtype}._sub.{kind}._tcp"
            for subtype in ("_print", "_universal")
            for kind in ("_ipp", "_ipps")
        ),
    ],
)
def test_every_type_and_subtype_points_at_every_printer(text: str, owner: str) -> None:
    zone = read(text)
    kind = [label.encode() for label in owner.split(".")[-2:]]
    assert zone.origin is not None
    assert pointers(zone, owner) == {
        dns.name.Name([name.encode(), *kind, *zone.origin.labels]) for name in (AWKWARD, "Hall")
    }


def test_browsers_are_told_the_domain_and_its_types(text: str) -> None:
    zone = read(text)
    for prefix in ("b", "lb"):
        assert pointers(zone, f"{prefix}._dns-sd._udp") == {zone.origin}
    types = {dns.name.from_text(f"{kind}._tcp.{DOMAIN}") for kind in ("_ipp", "_ipps", "_http")}
    assert pointers(zone, "_services._dns-sd._udp") == types


def test_a_printer_has_its_place_and_its_txt_record(text: str) -> None:
    zone = read(text)
    name = dns.name.Name([AWKWARD.encode(), b"_ipps", b"_tcp"])
    [place] = zone.find_rdataset(name, dns.rdatatype.SRV)
    assert place.to_text(origin=zone.origin, relativize=False) == f"0 0 631 {HOST}."
    [record] = zone.find_rdataset(name, dns.rdatatype.TXT)
    [offered] = [service for service in services(whole_answer(HALL)) if service.type == "_ipps._tcp"]
    assert list(record.strings) == list(txt_strings(offered.txt))


def test_the_host_has_its_addresses(text: str) -> None:
    zone = read(text)
    for kind, address in ((dns.rdatatype.A, "192.0.2.7"), (dns.rdatatype.AAAA, "2001:db8::7")):
        assert [rdata.to_text() for rdata in zone.find_rdataset("server", kind)] == [address]


def test_a_name_that_is_only_defended_stays_out() -> None:
    zone = make_zone(DOMAIN, HOST, {"Hall": [Service(LPD, 0), Service(IPP, 631)]})
    assert "_printer" not in zone_text(zone)


def test_the_same_printers_make_the_same_text_without_a_place_for_a_zone() -> None:
    made = [
        zone_text(make_zone(DOMAIN, "other.example.net", {"Hall": [Service(IPP, 631)]})) for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].startswith(f"$ORIGIN {DOMAIN}.\n")
    assert "SOA" not in made[0]
    assert "0 0 631 other.example.net." in made[0]


def test_two_printers_of_one_name_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="two printers are named 'hall'"):
        make_zone(DOMAIN, HOST, {"Hall": [], "hall": []})


def test_addresses_of_a_host_elsewhere_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match=r"host printer\.example\.net lies outside"):
        make_zone(DOMAIN, "printer.example.net", {}, addresses=["192.0.2.7"])


def test_names_that_do_not_fit_the_dns_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="does not fit the DNS"):
        make_zone("x" * 64, HOST, {})
    with pytest.raises(LocalProtocolError, match="does not fit the DNS"):
        make_zone(".".join(["x" * 60] * 4), HOST, {"Hall": [Service(IPP, 631)]})


@given(st.text(min_size=1, max_size=40), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_every_name_and_value_comes_back_from_the_text(name: str, value: str) -> None:
    value = value.encode(errors="replace").decode()
    zone = read(zone_text(make_zone(DOMAIN, HOST, {name: [Service(IPP, 631, (), {"note": value})]})))
    label = instance_name(name).encode()
    [record] = zone.find_rdataset(dns.name.Name([label, b"_ipp", b"_tcp"]), dns.rdatatype.TXT)
    assert record.strings == (f"note={value}".encode(),)


@pytest.mark.parametrize(
    ("domain", "address", "service", "serial"),
    [
        ("print\\300", "192.0.2.7", Service(IPP, 631), 1),
        ("\udcff.example", "192.0.2.7", Service(IPP, 631), 1),
        (DOMAIN, "nonsense", Service(IPP, 631), 1),
        (DOMAIN, "192.0.2.7", Service(IPP, 70_000), 1),
        (DOMAIN, "192.0.2.7", Service(IPP, 631, txt={"rp": "x" * 300}), 1),
        (DOMAIN, "192.0.2.7", Service(IPP, 631), 2**33),
    ],
    ids=["escape", "no characters", "address", "port", "text", "serial"],
)
def test_what_else_does_not_fit_the_dns_is_refused_in_the_same_way(
    domain: str, address: str, service: Service, serial: int
) -> None:
    authority = Authority(f"ns.{DOMAIN}", "hostmaster@example.com", serial)
    with pytest.raises(LocalProtocolError, match="does not fit the DNS"):
        make_zone(domain, HOST, {"Hall": [service]}, addresses=[address], authority=authority)
