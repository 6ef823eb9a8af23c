"""The instances of a run's cluster, read from the EMR request."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

REQUEST = Path(__file__).resolve().parents[1] / "emr_retrain.json"
ROOT_DISK_GB = 15  # EMR's own
DEFAULT_DISK_GB = 64  # what EMR attaches to an instance without disks where the request names none


@dataclass(frozen=True)
class Instances:
    type: str
    count: int
    disk_gb: int  # of each
    spot: bool = False


def read(text: str | None = None) -> list[Instances]:
    """Those of a kind together."""
    request = json.loads(REQUEST.read_text() if text is None else text)
    counts: dict[Instances, int] = {}
    for found in _of(request["Instances"], request.get("EbsRootVolumeSize", ROOT_DISK_GB)):
        one = replace(found, count=1)
        counts[one] = counts.get(one, 0) + found.count
    return [replace(one, count=count) for one, count in counts.items()]


def _of(instances: dict[str, Any], root_gb: int) -> Iterator[Instances]:
    for group in instances.get("InstanceGroups", ()):
        spot = group.get("Market") == "SPOT"
        yield Instances(group["InstanceType"], group["InstanceCount"], root_gb + _disks(group), spot)
    for fleet in instances.get("InstanceFleets", ()):
        first = fleet["InstanceTypeConfigs"][0]
        for capacity, spot in (("TargetOnDemandCapacity", False), ("TargetSpotCapacity", True)):
            if units := fleet.get(capacity):
                count = -(-units // first.get("WeightedCapacity", 1))
                yield Instances(first["InstanceType"], count, root_gb + _disks(first), spot)


def _disks(described: dict[str, Any]) -> int:
    named = described.get("EbsConfiguration", {}).get("EbsBlockDeviceConfigs")
    if named is None:
        return DEFAULT_DISK_GB
    return sum(disk["VolumeSpecification"]["SizeInGB"] * disk.get("VolumesPerInstance", 1) for disk in named)
