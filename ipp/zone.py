"""Printers in the DNS itself, for networks that multicast does not cross (RFC 6763).

`named-checkzone` accepts the text; a zone of its own (`print.example.com`) is pointed at by clients' search
or browse domains, and its records can as well be included in a larger one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
from dns.rdtypes.ANY.TXT import TXT

from .dnssd import Service, instance_name, txt_strings
from .errors import LocalProtocolError

TTL_S: Final = 3600

# Where clients look which domains to browse, with and without a person who chooses (RFC 6763 11).
_BROWSE_DOMAINS: Final = ("b", "lb")
_IN: Final = dns.rdataclass.IN


@dataclass(frozen=True, slots=True)
class Authority:
    """What makes records a zone: who serves it, who answers for it, and how often it has changed.

    `contact` is a mail address; `serial` must grow with every change (RFC 1982).
    """

    nameserver: str
    contact: str
    serial: int
    refresh_s: int = 3600
    retry_s: int = 600
    expire_s: int = 604_800
    minimum_s: int = 300


def make_zone(
    domain: str,
    host: str,
    printers: Mapping[str, Iterable[Service]],
    *,
    addresses: Sequence[str] = (),
    authority: Authority | None = None,
    ttl_s: int = TTL_S,
) -> dns.zone.Zone:
    """The records by which the printers (by name) at `host` are found under `domain`.

    `addresses` are those of `host`, where it lies in the domain and has no record yet. Services of port 0,
    which only defend a name, are left out. Raises LocalProtocolError where a name, an address, a number or a
    text does not fit the DNS, or two printers have one name.
    """
    try:
        origin = dns.name.from_text(domain)
        target = dns.name.from_text(host)
        zone = dns.zone.Zone(origin)
        if authority:
            _add_authority(zone, authority, ttl_s)
        for prefix in _BROWSE_DOMAINS:
            _add(zone, _under(origin, prefix, "_dns-sd", "_udp"), _ptr(origin), ttl_s)
        taken: set[str] = set()
        for name, services in printers.items():
            instance = instance_name(name)
            if instance.lower() in taken:
                raise LocalProtocolError(f"zone {domain}: two printers are named {instance!r}")
            taken.add(instance.lower())
            for service in services:
                _add_service(zone, instance, service, target, ttl_s)
        for address in addresses:
            kind = dns.rdatatype.AAAA if ip_address(address).version == 6 else dns.rdatatype.A
            _add(zone, target, _rdata(kind, address), ttl_s)
    # ValueError: an address that is none, characters that are none, text of more than 255 octets.
    except (dns.exception.DNSException, ValueError) as error:
        raise LocalProtocolError(f"zone {domain}: it does not fit the DNS ({error})") from error
    except KeyError as error:
        raise LocalProtocolError(
            f"zone {domain}: the host {host} lies outside, leave out addresses"
        ) from error
    return zone


def zone_text(zone: dns.zone.Zone) -> str:
    """The zone as a master file (RFC 1035 5), names relative to its origin, in a stable order."""
    return f"$ORIGIN {zone.origin}\n{zone.to_text(sorted=True, relativize=True, nl=chr(10))}"


def _add_service(
    zone: dns.zone.Zone, instance: str, service: Service, target: dns.name.Name, ttl_s: int
) -> None:
    if service.port == 0:
        return
    assert zone.origin is not None
    words = service.type.split(".")
    kind = _under(zone.origin, *words)
    # An instance is one label, whatever dots and spaces are in it.
    name = _under(zone.origin, instance, *words)
    _add(zone, _under(zone.origin, "_services", "_dns-sd", "_udp"), _ptr(kind), ttl_s)
    _add(zone, kind, _ptr(name), ttl_s)
    for subtype in service.subtypes:
        _add(zone, _under(zone.origin, subtype, "_sub", *words), _ptr(name), ttl_s)
    _add(zone, name, _rdata(dns.rdatatype.SRV, f"0 0 {service.port} {target}"), ttl_s)
    _add(zone, name, TXT(_IN, dns.rdatatype.TXT, tuple(txt_strings(service.txt))), ttl_s)


def _add_authority(zone: dns.zone.Zone, authority: Authority, ttl_s: int) -> None:
    assert zone.origin is not None
    nameserver = dns.name.from_text(authority.nameserver)
    mailbox, _, domain = authority.contact.rpartition("@")
    contact = _under(dns.name.from_text(domain), *([mailbox] if mailbox else []))
    times = f"{authority.refresh_s} {authority.retry_s} {authority.expire_s} {authority.minimum_s}"
    soa = f"{nameserver} {contact} {authority.serial} {times}"
    _add(zone, zone.origin, _rdata(dns.rdatatype.SOA, soa), ttl_s)
    _add(zone, zone.origin, _rdata(dns.rdatatype.NS, str(nameserver)), ttl_s)


def _under(origin: dns.name.Name, *labels: str) -> dns.name.Name:
    return dns.name.Name([label.encode() for label in labels]).concatenate(origin)


def _ptr(target: dns.name.Name) -> dns.rdata.Rdata:
    return _rdata(dns.rdatatype.PTR, str(target))


def _rdata(kind: dns.rdatatype.RdataType, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text(_IN, kind, text)


def _add(zone: dns.zone.Zone, name: dns.name.Name, rdata: dns.rdata.Rdata, ttl_s: int) -> None:
    zone.find_rdataset(name, rdata.rdtype, create=True).add(rdata, ttl_s)
