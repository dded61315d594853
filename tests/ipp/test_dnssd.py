"""What a printer says by DNS-SD is what it says by IPP."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipp import dnssd, media
from ipp.dnssd import HTTP, IPP, IPPS, LPD, SUBTYPES, Service
from ipp.errors import LocalProtocolError
from ipp.everywhere import Capabilities
from ipp.message import Attributes
from ipp.registry import attribute
from tests.ipp.test_everywhere import HALL, RICH, printers, whole_answer

URF_FREE = replace(HALL, document_formats=("image/pwg-raster", "image/jpeg"))


def at(answer: Attributes, *uris: str, authentication: str = "none") -> Attributes:
    answer.put(attribute("printer-uri-supported", *uris))
    answer.put(attribute("uri-authentication-supported", *[authentication] * len(uris)))
    return answer


@given(printers())
@settings(max_examples=40, deadline=None)
def test_the_txt_record_and_the_attributes_say_the_same(printer: Capabilities) -> None:
    answer = whole_answer(printer)
    txt = dnssd.txt_record(answer)
    uris = answer.strings("printer-uri-supported")
    assert txt["rp"] == urlsplit(uris[0]).path[1:]
    assert txt["ty"] == answer.string("printer-make-and-model")
    assert txt["product"] == f"({txt['ty']})"
    assert txt["note"] == answer.string("printer-location")
    assert txt["adminurl"] == answer.string("printer-more-info")
    assert f"urn:uuid:{txt['UUID']}" == answer.string("printer-uuid")
    assert txt.get("URF", "") == ",".join(answer.strings("urf-supported"))
    assert txt["pdl"].split(",") == list(answer.strings("document-format-supported"))
    assert (txt["Color"] == "T") == answer.boolean("color-supported")
    assert (txt["Duplex"] == "T") == any(
        sides.startswith("two-sided") for sides in answer.strings("sides-supported")
    )
    assert txt["kind"].split(",") == list(answer.strings("printer-kind"))
    assert txt["TLS"] == "1.3"
    assert (txt["txtvers"], txt["qtotal"], txt["priority"], txt["print_wfds"]) == ("1", "1", "0", "T")


def test_the_whole_record_of_a_known_printer() -> None:
    assert dnssd.txt_record(whole_answer(RICH)) == {
        "txtvers": "1",
        "qtotal": "1",
        "rp": "ipp/print",
        "ty": "Acme MF-3000: Pro; duplex",
        "product": "(Acme MF-3000: Pro; duplex)",
        "note": "3rd floor",
        "adminurl": "https://print.local/",
        "priority": "0",
        "pdl": "application/pdf,image/jpeg,image/pwg-raster,image/urf",
        "UUID": "00000000-0000-0000-0000-000000000005",
        "TLS": "1.3",
        "URF": "V1.4,CP255,W8,SRGB24,RS300-600,DM1,PQ3-4-5,IS0-19-20,MT0-1,OB9-10,FN3-20-74",
        "Color": "T",
        "Duplex": "T",
        "kind": "document",
        "PaperMax": "tabloid-A3",
        "air": "none",
        "mopria-certified": "1.3",
        "print_wfds": "T",
    }


def test_txtvers_comes_first() -> None:
    assert next(iter(dnssd.txt_record(whole_answer(HALL)))) == "txtvers"  # RFC 6763 6.7


@pytest.mark.parametrize(
    ("authentication", "air"),
    [
        ("none", "none"),
        ("requesting-user-name", "none"),
        ("basic", "username,password"),
        ("digest", "username,password"),
        ("negotiate", "negotiate"),
        ("certificate", "certificate"),
        ("oauth", "none"),
    ],
)
def test_apple_clients_are_told_how_to_authenticate(authentication: str, air: str) -> None:
    answer = at(whole_answer(HALL), "ipps://h.local/ipp/print", authentication=authentication)
    assert dnssd.txt_record(answer)["air"] == air


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (["na_index-4x6"], "<legal-A4"),
        (["iso_a4", "na_letter"], "legal-A4"),
        (["na_ledger"], "tabloid-A3"),
        (["iso_a3"], "tabloid-A3"),
        (["iso_a2"], "isoC-A2"),
        (["iso_a1"], ">isoC-A2"),
        (["iso_a6", "iso_a0"], ">isoC-A2"),
    ],
)
def test_the_widest_medium_is_told_in_a_word(labels: list[str], word: str) -> None:
    names = [media.registered(label).name for label in labels]
    assert dnssd.txt_record(whole_answer(replace(HALL, media=names)))["PaperMax"] == word


def test_the_widest_custom_medium_counts() -> None:
    bounds = (media.custom(5000, 5000, "min"), media.custom(91400, 91400, "max"))
    assert dnssd.txt_record(whole_answer(replace(HALL, media_custom=bounds)))["PaperMax"] == ">isoC-A2"


def test_keys_without_a_value_are_left_out_but_for_the_place() -> None:
    txt = dnssd.txt_record(at(whole_answer(URF_FREE), "ipp://h.local/ipp/print/hall"))
    assert not {"URF", "TLS"} & set(txt)
    assert txt["note"] == ""
    assert txt["rp"] == "ipp/print/hall"


def test_a_path_is_told_as_clients_will_escape_it() -> None:
    answer = at(whole_answer(HALL), "ipp://h.local/ipp/print/caf%C3%A9%20bar")
    assert dnssd.txt_record(answer)["rp"] == "ipp/print/café bar"


def test_octet_stream_is_no_language_to_choose() -> None:
    assert "application/octet-stream" in whole_answer(HALL).strings("document-format-supported")
    assert "octet" not in dnssd.txt_record(whole_answer(HALL))["pdl"]


def test_long_values_are_cut_where_they_may_be() -> None:
    formats = [f"application/vnd.example.language-{number}" for number in range(20)]
    answer = whole_answer(HALL)
    answer.put(attribute("document-format-supported", *formats))
    answer.put(attribute("printer-location", "ü" * 63))
    answer.put(attribute("printer-make-and-model", "é" * 63))
    txt = dnssd.txt_record(answer)
    assert txt["pdl"].split(",") == formats[:7]
    assert all(len(string) <= 255 for string in dnssd.txt_strings(txt))


def test_every_service_of_a_printer() -> None:
    answer = at(whole_answer(HALL), "ipps://h.local:8631/ipp/print", "ipp://h.local/ipp/print")
    answer.put(attribute("printer-more-info", "https://h.local:8631/queues/hall"))
    txt = dnssd.txt_record(answer)
    assert dnssd.services(answer) == (
        Service(LPD, 0),
        Service(IPPS, 8631, SUBTYPES, txt),
        Service(IPP, 631, SUBTYPES, txt),
        Service(HTTP, 8631, ("_printer",), {"path": "/queues/hall"}),
    )


def test_each_way_is_told_the_page_that_its_clients_are_told() -> None:
    uris = ("ipps://h.local:8631/ipp/print", "ipp://h.local:8631/ipp/print")
    plain, tls = at(whole_answer(HALL), *uris), at(whole_answer(HALL), *uris)
    plain.put(attribute("printer-more-info", "http://h.local:8631/"))
    tls.put(attribute("printer-more-info", "https://h.local:8631/"))
    pages = {service.type: service.txt.get("adminurl") for service in dnssd.services(plain, tls)}
    assert pages[IPP] == plain.string("printer-more-info")
    assert pages[IPPS] == tls.string("printer-more-info")


def test_the_first_uri_of_a_scheme_is_advertised() -> None:
    answer = at(whole_answer(HALL), "ipp://h.local:1/ipp/print", "ipp://h.local:2/ipp/print")
    assert [service.port for service in dnssd.services(answer) if service.type == IPP] == [1]


def test_a_printer_without_a_web_page_has_no_web_service() -> None:
    answer = whole_answer(HALL)
    answer.discard("printer-more-info")
    assert HTTP not in {service.type for service in dnssd.services(answer)}
    assert "adminurl" not in dnssd.txt_record(answer)


def test_a_printer_without_an_address_is_not_advertised() -> None:
    with pytest.raises(LocalProtocolError, match="no ipp or ipps URI"):
        dnssd.services(at(whole_answer(HALL), "http://h.local/ipp/print"))


def test_the_txt_record_of_a_name_that_is_only_defended_is_one_empty_string() -> None:
    assert list(dnssd.txt_strings({})) == [b""]


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        ("Hall", "Hall"),
        ("  Hall \t", "Hall"),
        ("Ha\x00ll\x7f\n", "Hall"),
        ("", "Printer"),
        ("\x01", "Printer"),
        ("Cafe\N{COMBINING ACUTE ACCENT}", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("n" * 64, "n" * 63),
        ("ü" * 32, "ü" * 31),
        ("ab" + "\N{PRINTER}" * 16, "ab" + "\N{PRINTER}" * 15),
        ("n" * 62 + " x", "n" * 62),
        ("No. 5 (2nd floor)", "No. 5 (2nd floor)"),
        ("lone\udc80", "lone"),
    ],
)
def test_an_instance_name_is_clean_and_fits_a_label(name: str, instance: str) -> None:
    assert dnssd.instance_name(name) == instance


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("Hall", "Hall (2)"),
        ("Hall (2)", "Hall (3)"),
        ("Hall (9)", "Hall (10)"),
        ("Hall (2nd)", "Hall (2nd) (2)"),
        ("Hall(2)", "Hall(2) (2)"),
        ("(2)", "(2) (2)"),
        ("Hall (\N{ARABIC-INDIC DIGIT TWO})", "Hall (\N{ARABIC-INDIC DIGIT TWO}) (2)"),
        ("n" * 63, "n" * 59 + " (2)"),
        ("ü" * 31, "ü" * 29 + " (2)"),
        ("n" * 59 + " (9)", "n" * 58 + " (10)"),
        ("n (99999999999)", "n (99999999999) (2)"),
    ],
)
def test_the_name_after_a_taken_one(name: str, following: str) -> None:
    assert dnssd.next_instance_name(name) == following


@given(st.text(max_size=100))
def test_names_always_fit_and_renaming_never_comes_back(name: str) -> None:
    seen = [dnssd.instance_name(name)]
    for _ in range(5):
        seen.append(dnssd.next_instance_name(seen[-1]))
    assert all(1 <= len(one.encode()) <= dnssd.NAME_OCTETS for one in seen)
    assert all(dnssd.instance_name(one) == one for one in seen)
    assert len(set(seen)) == len(seen)
