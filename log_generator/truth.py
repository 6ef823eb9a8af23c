"""The hidden tastes behind the orders, as JSON: so that a test can ask whether the recommender found them."""

import json
from pathlib import Path
from typing import Any

from log_generator.catalogue import STYLES, Catalogue
from log_generator.customers import Customers


def truth(catalogue: Catalogue, customers: Customers) -> dict[str, Any]:
    """`customers`: id -> group -> weight, in sum 1. `items`: code -> group. `companions`: group -> group."""
    return {
        "groups": list(catalogue.groups),
        "companions": dict(
            zip(catalogue.groups, (catalogue.groups[group] for group in catalogue.companions), strict=True)
        ),
        "items": {code: catalogue.group_of(item) for item, code in enumerate(catalogue.codes)},
        "item_styles": dict(zip(catalogue.codes, (catalogue.cells % STYLES).tolist(), strict=True)),
        "customers": {
            customer: _tastes(catalogue, customers, place) for place, customer in enumerate(customers.ids)
        },
        "customer_styles": dict(zip(customers.ids, customers.styles.tolist(), strict=True)),
    }


def save_truth(path: Path, catalogue: Catalogue, customers: Customers) -> None:
    path.write_text(json.dumps(truth(catalogue, customers)) + "\n")


def _tastes(catalogue: Catalogue, customers: Customers, place: int) -> dict[str, float]:
    tastes: dict[str, float] = {}
    for group, weight in zip(customers.favourites[place], customers.weights[place], strict=True):
        name = catalogue.groups[group]
        tastes[name] = round(tastes.get(name, 0.0) + float(weight), 4)
    return tastes
