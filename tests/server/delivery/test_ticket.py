"""What is asked of a device, and what is said to be lost before anybody walks there."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from ipp import Attribute, Attributes, Range, Tag, Value
from ipp.everywhere import Capabilities, attributes
from ipp.job import Document, Job
from ipp.registry import attribute
from server.delivery.ticket import Loss, fit, losses
from tests.server.delivery.conftest import NOW

DEVICE = attributes(Capabilities("Device", UUID(int=1)))
A4 = {"x-dimension": 21000, "y-dimension": 29700}


def a_job(*asked: Attribute, formats: tuple[str, ...] = ("application/pdf",)) -> Job:
    documents = tuple(Document(number, "", each, 1, NOW) for number, each in enumerate(formats, 1))
    return Job(1, UUID(int=1), "park", "anna", "", NOW, attributes=Attributes(asked), documents=documents)


def test_what_the_device_can_do_is_asked_of_it_and_nothing_is_lost() -> None:
    asked = [attribute("copies", 2), attribute("sides", "one-sided"), attribute("media", "iso_a4_210x297mm")]
    fitting, lost = fit(Attributes(asked), DEVICE)
    assert list(fitting) == asked
    assert lost == []


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (attribute("copies", 100_000), "copies 100000"),
        (attribute("finishings", 4, 5), "finishings 4, 5"),
        (attribute("media", "iso_a0_841x1189mm"), "media iso_a0_841x1189mm"),
        (attribute("job-account-type", "general"), "job-account-type general"),
    ],
)
def test_what_it_cannot_do_is_told(asked: Attribute, words: str) -> None:
    (loss,) = losses(a_job(asked), DEVICE)
    assert str(loss) == words


def test_of_a_set_only_the_values_that_it_lacks_are_lost() -> None:
    fitting, lost = fit(Attributes([attribute("finishings", 3, 4)]), DEVICE)
    assert [each.values for each in fitting] == [(3,)]
    assert lost == [Loss("finishings", (4,))]


def test_what_is_ours_to_decide_is_neither_asked_nor_lost() -> None:
    asked = [attribute("job-hold-until", "indefinite"), attribute("job-priority", 90)]
    assert fit(Attributes(asked), DEVICE) == (Attributes(), [])


def test_asking_for_nothing_special_is_no_loss_at_a_device_that_says_nothing() -> None:
    plain = [attribute("copies", 1), attribute("sides", "one-sided"), attribute("number-up", 1)]
    assert losses(a_job(*plain), Attributes()) == []


def test_a_device_that_tells_nothing_does_nothing_of_what_was_asked() -> None:
    asked = [
        attribute("copies", 3),
        attribute("page-ranges", Range(1, 2)),
        attribute("sides", "two-sided-long-edge"),
    ]
    assert [each.attribute for each in losses(a_job(*asked), Attributes())] == [
        "copies",
        "page-ranges",
        "sides",
    ]


def test_asking_for_one_side_is_told_to_a_device_that_would_else_print_two() -> None:
    fitting, _ = fit(Attributes([attribute("sides", "one-sided")]), DEVICE)
    assert "sides" in fitting


def test_a_medium_of_another_name_is_asked_for_by_its_size() -> None:
    device = Attributes(DEVICE)
    media = device["media-supported"].values
    names = tuple(name for name in media if name != "iso_a4_210x297mm")
    device.put(Attribute.of("media-supported", Tag.KEYWORD, *names))
    fitting, lost = fit(Attributes([attribute("media", "iso_a4_210x297mm")]), device)
    assert fitting == Attributes([attribute("media-col", {"media-size": A4})])
    assert lost == []


def test_of_a_collection_the_members_that_it_has_are_asked_and_the_others_are_lost() -> None:
    asked = attribute(
        "media-col", {"media-size": A4, "media-type": "photographic-film", "media-color": "blue"}
    )
    fitting, lost = fit(Attributes([asked]), DEVICE)
    assert fitting == Attributes([attribute("media-col", {"media-size": A4})])
    assert [str(each) for each in lost] == [
        "media-col/media-type photographic-film",
        "media-col/media-color blue",
    ]


def test_a_size_that_it_has_not_is_lost() -> None:
    asked = attribute("media-col", {"media-size": {"x-dimension": 84100, "y-dimension": 118900}})
    fitting, (loss,) = fit(Attributes([asked]), DEVICE)
    assert "media-col" not in fitting
    assert loss.attribute == "media-col/media-size"


@pytest.mark.parametrize(
    ("document_format", "lost"),
    [
        ("application/pdf", []),
        ("Application/PDF", []),
        ("application/octet-stream", []),
        ("application/vnd.hp-pclxl", ["document-format application/vnd.hp-pclxl"]),
    ],
)
def test_a_format_that_it_does_not_print_is_told(document_format: str, lost: list[str]) -> None:
    job = a_job(formats=(document_format,))
    assert [str(each) for each in losses(job, DEVICE)] == lost


def test_several_documents_are_told_where_it_takes_one() -> None:
    device = Attributes(DEVICE)
    device.put(attribute("multiple-document-jobs-supported", False))
    job = a_job(formats=("application/pdf", "application/pdf"))
    assert [each.attribute for each in losses(job, device)] == ["multiple-document-jobs"]
    assert losses(replace(job, documents=job.documents[:1]), device) == []


def test_a_value_of_no_kind_is_lost_and_not_sent() -> None:
    odd: tuple[Value, ...] = (b"\x00",)
    asked = Attribute("copies", bytes([Tag.OCTET_STRING]), odd)
    fitting, lost = fit(Attributes([asked]), DEVICE)
    assert (list(fitting), lost) == ([], [Loss("copies", odd)])
