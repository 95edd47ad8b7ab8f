"""What a route does not know is a mistake: a parameter that nobody reads, a body of another kind than JSON."""

from collections.abc import Iterator

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from onelook.service.api.bodies import media_type, wrong_media_type
from onelook.service.api.identity import Caller
from onelook.service.problems import invalid

_JSON = "application/json"


async def strictly(request: Request, _: Caller) -> None:
    """Raise the 422 that names a parameter which the route does not know, the 415 where it reads JSON and something else came.

    Who asks is known by then: a stranger is told nothing but 401.
    """
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    known = set(_parameters(route.dependant))
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise invalid(name[:100], "no parameter of this name", value)
    kind = media_type(request)
    if route.body_field is not None and kind != _JSON and (kind or await request.body()):
        raise wrong_media_type(request, _JSON)


def _parameters(dependant: Dependant) -> Iterator[str]:
    """Yield the names of the query's parameters that a route or what it depends on reads."""
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _parameters(below)


STRICT = Depends(strictly)
"""For the routers of the API; the routes that `Front` answers look by themselves."""
