"""parliament on the policies of the template: actions that exist, resources and conditions that go with them.

`make check` runs it, in the environment of requirements/checks.in; it ends with 1 where something is found.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from infra.checks import one_account
from infra.deployment import template

SOURCES = ("direct", "kinesis")  # values of the one parameter that changes policies


def of_identities(resources: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and document of what each role may do, and of the policies for other people's roles."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        for policy in properties.get("Policies", ()):
            yield f"{name}, {policy['PolicyName']}", policy["PolicyDocument"]
        if resource["Type"] == "AWS::IAM::ManagedPolicy":
            yield name, properties["PolicyDocument"]


def findings(document: dict[str, Any]) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds its own data through pkg_resources
        from parliament import analyze_policy_string, enhance_finding
    for found in map(enhance_finding, analyze_policy_string(json.dumps(document)).findings):
        yield f"{found.severity} {found.title}: {found.detail}"


def main() -> int:
    named = [
        (f"{name} (orders {source})", document)
        for source in SOURCES
        for name, document in of_identities(one_account.resources(template.read(), OrdersSource=source))
    ]
    found = [f"{name}: {finding}" for name, document in named for finding in findings(document)]
    for finding in found:
        print(f"infra/template.yaml, {finding}", file=sys.stderr)
    print(f"parliament: {len(named)} policies, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
