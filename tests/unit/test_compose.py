"""docker-compose.yml keeps its word: pinned, on this machine only, healthy before it is used."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from contracts import s3_layout
from infra import localstack, target
from tests.compose_services import FILE, PORTS, PROJECT, own_services, services

ONE_SHOT = {"deploy", "catalogue"}
TOOLS = {"cadabra"}
DAEMONS = set(services()) - ONE_SHOT - TOOLS
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


def compose_cli():
    """`docker compose`, or the plugin's own program, where this machine has either."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if (
            shutil.which(command[0])
            and not subprocess.run([*command, "version"], capture_output=True, check=False).returncode
        ):
            return command
    return None


@pytest.mark.skipif(compose_cli() is None, reason="no docker compose here")
def test_docker_compose_accepts_the_file():
    command = [*compose_cli(), "--file", str(FILE), "--profile", "tools", "config", "--quiet"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_images_are_pinned_to_a_version():
    foreign = {service["image"] for service in services().values() if "build" not in service}
    assert foreign == {"localstack/localstack:4.14.0"}
    (base,) = re.findall(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base)


def test_every_port_is_published_on_this_machine_only():
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert sorted(published) == sorted(f"127.0.0.1:{port}:{port}" for port in PORTS.values())


def test_the_published_ports_are_the_targets(monkeypatch):
    for service in localstack.SERVICES.values():
        monkeypatch.delenv(service.variable, raising=False)  # other tests of this process may have set it
    named = {localstack.SERVICES[name].variable: f"http://127.0.0.1:{port}" for name, port in PORTS.items()}
    environment = target.localstack().environment
    assert {variable: environment[variable] for variable in named} == named


def test_each_container_finds_each_service_by_name():
    named = {localstack.SERVICES[name].variable: f"http://{name}:{port}" for name, port in PORTS.items()}
    for service in own_services().values():
        assert named.items() <= service["environment"].items()
        assert set(PORTS) <= set(service["environment"]["NO_PROXY"].split(","))


def test_start_retrain_reaches_emr_from_its_own_container():
    assert target.localstack().parameters["EmrEndpoint"] == f"http://emr:{PORTS['emr']}"
    network = yaml.safe_load(FILE.read_text())["networks"]["default"]["name"]
    assert services()["localstack"]["environment"]["LAMBDA_DOCKER_NETWORK"] == network


def test_localstack_knows_its_own_container():
    service = services()["localstack"]
    assert service["environment"]["MAIN_CONTAINER_NAME"] == service["container_name"]
    assert "/var/run/docker.sock:/var/run/docker.sock" in service["volumes"]


@pytest.mark.parametrize("name", sorted(DAEMONS))
def test_what_goes_on_running_has_a_health_check_and_comes_back(name):
    service = services()[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(ONE_SHOT | TOOLS))
def test_what_ends_is_not_started_again(name):
    assert services()[name]["restart"] == "no"


def test_everything_waits_until_what_it_uses_is_ready():
    for service in services().values():
        for used, wait in service.get("depends_on", {}).items():
            done = used in ONE_SHOT
            assert wait["condition"] == ("service_completed_successfully" if done else "service_healthy")


def test_a_wait_for_all_ends_though_some_services_end():
    """`up --wait` takes an ended container for a failure, unless somebody waits for its good end."""
    waited_for = {
        used
        for service in services().values()
        for used, wait in service.get("depends_on", {}).items()
        if wait["condition"] == "service_completed_successfully"
    }
    assert waited_for == ONE_SHOT


def test_the_agent_ships_into_the_deployed_stream_from_the_shops_folder():
    agent = services()["agent"]
    config = (PROJECT / "firehose" / "agent.json").read_text()
    assert '"/var/log/cadabra/orders.log*"' in config
    assert "orders:/var/log/cadabra:ro" in agent["volumes"]
    assert '"/var/lib/cadabra/agent/checkpoints"' in config
    assert "agent:/var/lib/cadabra/agent" in agent["volumes"]
    assert '"cadabra-orders"' in config


def test_each_volume_is_declared_and_belongs_to_the_user_of_the_image():
    declared = set(yaml.safe_load(FILE.read_text())["volumes"])
    mounts = [mount.split(":") for service in services().values() for mount in service.get("volumes", [])]
    assert {source for source, *_ in mounts if not source.startswith("/")} == declared
    made = DOCKERFILE[DOCKERFILE.index("install --directory --owner cadabra") : DOCKERFILE.index("USER ")]
    for source, place, *_ in mounts:
        assert source in {"localstack", "/var/run/docker.sock"} or f" {place}" in made


def test_the_image_runs_as_nobodys_root():
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert int(user) > 0
    assert f"--uid {user}" in DOCKERFILE


def sent_to_the_builder(folder):
    """The build's context, as .dockerignore leaves it."""
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    for name in [line[1:] for line in lines if line.startswith("!")]:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / name, place)


def python_in(folder, code):
    """What a Python says that finds this folder's modules before the checkout's."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_image_is_sent_all_that_it_installs(tmp_path):
    sent_to_the_builder(tmp_path)
    packages = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    copied = re.findall(r"^COPY --chown=cadabra (\S+\.lock) requirements/$", DOCKERFILE, re.MULTILINE)
    assert len(copied) == 2
    for name in (*packages["wheel"]["packages"], "README.md", *copied):
        assert (tmp_path / name).exists(), name


def test_deploy_finds_in_the_image_all_that_it_reads(tmp_path):
    sent_to_the_builder(tmp_path)
    code = (
        "from infra import emr_environment, package\n"
        "from infra.deployment import deploy, request, template\n"
        "template.read(), request.PATH.read_text()\n"
        "print(package.emr_folder(package.artifacts()), emr_environment.key(), sep='\\n')"
    )
    there = python_in(tmp_path, code)
    assert there.stdout, there.stderr
    assert there.stdout == python_in(PROJECT, code).stdout


def test_spark_jars_needs_no_more_of_the_project_than_the_image_has_by_then(tmp_path):
    """The jars are fetched before the project is copied, so that a change does not fetch them again."""
    (line,) = re.findall(r"^COPY --chown=cadabra (infra/__init__.py .*) infra/$", DOCKERFILE, re.MULTILINE)
    (tmp_path / "infra").mkdir()
    for name in line.split():
        shutil.copy(PROJECT / name, tmp_path / name)
    shutil.copytree(PROJECT / "infra" / "local", tmp_path / "infra" / "local")
    assert "RUN python -m infra.local.spark_jars" in DOCKERFILE
    ended = python_in(tmp_path, "import infra.local.spark_jars as jars; print(jars.__file__)")
    assert ended.stdout.startswith(str(tmp_path)), ended.stderr


def test_no_secret_is_in_the_file():
    assert re.findall(r"(?i)(?:secret|token|password)\w*: (\S+)", FILE.read_text()) == ["test"]


def test_the_catalogue_lands_where_publish_is_told_of_it():
    assert s3_layout.CATALOGUE.startswith("catalogue/")
    assert services()["catalogue"]["command"][:4] == ["cadabra", "--target", "localstack", "catalogue"]
