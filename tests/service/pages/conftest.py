"""The API with clients, as tests/service/api makes it, and a browser without scripts that signs in."""

import pytest
from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, Start, api, bundle, picture, running, start

__all__ = ["Api", "Start", "api", "browser", "bundle", "picture", "running", "start"]


def browser_of(api: Api, address: str = "http://testserver") -> TestClient:
    """Return another browser that has not signed in; it asks in the event loop that the API lives in."""
    browser = TestClient(api.http.app, address, raise_server_exceptions=False, follow_redirects=False)
    browser.portal = api.http.portal
    return browser


@pytest.fixture
def browser(api: Api) -> TestClient:
    """Return a browser that has not signed in; redirects are looked at, not followed."""
    return browser_of(api)
