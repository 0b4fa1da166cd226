"""The contact sheet."""

import pytest
import torch

from ffgo.dataset.examples import open_dataset
from ffgo.dataset.sheet import MARGIN, THUMB, contact_sheet
from ffgo.errors import FFGOError


def test_every_example_has_a_row_with_its_composite_frames_and_caption(make_dataset):
    sheet, pages = contact_sheet(open_dataset(make_dataset(3)).examples)
    assert pages == 1
    assert sheet.shape[3] == 3
    assert sheet.shape[1] % 3 == 0
    rows = sheet[0].chunk(3)
    for i, row in enumerate(rows):
        middle = row[MARGIN + THUMB[1] // 2, MARGIN + THUMB[0] // 2]
        assert torch.allclose(middle, torch.tensor([30 * i, 120, 40]) / 255, atol=0.02)
        for column in range(1, 5):
            left = MARGIN + column * (THUMB[0] + MARGIN)
            assert row[MARGIN : MARGIN + THUMB[1], left : left + THUMB[0]].std() > 0.1
        assert row[MARGIN + THUMB[1] + MARGIN :].min() < 0.5  # ink


def test_the_frames_shown_begin_after_the_composites_share(make_dataset):
    """Frame i of the clip has its bar in the rows 2i to 2i + 3 of 48; the thumbnails are as high as THUMB."""
    sheet, _ = contact_sheet(open_dataset(make_dataset(1)).examples)
    shown = []
    for column in range(1, 5):
        middle = MARGIN + column * (THUMB[0] + MARGIN) + THUMB[0] // 2
        bar = (sheet[0, MARGIN : MARGIN + THUMB[1], middle, 1] > 0.6).nonzero().float().mean()
        shown.append(round((float(bar) / THUMB[1] * 48 - 1.5) / 2))
    assert shown == [4, 5, 6, 8]


def test_pages(make_dataset):
    examples = open_dataset(make_dataset(5)).examples
    first, pages = contact_sheet(examples, 1, 2)
    last, _ = contact_sheet(examples, 3, 2)
    assert pages == 3
    assert first.shape[1] == 2 * last.shape[1]
    whole, _ = contact_sheet(examples)
    assert torch.equal(whole[0].chunk(5)[4], last[0])  # its number, too
    with pytest.raises(FFGOError, match="no page 4: the dataset has 5 examples on 3"):
        contact_sheet(examples, 4, 2)
