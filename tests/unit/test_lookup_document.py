"""The lookup does what its OpenAPI document says, and nothing a caller sends is an unhandled error."""

import json
import os
import urllib.parse
from http import HTTPStatus

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts import order_line
from lookup import handler, openapi, parameters
from lookup.request import Request
from lookup.shelf import Shelf
from tests.lookup_table import LookupTable

EXAMPLES = int(os.environ.get("CADABRA_EXAMPLES", "40"))  # of each route, and ten times as many events


def test_the_document_is_what_the_routes_are():
    assert json.loads(openapi.DOCUMENT.read_text()) == openapi.document()


def test_the_documents_customer_id_is_the_order_lines():
    assert f"^{order_line._CUSTOMER.pattern}$" == parameters.CUSTOMER_PATTERN


def of_wsgi(environ, start_response):
    """The handler as a web application, as AWS would put a Function URL before it."""
    if environ["PATH_INFO"] == "/openapi.json":
        start_response("200 OK", [("content-type", "application/json")])
        return [json.dumps(openapi.document() | {"security": []}).encode()]  # AWS checks who signed
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
    query = urllib.parse.parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    event = {
        "rawPath": urllib.parse.quote(path),
        "queryStringParameters": {name: ",".join(values) for name, values in query.items()},
        "requestContext": {"http": {"method": environ["REQUEST_METHOD"]}},
        "headers": {"if-none-match": environ["HTTP_IF_NONE_MATCH"]}
        if "HTTP_IF_NONE_MATCH" in environ
        else {},
    }
    _, answer = handler.respond(Shelf(LookupTable(), "lists"), Request.of(event))
    status = HTTPStatus(answer["statusCode"])
    start_response(f"{status.value} {status.phrase}", list(answer["headers"].items()))
    return [answer["body"].encode()]


api = schemathesis.openapi.from_wsgi("/openapi.json", of_wsgi)


# The same examples each time: some wrong values, such as an empty object for n, are nothing in a query.
@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_route_does_what_the_document_says(case):
    case.call_and_validate()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
texts = st.text() | st.sampled_from(["c1", "10001", "-1", "true", "%", "%zz", "a,b", "\ud800", "\x00", "é"])
paths = st.lists(
    texts | st.sampled_from(["customers", "items", "recommendations", "together", "health", "popular"]),
    max_size=4,
).map(lambda parts: "/" + "/".join(parts))
queries = st.dictionaries(
    st.sampled_from(["list", "n", "exclude", "names", "reasons", "customers"]) | st.text(), texts | anything
)
events = st.fixed_dictionaries(
    {},
    optional={
        "rawPath": paths | anything,
        "queryStringParameters": queries | anything,
        "requestContext": st.fixed_dictionaries({"http": anything}) | anything,
        "headers": st.dictionaries(st.sampled_from(["If-None-Match", "x"]), texts) | anything,
    },
)


@given(events)
@settings(max_examples=10 * EXAMPLES, deadline=None)
def test_no_event_is_an_unhandled_error(event):
    _, answer = handler.respond(Shelf(LookupTable(), "lists"), Request.of(event))
    assert answer["statusCode"] in {200, 304, 400, 404, 405}
    assert json.dumps(answer).encode()  # as the runtime sends it


@given(texts)
@settings(max_examples=10 * EXAMPLES, deadline=None)
def test_a_customer_id_of_any_shape_is_answered_with_200_400_or_404(customer):
    path = f"/customers/{urllib.parse.quote(customer, safe='', errors='replace')}/recommendations"
    _, answer = handler.respond(Shelf(LookupTable(), "lists"), Request("GET", path, {}))
    assert answer["statusCode"] in {200, 400, 404}
