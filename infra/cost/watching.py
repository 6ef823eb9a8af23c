"""What watches: logs, metrics, alarms, the dashboard."""

from infra.cost import prices
from infra.cost.plans import Line, Lines, Plans
from infra.cost.prices import GB
from infra.cost.volumes import INVOCATION_LOG_BYTES, METRIC_PUTS, OWN_METRICS

METRIC = "AWS::CloudWatch::Metric"  # not of the template: the agent and start_retrain tell them


def logs(planned: Plans) -> Lines:
    kind = "AWS::Logs::LogGroup"
    if planned.all(kind):
        calls = planned.shop.runs + planned.shop.parts + planned.shop.lookups
        volume = calls * INVOCATION_LOG_BYTES / GB
        yield Line(kind, "the functions' lines", volume, prices.LOGS_GB)
        yield Line(kind, "kept a month", volume, prices.LOGS_GB_MONTH)


def metrics(planned: Plans) -> Lines:
    kind = "AWS::Logs::MetricFilter"
    names = {
        transformation["MetricName"]
        for made in planned.all(kind)
        for transformation in made["MetricTransformations"]
    }
    if names:
        yield Line(kind, "metrics from logs", len(names), prices.METRIC_MONTH)


def own_metrics(_planned: Plans) -> Lines:
    """Not of the template: the agent and start_retrain tell them."""
    yield Line(METRIC, "metrics of our own", OWN_METRICS, prices.METRIC_MONTH)
    yield Line(METRIC, "telling them", METRIC_PUTS, prices.METRIC_PUT)


def alarms(planned: Plans) -> Lines:
    kind = "AWS::CloudWatch::Alarm"
    count = sum(
        sum("MetricStat" in metric for metric in alarm.get("Metrics", ())) or 1 for alarm in planned.all(kind)
    )
    if count:
        yield Line(kind, "metrics with an alarm", count, prices.ALARM_MONTH)


def dashboards(planned: Plans) -> Lines:
    kind = "AWS::CloudWatch::Dashboard"
    if count := len(planned.all(kind)):
        yield Line(kind, "the dashboard", count, prices.DASHBOARD_MONTH)
