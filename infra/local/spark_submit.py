"""What an EMR step's spark-submit becomes on one machine: a pure translation, with a note for each change.

emr_steps asks for it and does what it says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

# On one machine the driver is the whole of Spark. A cluster's heap would push a laptop into its swap: the
# most that is given is a quarter of the memory, and never more than this.
DRIVER_MIB_MOST = 2048
DRIVER_MIB_LEAST = 512
# Steps on one machine last seconds: the JVM's quick compiler alone takes two fifths off a short step's CPU.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"

EMR_JARS = "/usr/share/aws/"  # EMR's own; its Iceberg is the one that spark_jars brings

_LISTS = {"--py-files", "--files", "--archives", "--jars"}
_CLUSTER_ONLY = {
    "--master",
    "--deploy-mode",
    "--num-executors",
    "--executor-cores",
    "--executor-memory",
    "--total-executor-cores",
    "--driver-cores",
    "--queue",
    "--principal",
    "--keytab",
    "--proxy-user",
}
_FLAGS = {"--verbose", "--supervise", "-v"}
_CLUSTER_ONLY_CONF = {"spark.master", "spark.submit.deployMode", "spark.driver.cores"}
OWN_PYTHON_CONF = {"spark.pyspark.python", "spark.pyspark.driver.python"}
_DRIVER_ENVIRONMENT = "spark.yarn.appMasterEnv."
_MEMORY = "spark.driver.memory"
_S3 = ("s3://", "s3a://", "s3n://")
_MIB_OF = {"k": 1 / 1024, "m": 1, "g": 1024, "t": 1024**2}


class StepRefusedError(ValueError):
    """The step cannot run here; the message becomes its failure."""


@dataclass(frozen=True)
class Machine:
    cores: int
    memory_mib: int

    @property
    def driver_mib(self) -> int:
        return min(DRIVER_MIB_MOST, max(DRIVER_MIB_LEAST, self.memory_mib // 4))


@dataclass(frozen=True)
class Fetch:
    """One object that must lie in the work folder before the step starts."""

    uri: str
    path: Path
    unpack_as: str = ""  # the folder that an archive becomes, as YARN does it


@dataclass(frozen=True)
class Submission:
    arguments: tuple[str, ...]  # behind `spark-submit`
    fetches: tuple[Fetch, ...]
    environment: dict[str, str]
    notes: tuple[str, ...]  # what is otherwise than on EMR, for the step's controller log


@dataclass
class _Draft:
    """What the reading of options and configurations fills."""

    work: Path
    conf: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def local(self, uri: str, unpack_as: str = "") -> str:
        """The path in the work folder that stands for an object in S3; other paths stay as they are."""
        if not uri.startswith(_S3):
            return uri
        path = self.work / PurePosixPath(uri).name
        self.fetches.append(Fetch(uri, path, unpack_as))
        return str(path)


def translate(
    step_arguments: Sequence[str],
    configurations: Sequence[Mapping[str, Any]],
    *,
    work: Path,
    machine: Machine,
    iceberg_conf: Mapping[str, str],
) -> Submission:
    if not step_arguments or step_arguments[0] != "spark-submit":
        given = step_arguments[0] if step_arguments else "nothing"
        raise StepRefusedError(f"the local EMR runs spark-submit only; this step's first argument is {given}")
    draft = _Draft(work)
    draft.conf |= {
        "spark.sql.shuffle.partitions": str(machine.cores),  # Spark's own 200 are meant for a cluster
        "spark.driver.defaultJavaOptions": f'{JAVA_OPTIONS} "-Djava.io.tmpdir={work}"',
    }
    for configuration in configurations:
        _configure(draft, configuration)
    application = _read_options(draft, step_arguments[1:])
    _fit(draft, machine)
    if _with_iceberg(configurations):
        for key, value in iceberg_conf.items():
            between = ":" if key.endswith("ClassPath") else ","
            draft.conf[key] = between.join(filter(None, (draft.conf.get(key), value)))
    options = [text for item in draft.conf.items() for text in ("--conf", "=".join(item))]
    return Submission(
        ("--master", f"local[{machine.cores}]", *options, *draft.options, *application),
        tuple(draft.fetches),
        draft.environment,
        tuple(draft.notes),
    )


def _with_iceberg(configurations: Sequence[Mapping[str, Any]]) -> bool:
    return any(
        (configuration.get("Properties") or {}).get("iceberg.enabled") == "true"
        for configuration in configurations
        if configuration.get("Classification") == "iceberg-defaults"
    )


def _configure(draft: _Draft, configuration: Mapping[str, Any]) -> None:
    properties: Mapping[str, str] = configuration.get("Properties") or {}
    match configuration.get("Classification"):
        case "spark-defaults":
            draft.conf |= properties
        case "iceberg-defaults":
            pass  # _with_iceberg
        case "spark-env":
            for inner in configuration.get("Configurations") or []:
                draft.environment |= inner.get("Properties") or {}
        case other:
            draft.notes.append(f"configuration {other} has no meaning on one machine: left out")


def _read_options(draft: _Draft, arguments: Sequence[str]) -> list[str]:
    """Take in the options; what is left are the application and its own arguments."""
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-"):
            return [draft.local(argument), *rest]
        name, equals, value = argument.partition("=")
        if name in _FLAGS:
            draft.options.append(name)
            continue
        _take(draft, name, value if equals else _value(name, rest))
    raise StepRefusedError("spark-submit is given no application to run")


def _value(name: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise StepRefusedError(f"spark-submit option {name} has no value")
    return value


def _take(draft: _Draft, name: str, value: str) -> None:
    if name in {"--conf", "-c"}:
        key, equals, setting = value.partition("=")
        if not equals:
            raise StepRefusedError(f"spark-submit --conf {value}: a setting is KEY=VALUE")
        draft.conf[key] = setting
    elif name == "--driver-memory":
        draft.conf[_MEMORY] = value
    elif name == "--archives":
        for archive in value.split(","):
            uri, _, alias = archive.partition("#")
            draft.local(uri, alias or PurePosixPath(uri).name)
    elif name in _LISTS:
        kept = [draft.local(uri) for uri in value.split(",") if EMR_JARS not in uri]
        if EMR_JARS in value:
            draft.notes.append(f"{name} {value} names EMR's own files: those are left out")
        if kept:
            draft.options += [name, ",".join(kept)]
    elif name in _CLUSTER_ONLY:
        draft.notes.append(f"{name} {value} is for a cluster: left out")
    else:
        draft.options += [name, value]


def _fit(draft: _Draft, machine: Machine) -> None:
    """Settings that name a cluster's things become this machine's."""
    for key, value in list(draft.conf.items()):
        if key in _CLUSTER_ONLY_CONF:
            draft.notes.append(f"{key}={value} is for a cluster: left out")
            del draft.conf[key]
        elif key in OWN_PYTHON_CONF:
            draft.notes.append(f"{key}={value} is EMR's: the project's own Python runs the step")
            del draft.conf[key]
        elif key.startswith(_DRIVER_ENVIRONMENT):
            draft.environment[key.removeprefix(_DRIVER_ENVIRONMENT)] = draft.conf.pop(key)
        elif EMR_JARS in value:
            draft.notes.append(f"{key}={value} names EMR's own files: those are left out")
            between = ":" if key.endswith("ClassPath") else ","
            draft.conf[key] = between.join(path for path in value.split(between) if EMR_JARS not in path)
        if key in {"spark.jars", "spark.submit.pyFiles", "spark.files"}:
            kept = filter(None, draft.conf[key].split(","))
            draft.conf[key] = ",".join(draft.local(uri) for uri in kept)
    asked = _mib(draft.conf.get(_MEMORY, "1g"))
    draft.conf[_MEMORY] = f"{min(asked, machine.driver_mib)}m"
    if asked > machine.driver_mib:
        draft.notes.append(
            f"{_MEMORY}: {asked} MiB asked for, {machine.driver_mib} given to fit this machine"
        )
    draft.conf |= {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(draft.work / "spark"),
    }


def _mib(memory: str) -> int:
    """Spark's own sizes: 512m, 4g, 4gb; a bare number is MiB."""
    text = memory.strip().lower().removesuffix("b")
    try:
        return int(int(text[:-1]) * _MIB_OF[text[-1]]) if text[-1:] in _MIB_OF else int(text)
    except ValueError as error:
        raise StepRefusedError(f"{_MEMORY} {memory!r} is no size such as 4g") from error
