"""Numbers of the wire: unknown ones survive, and CUPS' library gives each the same name."""

from __future__ import annotations

import copy
import ctypes
import pickle
from collections.abc import Callable

import pytest

from ipp import GroupTag, JobState, Operation, Status, Tag
from ipp.enums import OpenEnum
from ipp.vocabulary.enums import ENUMS


@pytest.mark.parametrize("kind", [Tag, GroupTag, Status, Operation, JobState])
def test_a_number_nobody_registered_survives(kind: type[OpenEnum]) -> None:
    unknown = kind(0xEEEE)
    assert unknown == 0xEEEE
    assert isinstance(unknown, kind)
    assert unknown.name == unknown.keyword == "0xeeee"
    assert unknown.value == 0xEEEE
    assert {0xEEEE: "kept"}[unknown] == "kept"
    assert pickle.loads(pickle.dumps(unknown)) == copy.deepcopy(unknown) == unknown


def test_unknown_members_are_not_kept() -> None:
    before = len(Status)
    assert Status(0x0FFF) is not Status(0x0FFF)
    assert len(Status) == before
    assert 0x0FFF not in Status._value2member_map_


@pytest.mark.parametrize("value", ["pending", 1.5, None])
def test_what_is_no_number_is_no_member(value: object) -> None:
    with pytest.raises(ValueError, match="not a valid JobState"):
        JobState(value)


def test_keywords_are_as_registered() -> None:
    assert JobState.PENDING_HELD.keyword == "pending-held"
    assert Operation.GET_JOBS.keyword == "Get-Jobs"
    assert Operation.SEND_URI.keyword == "Send-URI"
    assert Operation(0x4002).keyword == "0x4002"
    assert Status.CLIENT_ERROR_NOT_FETCHABLE.keyword == "client-error-not-fetchable"


@pytest.mark.parametrize(
    ("status", "successful"),
    [
        (Status.SUCCESSFUL_OK, True),
        (Status.SUCCESSFUL_OK_EVENTS_COMPLETE, True),
        (Status(0x00FF), True),
        (Status(0x0100), False),
        (Status.CLIENT_ERROR_BAD_REQUEST, False),
        (Status.SERVER_ERROR_INTERNAL_ERROR, False),
    ],
)
def test_only_the_first_class_of_codes_is_success(status: Status, successful: bool) -> None:
    assert status.successful is successful


@pytest.mark.peer
class TestBesideCups:
    """The tables that were typed by hand, and the generated ones, beside those of CUPS' library."""

    # Registered after Debian's CUPS was made.
    LATER = frozenset(
        {"client-error-not-fetchable", *(Operation(code).keyword for code in range(0x65, 0x6B))}
    )

    @staticmethod
    def ask(function: str) -> Callable[..., str]:
        library = ctypes.CDLL("libcups.so.2")
        found = library[function]
        found.restype = ctypes.c_char_p

        def call(*arguments: object) -> str:
            answer: bytes = found(*arguments)
            return answer.decode()

        return call

    def test_status_codes_have_the_same_names(self) -> None:
        name_of = self.ask("ippErrorString")
        for code in range(0x0600):
            ours, theirs = Status(code), name_of(code)
            if ours.keyword in self.LATER or ours.name.startswith("0x"):
                continue
            assert ours.keyword.replace("cups-", "cups-error-") == theirs

    def test_no_status_code_of_theirs_is_missing(self) -> None:
        name_of = self.ask("ippErrorString")
        reserved = {0x0004, 0x0006, 0x0416, 0x0417}  # successes and errors of drafts that never became RFCs
        redirections = {0x0200, 0x0280}  # CUPS' own
        for code in range(0x0600):
            if code not in reserved | redirections and not name_of(code).startswith("0x"):
                assert not Status(code).name.startswith("0x"), name_of(code)

    def test_operations_have_the_same_names(self) -> None:
        name_of = self.ask("ippOpString")
        for operation in Operation:
            if operation.keyword not in self.LATER:
                assert operation.keyword == name_of(int(operation))

    def test_enum_values_have_the_same_names(self) -> None:
        name_of = self.ask("ippEnumString")
        for attribute, kind in ENUMS.items():
            for member in kind:
                theirs = name_of(attribute.encode(), int(member))
                if not theirs.isdigit() and member.keyword not in self.LATER:
                    assert member.keyword == theirs, attribute

    def test_tags_have_the_same_numbers(self) -> None:
        value_of = ctypes.CDLL("libcups.so.2").ippTagValue
        names = {"beg-collection": "collection", "date-time": "dateTime", "octet-string": "octetString"}
        for tag in Tag:
            if tag != Tag.EXTENSION:  # CUPS hides it behind the tag it extends to
                words = names.get(tag.keyword, tag.keyword).split("-")
                camel = words[0] + "".join(word.capitalize() for word in words[1:])
                assert tag in {
                    value_of(name.encode()) for name in (tag.keyword, names.get(tag.keyword, ""), camel)
                }
        for group in GroupTag:
            name = "end-of-attributes-tag" if group == GroupTag.END else f"{group.keyword}-attributes-tag"
            assert value_of(name.encode()) == group
