"""Whatever is added to the template is asked for after a deploy, and stands in the bill."""

from infra.cost import bill
from infra.deployment import lifecycle, template
from infra.deployment.checks import CHECKS

TEMPLATE = template.read()


def test_every_type_has_a_check():
    assert TEMPLATE.types - CHECKS.keys() == set()


def test_every_type_is_billed_or_free():
    assert TEMPLATE.types - bill.BILLED.keys() - bill.FREE == set()
    assert bill.BILLED.keys() & bill.FREE == set()


def test_every_rule_of_the_buckets_lifecycle_can_be_set_by_api():
    (bucket,) = TEMPLATE.of_type("AWS::S3::Bucket").values()
    for rule in bucket["LifecycleConfiguration"]["Rules"]:
        assert {"Id", "Status"} <= rule.keys() <= lifecycle.RULE_KEYS
