"""The rules of the folders: what may import what, and that each artifact stands by itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from contracts import s3_layout
from contracts.order_line import FIELDS
from emr_jobs.lake import tables
from infra import package
from infra.lake import tables as looked_at

PROJECT = Path(__file__).resolve().parents[2]
FOLDERS = ("contracts", "log_generator", "firehose", "emr_jobs", "infra")
LAMBDAS = ("start_retrain", "publish", "lookup")
ROOTS = {
    **{name: PROJECT / name for name in FOLDERS},
    **{name: PROJECT / "lambda" / name for name in LAMBDAS},
}


def imported(root):
    """(file, top-level name) of every import, those inside functions included."""
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.partition(".")[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield path, node.module.partition(".")[0]


@pytest.mark.parametrize("folder", ROOTS)
def test_only_contracts_is_imported_across_folders(folder):
    others = set(ROOTS) - {folder, "contracts"}
    assert [(str(path), name) for path, name in imported(ROOTS[folder]) if name in others] == []


def test_contracts_need_the_standard_library_only():
    allowed = sys.stdlib_module_names | {"contracts"}
    assert {name for _, name in imported(ROOTS["contracts"])} - allowed == set()


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_lambda_needs_botocore_at_most(name):
    allowed = sys.stdlib_module_names | {"contracts", name, "botocore"}
    assert {found for _, found in imported(ROOTS[name])} - allowed == set()


def test_what_the_peers_environment_runs_of_the_benches_needs_numpy_and_scipy_only():
    absent = "pyarrow", "numba", "pyspark", "boto3"
    script = f"import sys; sys.modules.update(dict.fromkeys({absent})); import bench.trainers, bench.topk"
    subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=True)


def test_no_code_outside_infra_asks_for_the_target():
    for folder in set(ROOTS) - {"infra"}:
        for path in ROOTS[folder].rglob("*.py"):
            text = path.read_text()
            assert "endpoint_url=" not in text, path
            assert "localhost" not in text, path


def test_no_job_file_is_named_like_a_module_of_the_standard_library():
    names = {path.stem for path in ROOTS["emr_jobs"].rglob("*.py")} - {"__init__"}
    assert names & sys.stdlib_module_names == set()


def import_from(packed, content, modules):
    """Import from a zip alone, where the checkout is not found; the answer is what Python complains of."""
    packed.write_bytes(content)
    run = (
        "import sys, importlib\n"
        f"sys.path = [{str(packed)!r}] + [p for p in sys.path if p != {str(PROJECT)!r}]\n"
        f"assert all({str(packed)!r} in importlib.import_module(m).__file__ for m in {modules!r})\n"
    )
    command = [sys.executable, "-I", "-c", run]
    return subprocess.run(command, cwd=packed.parent, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("name", LAMBDAS)
def test_a_lambdas_zip_imports_by_itself(name, tmp_path):
    content = package.artifacts()[name].content
    assert import_from(tmp_path / "code.zip", content, [f"{name}.handler"]) == ""


def test_the_emr_zip_imports_by_itself(tmp_path):
    modules = [f"emr_jobs.{Path(entry).stem}" for entry in package.EMR_ENTRIES]
    content = package.artifacts()["emr_jobs"].content
    assert import_from(tmp_path / "emr_jobs.zip", content, modules) == ""


def test_artifacts_are_the_same_bytes_each_time():
    first, second = package.artifacts(), package.artifacts()
    assert first == second


def test_the_tables_hold_the_order_line_field_by_field():
    assert tuple(tables.ORDERS)[: len(FIELDS)] == FIELDS


def test_commands_that_only_look_know_the_lakes_tables():
    assert looked_at.DATABASE == tables.DATABASE
    assert set(looked_at.TABLES) == set(tables.TABLES)


class _Template(yaml.SafeLoader):
    """CloudFormation's own tags read as plain values."""


_Template.add_multi_constructor(
    "!",
    lambda loader, _tag, node: (
        loader.construct_scalar(node)
        if isinstance(node, yaml.ScalarNode)
        else loader.construct_sequence(node)
    ),
)


def test_the_templates_stream_lands_where_ingest_looks():
    template = yaml.load((PROJECT / "infra" / "template.yaml").read_text(), _Template)  # noqa: S506 (a SafeLoader)
    destination = template["Resources"]["Orders"]["Properties"]["ExtendedS3DestinationConfiguration"]
    assert destination["Prefix"] == s3_layout.FIREHOSE_PREFIX
    assert destination["ErrorOutputPrefix"] == s3_layout.FIREHOSE_ERROR_PREFIX


def test_the_buckets_notifications_are_for_parts_and_the_catalogue():
    template = yaml.load((PROJECT / "infra" / "template.yaml").read_text(), _Template)  # noqa: S506 (a SafeLoader)
    told = template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    rules = [{rule["Name"]: rule["Value"] for rule in one["Filter"]["S3Key"]["Rules"]} for one in told]
    assert s3_layout.Part(1, 1, 1).key.startswith(rules[0]["prefix"])
    assert s3_layout.Part(1, 1, 1).key.endswith(rules[0]["suffix"])
    assert not s3_layout.opened_key(1).endswith(rules[0]["suffix"])
    assert s3_layout.CATALOGUE.startswith(rules[1]["prefix"])
