"""What a queue can do, as its Printer tells it: general for one that parks, its device's for a direct one."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid5

from ipp import Attributes, RemoteProtocolError
from ipp.dnssd import cut_octets, instance_name
from ipp.everywhere import Capabilities, JobPassword, attributes
from server.config import TEXT_OCTETS_MAX, Jobs, QueueSettings

_log: Final = logging.getLogger(__name__)

_MODEL: Final = "pullprint"
_ANY: Final = "application/octet-stream"
# What passes from a client to a device unchanged.
_FORMATS: Final = ("application/pdf", "image/jpeg", "image/pwg-raster", "image/urf", "application/postscript")
_RELEASE_ACTIONS: Final = ("owner-authorized", "job-password")


class Describer:
    """Makes the attributes of queues.

    `instance` tells this daemon's queues from all others' for ever; `place` is what its machine is called.
    """

    def __init__(self, instance: UUID, place: str, jobs: Jobs) -> None:
        self._instance = instance
        self._place = place
        self._jobs = jobs

    def __call__(self, queue: QueueSettings, told: Attributes) -> Attributes:
        """The attributes of a queue; `told` is what its printer says of itself, where it has one."""
        return attributes(self.capabilities(queue, told))

    def capabilities(self, queue: QueueSettings, told: Attributes) -> Capabilities:
        """What the queue is called and can do."""
        general = Capabilities(
            name=queue.name,
            uuid=uuid5(self._instance, queue.name),
            make_and_model=_MODEL,
            info=queue.title,
            location=queue.location,
            dns_sd_name=instance_name(queue.info or f"{queue.name} @ {self._place}"),
            document_k_octets=min(self._jobs.document_octets_max // 1024, 2**31 - 1),
            multiple_operation_time_out_s=self._jobs.incoming_time_out_s,
            pages_per_minute_color=30,
        )
        if queue.kind == "direct":
            try:
                return _as_told(general, told)
            except RemoteProtocolError as error:
                _log.warning("what printer %s tells of itself is left aside: %s", queue.printer, error)
                return general
        return replace(
            general,
            hold_untils=("no-hold", "indefinite"),
            release_actions=_RELEASE_ACTIONS,
            release_action_default=queue.release,
            job_password=JobPassword(),
            mandatory_job_attributes=("job-password",) if queue.release == "job-password" else (),
        )


def _as_told(general: Capabilities, told: Attributes) -> Capabilities:
    """A direct queue promises no more than its device does, where that is known."""
    formats = tuple(each for each in _FORMATS if each in told.strings("document-format-supported"))
    color = told.boolean("color-supported")
    sides = tuple(each for each in general.sides if each in told.strings("sides-supported"))
    model = told.string("printer-make-and-model")
    if formats:
        general = replace(general, document_formats=(_ANY, *formats))
    if color is False:
        general = replace(general, color=False, pages_per_minute_color=0)
    if sides:
        general = replace(general, sides=sides)
    return replace(general, make_and_model=cut_octets(str(model), TEXT_OCTETS_MAX)) if model else general
