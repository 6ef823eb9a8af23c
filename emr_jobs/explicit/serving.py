"""A study's lists go live as the shop's do: a version with a card of its own, and a publication.

It replaces what is live, the shop's lists included; `cadabra rollback` leads back.
"""

import json
import time
from typing import Any

from contracts.s3_layout import Version
from emr_jobs.explicit import recommendations
from emr_jobs.explicit.recommendations import Lists
from emr_jobs.lists import export
from emr_jobs.publishing import publication
from emr_jobs.shop import Shop
from emr_jobs.stages import Stages


def put_live(
    shop: Shop, version: Version, lists: Lists, told: dict[str, Any], wait_seconds: float, stages: Stages
) -> None:
    customers, popular = recommendations.served(lists)
    export.write(shop.s3, shop.bucket, version.customers, customers)
    export.write(shop.s3, shop.bucket, version.items, popular)
    text = json.dumps(card(version, lists, told), indent=1)
    shop.s3.put_object(
        Bucket=shop.bucket, Key=version.card, Body=text.encode(), ContentType="application/json"
    )
    deadline = time.monotonic() + wait_seconds
    live = publication.publish(shop, version, full=False, deadline=deadline, report=stages.say)
    stages.done(
        "publication", f"{version} is live as publication {live.live_number}; `cadabra rollback` undoes it"
    )


def card(version: Version, lists: Lists, told: dict[str, Any]) -> dict[str, Any]:
    """What `versions`, `status` and the report read of a card.

    It names no settings: the shop's next retrain takes nothing over from it, and is not measured against it.
    """
    return {
        "version": str(version),
        "as_of": version.as_of.isoformat(),
        "run": version.run,
        "study": told,
        "coverage": {"customers": len(lists.users), "items": len(set(lists.best[lists.best >= 0].tolist()))},
        "ranking": {
            "by": f"a study's {told['lists_by']}",
            "customers": len(lists.users),
            "ranked": len(lists.users),
        },
        "gate": {"passed": True, "reasons": ["a study of ratings: put live because somebody asked for it"]},
        "trial": None,
    }
