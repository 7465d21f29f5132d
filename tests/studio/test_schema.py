"""Anything may be sent to a studio that is running: nothing of it is an error of the server, and
what it answers is what `openapi.json` says."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kuleshov.studio.app import SPECIFICATION

pytestmark = pytest.mark.slow

_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_EACH = 12  # requests of each kind to each address


def told(state: dict[str, Any], offers: list[str]) -> dict[str, Any]:
    """What is said of the studio, with shots and offers that there are: else nearly all that is
    sent would be refused for these."""
    said: dict[str, Any] = json.loads(SPECIFICATION.read_text("utf-8"))
    slots = [one["slot"] for one in state["shots"]]
    schemas = said["components"]["schemas"]
    for one in schemas["Change"]["oneOf"]:
        known = one["properties"]
        for name, values in (("slot", slots), ("with", slots), ("offer", offers)):
            if name in known:
                known[name] = {"type": "string", "enum": values}
    for path in said["paths"]:
        for method in said["paths"][path].values():
            for one in method.get("parameters", ()):
                if one["name"] in ("slot", "offer") and one["in"] == "path":
                    one["schema"] = {
                        "type": "string",
                        "enum": slots if one["name"] == "slot" else offers,
                    }
    for side in ("width", "height"):  # that it renders large films is shown elsewhere
        schemas["Rendering"]["properties"][side]["maximum"] = 64
    return said


def faults(operation: Any, mode: GenerationMode, send: Any) -> list[str]:
    """What is wrong with the answers to requests of a kind."""
    limits = settings(
        max_examples=_EACH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    try:
        limits(given(operation.as_strategy(generation_mode=mode))(send))()
    except Unsatisfiable:
        return []  # there is no such way to ask this
    except (FailureGroup, Failure) as fault:
        return [f"{operation.label}, {mode.value}: {fault}"]
    return []


def test_nothing_that_is_sent_is_an_error_of_the_server(films, studio):
    running = studio(films, films.source)
    with running.client() as client:
        state = client.get("/api/state").json()
        ends = time.monotonic() + 150
        while not state["ready"] and time.monotonic() < ends:
            time.sleep(0.2)
            state = client.get("/api/state").json()
        slot = next(one["slot"] for one in state["shots"] if one["clip"])
        found = client.get(f"/api/suggestions/{slot}").json()["suggestions"]
        schema = schemathesis.openapi.from_dict(told(state, [one["offer"] for one in found[:4]]))
    headers = {"Authorization": f"Bearer {running.token}"}
    answered: set[tuple[str, int]] = set()
    operations = [one.ok() for one in schema.get_all_operations()]

    def send(case: schemathesis.Case) -> None:
        answer = case.call(base_url=running.base, headers=headers, timeout=60)
        case.validate_response(answer, checks=_CHECKS)
        answered.add((case.operation.path, answer.status_code))

    # What closes the project comes last.
    wrong = [
        fault
        for operation in sorted(operations, key=lambda one: one.path == "/api/close")
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for fault in faults(operation, mode, send)
    ]
    assert not wrong, "\n\n".join(wrong)
    assert {status for path, status in answered if path == "/api/do"} >= {200, 422}
    assert ("/api/state", 200) in answered
    assert running.process.poll() is None
    assert "Traceback" not in "".join(running.errors)
