"""The bucket's lifecycle by S3's own API, from CloudFormation's form of it."""

from typing import Any

from infra.clients import client

RULE_KEYS = {
    "AbortIncompleteMultipartUpload",
    "ExpirationInDays",
    "ExpiredObjectDeleteMarker",
    "Id",
    "NoncurrentVersionExpiration",
    "Prefix",
    "Status",
    "Transitions",
}


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation's form of a rule in S3's own."""
    if unknown := rule.keys() - RULE_KEYS:
        raise ValueError(f"lifecycle rule {rule.get('Id')} has {', '.join(sorted(unknown))}: unknown here")
    made: dict[str, Any] = {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
    }
    if "ExpirationInDays" in rule:
        made["Expiration"] = {"Days": int(rule["ExpirationInDays"])}
    if "Transitions" in rule:
        made["Transitions"] = [
            {"StorageClass": each["StorageClass"], "Days": int(each["TransitionInDays"])}
            for each in rule["Transitions"]
        ]
    if rule.get("ExpiredObjectDeleteMarker"):
        made["Expiration"] = {"ExpiredObjectDeleteMarker": True}
    for name, days in (
        ("NoncurrentVersionExpiration", "NoncurrentDays"),
        ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
    ):
        if name in rule:
            made[name] = {days: int(rule[name][days])}
    return made


def stands(bucket: str, wanted: dict[str, Any]) -> bool:
    standing = client("s3").get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    asked = {rule["Id"]: rule.get("ExpirationInDays") for rule in wanted["Rules"]}
    found = {rule["ID"]: rule.get("Expiration", {}).get("Days") for rule in standing}
    return {key: str(days) for key, days in asked.items()} == {key: str(days) for key, days in found.items()}


def put(bucket: str, wanted: dict[str, Any]) -> None:
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={"Rules": [_rule(rule) for rule in wanted["Rules"]]},
    )
