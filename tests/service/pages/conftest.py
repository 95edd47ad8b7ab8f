"""The API with clients, as tests/service/api makes it, and a browser without scripts that signs in."""

import pytest
from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, Start, api, bundle, running, start

__all__ = ["Api", "Start", "api", "browser", "bundle", "running", "start"]


@pytest.fixture
def browser(api: Api) -> TestClient:
    """Return a browser that has not signed in; redirects are looked at, not followed."""
    return TestClient(api.http.app, follow_redirects=False, raise_server_exceptions=False)
