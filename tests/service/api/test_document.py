"""The OpenAPI document: committed, whole, valid, and kept by schemathesis's requests."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from onelook.service.api.app import create_app

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def test_the_document_is_the_one_that_is_committed(document: dict[str, Any]) -> None:
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text())

    assert document == committed, "docs/openapi.json is old: run `make docs`"


def test_it_is_openapi_3_1_and_names_every_problem(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            for kind in ("4XX", "5XX"):
                assert list(operation["responses"][kind]["content"]) == ["application/problem+json"], (method, path)


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]

    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere_and_every_schema_is_one(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)

    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named == set(document["components"]["schemas"])


def test_what_needs_a_key_says_so(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert ("security" in operation) == (path not in ("/healthz", "/readyz")), (method, path)
