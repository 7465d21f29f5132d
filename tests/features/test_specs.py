"""What rows and analysts are known by: plain values, found without a compiled network."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from kuleshov.features.encoder import BUNDLED
from kuleshov.features.facet import FACETS, KEPT
from kuleshov.features.networks import Networks
from kuleshov.features.specs import AnalystSpec, RowsSpec, bundled_rows, used_rows
from kuleshov.media.worker import ReadLimits
from kuleshov.models import runtime


def test_rows_are_known_without_a_network(no_network):
    with AnalystSpec().networks() as loaded:
        assert [spec.facet for spec in loaded.rows] == [*FACETS, *KEPT]
        assert loaded.reference.scale("subject").same > 0


def test_the_rows_that_are_asked_for_are_those_that_an_analyst_makes():
    with AnalystSpec().networks() as loaded:
        assert loaded.rows == bundled_rows() == loaded.analyst.rows
        assert loaded.groups == loaded.analyst.groups


def test_specs_are_values_that_can_be_sent():
    specs = (AnalystSpec(BUNDLED, ReadLimits(stall_s=3), Path("kept")), *bundled_rows())
    assert pickle.loads(pickle.dumps(specs)) == specs
    assert len(set(specs)) == len(specs)


def test_of_two_encoders_the_later_ones_rows_are_used():
    first = (RowsSpec("subject", 1, "one", "1"), RowsSpec("tone", 1, "", ""))
    second = (RowsSpec("subject", 1, "two", "2"), RowsSpec("vectors", 1, "two", "2"))
    assert used_rows((first, second)) == (first[1], *second)
    assert used_rows((first,)) == first


def test_an_analyst_is_made_once(monkeypatch):
    compiled = []
    load = runtime.load

    def counted(name):
        compiled.append(name)
        return load(name)

    monkeypatch.setattr(runtime, "load", counted)
    with Networks() as loaded:
        assert loaded.analyst is loaded.analyst
    assert compiled.count("transnetv2") == 1


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no network be compiled in this process."""

    def compiling(*_: object) -> None:
        pytest.fail("a network is compiled")

    monkeypatch.setattr(runtime, "openvino", compiling)
