"""The bill, each figure worked out by hand from the list prices."""

import io
import json

import pytest
from rich.console import Console

from infra.cost import bill, fleet, plans, prices, statement
from infra.cost.fleet import Instances
from infra.cost.running import EMR, UnpricedError
from infra.cost.volumes import Shop
from infra.deployment import template

TEMPLATE = template.parse("""
Parameters:
  Source: {Type: String, Default: direct}
  Seconds: {Type: Number, Default: 300}
Conditions:
  ThroughKinesis: !Equals [!Ref Source, kinesis]
Resources:
  Orders:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      ExtendedS3DestinationConfiguration:
        BufferingHints: {IntervalInSeconds: !Ref Seconds, SizeInMBs: 64}
  Stream:
    Type: AWS::Kinesis::Stream
    Condition: ThroughKinesis
    Properties: {RetentionPeriodHours: 72, StreamModeDetails: {StreamMode: ON_DEMAND}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      LifecycleConfiguration:
        Rules:
          - {Id: logs, Prefix: logs/, ExpirationInDays: 3}
          - Id: raw
            Prefix: orders/
            ExpirationInDays: 200
            Transitions: [{StorageClass: STANDARD_IA, TransitionInDays: 60}]
  Lists:
    Type: AWS::DynamoDB::Table
    Properties: {PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}}
  Lookup:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: !Sub "${AWS::StackName}-lookup", Architectures: [arm64], MemorySize: 1024}
  One: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: Errors}}
  Two:
    Type: AWS::CloudWatch::Alarm
    Properties: {Metrics: [{Id: a, MetricStat: {}}, {Id: b, MetricStat: {}}, {Id: c, Expression: a/b}]}
""")
TWO_NODES = [Instances("m5.xlarge", 2, disk_gb=79)]
SHOP = Shop(1000, 100_000, changed=0.05, run_minutes=20, lookups_per_day=10_000)


def billed(shop=SHOP, nodes=TWO_NODES, **said):
    """(amount, dollars) by what is billed."""
    lines = bill.of(plans.plans(TEMPLATE, said, nodes, shop))
    return {line.what: (line.amount, line.dollars) for line in lines}


def test_lists_that_changed_cost_one_write_unit_each():
    """5,000 of 100,000 customers in each of 720 hours, 3.6 million units at $.625 a million."""
    assert billed()["lists that changed, written"] == pytest.approx((3_600_000, 2.25))
    assert billed()["and read back"] == pytest.approx((3_600_000, 0.45))
    assert billed()["lookups"] == pytest.approx((150_000, 0.01875))  # half a unit each


def test_the_cluster_costs_by_its_life():
    """720 runs of 20 minutes are 240 hours of two nodes: EC2 $.192 and EMR $.048 an hour."""
    assert billed()["2 m5.xlarge"] == pytest.approx((480, 92.16))
    assert billed()["EMR's own part of it"] == pytest.approx((480, 23.04))
    assert billed()["its disks"] == pytest.approx((480 * 79, 4.155616))
    longer = Shop(1000, 100_000, run_minutes=40)
    assert billed(longer)["2 m5.xlarge"][1] == pytest.approx(184.32)


def test_a_machine_without_a_price_is_named():
    with pytest.raises(UnpricedError, match=r"no price of x9\.huge"):
        billed(nodes=[Instances("x9.huge", 1, 10)])


def test_firehose_rounds_each_record_of_a_quiet_shop_up_to_five_kilobytes():
    """6,900 lines a day come one at a time: 207,000 records of 5 KB, not 23 MB."""
    assert billed()["order lines taken in"] == pytest.approx((0.98705, 0.028624), rel=1e-4)


def test_firehose_takes_packed_records_of_a_busy_shop_nearly_as_they_are():
    """A record each ten seconds holds 89,444 bytes, 18 times 5 KB: 22.2 GB for 21.6 GB of lines."""
    busy = Shop(1_000_000, 100_000)
    assert billed(busy)["order lines taken in"][0] == pytest.approx(22.2473, rel=1e-4)


BUSY = Shop(1_000_000, 100_000)  # 172.5 MB of gzipped lines a day; an object each 300 s has 599 KB


def test_raw_lines_are_kept_as_the_lifecycle_says():
    """60 days in standard, 140 more in infrequent access."""
    assert billed(BUSY)["raw order lines, newest"][0] == pytest.approx(10_350_000_000 / 2**30)
    assert billed(BUSY)["raw order lines, older"][0] == pytest.approx(24_150_000_000 / 2**30)


def test_firehoses_objects_follow_the_buffers_seconds():
    """With lines all the time one object each 300 s is 8,640 a month, each 900 s 2,880."""
    assert billed(BUSY)["objects moved to rare access"][0] == pytest.approx(8640)
    assert billed(BUSY, Seconds="900")["objects moved to rare access"][0] == pytest.approx(2880)


def test_s3_moves_no_object_under_128_kib():
    """172,500 bytes a day in 288 objects are 599 bytes each: all 200 days stay in standard."""
    assert billed()["raw order lines, newest"][0] == pytest.approx(34_500_000 / 2**30)
    assert not {"raw order lines, older", "objects moved to rare access"} & billed().keys()
    assert "raw order lines, older" not in billed(Shop(218_000, 100_000))  # 130,572 bytes each
    assert "raw order lines, older" in billed(Shop(219_000, 100_000))  # 131,171


def test_a_streams_lines_cost_from_their_second_day():
    """23.2 million bytes of lines a month, of which two days are kept beyond the first."""
    assert billed(Source="kinesis")["order lines kept"][0] == pytest.approx(23_184_000 / 30 * 2 / 2**30)


def test_a_lambda_costs_by_its_memory_and_processor():
    """300,000 lookups of 15 ms with 1 GB."""
    assert billed()["lookup: calls"] == pytest.approx((300_000, 0.06))
    assert billed()["lookup: work"] == pytest.approx((4500, 0.0600003))


def test_an_alarm_costs_by_its_metrics():
    assert billed()["metrics with an alarm"] == pytest.approx((3, 0.30))


def test_what_a_parameter_leaves_out_is_not_billed():
    assert "the stream" not in billed()
    assert billed(Source="kinesis")["the stream"] == pytest.approx((720, 28.80))


def test_a_shop_without_orders_still_pays_for_its_clusters():
    quiet = billed(Shop(0, 0))
    assert quiet["order lines taken in"] == (0, 0)
    assert quiet["lists that changed, written"] == (0, 0)
    assert quiet["2 m5.xlarge"][1] == pytest.approx(92.16)


def test_instances_are_read_from_groups_and_fleets():
    groups = {
        "Instances": {
            "InstanceGroups": [
                {"InstanceType": "m5.xlarge", "InstanceCount": 1},
                {"InstanceType": "m5.xlarge", "InstanceCount": 1, "Market": "ON_DEMAND"},
            ]
        }
    }
    assert fleet.read(json.dumps(groups)) == [Instances("m5.xlarge", 2, 15 + 64)]
    disks = {"EbsBlockDeviceConfigs": [{"VolumeSpecification": {"SizeInGB": 50}, "VolumesPerInstance": 2}]}
    one = {"InstanceType": "r5.xlarge", "WeightedCapacity": 4, "EbsConfiguration": disks}
    fleets = {
        "EbsRootVolumeSize": 20,
        "Instances": {"InstanceFleets": [{"TargetSpotCapacity": 8, "InstanceTypeConfigs": [one]}]},
    }
    assert fleet.read(json.dumps(fleets)) == [Instances("r5.xlarge", 2, 20 + 100, spot=True)]


def test_the_real_request_and_template_are_billed():
    lines = bill.of(plans.plans(template.read(), {}, fleet.read(), SHOP))
    assert {line.type for line in lines} >= {EMR, "AWS::S3::Bucket", "AWS::DynamoDB::Table"}
    assert statement.total(lines) > 100


def test_the_table_fits_eighty_columns_and_adds_up():
    lines = bill.of(plans.plans(template.read(), {}, fleet.read(), Shop(5_000_000, 9_000_000)))
    screen = Console(file=io.StringIO(), width=80)
    screen.print(statement.table(lines))
    text = screen.file.getvalue()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert f"{statement.total(lines):,.2f}" in text


def test_machines_get_each_price_with_its_source():
    told = statement.plain(bill.of(plans.plans(TEMPLATE, {}, TWO_NODES, SHOP)), SHOP)
    (written,) = [line for line in told["lines"] if line["what"] == "lists that changed, written"]
    assert written["dollars"] == 2.25
    assert written["price"] == 0.625e-6
    assert written["price_from"]
    assert told["prices_as_of"] == prices.AS_OF
    json.dumps(told)
