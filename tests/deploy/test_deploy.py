"""What deploy/ holds, checked by schema and by what the code says, as no engine runs here."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import sqlalchemy
import typer
import yaml

from onelook.service.configuration import read_settings
from onelook.service.database import open_database
from onelook.service.migrations import migrate
from onelook.service.trainings.running import CLOSE_SECONDS
from onelook.service.worker.ahead import MOST_DECODED

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
KUBERNETES = "1.31"


def documents() -> list[tuple[str, dict[str, Any]]]:
    """Return every Kubernetes document with a name to tell it by."""
    return [
        (f"{path.name} {each['kind']} {each['metadata']['name']}", each)
        for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
        for each in yaml.safe_load_all(path.read_text())
    ]


DOCUMENTS = dict(documents())
PODS = {name: each["spec"]["template"]["spec"] for name, each in DOCUMENTS.items() if each["kind"] == "Deployment"}

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
KEDA = {
    "TriggerAuthentication": {
        "type": "object",
        "required": ["secretTargetRef"],
        "additionalProperties": False,
        "properties": {
            "secretTargetRef": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["parameter", "name", "key"],
                    "additionalProperties": {"type": "string"},
                },
            }
        },
    },
    "ScaledObject": {
        "type": "object",
        "required": ["scaleTargetRef", "triggers"],
        "additionalProperties": False,
        "properties": {
            "scaleTargetRef": {"type": "object", "required": ["name"], "additionalProperties": {"type": "string"}},
            **{
                name: {"type": "integer", "minimum": 0}
                for name in ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod")
            },
            "triggers": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["type", "metadata"],
                    "additionalProperties": False,
                    "properties": {
                        "type": {"const": "postgresql"},
                        "metadata": {**TEXTS, "required": ["query", "targetQueryValue"]},
                        "authenticationRef": {
                            "type": "object",
                            "required": ["name"],
                            "additionalProperties": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
}
"""What KEDA's custom resources (keda.sh/v1alpha1) allow, as far as it is used here."""

SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "build": {
            "type": "object",
            "required": ["context"],
            "additionalProperties": False,
            "properties": {"context": {"type": "string"}, "dockerfile": {"type": "string"}, "args": TEXTS},
        },
        "image": {"type": "string"},
        "restart": {"enum": ["no", "always", "on-failure", "unless-stopped"]},
        "environment": TEXTS,
        "volumes": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+:/"}},
        "depends_on": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": {"condition": {"const": "service_healthy"}}},
        },
        "stop_grace_period": {"type": "string", "pattern": "^[0-9]+s$"},
        "read_only": {"type": "boolean"},
        "tmpfs": {"type": "array", "items": {"type": "string"}},
        "cap_drop": {"type": "array", "items": {"type": "string"}},
        "security_opt": {"type": "array", "items": {"type": "string"}},
        "command": {"type": "array", "items": {"type": "string"}},
        "ports": {"type": "array", "items": {"type": "string", "pattern": "^[0-9]+:[0-9]+$"}},
        "shm_size": {"type": "string", "pattern": "^[0-9]+gb$"},
        "profiles": {"type": "array", "items": {"type": "string"}},
        "deploy": {"type": "object", "properties": {"replicas": {"type": "integer"}}, "additionalProperties": False},
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "test": {"type": "array", "items": {"type": "string"}},
                "interval": {"type": "string"},
                "timeout": {"type": "string"},
                "retries": {"type": "integer"},
                "disable": {"type": "boolean"},
            },
        },
    },
}
"""What the Compose specification allows of a service, as far as it is used here."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def environment_of(service: dict[str, Any]) -> dict[str, str]:
    """Return what a container of the compose file is told, every secret being x."""
    return {key: re.sub(r"\$\{[^}]*\}", "x", value) for key, value in service["environment"].items()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_manifest_is_what_its_schema_allows(name: str) -> None:
    document = DOCUMENTS[name]
    if document["apiVersion"] == "keda.sh/v1alpha1":
        jsonschema.validate(document["spec"], KEDA[document["kind"]])
    else:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_wrong_manifest_would_be_found() -> None:
    wrong = {**DOCUMENTS["api.yaml Service onelook"], "spec": {"ports": [{"prot": 80}]}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", PODS)
def test_no_pod_is_root_or_writes_into_its_image(name: str) -> None:
    pod, (container,) = PODS[name], PODS[name]["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_pods_have_time_to_drain_and_probes_that_exist() -> None:
    from onelook.service.api.app import create_app

    settings, paths = read_settings(environment={}), create_app().openapi()["paths"]
    for name, pod in PODS.items():
        container = pod["containers"][0]
        needed = settings.http.notice_seconds + settings.http.drain_seconds + settings.service.drain_seconds
        assert pod["terminationGracePeriodSeconds"] >= needed, name
        if "ports" in container:
            assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
            assert {container[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe")} <= set(paths)
            period = container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"]
            assert period < settings.http.notice_seconds, "endpoints must follow before the API stops to listen"


def test_every_setting_in_the_environment_is_one(compose: dict[str, Any]) -> None:
    config = DOCUMENTS["config.yaml ConfigMap onelook"]["data"]
    read_settings(environment=config)
    for service in compose["services"].values():
        assert read_settings(environment=environment_of(service))


def commands(compose: dict[str, Any]) -> dict[str, list[str]]:
    """Return the words after `onelook` of everything that is started, by what starts it."""
    (cmd,) = (line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("CMD "))
    found = {"Dockerfile": json.loads(cmd.removeprefix("CMD "))}
    found |= {f"compose {name}": each["command"] for name, each in compose["services"].items() if "command" in each}
    return found | {name: pod["containers"][0]["args"] for name, pod in PODS.items()}


def test_everything_is_started_with_words_that_the_command_line_takes(compose: dict[str, Any]) -> None:
    from onelook.cli.main import build_app

    onelook = typer.main.get_command(build_app())
    for where, (name, *words) in commands(compose).items():
        command = onelook.commands[name]  # type: ignore[attr-defined]
        given = command.make_context(name, words).params
        assert name in ("serve", "worker"), where
        if name == "serve":
            assert given["host"] == "0.0.0.0", f"{where}: others must reach it"
            assert where == "Dockerfile" or given["workers"] == 0, f"{where}: workers are containers of their own"


def test_where_files_are_written_something_is_mounted(compose: dict[str, Any]) -> None:
    config = DOCUMENTS["config.yaml ConfigMap onelook"]["data"]
    for name, pod in PODS.items():
        mounted = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
        settings = read_settings(environment=config)
        needed = [Path("/tmp"), settings.service.cache, Path(config["ONELOOK_CACHE"])]
        needed += [settings.http.trainings] if pod["containers"][0]["args"][0] == "serve" else []
        assert all(any(place.is_relative_to(each) for each in mounted) for place in needed), name
        assert ("/dev/shm" in mounted) == ("trainer" in name), "a training's processes hand pictures over there"
    for name in ("api", "worker", "trainer"):
        service = compose["services"][name]
        settings = read_settings(environment=environment_of(service))
        places = (settings.service.models, settings.service.cache, settings.http.trainings)
        assert all(str(place).startswith("/var/lib/onelook/") for place in places), name
        assert service["volumes"] == ["onelook:/var/lib/onelook", "uploads:/tmp"], "no upload goes into memory"
        assert service["read_only"]
    assert "shm_size" in compose["services"]["trainer"]


def test_containers_of_the_compose_file_have_time_to_drain(compose: dict[str, Any]) -> None:
    for name in ("api", "worker", "trainer"):
        service = compose["services"][name]
        settings = read_settings(environment=environment_of(service))
        needed = settings.http.notice_seconds + settings.http.drain_seconds + settings.service.drain_seconds
        assert int(service["stop_grace_period"].removesuffix("s")) >= needed, name


def test_what_trains_has_time_to_save_beside_its_drain(compose: dict[str, Any]) -> None:
    http = read_settings(environment={}).http
    needed = http.notice_seconds + http.drain_seconds + read_settings(environment={}).fetching.deadline + CLOSE_SECONDS

    assert PODS["trainer.yaml Deployment onelook-trainer"]["terminationGracePeriodSeconds"] > needed
    assert int(compose["services"]["trainer"]["stop_grace_period"].removesuffix("s")) > needed


def test_what_a_worker_holds_fits_into_its_pod() -> None:
    settings = read_settings(environment=DOCUMENTS["config.yaml ConfigMap onelook"]["data"])
    limit = PODS["worker.yaml Deployment onelook-worker"]["containers"][0]["resources"]["limits"]["memory"]

    pixels = 4 * MOST_DECODED  # a part at work, one ahead, one that is opened; those that wait for answers at once
    assert settings.service.cache_bytes + pixels + settings.decoding.memory < int(limit.removesuffix("Gi")) * 1024**3


def test_workers_begin_when_the_api_has_brought_the_database_to_its_schema(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert list(services["api"]["depends_on"]) == ["database"]
    for name in ("worker", "trainer"):
        assert services[name]["depends_on"] == {"api": {"condition": "service_healthy"}}
    assert "/readyz" in services["api"]["healthcheck"]["test"][-1]
    assert "--host 127.0.0.1" in services["database"]["healthcheck"]["test"][1], "the first server has no TCP"


def test_one_process_trains_and_the_others_do_not(compose: dict[str, Any]) -> None:
    most = {name: read_settings(environment=environment_of(compose["services"][name])) for name in ("api", "trainer")}
    assert {name: each.http.most_trainings for name, each in most.items()} == {"api": 0, "trainer": 1}
    config = DOCUMENTS["config.yaml ConfigMap onelook"]["data"]
    for name, pod in PODS.items():
        own = {each["name"]: each["value"] for each in pod["containers"][0]["env"] if "value" in each}
        trains = read_settings(environment={**config, **own}).http.most_trainings
        assert trains == (1 if "trainer" in name else 0), name


def test_the_scaler_asks_a_query_that_the_schema_answers(tmp_path: Path) -> None:
    scaler = DOCUMENTS["scaler.yaml ScaledObject onelook-worker"]["spec"]
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    migrate(database)

    with database.reading() as connection:
        assert connection.execute(sqlalchemy.text(scaler["triggers"][0]["metadata"]["query"])).scalar() == 0
    database.close()
    assert f"worker.yaml Deployment {scaler['scaleTargetRef']['name']}" in DOCUMENTS


def test_the_compose_file_is_what_its_schema_allows(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        jsonschema.validate(service, SERVICE)
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in compose["volumes"], name
    assert set(compose["services"]) == {"database", "api", "worker", "trainer"}
    assert compose["services"]["worker"]["command"] == ["worker"]


def test_the_image_is_small_and_not_root() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    words = [line.split() for line in lines if line and not line.startswith("#")]

    stages = [line[1] for line in words if line[0] == "FROM"]
    assert len(stages) == 2
    assert all(stage.endswith("-slim") for stage in stages)
    assert ["USER", "10001:10001"] in words
    assert ["ARG", "EXTRAS=service"] in words, "no torch unless it is asked for"
    assert words.index(["USER", "10001:10001"]) > max(n for n, line in enumerate(words) if line[0] == "RUN")


def test_the_image_has_what_is_copied_into_it() -> None:
    ignore = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    copied = [
        line.split()[1:-1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if line.startswith("COPY p")
    ]

    for name in [*copied[0], "src"]:
        assert (DEPLOY.parent / name).exists()
        assert f"!{name}" in ignore
