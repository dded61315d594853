"""Steps over the dull majority of a page: runs of operators, characters with their data, graphics states."""

from __future__ import annotations

from .language import ByteOrder, Octets
from .pclxl_graphics import Graphics
from .pclxl_patterns import SPACE, Watch, character_pattern, paint_of, run_pattern, swallowed_spaces
from .pclxl_streams import FontNames
from .tables import DataTag, Operator

__all__ = ["run_dull"]


def run_dull(
    data: Octets, position: int, order: ByteOrder, watch: Watch, graphics: Graphics, fonts: FontNames
) -> int:
    """Return the position of the first octet that must be looked at; what PushGS and the like do is done."""
    character, spaces = character_pattern(order), swallowed_spaces(watch)
    size = len(data)
    while True:
        state = graphics.state
        run = run_pattern(order, watch, paint_of(state.space), texts=state.font is not False)
        found = run.match(data, position)
        position = found.end() if found else position
        tag = data[position] if position < size else None
        if tag == Operator.PUSH_GS:
            graphics.push()
            position += 1
            continue
        if tag == Operator.POP_GS:
            graphics.pop()
            position += 1
            continue
        space = SPACE.match(data, position)
        if space and space[1] in spaces:
            graphics.set_space(space[1][0])
            position = space.end()
            continue
        opened = character.match(data, position)
        if not opened:
            return position
        octets = int.from_bytes(opened["size"], order)
        end = opened.end() + octets
        said = int.from_bytes(opened["long"] or opened["short"], order)
        head = 3 if opened["name"][1] == DataTag.UBYTE else 4
        if said != octets or not fonts.holds(opened["name"][:1] + opened["name"][head:]):
            return position
        if end >= size or data[end] != Operator.END_CHAR:
            return position
        position = end + 1
