"""A small shop's table in memory, for tests of the lookup that need no DynamoDB."""

from botocore.exceptions import EndpointConnectionError

from contracts.catalogue import pack_codes
from contracts.lists import Entry, Served, to_dynamo, to_plain

VERSION = "20261120T110000Z-1795173509"
LIVE = "20261120T120000Z-1795177109"  # this list did not change with it
CONTROL = {
    "id": {"S": "control#publication"},
    "number": {"N": "7"},
    "version": {"S": LIVE},
    "parts": {"N": "1"},
    "state": {"S": "live"},
    "live_number": {"N": "7"},
    "live_version": {"S": LIVE},
}


def served(key, **lists):
    return to_plain(
        Served(key, VERSION, {name: tuple(Entry(*pair) for pair in pairs) for name, pairs in lists.items()})
    )


ITEMS = [
    served(
        "customer#c1",
        for_you=[("10001", "a2"), ("10002", "b10001"), ("10003", "p")],
        discover=[("10002", "b10001")],
    ),
    served("customer#empty", for_you=[], discover=[]),
    served("together#10001", together=[("10002", "t")]),
    served("popular", popular=[("10001", "p"), ("10002", "p"), ("10009", "p")]),
    {"id": "catalogue#10001", "name": "Oak board", "unit_price": "1.0", "for_sale": "true"},
    {"id": "catalogue#10002", "name": "Plate", "unit_price": "1.0", "for_sale": "true"},
    {"id": "not-for-sale", "codes": pack_codes(["10003"])},
]


class LookupTable:
    """DynamoDB with one table, in memory; `down` makes it unreachable."""

    def __init__(self):
        self.items = {item["id"]: to_dynamo(item) for item in ITEMS} | {"control#publication": CONTROL}
        self.down, self.calls = False, 0

    def _reached(self):
        self.calls += 1
        if self.down:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    def batch_get_item(self, *, RequestItems):  # noqa: N803 (DynamoDB's own name)
        self._reached()
        ((name, wish),) = RequestItems.items()
        assert 0 < len(wish["Keys"]) <= 100
        assert len({key["id"]["S"] for key in wish["Keys"]}) == len(wish["Keys"])
        found = [self.items[key["id"]["S"]] for key in wish["Keys"] if key["id"]["S"] in self.items]
        return {"Responses": {name: found}, "UnprocessedKeys": {}}
