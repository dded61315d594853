"""The printer attributes that follow from what a printer can do and do not change from request to request.

What depends on the request or the moment (URIs, state, times, operations, charsets, notification) is the
Printer object's to add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from ..enums import Tag
from ..media import resolve
from ..message import Attribute, Attributes, Collection
from ..registry import Given, attribute, collection
from ..values import OutOfBand, Range
from ..vocabulary.attributes import ATTRIBUTES
from ..vocabulary.enums import Finishings
from .capabilities import Capabilities, Margins, ReadyMedium
from .urf import urf_supported

ONLY_WHEN_NAMED: Final = frozenset({"media-col-database"})
"""Attributes too long for `all`: sent only to a client that names them (PWG 5100.7 media-col-database)."""

# A list is a 1setOf, and an empty one leaves the attribute out, as None does.
Values: TypeAlias = "Given | list[Given] | None"

# What a job may say beside its Job Template attributes: always, and where the printer supports it.
_ALWAYS_IN_JOBS: Final = (
    "compression",
    "document-format",
    "document-name",
    "ipp-attribute-fidelity",
    "job-name",
)
_ALWAYS_IN_DOCUMENTS: Final = ("compression", "document-format", "document-name")
_OPERATION_ATTRIBUTES: Final = (
    *("document-password", "job-password", "job-password-encryption", "job-release-action", "job-storage"),
)
_MEDIA_COL: Final = (
    *("media-size", "media-size-name", "media-source", "media-type"),
    *("media-bottom-margin", "media-left-margin", "media-right-margin", "media-top-margin"),
)
_COMMAND_SETS: Final = {
    "application/pdf": "PDF",
    "application/postscript": "PS",
    "application/PCLm": "PCLM",
    "application/vnd.hp-PCL": "PCL",
    "application/vnd.hp-PCLXL": "PCLXL",
    "image/jpeg": "JPEG",
    "image/pwg-raster": "PWG",
    "image/urf": "URF",
}


def attributes(printer: Capabilities) -> Attributes:
    """Every static attribute of PWG 5100.14, 5100.12 (2.2), 5100.11 and 5100.13 that the printer supports.

    Raises LocalProtocolError where a capability does not fit its attribute (a name of 200 octets).
    """
    parts = (_description, _documents, _media, _appearance, _finishing, _jobs, _release, _policy, _trays)
    made = Attributes(_build(pair for part in parts for pair in part(printer).items()))
    if urf := urf_supported(printer):
        made.add(Attribute.of("urf-supported", Tag.KEYWORD, *urf))  # Apple's, not registered
    made.add(
        _creation(
            "job-creation-attributes-supported", _ALWAYS_IN_JOBS, made, "job-template", *_OPERATION_ATTRIBUTES
        ),
        _creation("document-creation-attributes-supported", _ALWAYS_IN_DOCUMENTS, made, "document-template"),
    )
    return made


def _build(pairs: Iterable[tuple[str, Values]]) -> Iterator[Attribute]:
    for name, given in pairs:
        values = given if isinstance(given, list) else [] if given is None else [given]
        if values and all(isinstance(value, OutOfBand) for value in values):
            # Some registrations do not list the no-value that conformance suites accept.
            yield Attribute.of(
                name, Tag.NO_VALUE, *(value for value in values if isinstance(value, OutOfBand))
            )
        elif values:
            yield attribute(name, *values)


def _creation(name: str, always: Iterable[str], made: Attributes, group: str, *more: str) -> Attribute:
    told = [each.name for each in made if each.name.endswith("-supported") and each.values != (False,)]
    supported = {name.removesuffix("-supported") for name in told}
    return attribute(name, *sorted({*always, *(supported & {*ATTRIBUTES[group], *more})}))


def _description(printer: Capabilities) -> dict[str, Values]:
    return {
        "printer-name": printer.name,
        "printer-dns-sd-name": printer.dns_sd_name or None,
        "printer-info": printer.info or printer.name,
        "printer-location": printer.location,
        "printer-geo-location": printer.geo_location or OutOfBand.UNKNOWN,
        "printer-organization": printer.organization,
        "printer-organizational-unit": printer.organizational_unit,
        "printer-make-and-model": printer.make_and_model,
        "printer-device-id": device_id(printer),
        "printer-uuid": printer.uuid.urn,
        "printer-kind": list(printer.kinds),
        "printer-service-type": "print",
        "printer-firmware-name": list(printer.firmware),
        "printer-firmware-string-version": list(printer.firmware.values()),
        "printer-message-from-operator": printer.message_from_operator,
        "pages-per-minute": printer.pages_per_minute,
        "pages-per-minute-color": (printer.pages_per_minute_color or printer.pages_per_minute)
        if printer.color
        else None,
        "color-supported": printer.color,
        "ipp-features-supported": list(dict.fromkeys(_features(printer))),
        "identify-actions-default": list(printer.identify_actions_default),
        "identify-actions-supported": list(printer.identify_actions),
        "preferred-attributes-supported": False,
    }


def _features(printer: Capabilities) -> Iterator[str]:
    yield from printer.features
    if printer.prints_pdf:
        yield "page-overrides"
    if any(action != "none" for action in printer.release_actions):
        yield "job-release"
    if printer.job_storage:
        yield "job-storage"
    if printer.proof_print_copies:
        yield "proof-print"


def device_id(printer: Capabilities) -> str:
    """The IEEE 1284 device id: maker, model and command sets (PWG 5107.2)."""
    maker, _, model = printer.make_and_model.translate({ord(";"): " ", ord(":"): " "}).partition(" ")
    commands = (_COMMAND_SETS[name] for name in printer.document_formats if name in _COMMAND_SETS)
    return f"MFG:{maker};MDL:{model or maker};CMD:{','.join(commands)};"


def _documents(printer: Capabilities) -> dict[str, Values]:
    k_octets = Range(0, printer.document_k_octets)
    takes_jpeg = "image/jpeg" in printer.document_formats
    types = ("black_1", "sgray_8", "srgb_8") if printer.color else ("black_1", "sgray_8")
    raster: dict[str, Values] = {
        "pwg-raster-document-resolution-supported": list(printer.raster_resolutions or printer.resolutions),
        "pwg-raster-document-sheet-back": printer.sheet_back,
        "pwg-raster-document-type-supported": list(printer.raster_types or types),
    }
    jpeg: dict[str, Values] = {
        "jpeg-features-supported": "none",
        "jpeg-k-octets-supported": k_octets,
        "jpeg-x-dimension-supported": Range(0, 65535),
        "jpeg-y-dimension-supported": Range(1, 65535),
    }
    pdf: dict[str, Values] = {
        "document-password-supported": printer.document_password_octets,
        "page-ranges-supported": True,
        "pdf-k-octets-supported": k_octets,
        "pdf-versions-supported": list(printer.pdf_versions),
    }
    return {
        "document-format-default": printer.default_document_format,
        "document-format-supported": list(printer.document_formats),
        "job-k-octets-supported": k_octets,
        "pdl-override-supported": printer.pdl_override,
        "overrides-supported": ["document-number", "document-numbers", "pages", *printer.overrides],
        **(raster if "image/pwg-raster" in printer.document_formats else {}),
        **(jpeg if takes_jpeg else {}),
        **(pdf if printer.prints_pdf else {"page-ranges-supported": False}),
    }


def _media(printer: Capabilities) -> dict[str, Values]:
    bounds = printer.media_custom
    names = [*printer.media, *((bounds[0].name, bounds[1].name) if bounds else ())]
    sizes: list[Given] = [_size(*_dimensions(name), path="media-size-supported") for name in printer.media]
    database: list[Given] = [
        _media_col(name, margins, path="media-col-database")
        for name in printer.media
        for margins in printer.margins
    ]
    if bounds:
        ranges = (
            Range(bounds[0].x_dimension, bounds[1].x_dimension),
            Range(bounds[0].y_dimension, bounds[1].y_dimension),
        )
        sizes.append(_size(*ranges, path="media-size-supported"))
        size = attribute(
            "media-size", _size(*ranges, path="media-col-database/media-size"), path="media-col-database"
        )
        database.extend(Collection([size, *_margins(margins)]) for margins in printer.margins)
    ready: list[Given] = [
        _media_col(medium.size, medium.margins, medium, path="media-col-ready")
        for medium in printer.ready_media
    ]
    every_margin = {*printer.margins, *(medium.margins for medium in printer.ready_media)}
    return {
        "media-default": printer.default_media,
        "media-supported": list(names),
        "media-ready": [medium.size for medium in printer.ready_media] or OutOfBand.NO_VALUE,
        "media-col-default": _media_col(printer.default_media, printer.margins[0], _default_medium(printer)),
        "media-col-supported": list(_MEDIA_COL),
        "media-col-ready": ready or OutOfBand.NO_VALUE,
        "media-col-database": database,
        "media-size-supported": sizes,
        "media-source-supported": list(printer.media_sources),
        "media-type-supported": list(printer.media_types),
        **{
            f"media-{side}-margin-supported": sorted({getattr(margins, side) for margins in every_margin})
            for side in ("bottom", "left", "right", "top")
        },
    }


def _default_medium(printer: Capabilities) -> ReadyMedium:
    loaded = (medium for medium in printer.ready_media if medium.size == printer.default_media)
    first = ReadyMedium(printer.default_media, printer.media_sources[0], printer.media_types[0])
    return next(loaded, first)


def _dimensions(name: str) -> tuple[int, int]:
    size = resolve(name)
    assert size is not None, name  # Capabilities refused it otherwise
    return size.x_dimension, size.y_dimension


def _size(x_dimension: Given, y_dimension: Given, path: str) -> Collection:
    return collection(path, {"x-dimension": x_dimension, "y-dimension": y_dimension})


def _margins(margins: Margins) -> Collection:
    return collection(
        "media-col",
        {
            "media-bottom-margin": margins.bottom,
            "media-left-margin": margins.left,
            "media-right-margin": margins.right,
            "media-top-margin": margins.top,
        },
    )


def _media_col(
    name: str, margins: Margins, loaded: ReadyMedium | None = None, path: str = "media-col"
) -> Collection:
    """One medium; `path` tells which attribute it stands in, because their members differ (PWG 5100.7)."""
    size = _size(*_dimensions(name), path=f"{path}/media-size")
    made = Collection([attribute("media-size", size, path=path)])
    made.add(attribute("media-size-name", name, path="media-col"), *_margins(margins))
    if loaded:
        made.add(attribute("media-source", loaded.source, path="media-col"))
        made.add(attribute("media-type", loaded.type, path="media-col"))
    return made


def _appearance(printer: Capabilities) -> dict[str, Values]:
    several_up = len(printer.number_up) > 1
    return {
        "print-color-mode-default": printer.default_color_mode,
        "print-color-mode-supported": list(printer.supported_color_modes),
        "print-content-optimize-default": printer.content_optimizations[0],
        "print-content-optimize-supported": list(printer.content_optimizations),
        "print-rendering-intent-default": printer.rendering_intents[0],
        "print-rendering-intent-supported": list(printer.rendering_intents),
        "print-quality-default": printer.quality_default,
        "print-quality-supported": list(printer.qualities),
        "print-scaling-default": printer.scalings[0],
        "print-scaling-supported": list(printer.scalings),
        "printer-resolution-default": printer.default_resolution,
        "printer-resolution-supported": list(printer.resolutions),
        "sides-default": printer.sides_default or printer.sides[0],
        "sides-supported": list(printer.sides),
        "orientation-requested-default": OutOfBand.NO_VALUE
        if printer.orientation_default is None
        else printer.orientation_default,
        "orientation-requested-supported": list(printer.orientations),
        "number-up-default": printer.number_up[0],
        "number-up-supported": list(printer.number_up),
        "presentation-direction-number-up-default": "toright-tobottom" if several_up else None,
        "presentation-direction-number-up-supported": "toright-tobottom" if several_up else None,
    }


def _finishing(printer: Capabilities) -> dict[str, Values]:
    templates = [Finishings(code).keyword for code in printer.finishings]
    each: list[Given] = [collection("finishings-col", {"finishing-template": word}) for word in templates]
    default = Finishings(printer.finishings_default[0]).keyword
    return {
        "finishings-default": list(printer.finishings_default),
        "finishings-supported": list(printer.finishings),
        "finishings-ready": list(printer.finishings),
        "finishing-template-supported": list(templates),
        "finishings-col-default": {"finishing-template": default},
        "finishings-col-supported": "finishing-template",
        "finishings-col-ready": each,
        "finishings-col-database": each,
        "output-bin-default": printer.output_bin_default or printer.output_bins[0],
        "output-bin-supported": list(printer.output_bins),
    }


def _jobs(printer: Capabilities) -> dict[str, Values]:
    return {
        "copies-default": 1,
        "copies-supported": Range(1, printer.copies),
        "multiple-document-handling-default": printer.document_handling[0],
        "multiple-document-handling-supported": list(printer.document_handling),
        "multiple-document-jobs-supported": printer.multiple_documents,
        "multiple-operation-time-out": printer.multiple_operation_time_out_s,
        "multiple-operation-time-out-action": printer.multiple_operation_time_out_action,
        "job-ids-supported": True,
        "job-priority-default": 50,
        "job-priority-supported": printer.job_priorities,
        "job-sheets-default": printer.job_sheets[0],
        "job-sheets-supported": list(printer.job_sheets),
        "job-spooling-supported": "spool",
        "job-presets-supported": [
            {
                "preset-name": preset.name,
                **({"preset-category": preset.category} if preset.category else {}),
                **preset.attributes,
            }
            for preset in printer.presets
        ],
        "job-constraints-supported": [
            {"resolver-name": constraint.resolver, **constraint.conflicting}
            for constraint in printer.constraints
        ],
        "job-resolvers-supported": list(
            {
                constraint.resolver: {"resolver-name": constraint.resolver, **constraint.instead}
                for constraint in printer.constraints
            }.values()
        ),
    }


def _release(printer: Capabilities) -> dict[str, Values]:
    password, storage, copies = printer.job_password, printer.job_storage, printer.proof_print_copies
    made: dict[str, Values] = {
        "job-hold-until-default": printer.default_hold_until,
        "job-hold-until-supported": list(printer.hold_untils),
        "job-hold-until-time-supported": True if printer.hold_until_time else None,
        "job-release-action-default": printer.default_release_action,
        "job-release-action-supported": list(printer.release_actions),
    }
    if password:
        made |= {
            "job-password-supported": password.octets.upper,
            "job-password-length-supported": password.octets,
            "job-password-encryption-supported": "none",
            "job-password-repertoire-configured": password.repertoire,
            "job-password-repertoire-supported": password.repertoire,
        }
    if storage:
        members = ["job-storage-access", "job-storage-disposition"]
        made |= {
            "job-storage-supported": [*members, *(["job-storage-group"] if storage.groups else [])],
            "job-storage-access-supported": list(storage.access),
            "job-storage-disposition-supported": list(storage.disposition),
            "job-storage-group-supported": list(storage.groups),
        }
    if copies:
        made |= {
            "proof-print-default": OutOfBand.NO_VALUE,
            "proof-print-supported": ["media", "media-col", "proof-print-copies"],
            "proof-print-copies-supported": Range(0, copies),
        }
    return made


def _policy(printer: Capabilities) -> dict[str, Values]:
    made: dict[str, Values] = {
        "printer-mandatory-job-attributes": list(printer.mandatory_job_attributes),
        "job-privacy-attributes": list(printer.job_privacy_attributes),
        "job-privacy-scope": printer.job_privacy_scope,
    }
    if printer.job_account_id:
        made |= {"job-account-id-default": OutOfBand.NO_VALUE, "job-account-id-supported": True}
    if printer.job_accounting_user_id:
        made |= {
            "job-accounting-user-id-default": OutOfBand.NO_VALUE,
            "job-accounting-user-id-supported": True,
        }
    return made


def _trays(printer: Capabilities) -> dict[str, Values]:
    """Trays, bins and supplies as PWG 5100.13 writes the rows of the Printer MIB; -2 is an unknown level."""
    supplies = printer.default_supplies
    return {
        "printer-input-tray": [
            _row(
                type="sheetFeedAutoRemovableTray",
                mediafeed=0,
                mediaxfeed=0,
                maxcapacity=-2,
                level=-2,
                status=0,
                name=name,
            )
            for name in printer.media_sources
        ],
        "printer-output-tray": [
            _row(type="unRemovableBin", maxcapacity=-2, remaining=-2, status=0, name=name)
            for name in printer.output_bins
        ],
        "printer-supply": [
            _row(
                index=number,
                **{"class": supply.supply_class},
                type=supply.type,
                unit=supply.unit,
                maxcapacity=supply.max_capacity,
                level=supply.level,
                colorantname=supply.colorant,
            )
            for number, supply in enumerate(supplies, 1)
        ],
        "printer-supply-description": [supply.description for supply in supplies],
    }


def _row(**columns: object) -> bytes:
    return "".join(f"{key}={value};" for key, value in columns.items()).encode()
