"""What a printer can do and what it is called, free of how IPP spells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ..errors import LocalProtocolError
from ..media import MediaSize, registered, resolve
from ..registry import Given
from ..values import Range, Resolution
from ..vocabulary.enums import Finishings, OrientationRequested, PrintQuality

JobTemplate = Mapping[str, "Given | tuple[Given, ...]"]

_COMMON_MEDIA: Final = tuple(
    registered(label).name
    for label in (
        *("iso_a4", "iso_a3", "iso_a5", "iso_a6", "jis_b5", "iso_b5"),
        *("na_letter", "na_legal", "na_ledger", "na_executive", "na_invoice", "na_index-4x6", "na_5x7"),
        *("iso_c5", "iso_dl", "na_number-10", "na_monarch", "jpn_hagaki"),
    )
)
_PIN_OCTETS: Final = Range(4, 8)
_UNKNOWN_LEVEL: Final = -2  # RFC 3805 prtMarkerSuppliesLevel


@dataclass(frozen=True, slots=True)
class Margins:
    """The edges that stay white, in hundredths of a millimetre; all 0 is borderless."""

    bottom: int = 423
    left: int = 423
    right: int = 423
    top: int = 423


BORDERLESS: Final = Margins(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class ReadyMedium:
    """A medium that is loaded: its self-describing name, where it lies and what it is made of."""

    size: str
    source: str
    type: str = "stationery"
    margins: Margins = Margins()


@dataclass(frozen=True, slots=True)
class Supply:
    """A supply or receptacle (PWG 5100.13 printer-supply), in the words of RFC 3805 prtMarkerSupplies."""

    description: str
    type: str = "toner"
    colorant: str = "black"
    level: int = _UNKNOWN_LEVEL
    max_capacity: int = 100
    supply_class: str = "supplyThatIsConsumed"
    unit: str = "percent"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of Job Template attributes that a client offers as one choice (job-presets-supported)."""

    name: str
    attributes: JobTemplate
    category: str = ""


@dataclass(frozen=True, slots=True)
class Constraint:
    """Values that do not go together, and the values that a client should put in their place.

    An attribute whose value is a tuple names several values that each conflict with the rest. Constraints
    of one resolver name share its `instead` (job-constraints-supported, job-resolvers-supported).
    """

    resolver: str
    conflicting: JobTemplate
    instead: JobTemplate


@dataclass(frozen=True, slots=True)
class JobPassword:
    """PINs that a job may carry, in the clear because only TLS carries them (PWG 5100.11 job-password)."""

    octets: Range = _PIN_OCTETS
    repertoire: str = "iana_us-ascii_digits"


@dataclass(frozen=True, slots=True)
class JobStorage:
    """Keeping jobs for later copies (PWG 5100.11 job-storage)."""

    access: Sequence[str] = ("owner",)
    disposition: Sequence[str] = ("none", "print-and-store", "store-only")
    groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A printer's description and abilities, from which its attributes are made.

    A default left empty is the first supported value that makes sense. Names are keywords of the registry;
    media are self-describing names. `icons` are paths on the printer's web server, smallest first.
    Raises LocalProtocolError when a default is not supported, or a medium's name tells no size.
    """

    name: str
    uuid: UUID
    make_and_model: str = "IPP Everywhere Printer"
    info: str = ""
    location: str = ""
    geo_location: str = ""
    organization: str = ""
    organizational_unit: str = ""
    message_from_operator: str = ""
    dns_sd_name: str = ""
    kinds: Sequence[str] = ("document",)
    icons: Sequence[str] = ()
    firmware: Mapping[str, str] = field(default_factory=dict)
    supplies: Sequence[Supply] = ()
    pages_per_minute: int = 30
    pages_per_minute_color: int = 0
    features: Sequence[str] = ("ipp-everywhere", "ipp-everywhere-server")

    document_formats: Sequence[str] = (
        "application/octet-stream",
        "application/pdf",
        "image/jpeg",
        "image/pwg-raster",
        "image/urf",
    )
    document_format_default: str = ""
    document_k_octets: int = 2**31 - 1
    document_password_octets: int = 0
    pdf_versions: Sequence[str] = ("adobe-1.3", "adobe-1.4", "adobe-1.5", "adobe-1.6", "iso-32000-1_2008")
    raster_types: Sequence[str] = ()
    raster_resolutions: Sequence[Resolution] = ()
    sheet_back: str = "normal"
    pdl_override: str = "attempted"

    media: Sequence[str] = _COMMON_MEDIA
    media_default: str = ""
    media_custom: tuple[MediaSize, MediaSize] | None = None
    media_sources: Sequence[str] = ("auto", "main")
    media_types: Sequence[str] = ("auto", "stationery")
    margins: Sequence[Margins] = (Margins(),)
    ready: Sequence[ReadyMedium] | None = None

    color: bool = True
    color_modes: Sequence[str] = ()
    color_mode_default: str = ""
    content_optimizations: Sequence[str] = ("auto",)
    rendering_intents: Sequence[str] = ("auto",)
    scalings: Sequence[str] = ("auto", "auto-fit", "fill", "fit", "none")
    sides: Sequence[str] = ("one-sided", "two-sided-long-edge", "two-sided-short-edge")
    sides_default: str = ""
    resolutions: Sequence[Resolution] = (Resolution(300, 300), Resolution(600, 600))
    resolution_default: Resolution | None = None
    qualities: Sequence[int] = (PrintQuality.DRAFT, PrintQuality.NORMAL, PrintQuality.HIGH)
    quality_default: int = PrintQuality.NORMAL
    orientations: Sequence[int] = (
        OrientationRequested.PORTRAIT,
        OrientationRequested.LANDSCAPE,
        OrientationRequested.REVERSE_LANDSCAPE,
        OrientationRequested.REVERSE_PORTRAIT,
    )
    orientation_default: int | None = OrientationRequested.PORTRAIT
    finishings: Sequence[int] = (Finishings.NONE,)
    finishings_default: Sequence[int] = (Finishings.NONE,)
    output_bins: Sequence[str] = ("face-down",)
    output_bin_default: str = ""
    copies: int = 999
    number_up: Sequence[int] = (1,)
    document_handling: Sequence[str] = (
        "separate-documents-collated-copies",
        "separate-documents-uncollated-copies",
    )
    overrides: Sequence[str] = ("media", "media-col", "orientation-requested", "print-color-mode", "sides")

    job_sheets: Sequence[str] = ("none",)
    job_priorities: int = 100
    hold_untils: Sequence[str] = ("no-hold", "indefinite")
    hold_until_default: str = ""
    hold_until_time: bool = False
    release_actions: Sequence[str] = ("none",)
    release_action_default: str = ""
    job_password: JobPassword | None = None
    job_storage: JobStorage | None = None
    proof_print_copies: int = 0
    job_account_id: bool = False
    job_accounting_user_id: bool = False
    mandatory_job_attributes: Sequence[str] = ()
    job_privacy_attributes: Sequence[str] = ("default",)
    job_privacy_scope: str = "owner"
    presets: Sequence[Preset] = ()
    constraints: Sequence[Constraint] = ()
    identify_actions: Sequence[str] = ("display", "sound")
    identify_actions_default: Sequence[str] = ("display",)
    multiple_documents: bool = True
    multiple_operation_time_out_s: int = 300
    multiple_operation_time_out_action: str = "abort-job"

    def __post_init__(self) -> None:
        self._require("media-default", self.default_media, self.media)
        for name in (*self.media, *(medium.size for medium in self.ready_media)):
            if resolve(name) is None:
                raise LocalProtocolError(f"media {name!r}: not a self-describing media name (PWG 5101.1)")
        for medium in self.ready_media:
            self._require("ready medium", medium.size, self.media)
            self._require("ready medium's source", medium.source, self.media_sources)
            self._require("ready medium's type", medium.type, self.media_types)
        self._require("document-format-default", self.default_document_format, self.document_formats)
        self._require("print-color-mode-default", self.default_color_mode, self.supported_color_modes)
        self._require("sides-default", self.sides_default or self.sides[0], self.sides)
        self._require("printer-resolution-default", self.default_resolution, self.resolutions)
        self._require("print-quality-default", self.quality_default, self.qualities)
        self._require("output-bin-default", self.output_bin_default or self.output_bins[0], self.output_bins)
        self._require("job-hold-until-default", self.default_hold_until, self.hold_untils)
        self._require("job-release-action-default", self.default_release_action, self.release_actions)
        if self.orientation_default is not None:
            self._require("orientation-requested-default", self.orientation_default, self.orientations)
        for finishing in self.finishings_default:
            self._require("finishings-default", finishing, self.finishings)
        for action in self.identify_actions_default:
            self._require("identify-actions-default", action, self.identify_actions)

    def _require(self, what: str, value: object, supported: Sequence[object]) -> None:
        if value not in supported:
            listed = ", ".join(map(str, supported)) or "nothing"
            raise LocalProtocolError(f"printer {self.name!r}: {what} {value} is not supported, only {listed}")

    @property
    def prints_pdf(self) -> bool:
        """Whether PDF is among the document formats."""
        return "application/pdf" in self.document_formats

    @property
    def two_sided(self) -> bool:
        """Whether both sides of a sheet can be printed."""
        return any(sides.startswith("two-sided") for sides in self.sides)

    @property
    def default_document_format(self) -> str:
        """The format of a document that names none."""
        return self.document_format_default or self.document_formats[0]

    @property
    def default_media(self) -> str:
        """The medium of a job that names none: what is loaded, where anything is."""
        return self.media_default or (self.ready[0].size if self.ready else self.media[0])

    @property
    def ready_media(self) -> Sequence[ReadyMedium]:
        """What is loaded; where nobody said so, the default medium in the first tray."""
        if self.ready is not None:
            return self.ready
        source = next((source for source in self.media_sources if source != "auto"), self.media_sources[0])
        kind = next((kind for kind in self.media_types if kind != "auto"), self.media_types[0])
        return (ReadyMedium(self.media_default or self.media[0], source, kind, self.margins[0]),)

    @property
    def supported_color_modes(self) -> Sequence[str]:
        """print-color-mode-supported, from what was given or from `color`."""
        if self.color_modes:
            return self.color_modes
        return ("auto", "auto-monochrome", "color", "monochrome") if self.color else ("auto", "monochrome")

    @property
    def default_color_mode(self) -> str:
        """print-color-mode-default."""
        return self.color_mode_default or self.supported_color_modes[0]

    @property
    def default_resolution(self) -> Resolution:
        """printer-resolution-default: the finest, unless another was given."""
        return self.resolution_default or max(self.resolutions)

    @property
    def default_hold_until(self) -> str:
        """job-hold-until-default."""
        return self.hold_until_default or self.hold_untils[0]

    @property
    def default_release_action(self) -> str:
        """job-release-action-default."""
        return self.release_action_default or self.release_actions[0]

    @property
    def default_supplies(self) -> Sequence[Supply]:
        """The supplies; where nothing is known of them, one for each colour whose level is unknown."""
        if self.supplies:
            return self.supplies
        colorants = ("black", "cyan", "magenta", "yellow") if self.color else ("black",)
        return tuple(Supply(f"{name.capitalize()} Toner", colorant=name) for name in colorants)
