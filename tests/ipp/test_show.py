"""Messages as people and as programs read them: aligned, safe for a terminal, without passwords."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings

from ipp import (
    Attribute,
    Collection,
    DateTime,
    Group,
    LanguageString,
    Message,
    OutOfBand,
    Range,
    Resolution,
    Tag,
    decode,
)
from ipp.registry import attribute
from ipp.show import (
    NOT_SHOWN,
    is_request,
    plain_attributes,
    plain_message,
    readable,
    render_attributes,
    render_message,
    wants_colour,
)
from tests.ipp.strategies import messages
from tests.ipp.vectors import CAPTURED

OPERATION = [
    attribute("attributes-charset", "utf-8"),
    attribute("attributes-natural-language", "en"),
]
JOB = Group(
    2,
    [
        attribute("copies", 2),
        attribute("print-quality", 5),
        Attribute.of("print-quality", Tag.ENUM, 99),
        attribute("finishings", 4, 1000),
        attribute("sides", "two-sided-long-edge"),
        attribute("job-name", LanguageString("Größe", "de"), "plain"),
        attribute("media-default", OutOfBand.NO_VALUE),
        attribute("printer-resolution", Resolution(600, 1200)),
        attribute("page-ranges", Range(1, 2), Range(4, 4)),
        attribute("last-document", True),
        attribute("date-time-at-creation", DateTime(2026, 11, 21, 20, 39, 4, 5, "+", 1, 0)),
        attribute("printer-device-id", "MFG:Example;"),
        Attribute.of("printer-alert", Tag.OCTET_STRING, b"code=unknown", b"\x00\xff"),
        attribute(
            "media-col", {"media-size": {"x-dimension": 21000, "y-dimension": 29700}, "media-type": "plain"}
        ),
        Attribute.of("x-vendor", Tag.INTEGER, 1),
    ],
)


def rendered(*attributes: Attribute, **options: int) -> str:
    return render_attributes(Group(2, attributes), **options)  # type: ignore[arg-type]  # colour and width


class TestText:
    @pytest.mark.parametrize(
        ("made", "words"),
        [
            (JOB["copies"], "copies    2"),
            (JOB["print-quality"], "print-quality    high"),
            (Attribute.of("print-quality", Tag.ENUM, 99), "print-quality    99"),
            (JOB["finishings"], "finishings    staple, 1000"),
            (JOB["sides"], "sides    two-sided-long-edge"),
            (JOB["job-name"], 'job-name    "Größe" [de], "plain"'),
            (JOB["media-default"], "media-default    (no-value)"),
            (JOB["printer-resolution"], "printer-resolution    600x1200dpi"),
            (JOB["page-ranges"], "page-ranges    1-2, 4-4"),
            (JOB["last-document"], "last-document    true"),
            (JOB["date-time-at-creation"], "date-time-at-creation    2026-11-21T20:39:04.5+01:00"),
            (JOB["printer-alert"], 'printer-alert    "code=unknown", 0x00ff'),
            (
                JOB["media-col"],
                "media-col    {media-size={x-dimension=21000 y-dimension=29700} media-type=plain}",
            ),
        ],
    )
    def test_a_value_reads_as_the_standards_write_it(self, made: Attribute, words: str) -> None:
        assert rendered(made).split() == words.split()

    def test_values_stand_in_one_column(self) -> None:
        lines = rendered(attribute("copies", 2), attribute("print-quality", 3)).splitlines()
        assert lines == ["  copies         2", "  print-quality  draft"]

    def test_a_name_longer_than_the_column_has_a_line_of_its_own(self) -> None:
        long = Attribute.of("x-" + "long-" * 10, Tag.INTEGER, 7)
        first, second = rendered(long).splitlines()
        assert first == f"  {long.name}"
        assert second.strip() == "7"

    def test_many_values_are_wrapped_under_each_other(self) -> None:
        lines = rendered(attribute("operations-supported", *range(2, 30)), width=60).splitlines()
        assert len(lines) > 5
        assert all(len(line) <= 60 for line in lines)
        assert {len(line) - len(line.lstrip()) for line in lines[1:]} == {lines[0].index("Print-Job")}

    def test_each_collection_begins_a_line(self) -> None:
        lines = rendered(
            attribute("media-size-supported", *[{"x-dimension": 1, "y-dimension": 2}] * 3)
        ).splitlines()
        assert len(lines) == 3
        assert all(line.endswith("{x-dimension=1 y-dimension=2}") for line in lines)

    def test_no_attributes_are_no_lines(self) -> None:
        assert rendered() == ""

    def test_a_message_tells_what_it_is_and_its_groups(self) -> None:
        request = Message(0x000A, 7, [Group(1, [*OPERATION, attribute("printer-uri", "ipp://h/")]), JOB])
        text = render_message(request)
        assert text.startswith("Get-Jobs request 7, IPP 2.0\n\noperation attributes\n")
        assert "\n\njob attributes\n  copies " in text
        answer = Message(0x0406, 7, [Group(1, OPERATION)], (1, 1))
        assert render_message(answer).startswith("client-error-not-found to request 7, IPP 1.1\n")

    def test_colour_only_adds_colour(self) -> None:
        message = decode((CAPTURED / "ippeveprinter-get_printer_attributes.answer").read_bytes())
        coloured = render_message(message, colour=True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[\d+m", "", coloured) == render_message(message)


class TestTerminal:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain Größe €", "plain Größe €"),
            ("\x1b[2J", "\\x1b[2J"),
            ("a\nb\tc\x7f", "a\\x0ab\\x09c\\x7f"),
            ("\x9b31m", "\\x9b31m"),
            ("\u202egnp.exe", "\\u202egnp.exe"),
            ("Gr\udcf6\udcdfe", "Gr\\xf6\\xdfe"),
            ("\U000e0001", "\\U000e0001"),
        ],
    )
    def test_what_does_not_print_is_shown_by_its_number(self, text: str, shown: str) -> None:
        assert readable(text) == shown

    @given(messages())
    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
    def test_no_message_can_command_a_terminal_or_break_a_line(self, message: Message) -> None:
        text = render_message(message)
        assert all(line.isprintable() for line in text.split("\n"))
        assert json.dumps(plain_message(message)).isascii()

    @pytest.mark.parametrize(
        ("terminal", "environment", "coloured"),
        [
            (True, {"TERM": "xterm"}, True),
            (True, {"NO_COLOR": ""}, True),  # https://no-color.org: only when it is not empty
            (True, {"NO_COLOR": "1"}, False),
            (True, {"TERM": "dumb"}, False),
            (False, {"TERM": "xterm"}, False),
        ],
    )
    def test_colour_is_for_terminals_that_want_it(
        self, terminal: bool, environment: dict[str, str], coloured: bool
    ) -> None:
        class Stream(io.StringIO):
            def isatty(self) -> bool:
                return terminal

        assert wants_colour(Stream(), environment) is coloured


class TestSecrets:
    SECRET = Group(
        1,
        [
            attribute("job-password", b"4711-secret"),
            Attribute.of("document-password", Tag.TEXT, "4711-secret"),
            attribute("job-authorization-uri", "urn:4711-secret"),
            Attribute.of("x", 0x34, Collection([attribute("job-password", b"4711-secret")])),
            Attribute.of("job-password", 0x34, Collection([Attribute.of("a", Tag.TEXT, "4711-secret")])),
        ],
    )

    def test_passwords_are_not_shown_wherever_they_stand(self) -> None:
        text = render_attributes(self.SECRET)
        assert "4711" not in text
        assert text.count(NOT_SHOWN) == 5

    def test_passwords_are_null_in_json(self) -> None:
        plain = plain_attributes(self.SECRET)
        assert "4711" not in json.dumps(plain)
        assert plain["job-password"] is None
        assert plain["x"] == [{"job-password": None}]


class TestJson:
    def test_values_have_forms_that_do_not_change(self) -> None:
        assert plain_attributes(JOB) == {
            "copies": 2,
            "print-quality": "high",
            "finishings": ["staple", 1000],
            "sides": "two-sided-long-edge",
            "job-name": [{"text": "Größe", "language": "de"}, "plain"],
            "media-default": {"out-of-band": "no-value"},
            "printer-resolution": "600x1200dpi",
            "page-ranges": [{"lower": 1, "upper": 2}, {"lower": 4, "upper": 4}],
            "last-document": True,
            "date-time-at-creation": "2026-11-21T20:39:04.5+01:00",
            "printer-device-id": "MFG:Example;",
            "printer-alert": ["code=unknown", {"octets": "00ff"}],
            "media-col": {"media-size": {"x-dimension": 21000, "y-dimension": 29700}, "media-type": "plain"},
            "x-vendor": [1],
        }

    def test_a_1setof_is_an_array_even_with_one_value(self) -> None:
        made = Group(4, [attribute("sides-supported", "one-sided"), attribute("sides-default", "one-sided")])
        assert plain_attributes(made) == {"sides-supported": ["one-sided"], "sides-default": "one-sided"}

    def test_members_are_arrays_by_the_registration_of_their_collection(self) -> None:
        made = attribute(
            "media-col-ready", {"media-size": {"x-dimension": 1, "y-dimension": 2}, "media-type": "plain"}
        )
        assert plain_attributes(Group(4, [made])) == {
            "media-col-ready": [{"media-size": {"x-dimension": 1, "y-dimension": 2}, "media-type": "plain"}]
        }

    def test_of_a_name_that_is_there_twice_the_first_counts(self) -> None:
        assert plain_attributes(Group(1, [attribute("copies", 1), attribute("copies", 2)])) == {"copies": 1}

    def test_octets_that_are_no_characters_become_the_replacement_character(self) -> None:
        assert plain_attributes(Group(1, [Attribute.of("job-name", 0x42, "Gr\udcf6")])) == {
            "job-name": "Gr\ufffd"
        }

    def test_a_message_names_its_operation_or_its_status(self) -> None:
        request = Message(0x0002, 3, [Group(1, [attribute("printer-uri", "ipp://h/")])])
        assert plain_message(request) == {
            "version": "2.0",
            "operation": "Print-Job",
            "code": 2,
            "request-id": 3,
            "groups": [{"group": "operation", "attributes": {"printer-uri": "ipp://h/"}}],
        }
        assert plain_message(Message(0x0400))["status"] == "client-error-bad-request"

    def test_what_no_message_holds_is_a_type_error(self) -> None:
        with pytest.raises(TypeError, match="float"):
            plain_attributes(Group(1, [Attribute.of("a", 0x21, 1.5)]))  # type: ignore[arg-type]  # on purpose

    def test_collections_nested_deeply_need_no_recursion(self) -> None:
        made = Collection()
        for _ in range(2000):
            made = Collection([Attribute.of("m", 0x34, made)])
        group = Group(1, [Attribute.of("a", 0x34, made)])
        assert render_attributes(group, width=10**6).count("{") == 2001
        assert "a" in plain_attributes(group)
        # Taken apart from outside in: to free it at once would be a recursion of the interpreter's.
        inner = group["a"].value
        while isinstance(inner, Collection) and len(inner):
            inner = inner["m"].value


@pytest.mark.parametrize(
    "name", sorted(path.name for path in CAPTURED.iterdir() if path.suffix in {".answer", ".request"})
)
def test_requests_and_answers_of_real_programs_are_told_apart(name: str) -> None:
    assert is_request(decode((CAPTURED / name).read_bytes())) == name.endswith(".request")
