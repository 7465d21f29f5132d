"""Selection against trying everything, on small films."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuleshov.match.choose.select import SelectOptions, select
from match.test_select import choice, chosen, only, overlaps, repeats, shots


def worn(stretches, shown, pairs, few):
    """What is lost at fresh 1 by what is shown more often than it may be."""
    setup = list(range(len(shown)))
    for i, j, _ in sorted(pairs, key=lambda pair: pair[1]):
        setup = [setup[i] if one == setup[j] else one for one in setup]
    offered = [c for part in stretches for c in part]
    lost = 0.0
    for bits, room, of in ((3, 1, lambda c: c.place), (0 if few else 0.5, 2, lambda c: c.footage)):
        free = -(-room * len(shown) // len({of(c) for c in offered}))
        for material in {of(c) for c in shown}:
            times = len({setup[n] for n, c in enumerate(shown) if of(c) == material})
            lost += bits * sum(min(k - free, 3) for k in range(free + 1, times + 1))
    return lost


def value(stretches, indices, options, pairs):
    """What a selection is worth in bits, written out once more: repeats first."""
    shown = [part[k] for part, k in zip(stretches, indices, strict=True)]
    total = sum(c.strength for c in shown)
    weight = {(i, j): w for i, j, w in pairs}
    for apart, bits in ((1, 4), (2, 2)):
        for i in range(len(shown) - apart):
            if shown[i].footage == shown[i + apart].footage:
                total -= options.spread * bits * (1 - weight.get((i, i + apart), 0))
    total -= 8 * options.few_films * len({c.footage for c in shown})
    if options.fresh:
        total -= options.fresh * worn(stretches, shown, pairs, few=bool(options.few_films))
    # `pairs` here has at most one for each later stretch.
    total += sum(4 * options.returns * w for i, j, w in pairs if shots(shown)[i] == shots(shown)[j])
    return repeats(shown), -total


choices = st.builds(
    lambda footage, start, length, strength, place: choice(
        footage, start, start + length, strength, start // 3, place
    ),
    st.integers(1, 3),
    st.integers(0, 6),
    st.integers(1, 3),
    st.integers(-6, 24).map(lambda quarters: quarters / 4),
    st.integers(0, 4),
)
films = st.lists(st.lists(choices, min_size=1, max_size=4), min_size=1, max_size=5)
many_options = st.one_of(
    st.builds(
        SelectOptions,
        spread=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
        returns=st.sampled_from([0.0, 0.5, 1.0]),
        fresh=st.sampled_from([0.0, 0.3, 1.0]),
    ),
    st.builds(
        lambda few, returns, fresh: SelectOptions(
            spread=0.0, few_films=few, returns=returns, fresh=fresh
        ),
        st.sampled_from([0.1, 0.3, 1.0]),
        st.sampled_from([0.0, 1.0]),
        st.sampled_from([0.0, 0.5]),
    ),
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(films, many_options, st.data())
def test_as_good_as_trying_everything(stretches, options, data):
    weights = st.sampled_from([0.25, 0.5, 1.0])
    pairs = [
        (data.draw(st.integers(0, j - 1)), j, data.draw(weights))
        for j in range(1, len(stretches))
        if data.draw(st.booleans())
    ]
    found = only(stretches, options, returns=pairs)
    every = product(*(range(len(part)) for part in stretches))
    best = min(value(stretches, indices, options, pairs) for indices in every)
    # Repeats are counted by instants in the programme and by pairs here: compare where none is due.
    if best[0] == 0:
        assert value(stretches, found.choices, options, pairs) == pytest.approx(best)
        assert found.optimal
    assert found == only(stretches, options, returns=pairs)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(films, st.sampled_from([0.3, 0.6, 1.0]))
def test_a_second_variant_as_good_as_trying_everything(stretches, differ):
    first, second = select(
        stretches, SelectOptions(spread=0.0, returns=0.0, fresh=0.0, variants=2, differ=differ)
    )
    before = chosen(stretches, first)

    def worth(indices):
        shown = [part[k] for part, k in zip(stretches, indices, strict=True)]
        other = sum(a != b for a, b in zip(shots(shown), shots(before), strict=True))
        short = max(0, int(np.ceil(differ * len(shown) - 1e-9)) - other)
        again = sum(
            any(overlaps(c, b) for j, b in enumerate(before) if i != j) for i, c in enumerate(shown)
        )
        return repeats(shown), short, again - sum(c.strength for c in shown)

    every = product(*(range(len(part)) for part in stretches))
    best = min(map(worth, every))
    if best[0] == 0:
        assert worth(second.choices) == pytest.approx(best)
