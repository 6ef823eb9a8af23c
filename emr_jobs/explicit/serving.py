"""A study's lists go live as the shop's do: a version with a card of its own, and a publication.

It replaces what is live, the shop's lists included; `cadabra rollback` leads back to them.
"""

import json
import time
from typing import Any

import pyarrow.compute as pc

from contracts import history
from contracts.history import NothingBeforeError
from contracts.lists import FOR_YOU
from contracts.publications import Publication
from contracts.s3_layout import Version
from emr_jobs.explicit import recommendations
from emr_jobs.explicit.recommendations import Lists, NoListsError
from emr_jobs.lists import export
from emr_jobs.publishing import publication
from emr_jobs.publishing.turn import PATIENCE_SECONDS, NoTurnError, turn
from emr_jobs.shop import Shop
from emr_jobs.stages import Stages


class NotLiveError(RuntimeError):
    """The version is stored whole; other runs left it no time to go live."""


REFUSALS = (NoListsError, NotLiveError)


def put_live(
    shop: Shop,
    version: Version,
    lists: Lists,
    told: dict[str, Any],
    wait_seconds: float,
    stages: Stages,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """`patience` is how long it waits for a run that is active, `wait_seconds` for the publisher."""
    _store(shop, version, lists, told)
    try:
        with turn(shop, wait_seconds, stages.say, patience):
            deadline = time.monotonic() + wait_seconds
            live = publication.publish(shop, version, full=False, deadline=deadline, report=stages.say)
    except NoTurnError as error:
        raise NotLiveError(
            f"{version} is stored and not live: {error}. Once it has ended, `cadabra publish {version}`"
        ) from error
    stages.done(
        "publication", f"{version} is live as publication {live.live_number}; {_way_back(shop, live)}"
    )


def _store(shop: Shop, version: Version, lists: Lists, told: dict[str, Any]) -> None:
    """A whole version, of the users who have a list; the others are shown what is popular."""
    customers, popular = recommendations.served(lists)
    customers = customers.filter(pc.greater(pc.list_value_length(customers[FOR_YOU]), 0))
    if not customers.num_rows:
        raise NoListsError(
            f"of {len(lists.users):,} users none has a list: nothing is put live, what was live stays. "
            "Whoever rated every item is left with no list: study more items, or leave out --serve"
        )
    export.write(shop.s3, shop.bucket, version.customers, customers)
    export.write(shop.s3, shop.bucket, version.items, popular)
    text = json.dumps(card(version, lists, customers.num_rows, told), indent=1)
    shop.s3.put_object(
        Bucket=shop.bucket, Key=version.card, Body=text.encode(), ContentType="application/json"
    )


def card(version: Version, lists: Lists, customers: int, told: dict[str, Any]) -> dict[str, Any]:
    """What `versions`, `status` and the report read of a card.

    It names no settings: the shop's next retrain takes nothing over from it, and is not measured against it.
    """
    return {
        "version": str(version),
        "as_of": version.as_of.isoformat(),
        "run": version.run,
        "study": told,
        "coverage": {"customers": customers, "items": len(set(lists.best[lists.best >= 0].tolist()))},
        "ranking": {"by": f"a study's {told['lists_by']}", "customers": customers, "ranked": customers},
        "gate": {"passed": True, "reasons": ["a study of ratings: put live because somebody asked for it"]},
        "trial": None,
    }


def _way_back(shop: Shop, live: Publication) -> str:
    stored = history.versions(shop.s3, shop.bucket)
    try:
        before = history.version_before(live, history.notes(shop.s3, shop.bucket), stored)
    except NothingBeforeError:
        return "there is no version to go back to"
    return f"`cadabra rollback` goes back to {before}"
