"""The attributes of an IPP Everywhere printer, and what a printer lacks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipp
from ipp import media
from ipp.enums import GroupTag, Tag
from ipp.errors import LocalProtocolError
from ipp.everywhere import (
    BORDERLESS,
    ONLY_WHEN_NAMED,
    Capabilities,
    Constraint,
    JobPassword,
    JobStorage,
    Margins,
    Missing,
    Preset,
    ReadyMedium,
    Supply,
    attributes,
    device_id,
    missing,
)
from ipp.message import Attribute, Attributes, Collection, Group, Message, Value
from ipp.registry import attribute, lookup
from ipp.values import OutOfBand, Range, Resolution
from ipp.vocabulary.enums import Finishings, Operation
from ipp.vocabulary.keywords import KEYWORDS
from tests.peers.ippeveprinter import IppEvePrinter

UUID_5 = UUID(int=5)
HALL = Capabilities(name="Hall", uuid=UUID_5)
RICH = Capabilities(
    name="Copy room",
    uuid=UUID_5,
    make_and_model="Acme MF-3000: Pro; duplex",
    location="3rd floor",
    geo_location="geo:52.5,13.4",
    organization="Example",
    organizational_unit="Print",
    dns_sd_name="Copy room",
    firmware={"engine": "1.2"},
    supplies=(Supply("Black Toner", level=40),),
    media_custom=(media.custom(7620, 12700, "min"), media.custom(29700, 43180, "max")),
    media_sources=("auto", "tray-1", "by-pass-tray"),
    margins=(Margins(), BORDERLESS),
    ready=(ReadyMedium(media.registered("na_letter").name, "tray-1"),),
    finishings=(Finishings.NONE, Finishings.STAPLE_TOP_LEFT, Finishings.PUNCH_DUAL_LEFT),
    output_bins=("face-up", "face-down"),
    number_up=(1, 2, 4),
    orientation_default=None,
    release_actions=("owner-authorized", "job-password", "none"),
    job_password=JobPassword(),
    job_storage=JobStorage(groups=("staff",)),
    hold_until_time=True,
    proof_print_copies=1,
    job_account_id=True,
    job_accounting_user_id=True,
    mandatory_job_attributes=("job-password",),
    presets=(
        Preset("saver", {"print-quality": 3, "sides": "two-sided-long-edge"}, category="draft"),
        Preset("photo", {"media-col": {"media-size": {"x-dimension": 10160, "y-dimension": 15240}}}),
    ),
    constraints=(
        Constraint(
            "no-duplex-envelopes",
            {
                "media": media.registered("iso_dl").name,
                "sides": ("two-sided-long-edge", "two-sided-short-edge"),
            },
            {"sides": "one-sided"},
        ),
    ),
)


def added_by_the_printer() -> Attributes:
    """What a Printer object adds at request time, so that an answer is whole."""
    when = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    operations = (2, 4, 5, 6, 8, 9, 10, 11, 0x39, 0x3B, 0x3C)
    given: dict[str, tuple[object, ...]] = {
        "charset-configured": ("utf-8",),
        "charset-supported": ("utf-8",),
        "compression-supported": ("none", "gzip"),
        "generated-natural-language-supported": ("en",),
        "ipp-versions-supported": ("1.1", "2.0"),
        "natural-language-configured": ("en",),
        "operations-supported": operations,
        "printer-config-change-date-time": (when,),
        "printer-config-change-time": (1,),
        "printer-current-time": (when,),
        "printer-get-attributes-supported": ("document-format",),
        "printer-icons": ("https://print.local/icon.png",),
        "printer-is-accepting-jobs": (True,),
        "printer-more-info": ("https://print.local/",),
        "printer-state": (3,),
        "printer-state-change-date-time": (when,),
        "printer-state-change-time": (1,),
        "printer-state-message": ("",),
        "printer-state-reasons": ("none",),
        "printer-up-time": (1,),
        "printer-uri-supported": ("ipp://print.local/ipp/print", "ipps://print.local/ipp/print"),
        "queued-job-count": (0,),
        "uri-authentication-supported": ("none", "none"),
        "uri-security-supported": ("none", "tls"),
        "which-jobs-supported": ("completed", "not-completed"),
    }
    return Attributes(attribute(name, *values) for name, values in given.items())  # type: ignore[arg-type]  # a table of all syntaxes


def whole_answer(printer: Capabilities) -> Attributes:
    return Attributes([*attributes(printer), *added_by_the_printer()])


def members(answer: Attributes, name: str) -> list[Collection]:
    return list(answer.collections(name))


# Capabilities of every kind, made of what the registry knows.


def several(values: list[str], most: int = 4) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=most, unique=True).map(tuple)


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=31)
RESOLUTIONS = st.lists(
    st.builds(
        Resolution,
        st.sampled_from((150, 300, 600)),
        st.sampled_from((300, 600, 1200)),
        st.sampled_from((3, 4)),
    ),
    min_size=1,
    max_size=3,
    unique=True,
).map(tuple)
FINISHINGS = st.sets(st.sampled_from(Finishings)).map(lambda some: tuple(sorted({Finishings.NONE, *some})))
MARGINS = st.builds(Margins, *[st.integers(0, 2000)] * 4)


@st.composite
def printers(draw: st.DrawFn) -> Capabilities:
    names = draw(several([size.name for size in media.REGISTERED], most=6))
    sources = draw(several(sorted(KEYWORDS["media-source"])))
    types = draw(several(sorted(KEYWORDS["media-type"])))
    loaded = st.builds(
        ReadyMedium, st.sampled_from(names), st.sampled_from(sources), st.sampled_from(types), MARGINS
    )
    sides, bins = draw(several(sorted(KEYWORDS["sides"]))), draw(several(sorted(KEYWORDS["output-bin"])))
    resolutions, finishings = draw(RESOLUTIONS), draw(FINISHINGS)
    actions = draw(several(sorted(KEYWORDS["job-release-action"])))
    formats = draw(several(["application/pdf", "image/jpeg", "image/pwg-raster", "image/urf", "text/plain"]))
    return Capabilities(
        name=draw(NAMES),
        uuid=draw(st.uuids()),
        make_and_model=draw(NAMES),
        location=draw(st.just("") | NAMES),
        color=draw(st.booleans()),
        document_formats=formats,
        media=names,
        media_default=draw(st.just("") | st.sampled_from(names)),
        media_sources=sources,
        media_types=types,
        margins=tuple(draw(st.lists(MARGINS, min_size=1, max_size=3))),
        ready=draw(st.none() | st.lists(loaded, max_size=3).map(tuple)),
        sides=sides,
        sides_default=draw(st.just("") | st.sampled_from(sides)),
        resolutions=resolutions,
        resolution_default=draw(st.none() | st.sampled_from(resolutions)),
        finishings=finishings,
        finishings_default=(draw(st.sampled_from(finishings)),),
        output_bins=bins,
        output_bin_default=draw(st.just("") | st.sampled_from(bins)),
        copies=draw(st.integers(1, 10_000)),
        number_up=draw(several([*map(str, (1, 2, 4, 6, 9, 16))]).map(lambda some: tuple(map(int, some)))),
        orientation_default=draw(st.sampled_from((None, 3, 4, 5, 6))),
        job_priorities=draw(st.integers(1, 100)),
        release_actions=actions,
        release_action_default=draw(st.just("") | st.sampled_from(actions)),
        job_password=draw(st.none() | st.just(JobPassword())),
        proof_print_copies=draw(st.integers(0, 3)),
    )


@given(printers())
@settings(max_examples=60, deadline=None)
def test_every_default_lies_in_its_supported_set(printer: Capabilities) -> None:
    answer = attributes(printer)
    defaults = [name for name in answer.names() if name.endswith("-default")]
    assert len(defaults) >= 20
    for name in defaults:
        supported = answer[name.removesuffix("-default") + "-supported"].values
        for value in answer[name].values:
            if isinstance(value, OutOfBand):
                assert value is OutOfBand.NO_VALUE
            elif isinstance(value, Collection):
                assert set(value.names()) <= set(supported)
            elif isinstance(supported[0], Range):
                assert supported[0].lower <= value <= supported[0].upper  # type: ignore[operator]  # integers
            elif name == "job-priority-default":
                assert value == 50  # the supported one is a number of levels (RFC 8011 5.2.1)
            else:
                assert value in supported


@given(printers())
@settings(max_examples=40, deadline=None)
def test_attributes_are_unique_encode_and_come_back_as_they_were(printer: Capabilities) -> None:
    answer = attributes(printer)
    assert len(set(answer.names())) == len(answer)
    message = Message(0, 1, [Group(GroupTag.PRINTER, answer)])
    assert ipp.decode(ipp.encode(message)).printer == Group(GroupTag.PRINTER, answer)


@given(printers())
@settings(max_examples=40, deadline=None)
def test_every_value_is_of_its_registered_syntax(printer: Capabilities) -> None:
    for made in attributes(printer):
        definition = lookup(made.name)
        if definition is None:
            assert made.name == "urf-supported"
            continue
        assert definition.is_set or len(made.values) == 1, made.name
        for tag, value in zip(made.tags, made.values, strict=True):
            # printer-geo-location is also registered as an operation attribute, which is never unknown.
            if not isinstance(value, OutOfBand):
                assert definition.violation(tag, value) is None, made.name


@given(printers())
@settings(max_examples=40, deadline=None)
def test_a_printer_whose_formats_suffice_lacks_nothing(printer: Capabilities) -> None:
    enough = replace(printer, document_formats=("image/pwg-raster", "image/jpeg", *printer.document_formats))
    enough = replace(enough, document_formats=tuple(dict.fromkeys(enough.document_formats)))
    assert missing(whole_answer(enough)) == []


@pytest.mark.parametrize("printer", [HALL, RICH], ids=["plain", "rich"])
def test_what_the_printer_object_adds_makes_the_answer_whole_and_is_not_made_here(
    printer: Capabilities,
) -> None:
    static, added = attributes(printer), added_by_the_printer()
    assert not set(static.names()) & set(added.names())
    assert missing(static) == [Missing(name, "absent", "PWG 5100.14 5.2") for name in lacking_in_order(added)]
    assert missing(whole_answer(printer)) == []


def lacking_in_order(added: Attributes) -> list[str]:
    order = [lack.name for lack in missing(Attributes())]
    return [name for name in order if name in added]


def test_the_medium_database_is_marked_as_sent_only_when_named() -> None:
    assert {"media-col-database"} == ONLY_WHEN_NAMED
    assert "media-col-database" in attributes(HALL)


def test_the_database_holds_every_size_with_every_margin_and_the_range_of_custom_sizes() -> None:
    entries = members(attributes(RICH), "media-col-database")
    assert len(entries) == (len(RICH.media) + 1) * len(RICH.margins)
    first, custom = entries[0], entries[-1]
    size = first.collection("media-size")
    assert size is not None
    assert (size.integer("x-dimension"), size.integer("y-dimension")) == (21000, 29700)
    assert first.string("media-size-name") == media.registered("iso_a4").name
    assert [entry.integer("media-top-margin") for entry in entries[:2]] == [423, 0]
    custom_size = custom.collection("media-size")
    assert custom_size is not None
    assert custom_size["x-dimension"].value == Range(7620, 29700)
    assert attributes(RICH).strings("media-supported")[-2:] == (
        "custom_min_76.2x127mm",
        "custom_max_297x431.8mm",
    )


def test_the_default_medium_is_what_is_loaded_with_its_tray_and_type() -> None:
    answer = attributes(RICH)
    default = answer.collection("media-col-default")
    assert default is not None
    assert answer.string("media-default") == default.string("media-size-name") == RICH.ready[0].size  # type: ignore[index]  # given above
    assert (default.string("media-source"), default.string("media-type")) == ("tray-1", "stationery")


def test_a_printer_with_nothing_loaded_says_so() -> None:
    answer = attributes(replace(HALL, ready=()))
    assert answer["media-ready"].value is OutOfBand.NO_VALUE
    assert answer["media-col-ready"].tags == bytes([Tag.NO_VALUE])
    assert answer.string("media-default") == HALL.media[0]


def test_margins_supported_are_those_of_the_database_and_of_what_is_loaded() -> None:
    loaded = ReadyMedium(HALL.media[0], "main", margins=Margins(1, 2, 3, 4))
    answer = attributes(replace(HALL, ready=(loaded,)))
    assert answer.integers("media-left-margin-supported") == (2, 423)


def test_presets_and_constraints_hold_job_template_attributes() -> None:
    answer = attributes(RICH)
    saver, photo = members(answer, "job-presets-supported")
    assert saver.names() == ["preset-name", "preset-category", "print-quality", "sides"]
    assert saver["print-quality"].tag == Tag.ENUM
    assert photo.collection("media-col") is not None
    [constraint], [resolver] = (
        members(answer, f"job-{what}-supported") for what in ("constraints", "resolvers")
    )
    assert constraint.string("resolver-name") == resolver.string("resolver-name") == "no-duplex-envelopes"
    assert constraint.strings("sides") == ("two-sided-long-edge", "two-sided-short-edge")
    assert resolver.strings("sides") == ("one-sided",)


def test_constraints_of_one_name_share_a_resolver() -> None:
    [one] = RICH.constraints
    answer = attributes(
        replace(RICH, constraints=(one, replace(one, conflicting={"sides": "two-sided-long-edge"})))
    )
    assert len(members(answer, "job-constraints-supported")) == 2
    assert len(members(answer, "job-resolvers-supported")) == 1


def test_passwords_are_never_offered_with_a_hash() -> None:
    answer = attributes(RICH)
    assert answer.strings("job-password-encryption-supported") == ("none",)
    assert answer["job-password-length-supported"].value == Range(4, 8)
    assert answer.integer("job-password-supported") == 8
    assert "job-password-supported" not in attributes(HALL)


def test_what_a_job_may_say_follows_from_what_is_supported() -> None:
    plain, rich = (
        set(attributes(printer).strings("job-creation-attributes-supported")) for printer in (HALL, RICH)
    )
    assert {"media", "media-col", "sides", "copies", "overrides", "page-ranges", "job-name"} <= plain
    assert rich - plain == {
        *(
            "job-password",
            "job-password-encryption",
            "job-storage",
            "job-account-id",
            "job-accounting-user-id",
        ),
        *("presentation-direction-number-up", "proof-print", "job-hold-until-time"),
    }
    assert "identify-actions" not in rich
    assert {"media", "sides"} <= set(attributes(HALL).strings("document-creation-attributes-supported"))
    assert "job-priority" not in attributes(HALL).strings("document-creation-attributes-supported")


def test_features_follow_from_abilities() -> None:
    assert attributes(HALL).strings("ipp-features-supported") == (
        *("ipp-everywhere", "ipp-everywhere-server", "page-overrides"),
    )
    assert attributes(RICH).strings("ipp-features-supported") == (
        *("ipp-everywhere", "ipp-everywhere-server", "page-overrides"),
        *("job-release", "job-storage", "proof-print"),
    )


def test_overrides_are_told_in_both_spellings_of_the_suites() -> None:
    assert {"document-number", "document-numbers", "pages"} <= set(
        attributes(HALL).strings("overrides-supported")
    )


def test_finishings_are_told_as_enums_and_as_templates() -> None:
    answer = attributes(RICH)
    templates = [entry.string("finishing-template") for entry in members(answer, "finishings-col-database")]
    assert templates == ["none", "staple-top-left", "punch-dual-left"]
    assert answer.integers("finishings-supported") == (3, 20, 74)


def test_the_urf_keywords_of_a_colour_printer() -> None:
    assert attributes(RICH).strings("urf-supported") == (
        *("V1.4", "CP255", "W8", "SRGB24", "RS300-600", "DM1", "PQ3-4-5"),
        *("IS0-19-20", "MT0-1", "OB9-10", "FN3-20-74"),
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"color": False}, {"SRGB24": False, "W8": True}),
        ({"sheet_back": "rotated"}, {"DM3": True, "DM1": False}),
        ({"sides": ("one-sided",)}, {"DM1": False}),
        ({"copies": 1}, {"CP1": True}),
        ({"resolutions": (Resolution(600, 1200), Resolution(600, 600))}, {"RS600": True}),
        ({"resolutions": (Resolution(118, 118, 4),)}, {"RS118": False}),
    ],
)
def test_the_urf_keywords_follow_the_capabilities(changes: dict[str, object], words: dict[str, bool]) -> None:
    told = attributes(replace(HALL, **changes)).strings("urf-supported")  # type: ignore[arg-type]  # a table of fields
    assert {word: word in told for word in words} == words


def test_a_printer_without_apple_raster_has_no_urf_keywords() -> None:
    assert "urf-supported" not in attributes(replace(HALL, document_formats=("image/pwg-raster",)))


def test_the_device_id_survives_separators_in_the_model() -> None:
    told = device_id(RICH)
    assert told == "MFG:Acme;MDL:MF-3000  Pro  duplex;CMD:PDF,JPEG,PWG,URF;"
    assert re.fullmatch(r"([-A-Za-z ]+:[^;]*;)+", told)


def test_unknown_supplies_are_told_as_unknown() -> None:
    supplies = attributes(HALL)["printer-supply"].values
    assert len(supplies) == 4
    assert all(b"level=-2;" in row for row in supplies if isinstance(row, bytes))
    assert b"level=40;" in attributes(RICH)["printer-supply"].value  # type: ignore[operator]  # octets


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"sides_default": "upside-down"}, "sides-default upside-down is not supported"),
        ({"media_default": "iso_a0_841x1189mm"}, "media-default"),
        ({"media": ("letter head",)}, "not a self-describing media name"),
        ({"resolution_default": Resolution(1, 1)}, "printer-resolution-default 1dpi"),
        ({"ready": (ReadyMedium("iso_a4_210x297mm", "tray-9"),)}, "source tray-9"),
        ({"release_action_default": "button-press"}, "only none"),
        ({"finishings_default": (Finishings.STAPLE,)}, "finishings-default"),
        ({"identify_actions_default": ("speak",)}, "identify-actions-default speak"),
        ({"orientation_default": 9}, "orientation-requested-default"),
    ],
)
def test_a_default_that_is_not_supported_is_refused_by_name(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        replace(HALL, **changes)  # type: ignore[arg-type]  # a table of fields


def test_a_name_too_long_for_its_attribute_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="printer-name: 128 octets where 127 are allowed"):
        attributes(replace(HALL, name="n" * 128, info="short"))


# missing()


def test_an_empty_answer_lacks_every_required_attribute_once() -> None:
    lacks = missing(Attributes())
    assert len(lacks) == len({lack.name for lack in lacks}) > 60
    assert str(lacks[0]) == "charset-configured: absent (PWG 5100.14 5.2)"


@pytest.mark.parametrize("name", sorted({lack.name for lack in missing(Attributes())}))
def test_each_required_attribute_is_missed_when_it_alone_is_gone(name: str) -> None:
    answer = whole_answer(HALL)
    answer.discard(name)
    assert name in {lack.name for lack in missing(answer)}


@pytest.mark.parametrize(
    ("changed", "lack"),
    [
        (attribute("operations-supported", 2), "operations-supported: lacks Create-Job"),
        (attribute("document-format-supported", "application/pdf"), "lacks image/pwg-raster (PWG 5100.14 6)"),
        (
            attribute("document-format-supported", "image/pwg-raster"),
            "lacks image/jpeg though it prints colour",
        ),
        (attribute("ipp-versions-supported", "1.1"), "ipp-versions-supported: lacks 2.0"),
        (attribute("job-ids-supported", False), "job-ids-supported: lacks true"),
        (attribute("page-ranges-supported", False), "page-ranges-supported: not true though it prints PDF"),
        (attribute("overrides-supported", "media"), "overrides-supported: lacks pages"),
        (attribute("sides-default", "two-sided"), "sides-default: 'two-sided' is not in sides-supported"),
        (attribute("copies-default", 1000), "copies-default: 1000 is not in copies-supported"),
        (attribute("uri-security-supported", "none"), "uri-security-supported: 1 values beside 2"),
        (attribute("printer-supply-description", "Black"), "printer-supply-description: 1 values beside 4"),
        (
            attribute("printer-geo-location", "https://x"),
            "printer-geo-location: 'https://x' is not of the form",
        ),
        (attribute("printer-uuid", "urn:uuid:1"), "printer-uuid: 'urn:uuid:1' is not of the form"),
        (Attribute.of("printer-up-time", Tag.INTEGER, 0), "printer-up-time: not above 0"),
        (
            Attribute.of("multiple-operation-time-out", Tag.INTEGER, -1),
            "multiple-operation-time-out: not above 0",
        ),
        (Attribute.of("printer-state", Tag.TEXT, "idle"), "printer-state: text where"),
        (Attribute.of("printer-name", Tag.NAME, "a", "b"), "printer-name: 2 values where one is allowed"),
        (attribute("finishings-supported", 3, 4), "finishings-supported"),
        (attribute("media-col-supported", "media-size", "media-type"), "lacks media-source though"),
        (attribute("job-password-supported", 8), "job-password-encryption-supported: absent though"),
    ],
)
def test_a_fault_is_told(changed: Attribute, lack: str) -> None:
    answer = whole_answer(HALL)
    if changed.name == "finishings-supported":
        answer.discard("finishings-col-ready")
        lack = "finishings-col-ready: absent though it finishes"
    answer.put(changed)
    told = [str(found) for found in missing(answer)]
    assert any(lack in found for found in told), told


VALUES: st.SearchStrategy[Value] = st.one_of(
    *(st.text(max_size=5), st.binary(max_size=5), st.integers(-2, 2), st.booleans()),
    *(st.sampled_from(OutOfBand), st.just(Range(0, 1)), st.just(Resolution(1, 1)), st.just(Collection())),
)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_no_answer_whatever_breaks_the_judge(data: st.DataObject) -> None:
    answer = whole_answer(HALL)
    for name in data.draw(st.lists(st.sampled_from(answer.names()), max_size=8)):
        values = data.draw(st.lists(VALUES, min_size=1, max_size=3))
        answer.put(Attribute.of(name, data.draw(st.sampled_from(Tag)), *values))
    for lack in missing(answer):
        assert str(lack)


def test_operations_of_the_vocabulary_are_those_required() -> None:
    answer = whole_answer(HALL)
    answer.put(attribute("operations-supported", Operation.PRINT_JOB))
    assert [lack.problem for lack in missing(answer)] == [
        f"lacks {name}"
        for name in (
            *("Validate-Job", "Create-Job", "Send-Document", "Cancel-Job", "Get-Job-Attributes", "Get-Jobs"),
            *("Get-Printer-Attributes", "Cancel-My-Jobs", "Close-Job", "Identify-Printer"),
        )
    ]


def ask(port: int, uri: str) -> Attributes:
    """The whole answer of a real printer."""
    asked = Group(
        GroupTag.OPERATION,
        [
            attribute("attributes-charset", "utf-8"),
            attribute("attributes-natural-language", "en"),
            attribute("printer-uri", uri),
            attribute("requested-attributes", "all", "media-col-database"),
        ],
    )
    connection = HTTPConnection("localhost", port, timeout=10)
    try:
        message = ipp.encode(Message(Operation.GET_PRINTER_ATTRIBUTES, 1, [asked]))
        connection.request("POST", "/ipp/print", message, {"Content-Type": "application/ipp"})
        return ipp.decode(connection.getresponse().read()).printer
    finally:
        connection.close()


@pytest.mark.peer
def test_a_real_printer_lacks_only_what_its_own_answer_shows(shared_eve_printer: IppEvePrinter) -> None:
    answer = ask(shared_eve_printer.port, shared_eve_printer.uri)
    told = {lack.name for lack in missing(answer)}
    # Its clock starts at 0, which a client sees only within its first second.
    assert told == ({"printer-up-time"} if answer.integer("printer-up-time") == 0 else set())


def test_of_many_defaults_that_a_printer_has_not_the_first_is_told() -> None:
    answer = Attributes([attribute("finishings-supported", 3), attribute("finishings-default", 3, 4, 5)])
    told = [str(lack) for lack in missing(answer) if lack.name == "finishings-default"]
    assert told == ["finishings-default: 4 is not in finishings-supported (PWG 5100.14 5.2)"]
