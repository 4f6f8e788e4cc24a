"""hilrig.node.service under schemathesis: requests made up from its own OpenAPI, over a real socket."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from node_services import serving_node, tiny_store

pytestmark = pytest.mark.waiting

N_EXAMPLES = (
    6  # for each of the operations, well-formed and not: enough to meet every kind of wrong body, and it ends
)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """Return a running service."""
    store = tiny_store(tmp_path_factory.mktemp("fuzzed"))
    with serving_node(store.folder) as service:
        yield service


CHECKS = [checks.not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.mark.parametrize(
    "mode",
    [
        GenerationMode.POSITIVE,
        pytest.param(GenerationMode.NEGATIVE, marks=pytest.mark.long),  # short: test_node_service_requests
    ],
)
def test_every_answer_is_one_that_it_declares(fuzzed, mode):
    """Whatever comes, good or bad: no 5xx, a declared status, a body of the declared form; and it still serves."""
    schema = schemathesis.openapi.from_url(f"{fuzzed.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 15
    for operation in operations:
        asked = operation.as_strategy(generation_mode=mode)

        @given(case=asked)
        @settings(
            max_examples=N_EXAMPLES,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def ask(case):
            case.call_and_validate(checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE  # a path without parameters cannot be asked wrongly
    assert fuzzed.get("/livez") == {"status": "alive"}


def test_the_document_names_every_path(fuzzed):
    """Routes that read raw bodies stand in the OpenAPI as well."""
    paths = set(fuzzed.get("/openapi.json")["paths"])
    assert {"/infer", "/reload-model", "/healthz", "/livez", "/readyz", "/node/status", "/node/window"} <= paths
    assert {"/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer"} <= paths
