"""The files of ``examples/deploy`` agree with the program: ports, paths, metrics, options, keys and mounted files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.gateway import Gateway, ask, local_gateway
from tests.support.servers.calling import CallingServer
from tests.support.servers.plain import serving
from tts.config import load_config
from tts.serve.config import ServeConfig, ServedConfig

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "deploy"
FILES = sorted(path for path in FOLDER.iterdir() if path.is_file())
KUBERNETES = list(yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text()))
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
PROMETHEUS = yaml.safe_load((FOLDER / "prometheus.yaml").read_text())
PORT, VLLM = ServeConfig().port, 8000
"""Ports of the gateway and of vLLM's server, as both start without options."""


def found(kind: str, name: str = "tts-gateway") -> Any:
    """Return the object of a kind."""
    (one,) = [part for part in KUBERNETES if (part["kind"], part["metadata"]["name"]) == (kind, name)]
    return one


def container(name: str = "tts-gateway") -> Any:
    (one,) = found("Deployment", name)["spec"]["template"]["spec"]["containers"]
    return one


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments."""
    text = (FOLDER / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def configurations(tmp_path: Path) -> list[tuple[ServedConfig, int]]:
    """Return both configurations and the numbers of their servers."""
    mapped = tmp_path / "chat.yaml"
    mapped.write_text(found("ConfigMap")["data"]["chat.yaml"])
    return [
        (load_config(ServedConfig, [file], []), number) for file, number in ((FOLDER / "chat.yaml", 2), (mapped, 1))
    ]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The gateway of compose.yaml with the keys of the example, in front of a scripted server in place of vLLM's."""
    pytest.importorskip("fastapi")
    pytest.importorskip("openai")
    with serving(CallingServer("no call")) as upstream:
        moved = ("serve.host=127.0.0.1", f"serve.keys_file={FOLDER / 'keys.example'}")
        with local_gateway(str(FOLDER / "chat.yaml"), f"engine.openai.urls=[{upstream.url}]", *moved) as server:
            yield server


def test_heads_say_that_the_files_are_not_run() -> None:
    for name in ("Dockerfile", "compose.yaml", "kubernetes.yaml", "prometheus.yaml"):
        assert "Not run here" in (FOLDER / name).read_text()[:400], name


def test_configurations_load_and_name_servers_that_the_files_start(tmp_path: Path) -> None:
    for config, number in configurations(tmp_path):
        serve, engine = config.serve, config.engine
        assert (serve.host, serve.port, serve.keys_file) == ("0.0.0.0", PORT, "/etc/tts/keys/clients")
        assert engine.kind == "openai" and len(engine.openai.urls) == number
        services = set(COMPOSE["services"]) if number == 2 else {found("Service", "vllm")["metadata"]["name"]}
        for url in engine.openai.urls:
            host, port = re.fullmatch(r"http://([\w-]+):(\d+)/v1", url).groups()  # type: ignore[union-attr]
            assert host in services and int(port) == VLLM
        headless = found("Service", "vllm")["spec"].get("clusterIP") == "None"
        assert engine.openai.resolve == (number == 1) and headless, "a name that is resolved has a service without one"
    assert len({config.engine.model for config, _ in configurations(tmp_path)}) == 1


def test_the_dockerfile_copies_what_exists_and_starts_what_the_others_start() -> None:
    lines = instructions()
    assert lines[0][0] == "FROM" and {name for name, _ in lines} <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD")
    }
    for name, rest in lines:
        if name == "COPY":
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    arguments = dict(lines)
    (extras,) = re.findall(r"'\.\[(.*)\]'", arguments["RUN"])
    assert set(extras.split(",")) <= set(project["project"]["optional-dependencies"])
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= {
        rest.split()[0] for name, rest in lines if name == "COPY"
    }
    assert int(arguments["EXPOSE"]) == PORT and arguments["USER"] == "1000:1000"
    command = json.loads(arguments["CMD"])
    assert command == COMPOSE["services"]["gateway"]["command"] == container()["command"]
    assert command[:2] == ["tts", "serve"]
    probe = json.loads(arguments["HEALTHCHECK"].partition("CMD ")[2])
    assert probe == container()["readinessProbe"]["exec"]["command"] == ["python", "/opt/tts/ready.py"]


def test_ports_lead_to_the_programs() -> None:
    ports = {"tts-gateway": PORT, "vllm": VLLM}
    for name, port in ports.items():
        assert container(name)["ports"] == [{"name": "http", "containerPort": port}]
        assert found("Service", name)["spec"]["ports"][0]["targetPort"] == "http"
        labels = found("Deployment", name)["spec"]["template"]["metadata"]["labels"]
        assert found("Service", name)["spec"]["selector"] == labels
        for kind in ("Deployment", "PodMonitor"):
            assert found(kind, name)["spec"]["selector"]["matchLabels"] == labels
        assert found("HorizontalPodAutoscaler", name)["spec"]["scaleTargetRef"]["name"] == name
        assert found("PodMonitor", name)["spec"]["podMetricsEndpoints"][0]["port"] == "http"
    for one in (container("vllm"), COMPOSE["services"]["vllm-0"]):
        arguments = one.get("args") or one["command"]
        assert arguments[arguments.index("--port") + 1] == str(VLLM)
    services = COMPOSE["services"]
    assert services["gateway"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    targets = [
        target for job in PROMETHEUS["scrape_configs"] for one in job["static_configs"] for target in one["targets"]
    ]
    assert targets == [f"gateway:{PORT}", f"vllm-0:{VLLM}", f"vllm-1:{VLLM}"] and set(services) >= {"vllm-0", "vllm-1"}


def test_probes_and_monitoring_ask_paths_that_answer(keyed: Gateway) -> None:
    paths = {container()[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe")}
    assert paths == {"/healthz"} and ask(keyed, "GET", "/healthz")[0] == 200
    scraped = {PROMETHEUS["scrape_configs"][0]["metrics_path"]}
    scraped |= {endpoint["path"] for endpoint in found("PodMonitor")["spec"]["podMetricsEndpoints"]}
    assert scraped == {"/metrics"} and metrics(keyed)
    own = {"authorization": "Bearer sk-monitoring"}
    chat = {"model": "chat", "messages": [{"role": "user", "content": "What is number 3 ?"}]}
    assert ask(keyed, "POST", "/v1/chat/completions", chat, **own)[0] == 403
    status, _, reply = ask(keyed, "POST", "/v1/chat/completions", chat, authorization="Bearer sk-first-agent")
    assert status == 200 and reply["tts"]["answer"] == "5"


def metrics(server: Gateway) -> str:
    request = urllib.request.Request(f"{server.root}/metrics", headers={"Authorization": "Bearer sk-monitoring"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_the_probe_of_readiness_asks_with_the_key_of_monitoring(keyed: Gateway, tmp_path: Path) -> None:
    text = (FOLDER / "ready.py").read_text()
    assert f'"http://127.0.0.1:{PORT}/readyz", "/etc/tts/keys/monitoring"' in text
    for key, expected in (("sk-monitoring", 0), ("sk-other", 1)):
        (tmp_path / "key").write_text(f"{key}\n")
        command = [sys.executable, str(FOLDER / "ready.py"), f"{keyed.root}/readyz", str(tmp_path / "key")]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert ran.returncode == expected, ran
    assert ran.stderr == "not ready: HTTP Error 401: Unauthorized\n"


def test_names_of_metrics_exist(keyed: Gateway) -> None:
    known = set(re.findall(r"^# TYPE (\w+) ", metrics(keyed), re.M))
    named = {
        name for path in (*FILES, ROOT / "docs" / "agents.md") for name in re.findall(r"\btts_\w+", path.read_text())
    }
    assert named and named <= known
    (scaled,) = found("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert scaled["pods"]["metric"]["name"] == "tts_questions_queued"
    (scaled,) = found("HorizontalPodAutoscaler", "vllm")["spec"]["metrics"]
    (renamed,) = found("PodMonitor", "vllm")["spec"]["podMetricsEndpoints"][0]["metricRelabelings"]
    assert scaled["pods"]["metric"]["name"] == renamed["replacement"] and renamed["regex"].startswith("vllm:")


def test_keys_and_configuration_are_mounted_where_the_program_reads_them() -> None:
    mounts = [mount["mountPath"] for mount in container()["volumeMounts"]]
    composed = [volume.split(":")[1] for volume in COMPOSE["services"]["gateway"]["volumes"]]
    assert mounts == composed == ["/etc/tts/chat.yaml", "/etc/tts/keys"]
    assert PROMETHEUS["scrape_configs"][0]["authorization"]["credentials_file"] == "/etc/tts/keys/monitoring"
    secret = found("Deployment")["spec"]["template"]["spec"]["volumes"][1]["secret"]["secretName"]
    credentials = found("PodMonitor")["spec"]["podMetricsEndpoints"][0]["authorization"]["credentials"]
    assert credentials == {"name": secret, "key": "monitoring"}


def test_a_gateway_has_time_to_answer_what_runs(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    from tts.serve.run import LAST_S

    for config, _ in configurations(tmp_path):
        least = config.serve.grace_s + LAST_S
        pause = int(container()["lifecycle"]["preStop"]["exec"]["command"][1])
        assert found("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > least + pause
        assert int(COMPOSE["services"]["gateway"]["stop_grace_period"].removesuffix("s")) > least
