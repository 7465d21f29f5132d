"""Products of two vectors with very many of 8 bits, read off a table."""

from __future__ import annotations

import numpy as np
import pytest

from kuleshov.models.products import Products

TABLE = np.linspace(-6, 14, 1000).astype(np.float32)


def expected(codes, rows, offset):
    place = np.clip(rows @ codes.astype(np.float32).T + offset, 0, len(TABLE) - 1)
    return TABLE[place.astype(np.int32)]


@pytest.mark.parametrize(("exact", "off"), [(True, 0.021), (False, 0.5)])
def test_each_product_is_read_off_the_table(exact, off):
    chance = np.random.default_rng(3)
    codes = chance.integers(-127, 128, (5000, 60), dtype=np.int8)
    rows = (chance.standard_normal((2, 60)) / 4).astype(np.float32)
    found = Products(codes, TABLE, 500.0, exact=exact)(rows)
    assert found.shape == (2, 5000)
    wanted = expected(codes, rows, 500.0)
    assert wanted.std() > 2
    assert np.abs(found - wanted).max() <= off
    alone = Products(codes, TABLE, 500.0, exact=exact)(rows[:1])
    assert alone.shape == (1, 5000)
    assert np.abs(alone - wanted[:1]).max() <= off


def test_what_lies_beyond_the_table_is_read_at_its_ends():
    codes = np.array([[127], [-127], [0]], np.int8)
    found = Products(codes, TABLE, 10.0)(np.array([[100.0], [-100.0]], np.float32))
    assert found[0].tolist() == [TABLE[-1], TABLE[0], TABLE[10]]
    assert found[1].tolist() == [TABLE[0], TABLE[-1], TABLE[10]]


def test_nothing_has_no_products_and_other_rows_are_refused():
    products = Products(np.zeros((0, 4), np.int8), TABLE, 0.0)
    assert products(np.zeros((2, 4), np.float32)).shape == (2, 0)
    assert products(np.zeros((1, 4), np.float32)).shape == (1, 0)
    for shape in ((1, 5), (3, 4), (0, 4), (4,)):
        with pytest.raises(ValueError, match="2 rows of 4"):
            products(np.zeros(shape, np.float32))
