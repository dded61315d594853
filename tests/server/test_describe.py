"""What a queue can do: everything it may promise, and no more than its device does."""

from uuid import UUID

import pytest

from ipp import Attribute, Attributes, Tag
from ipp.registry import attribute
from server.config import Jobs, QueueSettings
from server.describe import Describer

INSTANCE = UUID(int=7)
NOTHING = Attributes()


@pytest.fixture
def describe() -> Describer:
    return Describer(INSTANCE, "lab7", Jobs())


def test_a_queue_keeps_its_uuid_and_no_two_have_the_same(describe: Describer) -> None:
    hold, other = QueueSettings(name="hold"), QueueSettings(name="other")
    uuid = describe(hold, NOTHING)["printer-uuid"].value
    assert describe(QueueSettings(name="hold", info="Renamed"), NOTHING)["printer-uuid"].value == uuid
    assert describe(other, NOTHING)["printer-uuid"].value != uuid
    assert Describer(UUID(int=8), "lab7", Jobs())(hold, NOTHING)["printer-uuid"].value != uuid


def test_a_queue_that_parks_takes_a_pin_and_says_who_releases(describe: Describer) -> None:
    told = describe(QueueSettings(name="hold"), NOTHING)
    assert told.string("job-release-action-default") == "owner-authorized"
    assert told.strings("job-password-encryption-supported") == ("none",)
    assert "printer-mandatory-job-attributes" not in told


def test_a_queue_released_by_pin_demands_one(describe: Describer) -> None:
    told = describe(QueueSettings(name="hold", release="job-password"), NOTHING)
    assert told.string("job-release-action-default") == "job-password"
    assert "job-password" in told.strings("printer-mandatory-job-attributes")


def test_a_direct_queue_promises_what_its_device_does(describe: Describer) -> None:
    device = Attributes(
        [
            attribute("printer-make-and-model", "Laser 9000"),
            attribute("document-format-supported", "application/vnd.hp-pcl", "application/pdf"),
            attribute("color-supported", False),
            attribute("sides-supported", "one-sided"),
        ]
    )
    told = describe(QueueSettings(name="desk", kind="direct", printer="laser"), device)
    assert told.strings("document-format-supported") == ("application/octet-stream", "application/pdf")
    assert told.boolean("color-supported") is False
    assert told.strings("sides-supported") == ("one-sided",)
    assert told.string("printer-make-and-model") == "Laser 9000"
    assert "job-password-supported" not in told


def test_a_direct_queue_whose_device_says_nothing_promises_what_is_usual(describe: Describer) -> None:
    told = describe(QueueSettings(name="desk", kind="direct", printer="raw"), NOTHING)
    assert "application/pdf" in told.strings("document-format-supported")


def test_people_see_the_title_or_the_name_and_the_place(describe: Describer) -> None:
    assert describe(QueueSettings(name="hold"), NOTHING).string("printer-dns-sd-name") == "hold @ lab7"
    titled = describe(QueueSettings(name="hold", info="Hall", location="2nd floor"), NOTHING)
    assert titled.string("printer-dns-sd-name") == "Hall"
    assert titled.string("printer-location") == "2nd floor"


@pytest.mark.parametrize("info", ["", "ä" * 63])
def test_the_longest_names_that_the_configuration_takes_fit(describe: Describer, info: str) -> None:
    longest = QueueSettings(name="x" * 63, info=info, location="y" * 127)
    told = describe(longest, NOTHING)
    assert told.string("printer-info") == info or "x" * 63
    assert len(told.string("printer-dns-sd-name", "").encode()) <= 63


@pytest.mark.parametrize(
    "told",
    [
        Attributes([attribute("printer-make-and-model", "ä" * 63)]),
        Attributes([Attribute.of("printer-make-and-model", Tag.TEXT, "ä" * 500)]),
        Attributes([Attribute.of("printer-make-and-model", Tag.INTEGER, 7)]),
        Attributes([Attribute.of("color-supported", Tag.KEYWORD, "perhaps")]),
        Attributes([Attribute.of("sides-supported", Tag.INTEGER, 1, 2)]),
        Attributes([Attribute.of("document-format-supported", Tag.MIME_MEDIA_TYPE, "x" * 300)]),
    ],
)
def test_a_device_that_tells_nonsense_stops_no_queue(describe: Describer, told: Attributes) -> None:
    desk = describe(QueueSettings(name="desk", kind="direct", printer="laser"), told)
    assert len(desk.string("printer-make-and-model", "").encode()) <= 127
    assert "application/pdf" in desk.strings("document-format-supported")
