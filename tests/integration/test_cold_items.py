"""The catalogue's part in a run, on the real local AWS: what nobody bought has companions that are live."""

from decimal import Decimal

import pytest

from contracts.catalogue import CatalogueItem, format_catalogue
from contracts.lists import together_key
from contracts.s3_layout import CATALOGUE
from emr_jobs.lists import assortment
from tests.publisher import publisher
from tests.retrain_runs import begin, codes, go, served

GOODS = [
    CatalogueItem("10001", "Red lantern", Decimal(2), for_sale=True),
    CatalogueItem("20001", "Cake tin", Decimal(3), for_sale=True),
    CatalogueItem("30001", "Zinc lantern", Decimal(4), for_sale=True),
    CatalogueItem("30002", "Old zinc lantern", Decimal(4), for_sale=False),
]


def hand_over(shop, goods):
    shop.s3.put_object(Bucket=shop.bucket, Key=CATALOGUE, Body=format_catalogue(goods))


def test_what_nobody_bought_has_companions_by_the_catalogue_and_loses_it_with_the_catalogue(shop, capsys):
    hand_over(shop, GOODS)
    with publisher(shop):
        go(shop, begin(shop))
        assert [(entry.code, entry.reason) for entry in served(shop, together_key("30001"))["together"]] == [
            ("10001", "s")
        ]
        assert codes(served(shop, together_key("30002"))["together"]) == {"30001", "10001"}
        assert "the catalogue names 4" in capsys.readouterr().out
        hand_over(shop, GOODS[1:])
        go(shop, begin(shop))
        assert served(shop, together_key("30001")) is None  # the only other lantern is not for sale
        shop.s3.delete_object(Bucket=shop.bucket, Key=CATALOGUE)
        go(shop, begin(shop))
        assert served(shop, together_key("30002")) is None
        assert "what nobody bought has no list" in capsys.readouterr().out


@pytest.mark.parametrize(("raw", "why"), [(b"code,price\n", "line 1"), (b"\xff\xfe", "utf-8")])
def test_a_catalogue_that_cannot_be_read_is_said_and_names_nobody(shop, raw, why):
    shop.s3.put_object(Bucket=shop.bucket, Key=CATALOGUE, Body=raw)
    found = assortment.read(shop)
    assert found.items == ()
    assert f"s3://{shop.bucket}/{CATALOGUE} cannot be read" in found.said
    assert why in found.said
