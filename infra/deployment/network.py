"""Whether EMR may start clusters in this account's network: its policy asks for a tag on what it uses."""

from typing import Any

from infra.clients import client
from infra.problem import ProblemError

TAG = {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}


def check(subnet: str) -> None:
    """Raises ProblemError with the command that sets what is missing; no `subnet` is the default VPC."""
    untagged = [each for each in _touched(subnet) if TAG not in each.get("Tags", ())]
    if untagged:
        ids = " ".join(each.get("GroupId") or each.get("SubnetId") or each["VpcId"] for each in untagged)
        raise ProblemError(
            f"EMR would refuse every cluster: {ids} lacks the tag that AmazonEMRServicePolicy_v2 asks for. "
            f"Run\n  aws ec2 create-tags --resources {ids} "
            f"--tags Key={TAG['Key']},Value={TAG['Value']}\nthen deploy again"
        )


def _touched(subnet: str) -> list[dict[str, Any]]:
    """The VPC, the subnets that a cluster may come into, and the security groups that EMR has there."""
    ec2 = client("ec2")
    subnets = _named(subnet) if subnet else _of_default_vpc()
    vpc = subnets[0]["VpcId"]
    groups = [_filter("vpc-id", vpc), _filter("group-name", "ElasticMapReduce-*")]
    return [
        *ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"],
        *subnets,
        *ec2.describe_security_groups(Filters=groups)["SecurityGroups"],
    ]


def _named(subnet: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client("ec2").describe_subnets(Filters=[_filter("subnet-id", subnet)])[
        "Subnets"
    ]
    if not found:
        raise ProblemError(
            f"there is no subnet {subnet} in this account and region: mend the parameter Subnet"
        )
    return found


def _of_default_vpc() -> list[dict[str, Any]]:
    """EMR takes any of those that AWS calls the zone's default."""
    found: list[dict[str, Any]] = client("ec2").describe_subnets(Filters=[_filter("default-for-az", "true")])[
        "Subnets"
    ]
    if not found:
        raise ProblemError(
            "there is no default VPC with subnets in this account and region, and no other is named: "
            "say the clusters' in the parameters' file, Subnet = \"subnet-…\""
        )
    return found


def _filter(name: str, value: str) -> dict[str, Any]:
    return {"Name": name, "Values": [value]}
