"""The best slicing layout, against trying them all."""

import itertools
import random
from math import sqrt

import pytest

from ffgo.errors import FFGOError
from ffgo.frame.geometry import Box
from ffgo.frame.packing import Item, Room, best_tree, in_reading_order, pack


def some_items(rng: random.Random, count: int, max_scales: tuple[float, ...] = (9.0,)) -> list[Item]:
    items = []
    for _ in range(count):
        width, height = rng.randint(60, 1500), rng.randint(60, 1500)
        items.append(Item(width, height, width * height * rng.uniform(0.1, 1), rng.choice(max_scales)))
    return items


def all_sizes(sides: list[tuple[float, float]], gap: int) -> list[tuple[float, float]]:
    """What every slicing layout of the boxes takes up, one entry per layout."""
    if len(sides) == 1:
        return sides
    sizes = []
    for choice in itertools.product((True, False), repeat=len(sides) - 1):
        one = [sides[0], *itertools.compress(sides[1:], choice)]
        other = list(itertools.compress(sides[1:], (not c for c in choice)))
        if other:
            for (w1, h1), (w2, h2) in itertools.product(all_sizes(one, gap), all_sizes(other, gap)):
                sizes += [(w1 + gap + w2, max(h1, h2)), (max(w1, w2), h1 + gap + h2)]
    return sizes


def best_size(items: list[Item], room: Room) -> float:
    """The largest size at which any slicing layout fits, by halving the interval."""
    low, high = 0.0, max(item.max_scale * sqrt(item.area) for item in items)
    for _ in range(26):
        middle = (low + high) / 2
        sides = []
        for item in items:
            scale = min(middle / sqrt(item.area), item.max_scale)
            sides.append((item.width * scale, item.height * scale))
        fits = any(w <= room.width and h <= room.height for w, h in all_sizes(sides, room.gap))
        low, high = (middle, high) if fits else (low, middle)
    return low


ROOMS = [Room(640, 720), Room(640, 720, gap=24), Room(240, 832, gap=3), Room(672, 768)]


def test_trying_all_counts_every_layout_once():
    assert [len(all_sizes([(1.0, 1.0)] * n, 0)) for n in (1, 2, 3, 4)] == [1, 2, 12, 120]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("max_scales", [(9.0,), (1.0, 0.4, 0.2)], ids=["free", "limited"])
def test_no_slicing_layout_is_better(count, max_scales):
    rng = random.Random(count)
    for room in ROOMS[: 4 if count < 5 else 2]:
        items = some_items(rng, count, max_scales)
        tree, size = best_tree(items, room)
        assert size == pytest.approx(best_size(items, room), rel=1e-5)
        assert room.holds(tree, [item.sides(size) for item in items])


@pytest.mark.parametrize(("seed", "room"), [(267, ROOMS[1]), (9, ROOMS[0]), (277, ROOMS[3])], ids=str)
def test_limits_that_take_the_search_more_than_one_round(seed, room):
    items = some_items(random.Random(seed), 4, (1.0, 0.4, 0.2) if seed % 2 else (9.0,))
    assert best_tree(items, room)[1] == pytest.approx(best_size(items, room), rel=1e-5)


def cut_up(box: Box, count: int, gap: int, rng: random.Random) -> list[Box]:
    if count == 1:
        return [box]
    beside = box.width > box.height
    first = rng.randint(1, count - 1)
    free = (box.width if beside else box.height) - gap
    one, other = box.split(beside, free * first // count + rng.randint(-9, 9), gap)
    return cut_up(one, first, gap, rng) + cut_up(other, count - first, gap, rng)


@pytest.mark.parametrize("count", range(2, 9))
@pytest.mark.parametrize("gap", [0, 7])
def test_puts_a_room_that_was_cut_up_together_again(count, gap):
    # Every piece is as large as the others in area; at that size, and no larger one, they fill the room to the brim.
    for seed in range(3):
        rng = random.Random(seed)
        pieces = cut_up(Box(0, 0, 640, 720), count, gap, rng)
        rng.shuffle(pieces)
        items = [Item(piece.width, piece.height, 10_000.0, 9.0) for piece in pieces]
        _, size = best_tree(items, Room(640, 720, gap))
        assert size == pytest.approx(100, rel=1e-6)
        cells = pack(items, Room(640, 720, gap))
        assert sorted(cell.size for cell in cells) == sorted(piece.size for piece in pieces)


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_cells_are_apart_and_nearly_as_good_as_without_whole_pixels(count, room):
    items = some_items(random.Random(10 * count), count, (9.0, 1.0))
    cells = pack(items, room)
    assert pack(items, room) == cells
    for cell in cells:
        assert min(cell.x, cell.y, cell.width - 1, cell.height - 1) >= 0
        assert cell.right <= room.width
        assert cell.bottom <= room.height
    for one, other in itertools.combinations(cells, 2):
        beside = one.right + room.gap <= other.x or other.right + room.gap <= one.x
        above = one.bottom + room.gap <= other.y or other.bottom + room.gap <= one.y
        assert beside or above
    _, size = best_tree(items, room)
    wanted = min(min(size, item.limit) ** 2 for item in items)
    assert min(item.area_in(cell) for item, cell in zip(items, cells, strict=True)) > 0.97 * wanted


def test_what_one_item_cannot_use_goes_to_the_others():
    small, large = Item(100, 100, 10_000, 1.0), Item(1000, 1000, 1_000_000, 1.0)
    cells = pack([small, large], Room(640, 720))
    assert small.area_in(cells[0]) == 100**2
    assert large.area_in(cells[1]) == 620**2


def test_items_grow_in_their_layout_until_nothing_is_left():
    # The banner is as wide as the room allows; the two others share what it leaves, and fill it.
    banner, one, two = Item(1000, 100, 10_000, 9.0), Item(300, 300, 90_000, 9.0), Item(300, 300, 90_000, 9.0)
    cells = pack([banner, one, two], Room(600, 360))
    assert cells[0].width == 600
    assert [item.area_in(cell) for item, cell in zip((one, two), cells[1:], strict=True)] == [300**2, 300**2]


def test_thin_pictures_get_a_cell_of_at_least_a_pixel():
    items = [Item(3000, 2, 6000, 1.0), Item(2, 3000, 6000, 1.0), Item(3000, 2, 6, 1.0), Item(900, 900, 8e5, 1.0)] * 2
    assert all(min(cell.size) >= 1 for cell in pack(items, Room(320, 240)))


def test_the_order_of_items_is_kept():
    tall, wide = Item(100, 900, 90_000, 9.0), Item(900, 100, 90_000, 9.0)
    for items in ([tall, wide], [wide, tall]):
        cells = dict(zip(items, pack(items, Room(500, 500)), strict=True))
        assert cells[tall].height > 2 * cells[wide].height


def test_gaps_that_leave_no_room_are_an_error():
    with pytest.raises(FFGOError, match="8 subjects with gaps of 400 px do not fit into 640x720 px"):
        pack(some_items(random.Random(1), 8), Room(640, 720, gap=400))


def test_a_single_item_gets_everything():
    assert pack([Item(10, 10, 50, 1.0)], Room(33, 44, gap=100)) == [Box(0, 0, 33, 44)]


@pytest.mark.parametrize(("tree", "ordered"), [
    (3, 3),
    ((False, 1, 0), (False, 0, 1)),
    ((False, 2, (False, 1, 0)), (False, (False, 0, 1), 2)),
    ((True, (False, 3, 1), (True, 2, (False, 4, 0))), (True, (True, (False, 0, 4), (False, 1, 3)), 2)),
], ids=str)  # fmt: skip
def test_the_first_item_comes_first_at_every_cut(tree, ordered):
    assert in_reading_order(tree) == ordered
    sides = [(10.0 + i, 20.0 - i) for i in range(5)]
    assert Room(99, 99, 3).measure(tree, sides) == Room(99, 99, 3).measure(ordered, sides)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_column_reads_as_the_published_one_does(count):
    wide = Item(600, 100, 60_000, 9.0)
    cells = pack([wide] * count, Room(640, 720))
    assert [cell.y for cell in cells] == sorted(cell.y for cell in cells)
