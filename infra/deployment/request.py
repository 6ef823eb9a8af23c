"""The EMR request, with every placeholder resolved but the run's own, where start_retrain reads it."""

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from contracts.s3_layout import EMR_REQUEST
from infra import emr_environment, package
from infra.clients import client
from infra.package import Artifact
from infra.stack import Stack
from infra.target import Target

PATH = Path(__file__).resolve().parents[1] / "emr_retrain.json"


def put(target: Target, stack: Stack, built: dict[str, Artifact]) -> None:
    known = {
        "Stack": stack.name,
        "Region": client("emr").meta.region_name,  # botocore asks a node for its role, not for its region
        "EmrRelease": stack.emr_release,
        "EmrServiceRole": stack.emr_service_role,
        "EmrNodeProfile": stack.emr_node_profile,
        "EmrCode": package.emr_folder(built),
        "EmrEnvironment": emr_environment.key(),
        "Subnet": stack.subnet,
        "Bucket": stack.bucket,
        "Artifacts": stack.artifacts,
        "Table": stack.table,
        "PathStyle": json.dumps(target.path_style),
    }
    body = json.dumps(resolved(json.loads(PATH.read_text()), known), indent=2).encode()
    client("s3").put_object(Bucket=stack.artifacts, Key=EMR_REQUEST, Body=body)


def resolved(request: Any, known: Mapping[str, str]) -> Any:
    """Every placeholder replaced; a key that is left with nothing goes, so that EMR's own default holds."""
    if isinstance(request, str):
        return Template(request).substitute(known)
    if isinstance(request, list):
        return [resolved(each, known) for each in request]
    if isinstance(request, dict):
        found = {key: resolved(value, known) for key, value in request.items()}
        return {key: value for key, value in found.items() if value != ""}
    return request
