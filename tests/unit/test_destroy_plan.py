"""What `cadabra destroy` says before it does anything, and which clusters it ends."""

import pytest

from infra.deployment import clusters
from infra.deployment.destroy import Plan
from infra.deployment.references import Place

PLACE = Place("123456789012", "us-east-1")


@pytest.mark.parametrize(("with_data", "firehose_forgets"), [(False, True), (False, False), (True, True)])
def test_what_firehose_still_holds_is_named_where_it_would_be_missed(with_data, firehose_forgets):
    said = "\n".join(
        Plan("shop", PLACE, with_data, erasure_key=False, firehose_forgets=firehose_forgets).lines()
    )
    assert ("stop the agents first" in said) is (firehose_forgets and not with_data)


class Emr:
    """Two clusters of the stack, and two of others."""

    NAMES = ("shop-retrain-1", "shop-study-2", "shopping-retrain-3", "a-notebook")

    def get_paginator(self, _operation):
        return self

    def paginate(self, **_asked):
        yield {"Clusters": [{"Id": f"j-{name}", "Name": name} for name in self.NAMES]}


def test_a_stacks_clusters_are_those_of_its_runs_and_its_studies(monkeypatch):
    monkeypatch.setattr(clusters, "client", lambda _service: Emr())
    assert clusters.living("shop") == ["j-shop-retrain-1", "j-shop-study-2"]
