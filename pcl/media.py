"""Media: PWG self-describing names (PWG 5101.1), and what PCL XL and PJL call them. Sizes are hundredths of a
millimetre."""

from functools import lru_cache

__all__ = [
    "DEFAULT_MEDIA_SIZE",
    "MEDIA_BY_NAME",
    "MEDIA_SIZES",
    "SIZES",
    "media_name",
    "media_size_of_name",
    "media_source_name",
    "millimetres",
]

SIZES: dict[str, tuple[int, int]] = {
    "iso_2a0_1189x1682mm": (118900, 168200),
    "iso_a0_841x1189mm": (84100, 118900),
    "iso_a1_594x841mm": (59400, 84100),
    "iso_a2_420x594mm": (42000, 59400),
    "iso_a3_297x420mm": (29700, 42000),
    "iso_sra3_320x450mm": (32000, 45000),
    "iso_a3-extra_322x445mm": (32200, 44500),
    "iso_a4_210x297mm": (21000, 29700),
    "iso_sra4_225x320mm": (22500, 32000),
    "iso_a4-extra_235.5x322.3mm": (23550, 32230),
    "iso_a5_148x210mm": (14800, 21000),
    "iso_a6_105x148mm": (10500, 14800),
    "iso_a7_74x105mm": (7400, 10500),
    "iso_a8_52x74mm": (5200, 7400),
    "iso_b3_353x500mm": (35300, 50000),
    "iso_b4_250x353mm": (25000, 35300),
    "iso_b5_176x250mm": (17600, 25000),
    "iso_b6_125x176mm": (12500, 17600),
    "iso_c4_229x324mm": (22900, 32400),
    "iso_c5_162x229mm": (16200, 22900),
    "iso_c6_114x162mm": (11400, 16200),
    "iso_dl_110x220mm": (11000, 22000),
    "jis_b3_364x515mm": (36400, 51500),
    "jis_b4_257x364mm": (25700, 36400),
    "jis_b5_182x257mm": (18200, 25700),
    "jis_b6_128x182mm": (12800, 18200),
    "jpn_hagaki_100x148mm": (10000, 14800),
    "jpn_oufuku_148x200mm": (14800, 20000),
    "jpn_chou3_120x235mm": (12000, 23500),
    "jpn_chou4_90x205mm": (9000, 20500),
    "jpn_kaku2_240x332mm": (24000, 33200),
    "jpn_you4_105x235mm": (10500, 23500),
    "prc_16k_146x215mm": (14600, 21500),
    "om_16k_195x270mm": (19500, 27000),
    "om_8k_270x390mm": (27000, 39000),
    "roc_16k_7.75x10.75in": (19685, 27305),
    "roc_8k_10.75x15.5in": (27305, 39370),
    "om_folio_210x330mm": (21000, 33000),
    "om_small-photo_100x150mm": (10000, 15000),
    "om_dsc-photo_89x119mm": (8900, 11900),
    "om_square-photo_89x89mm": (8900, 8900),
    "na_index-3x5_3x5in": (7620, 12700),
    "na_index-4x6_4x6in": (10160, 15240),
    "na_index-5x8_5x8in": (12700, 20320),
    "na_5x7_5x7in": (12700, 17780),
    "na_govt-letter_8x10in": (20320, 25400),
    "na_govt-legal_8x13in": (20320, 33020),
    "na_invoice_5.5x8.5in": (13970, 21590),
    "na_executive_7.25x10.5in": (18415, 26670),
    "na_letter_8.5x11in": (21590, 27940),
    "na_oficio_8.5x13.4in": (21590, 34036),
    "na_foolscap_8.5x13in": (21590, 33020),
    "na_legal_8.5x14in": (21590, 35560),
    "na_letter-extra_9.5x12in": (24130, 30480),
    "na_ledger_11x17in": (27940, 43180),
    "na_super-b_13x19in": (33020, 48260),
    "na_arch-a_9x12in": (22860, 30480),
    "na_arch-b_12x18in": (30480, 45720),
    "na_c_17x22in": (43180, 55880),
    "na_d_22x34in": (55880, 86360),
    "na_e_34x44in": (86360, 111760),
    "na_monarch_3.875x7.5in": (9842, 19050),
    "na_number-9_3.875x8.875in": (9842, 22542),
    "na_number-10_4.125x9.5in": (10477, 24130),
    "na_personal_3.625x6.5in": (9207, 16510),
    "oe_photo-l_3.5x5in": (8890, 12700),
}

# Half a dot of rounding at 72 dpi, and drivers that round a size to whole points twice.
NEAR_HMM = 53


@lru_cache(maxsize=256)
def media_name(width_hmm: int, height_hmm: int) -> str:
    """Return the PWG name of the medium of this size, either way round; `custom_...` when none is near.

    The name is that of the sheet as it is fed: a landscape A4 is `iso_a4_210x297mm`.
    """
    short, long = sorted((width_hmm, height_hmm))
    best, best_distance = "", NEAR_HMM + 1
    for name, (width, height) in SIZES.items():
        distance = max(abs(width - short), abs(height - long))
        if distance < best_distance:
            best, best_distance = name, distance
    if best:
        return best
    size = f"{millimetres(width_hmm)}x{millimetres(height_hmm)}mm"
    return f"custom_{size}_{size}"


def millimetres(hmm: int) -> str:
    """Write hundredths of a millimetre as PWG 5101.1 does: no trailing zeros, no point alone."""
    whole, hundredths = divmod(hmm, 100)
    return f"{whole}.{hundredths:02}".rstrip("0").rstrip(".") if hundredths else str(whole)


DEFAULT_MEDIA_SIZE = 96  # MediaSize: what the printer has as its default

# MediaSize codes; sizes in hundredths of a millimetre. From 201 on they are a vendor's.
MEDIA_SIZES: dict[int, tuple[int, int]] = {
    0: (21590, 27940),
    1: (21590, 35560),
    2: (21000, 29700),
    3: (18415, 26670),
    4: (27940, 43180),
    5: (29700, 42000),
    6: (10477, 24130),
    7: (9842, 19050),
    8: (16200, 22900),
    9: (11000, 22000),
    10: (25700, 36400),
    11: (18200, 25700),
    12: (17600, 25000),
    13: (18200, 25700),
    14: (10000, 14800),
    15: (20000, 14800),
    16: (14800, 21000),
    17: (10500, 14800),
    18: (12800, 18200),
    19: (27000, 39000),
    20: (19500, 27000),
    21: (21600, 33000),
    201: (12800, 18200),
    202: (11400, 16200),
    203: (26700, 39000),
    204: (19500, 26700),
    205: (30480, 45720),
    206: (33020, 45720),
    212: (33020, 48750),
    213: (33020, 48260),
    214: (32000, 48750),
    215: (32000, 46990),
    216: (33020, 45720),
    217: (32000, 45000),
    218: (22500, 32000),
    219: (22600, 31000),
    220: (31000, 43200),
    221: (20320, 25400),
    222: (27940, 35560),
    223: (27940, 38100),
    224: (25400, 35560),
}

# MediaSize as a name (2.1), and PJL PAPER; compared without blanks and in lower case.
MEDIA_BY_NAME: dict[str, tuple[int, int]] = {
    "letter": (21590, 27940),
    "legal": (21590, 35560),
    "a4": (21000, 29700),
    "executive": (18415, 26670),
    "exec": (18415, 26670),
    "ledger": (27940, 43180),
    "tabloid": (27940, 43180),
    "11x17": (27940, 43180),
    "a3": (29700, 42000),
    "com10": (10477, 24130),
    "monarch": (9842, 19050),
    "c5": (16200, 22900),
    "dl": (11000, 22000),
    "jisb4": (25700, 36400),
    "b4": (25700, 36400),
    "jisb5": (18200, 25700),
    "b5paper": (18200, 25700),
    "b5": (17600, 25000),
    "isob5": (17600, 25000),
    "jpost": (10000, 14800),
    "jpostcard": (10000, 14800),
    "jpostd": (14800, 20000),
    "jdoublepostcard": (14800, 20000),
    "a5": (14800, 21000),
    "a6": (10500, 14800),
    "jisb6": (12800, 18200),
    "jis8k": (27000, 39000),
    "jis16k": (19500, 27000),
    "8k": (27000, 39000),
    "16k": (19500, 27000),
    "jisexec": (21600, 33000),
    "statement": (13970, 21590),
    "invoice": (13970, 21590),
    "foolscap": (21590, 33020),
    "folio": (21590, 33020),
    "oficio": (21590, 34036),
    "c6": (11400, 16200),
    "sra3": (32000, 45000),
    "sra4": (22500, 32000),
    "12x18": (30480, 45720),
}

# MediaSource codes under their IPP names (RFC 8011 and PWG 5100.13 media-source); None is the default.
MEDIA_SOURCES: dict[int, str | None] = {
    0: None,
    1: "auto",
    2: "manual",
    3: "by-pass-tray",
    4: "top",
    5: "bottom",
    6: "envelope",
    7: "tray-3",
}


def media_source_name(code: int) -> str | None:
    """Return the IPP keyword of a MediaSource code; the external trays are 8 and up."""
    return MEDIA_SOURCES.get(code, f"tray-{code - 4}")


def media_size_of_name(name: str) -> tuple[int, int] | None:
    """Return the size of a medium that PCL XL or PJL calls by name, None when it is not known."""
    return MEDIA_BY_NAME.get(name.lower().replace(" ", "").strip("\x00"))
