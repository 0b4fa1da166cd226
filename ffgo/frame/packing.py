"""Arrange boxes in a rectangle so that the smallest subject becomes as large as it can, exact over all slicing layouts.

A slicing layout cuts the rectangle in two with one straight line, then each part again, until every box has a part of
its own. All of them are searched without listing them: of every set of boxes only those block sizes are kept that no
other layout of the same set undercuts in width and height at once.
Source of that idea: L. Stockmeyer, Optimal orientations of cells in slicing floorplan designs, 1983.

The *size* of a subject is the side, in canvas pixels, of a square of the subject's alpha-weighted area.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import ceil, floor, inf, sqrt
from operator import itemgetter
from typing import Any

from ..errors import FFGOError
from .geometry import Box, fit_size

STEP_DOWN = 0.9
"""The search starts at a size that is too large and goes down by this factor until some layout fits.
Near the best size most blocks are ruled out early, so a few such steps cost less than one that goes too far."""

PRECISION = 1e-7
"""Relative accuracy of sizes: far below a pixel."""

Tree = int | tuple[bool, Any, Any]
"""An item's index, or (True: side by side, False: one above the other; first tree; second tree)."""

Sides = tuple[float, float]
"""(width, height) in canvas pixels."""

Block = tuple[float, float, Tree]
"""The width and height that a tree takes up, in canvas pixels, and the tree."""

Cell = tuple[float, int, Box]
"""An item's area in its cell in canvas pixels, its index, and the cell."""


@dataclass(frozen=True, slots=True)
class Item:
    """A subject to place: its box and its alpha-weighted area in pixels, and how far it may be enlarged."""

    width: int
    height: int
    area: float
    max_scale: float

    @property
    def limit(self) -> float:
        """The largest size that `max_scale` allows."""
        return self.max_scale * sqrt(self.area)

    def sides(self, size: float) -> Sides:
        """The box on the canvas at this size, or at the limit if that is less; a side is never under a pixel."""
        scale = min(size / sqrt(self.area), self.max_scale)
        return max(self.width * scale, 1.0), max(self.height * scale, 1.0)

    def area_in(self, cell: Box) -> float:
        """The alpha-weighted area on the canvas, in pixels, when the box fills this cell as far as it may."""
        if min(cell.size) < 1:
            return 0.0
        width, height = fit_size((self.width, self.height), cell.size, self.max_scale)
        return self.area * width * height / (self.width * self.height)


@dataclass(frozen=True, slots=True)
class Room:
    """The rectangle to fill and the gap between neighbours, in canvas pixels."""

    width: int
    height: int
    gap: int = 0

    def holds(self, tree: Tree, sides: Sequence[Sides]) -> bool:
        """Whether the tree of boxes of these sides fits."""
        width, height = self.measure(tree, sides)
        return width <= self.width and height <= self.height

    def measure(self, tree: Tree, sides: Sequence[Sides]) -> Sides:
        """The room that a tree of boxes of these sides takes up."""
        if isinstance(tree, int):
            return sides[tree]
        beside, first, second = tree
        first_width, first_height = self.measure(first, sides)
        second_width, second_height = self.measure(second, sides)
        if beside:
            return first_width + self.gap + second_width, max(first_height, second_height)
        return max(first_width, second_width), first_height + self.gap + second_height


def pack(items: Sequence[Item], room: Room) -> list[Box]:
    """Give every item a cell of whole pixels in the room.

    The smallest item becomes as large as any slicing layout allows; where `max_scale` stops items, the smallest of
    the rest does. In that layout the others then grow, the smallest first, and the cells share what is left over.
    Rounding to whole pixels may cost an item up to a pixel. The same items always give the same cells.

    Returns one cell per item. Raises: FFGOError if the gaps leave no room for the items.

    >>> wide, tall = Item(200, 100, area=20_000, max_scale=1), Item(100, 300, area=30_000, max_scale=1)
    >>> pack([wide, tall], Room(300, 300))
    [Box(x=0, y=0, width=200, height=300), Box(x=200, y=0, width=100, height=300)]
    """
    tree, size = best_tree(items, room)
    sizes = _grown(tree, size, items, room)
    sides = [item.sides(size) for item, size in zip(items, sizes, strict=True)]
    cells = _cells(tree, Box(0, 0, room.width, room.height), items, sides, room)
    return [cell for _, _, cell in sorted(cells, key=itemgetter(1))]


def best_tree(items: Sequence[Item], room: Room) -> tuple[Tree, float]:
    """The tree in which the smallest item can be largest, and the largest size at which all items fit in it."""
    most = max(item.limit for item in items)
    size = _largest(most, lambda size: sum(w * h for w, h in _sides(items, size)) <= room.width * room.height)
    while not (blocks := _blocks(_sides(items, size), room)):
        if max(max(sides) for sides in _sides(items, size)) == 1:  # nothing can be made smaller
            raise FFGOError(
                f"{len(items)} subjects with gaps of {room.gap} px do not fit into {room.width}x{room.height} px, "
                "the left half of the canvas. Make the gap smaller or the canvas larger, or use fewer subjects."
            )
        size *= STEP_DOWN
    while True:  # a round finds a better tree than the one before; only gaps and limits make more than one necessary
        _, _, tree = max(blocks, key=lambda block: min(room.width / block[0], room.height / block[1]))
        tree = in_reading_order(tree)
        size = _largest(most, lambda size, tree=tree: room.holds(tree, _sides(items, size)))
        if size == most or not (blocks := _blocks(_sides(items, size * (1 + PRECISION)), room)):
            return tree, size


def in_reading_order(tree: Tree) -> Tree:
    """The same cuts, of whose parts the one with the first item lies on top or at the left: it takes up no more room.

    So subject 1 stands where it does in the published layout, and the others as far in its order as the cuts allow.
    """
    if isinstance(tree, int):
        return tree
    beside = tree[0]
    parts = sorted(map(in_reading_order, _parts(tree, beside)), key=_first_item)
    return reduce(lambda first, second: (beside, first, second), parts)


def _parts(tree: Tree, beside: bool) -> list[Tree]:
    """What the cuts of one direction leave, until there is one of the other."""
    if isinstance(tree, int) or tree[0] != beside:
        return [tree]
    return [*_parts(tree[1], beside), *_parts(tree[2], beside)]


def _first_item(tree: Tree) -> int:
    return tree if isinstance(tree, int) else min(_first_item(tree[1]), _first_item(tree[2]))


def _sides(items: Sequence[Item], size: float) -> list[Sides]:
    return [item.sides(size) for item in items]


def _largest(most: float, fits: Callable[[float], bool]) -> float:
    """The largest size up to `most` that fits."""
    if fits(most):
        return most
    low, high = 0.0, most
    while high - low > PRECISION / 10 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _blocks(sides: Sequence[Sides], room: Room) -> list[Block]:
    """The blocks of all boxes that fit into the room and that no other undercuts both ways; none if nothing fits.

    Sets of boxes are bit masks. The blocks of a set are joined from those of the two parts of every split of it.
    """
    everything = (1 << len(sides)) - 1
    areas = [sum(w * h for i, (w, h) in enumerate(sides) if mask >> i & 1) for mask in range(everything + 1)]
    blocks: list[list[Block]] = [[] for _ in areas]
    for mask in range(1, everything + 1):
        last = mask.bit_length() - 1
        rest = mask ^ (1 << last)
        found: list[Block] = []
        if not rest and sides[last][0] <= room.width and sides[last][1] <= room.height:
            found.append((*sides[last], last))
        # The boxes outside the set need their own area, so a block of the set may not cover more than the remainder.
        most = room.width * room.height - areas[everything] + areas[mask]
        part = rest
        while part:
            _join(blocks[mask ^ part], blocks[part], room, most, found)
            part = (part - 1) & rest
        blocks[mask] = _best(found)
    return blocks[everything]


def _join(one: list[Block], other: list[Block], room: Room, most: float, found: list[Block]) -> None:
    """Add to `found` the joins of two sets' blocks that may be worth keeping and cover at most the area `most`.

    Both lists go from narrow and tall to wide and low. This is the innermost loop of the search, hence its plainness.
    """
    i = j = 0
    while i < len(one) and j < len(other):  # side by side; only a lower block in place of the taller one can help
        (one_width, one_height, first), (other_width, other_height, second) = one[i], other[j]
        width = one_width + room.gap + other_width
        if width > room.width:
            break
        height = max(one_height, other_height)
        i += one_height == height
        j += other_height == height
        if width * height <= most:
            found.append((width, height, (True, first, second)))
    i, j = len(one) - 1, len(other) - 1
    while i >= 0 and j >= 0:  # one above the other; only a narrower block in place of the wider one can help
        (one_width, one_height, first), (other_width, other_height, second) = one[i], other[j]
        height = one_height + room.gap + other_height
        if height > room.height:
            break
        width = max(one_width, other_width)
        i -= one_width == width
        j -= other_width == width
        if width * height <= most:
            found.append((width, height, (False, first, second)))


def _best(blocks: list[Block]) -> list[Block]:
    """The blocks that no other undercuts both ways, from narrow and tall to wide and low."""
    best: list[Block] = []
    lowest = inf
    for block in sorted(blocks, key=itemgetter(0, 1)):
        if block[1] < lowest * (1 - PRECISION / 100):  # the same block joined in another order differs by rounding
            best.append(block)
            lowest = block[1]
    return best


def _grown(tree: Tree, size: float, items: Sequence[Item], room: Room) -> list[float]:
    """The sizes of the items when all grow together from `size`, and each stops where the tree leaves it no room."""
    sizes = [size] * len(items)

    def fits(size: float, growing: set[int]) -> bool:
        tried = [size if i in growing else sizes[i] for i in range(len(items))]
        return room.holds(tree, [item.sides(s) for item, s in zip(items, tried, strict=True)])

    growing = set(range(len(items)))
    while growing:
        most = max(items[i].limit for i in growing)
        size = _largest(most, lambda size, growing=growing: fits(size, growing))
        for i in growing:
            sizes[i] = min(size, items[i].limit)
        able = {i for i in growing if sizes[i] < items[i].limit and fits(size * (1 + 10 * PRECISION), {i})}
        growing = able if able != growing else set()
    return sizes


def _cells(tree: Tree, cell: Box, items: Sequence[Item], sides: Sequence[Sides], room: Room) -> list[Cell]:
    """Cut a cell along the tree, in proportion to what both parts take up, rounding in favour of the smallest item."""
    if isinstance(tree, int):
        return [(items[tree].area_in(cell), tree, cell)]
    beside, first, second = tree
    along = 0 if beside else 1
    need, other = room.measure(first, sides)[along], room.measure(second, sides)[along]
    free = cell.size[along] - room.gap
    choices = []
    for cut in sorted({floor(free * need / (need + other)), ceil(free * need / (need + other))}):
        one, two = cell.split(beside, cut, room.gap)
        choices.append(_cells(first, one, items, sides, room) + _cells(second, two, items, sides, room))
    return max(choices, key=lambda cells: sorted(area for area, _, _ in cells))
