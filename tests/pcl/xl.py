"""Builds PCL XL by hand: the octets of operators, independent of the package's own writer."""

import struct

__all__ = ["ATTRIBUTE", "OPERATOR", "XL"]

ATTRIBUTE = {
    "palette_depth": 2,
    "palette_data": 6,
    "color_space": 3,
    "gray_level": 9,
    "rgb_color": 11,
    "media_size": 37,
    "media_source": 38,
    "media_type": 39,
    "orientation": 40,
    "custom_media_size": 47,
    "custom_media_size_units": 48,
    "page_copies": 49,
    "pattern_select_id": 8,
    "pattern_define_id": 105,
    "pattern_persistence": 104,
    "pad_bytes_multiple": 110,
    "start_point": 79,
    "clip_mode": 84,
    "char_size": 166,
    "symbol_set": 170,
    "simplex_page_mode": 52,
    "duplex_page_mode": 53,
    "duplex_page_side": 54,
    "bounding_box": 66,
    "end_point": 69,
    "point": 76,
    "number_of_points": 77,
    "point_type": 80,
    "color_depth": 98,
    "block_height": 99,
    "color_mapping": 100,
    "compress_mode": 101,
    "destination_size": 103,
    "source_height": 107,
    "source_width": 108,
    "start_line": 109,
    "comment_data": 129,
    "data_org": 130,
    "measure": 134,
    "source_type": 136,
    "units_per_measure": 137,
    "stream_name": 139,
    "char_code": 162,
    "char_data_size": 163,
    "font_header_length": 167,
    "font_name": 168,
    "font_format": 169,
    "stream_data_length": 140,
    "error_report": 143,
    "clip_region": 83,
    "control_point_1": 81,
    "line_dash_style": 74,
    "solid_line": 78,
    "x_spacing_data": 175,
    "vu_extension": 145,
    "vu_data_length": 146,
    "text_data": 171,
}
OPERATOR = {
    "begin_session": 0x41,
    "end_session": 0x42,
    "begin_page": 0x43,
    "end_page": 0x44,
    "vendor_unique": 0x46,
    "comment": 0x47,
    "open_data_source": 0x48,
    "close_data_source": 0x49,
    "read_font_header": 0x50,
    "end_font_header": 0x51,
    "begin_char": 0x52,
    "read_char": 0x53,
    "end_char": 0x54,
    "begin_font_header": 0x4F,
    "remove_font": 0x55,
    "begin_stream": 0x5B,
    "read_stream": 0x5C,
    "end_stream": 0x5D,
    "exec_stream": 0x5E,
    "remove_stream": 0x5F,
    "pop_gs": 0x60,
    "push_gs": 0x61,
    "set_brush_source": 0x63,
    "set_clip_replace": 0x62,
    "set_color_space": 0x6A,
    "set_cursor": 0x6B,
    "set_font": 0x6F,
    "set_line_dash": 0x70,
    "set_page_scale": 0x77,
    "close_sub_path": 0x84,
    "new_path": 0x85,
    "paint_path": 0x86,
    "bezier_path": 0x93,
    "line_path": 0x9B,
    "arc_path": 0x91,
    "pie": 0x9E,
    "chord": 0x96,
    "set_clip_mode": 0x7F,
    "set_default_gs": 0x57,
    "begin_rast_pattern": 0xB3,
    "read_rast_pattern": 0xB4,
    "end_rast_pattern": 0xB5,
    "rectangle": 0xA0,
    "text": 0xA8,
    "begin_image": 0xB0,
    "read_image": 0xB1,
    "end_image": 0xB2,
    "pass_through": 0xBF,
}


class XL:
    """Octets of PCL XL, appended operator by operator; `order` is `<` or `>`."""

    def __init__(self, order: str = "<", version: str = "2;0", comment: str = "Comment by hand") -> None:
        self.order = order
        self.octets = bytearray(f"{')' if order == '<' else '('} HP-PCL XL;{version};{comment}\n".encode())

    def value(self, value: object, kind: str | None = None) -> bytes:
        """An int is a ubyte or uint16 by its size (or of `kind`), a tuple a pair or box, bytes an array."""
        if isinstance(value, bytes):
            if len(value) < 256:
                return b"\xc8\xc0" + bytes([len(value)]) + value
            return b"\xc8\xc1" + struct.pack(f"{self.order}H", len(value)) + value
        items = value if isinstance(value, tuple) else (value,)
        base = {1: 0xC0, 2: 0xD0, 4: 0xE0}[len(items)]
        kind = kind or ("B" if all(isinstance(item, int) and 0 <= item < 256 for item in items) else "H")
        return bytes([base + "BHIhif".index(kind)]) + struct.pack(f"{self.order}{len(items)}{kind}", *items)

    def attributes(self, **values: object) -> "XL":
        """Append attributes; `name=value`, or `name=(kind, value)` with a struct letter for its type."""
        for name, value in values.items():
            kind = None
            if isinstance(value, tuple) and isinstance(value[0], str):
                kind, value = value
            self.octets += self.value(value, kind) + bytes([0xF8, ATTRIBUTE[name]])
        return self

    def do(self, name: str, **values: object) -> "XL":
        """Append an operator after its attributes."""
        self.attributes(**values)
        self.octets.append(OPERATOR[name])
        return self

    def data(self, octets: bytes, *, long: bool | None = None) -> "XL":
        """Append embedded data, with the length in four octets or in one."""
        if long or (long is None and len(octets) > 255):
            self.octets += b"\xfa" + struct.pack(f"{self.order}I", len(octets)) + octets
        else:
            self.octets += b"\xfb" + bytes([len(octets)]) + octets
        return self

    def session(self, dpi: int = 600, error_report: int = 0) -> "XL":
        """Begin a session in dots of an inch and open its data source."""
        pair = ("H", (dpi, dpi))
        self.do("begin_session", units_per_measure=pair, measure=0, error_report=error_report)
        return self.do("open_data_source", source_type=0, data_org=1)

    def at(self, x: int = 10, y: int = 10) -> "XL":
        """Set the current point."""
        return self.do("set_cursor", point=("H", (x, y)))

    def font(self) -> "XL":
        """Set a font of the printer's own."""
        size = {"char_size": ("H", 20), "symbol_set": ("H", 629)}
        return self.do("set_font", font_name=b"Courier         ", **size)

    def page(self, *, paint: bool = True, copies: int | None = None, **values: object) -> "XL":
        """Write a whole page; without attributes it is A4 portrait."""
        self.do("begin_page", **(values or {"orientation": 0, "media_size": 2}))
        if paint:
            self.do("rectangle", bounding_box=("H", (10, 10, 300, 300)))
        return self.do("end_page", **({} if copies is None else {"page_copies": ("H", copies)}))

    def end(self) -> "XL":
        """Close the data source and end the session."""
        return self.do("close_data_source").do("end_session")
