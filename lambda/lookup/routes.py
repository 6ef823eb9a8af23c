"""What a storefront may ask. openapi.py writes the same table down for whoever calls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lookup import answers, parameters
from lookup.parameters import SAID, Parameter
from lookup.request import BadRequestError, NotFoundError, Request, WrongMethodError
from lookup.shelf import FRESH_S, Shelf

METHOD = "GET"
_SHOWN = (parameters.COUNT, parameters.EXCLUDE, parameters.NAMES, parameters.REASONS)


@dataclass(frozen=True, slots=True)
class Route:
    name: str
    path: str  # with {parameters}
    about: str
    parameters: tuple[Parameter, ...]
    answer: Callable[..., dict[str, Any]]  # of the shelf, and each parameter by its name
    schema: str  # the answer's, in openapi.py
    fresh_s: int = 0  # how long a cache may keep the answer

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path's parameters, or None where this is another path."""
        own = self.path.strip("/").split("/")
        if len(own) != len(segments):
            return None
        pairs = list(zip(own, segments, strict=True))
        if any(one != given for one, given in pairs if not one.startswith("{")):
            return None
        return {one[1:-1]: given for one, given in pairs if one.startswith("{")}

    def read(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Every parameter's value. Raises BadRequestError."""
        known = [parameter.name for parameter in self.parameters]
        if unknown := texts.keys() - set(known):
            said = ", ".join(sorted(unknown))[:SAID]
            raise BadRequestError(f"there is no {said}= here; there are {', '.join(known) or 'none'}")
        values = {}
        for parameter in self.parameters:
            if parameter.required and parameter.name not in texts:
                raise BadRequestError(f"{parameter.name}= is missing: {parameter.about}")
            text = texts.get(parameter.name)
            values[parameter.name] = parameter.default if text is None else parameter.read(text)
        return values


ROUTES = (
    Route(
        "recommendations",
        "/customers/{customer}/recommendations",
        "One customer's list",
        (parameters.CUSTOMER, parameters.LIST, *_SHOWN),
        answers.recommendations,
        "Answer",
        int(FRESH_S),
    ),
    Route(
        "batch",
        "/recommendations",
        "The lists of up to a hundred customers",
        (parameters.CUSTOMERS, parameters.LIST, *_SHOWN),
        answers.batch,
        "Answers",
        int(FRESH_S),
    ),
    Route(
        "together",
        "/items/{item}/together",
        "What is bought together with an item",
        (parameters.ITEM, *_SHOWN),
        answers.together,
        "Answer",
        int(FRESH_S),
    ),
    Route("popular", "/popular", "What is popular now", _SHOWN, answers.popular, "Answer", int(FRESH_S)),
    Route("health", "/health", "Which version is live, and how old it is", (), answers.health, "Health"),
)


def find(request: Request) -> tuple[Route, dict[str, str]]:
    """The route and its path's parameters. Raises NotFoundError, WrongMethodError."""
    for route in ROUTES:
        if (texts := route.match(request.segments)) is not None:
            if request.method != METHOD:
                raise WrongMethodError(f"{request.method[:10]} is not served here; send {METHOD}")
            return route, texts
    raise NotFoundError(f"there is nothing here; there are {', '.join(route.path for route in ROUTES)}")


def answer(shelf: Shelf, request: Request) -> tuple[Route, dict[str, Any]]:
    """What to answer. Raises BadRequestError, NotFoundError, and shelf.UnavailableError."""
    route, texts = find(request)
    values = route.read({**request.query, **texts})
    return route, route.answer(shelf, **values)
