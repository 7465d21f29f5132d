"""`openapi.json` says what the routes are, and what can be said with them."""

import json
from typing import get_args

import pytest

from kuleshov.desk.desk import Desk
from kuleshov.desk.editing import State
from kuleshov.edit.layouts import ARRANGEMENTS
from kuleshov.exchange.export import FORMATS
from kuleshov.features.facet import FACETS
from kuleshov.match.live.holding import WAYS
from kuleshov.media.codecs import PRESETS, Codec
from kuleshov.render.options import Cadence, Missing
from kuleshov.studio.answers import Refused
from kuleshov.studio.app import SPECIFICATION, routes
from kuleshov.studio.jobs import Kind
from kuleshov.studio.jobs import State as JobState
from kuleshov.studio.live import SPECIFICATION as LIVE
from kuleshov.studio.live import LiveSession, live_routes
from kuleshov.studio.live_lens import KNOBS, Through
from kuleshov.studio.live_takes import KINDS
from kuleshov.studio.orders import HEAVIEST, VERBS
from kuleshov.studio.reading import Fields
from kuleshov.timeline import Fit
from studios import client_of, session_at


@pytest.fixture(scope="module")
def told():
    return json.loads(SPECIFICATION.read_text("utf-8"))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    with session_at(folder / "home", folder / "archive") as session:
        yield session


def test_routes_and_paths_agree(told, session):
    said = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert said == set(routes(session))


def test_verbs_and_their_fields_agree(told):
    said = {}
    for one in told["components"]["schemas"]["Change"]["oneOf"]:
        (verb,) = one["properties"]["do"]["enum"]
        assert one["additionalProperties"] is False
        said[verb] = set(one["properties"]) - {"do", "revision"}
    assert said == {verb: set(names) for verb, (names, _) in VERBS.items()}


def test_what_can_be_chosen_agrees(told):
    schemas = told["components"]["schemas"]
    render, export = schemas["Rendering"]["properties"], schemas["Exporting"]["properties"]
    assert tuple(render["layout"]["enum"]) == ARRANGEMENTS
    assert tuple(render["preset"]["enum"]) == PRESETS
    assert tuple(render["codec"]["enum"]) == get_args(Codec)
    assert tuple(render["fit"]["enum"]) == get_args(Fit)
    assert tuple(render["cadence"]["enum"]) == get_args(Cadence)
    assert tuple(render["missing"]["enum"]) == get_args(Missing)
    assert tuple(export["format"]["enum"]) == FORMATS
    assert set(schemas["Shot"]["properties"]["state"]["enum"]) == set(get_args(State))
    job = schemas["Job"]["properties"]
    assert tuple(job["kind"]["enum"]) == get_args(Kind)
    assert tuple(job["state"]["enum"]) == get_args(JobState)
    weigh = next(
        one for one in schemas["Change"]["oneOf"] if one["properties"]["do"]["enum"] == ["weigh"]
    )
    weights = weigh["properties"]["weights"]["properties"]
    assert tuple(weights) == tuple(FACETS)
    assert {one["maximum"] for one in weights.values()} == {HEAVIEST}


def test_it_is_served(told, session):
    with client_of(session) as client:
        assert client.get("/api/openapi.json").json() == told


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    session = LiveSession(Desk(folder / "archive"), takes=folder / "takes")
    yield session
    session.close()


@pytest.fixture(scope="module")
def live_told():
    return json.loads(LIVE.read_text("utf-8"))


def test_routes_and_paths_of_the_live_view_agree(live_told, live):
    paths = live_told["paths"].items()
    said = {(method.upper(), path) for path, methods in paths for method in methods}
    assert said == set(live_routes(live))


def test_what_the_live_view_tells_and_takes_agrees(live_told, live):
    schemas = live_told["components"]["schemas"]
    state = live.state()
    for name, told in (("Live", state), ("Take", state["take"]), ("Lens", state["lens"])):
        assert set(schemas[name]["properties"]) == set(told) == set(schemas[name]["required"])
    answering, looking = schemas["Answering"]["properties"], schemas["Looking"]["properties"]
    assert tuple(answering["way"]["enum"]) == WAYS
    assert tuple(answering["weights"]["properties"]) == tuple(FACETS)
    assert tuple(looking["through"]["enum"]) == get_args(Through)
    for name, ends in KNOBS.items():
        assert (looking[name]["minimum"], looking[name]["maximum"]) == ends
    kinds = live_told["paths"]["/api/take"]["post"]["requestBody"]["content"]["application/json"]
    assert tuple(kinds["schema"]["properties"]["kind"]["enum"]) == KINDS
    # What is not among the fields is refused, and what is there is taken.
    assert live.change(Fields({name: state[name] for name in answering if name != "weights"}))
    for name in ("loud", "state"):
        with pytest.raises(Refused):
            live.change(Fields({name: 1}))
