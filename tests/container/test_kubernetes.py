"""deploy/kubernetes, built by `kubectl kustomize`, matches the schemas and the service."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from fastapi.routing import iter_route_contexts
from ruamel.yaml import YAML

from app.settings import Settings
from tests.container.dockerfile import ROOT, stages
from tools.write_permissions import documented_app

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def resources() -> list[Resource]:
    kubectl = str(Path(sys.executable).with_name("kubectl"))
    build = [kubectl, "kustomize", str(ROOT / "deploy/kubernetes/overlays/example")]
    built = subprocess.run(build, check=True, capture_output=True, text=True)
    return list(YAML(typ="safe").load_all(built.stdout))


def of_kind(resources: list[Resource], *kinds: str) -> Iterator[Resource]:
    return (resource for resource in resources if resource["kind"] in kinds)


def pods(resources: list[Resource]) -> Iterator[tuple[str, Resource]]:
    for resource in of_kind(resources, "Deployment", "Job"):
        yield resource["metadata"]["name"], resource["spec"]["template"]["spec"]


def test_each_resource_fits_its_schema(resources: list[Resource]) -> None:
    for resource in resources:
        kubernetes_validate.validate(resource, "1.32.0", strict=True)  # the oldest supported


def test_every_pod_is_restricted(resources: list[Resource]) -> None:
    user = stages()["image"].user
    for name, pod in pods(resources):
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsUser"] == user, name
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name


def test_who_goes_on_is_probed(resources: list[Resource]) -> None:
    for resource in of_kind(resources, "Deployment"):
        (container,) = resource["spec"]["template"]["spec"]["containers"]
        assert "livenessProbe" in container, resource["metadata"]["name"]


def test_selectors_find_their_pods(resources: list[Resource]) -> None:
    labels = [
        resource["spec"]["template"]["metadata"]["labels"].items()
        for resource in of_kind(resources, "Deployment")
    ]
    for resource in of_kind(resources, "Service", "PodDisruptionBudget"):
        selector = resource["spec"]["selector"]
        wanted = selector.get("matchLabels", selector).items()
        assert sum(wanted <= found for found in labels) == 1, resource["metadata"]["name"]
    (scaled,) = of_kind(resources, "HorizontalPodAutoscaler")
    targets = {found["metadata"]["name"] for found in of_kind(resources, "Deployment")}
    assert scaled["spec"]["scaleTargetRef"]["name"] in targets


def test_the_world_reaches_all_routes_but_the_figures(resources: list[Resource]) -> None:
    (ingress,) = of_kind(resources, "Ingress")
    served = {path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]}
    routes = iter_route_contexts(documented_app().routes)
    known = {"/" + (route.path or "").split("/")[1] for route in routes}
    assert served == known - {"/metrics"}


def test_the_connections_fit_a_usual_database(resources: list[Resource]) -> None:
    (scaled,) = of_kind(resources, "HorizontalPodAutoscaler")
    (settings,) = of_kind(resources, "ConfigMap")
    (worker,) = (each for each in of_kind(resources, "Deployment") if "replicas" in each["spec"])
    one_more_of_each = 2  # while a version is replaced
    processes = scaled["spec"]["maxReplicas"] + worker["spec"]["replicas"] + one_more_of_each
    assert processes * (int(settings["data"]["DATABASE_POOL_SIZE"]) + 1) + 10 <= 100


def test_the_settings_are_ours_and_hold_no_secret(resources: list[Resource]) -> None:
    (settings,) = of_kind(resources, "ConfigMap")
    secret = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "EMAIL_HOST_PASSWORD", "METRICS_TOKEN"}
    known = {name.upper() for name in Settings.model_fields} | {"SECRETS_DIR"}
    assert settings["data"].keys() <= known - secret
    assert not list(of_kind(resources, "Secret"))
