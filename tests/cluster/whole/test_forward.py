"""`domzero forward`: real clients of a guest's server, while dom0 lives, and while it is killed."""

import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from cluster.lab.config.gateway import find_port, gateway_argument
from cluster.lab.config.loading import load_cluster
from tests.shell import Shell, socket_folder

DOCUMENT = "40M"
TEXT = """\
name: outside
run: {duration: 300s}
switch: {latency: 20us}
hosts:
  - name: host0
    memory: 256MiB
    dom0: {memory: 32MiB}
    disks: [{name: sda}]
    nics: [{name: eth0}]
    guests:
      - name: web
        memory: 8MiB
        disks: [{vdev: xvda, size: 128KiB}]
        networks: [{ip: 10.0.0.2/24}, {ip: 10.1.0.2/24}]
        talks: [{kind: http, serve: true}]
        workload: {kind: random, rate: 50/s}
      - name: dumb
        memory: 8MiB
        disks: [{vdev: xvda, size: 128KiB}]
        workload: {kind: random, rate: 50/s}
"""
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def shell() -> Iterator[Shell]:
    with socket_folder() as folder:
        yield Shell(folder, TEXT)


@contextmanager
def a_cluster(shell: Shell) -> Iterator[None]:
    shell.said("up", "small.yaml", "-d", "--out", "run")
    try:
        yield
    finally:
        assert shell.run("down").returncode == 0


@contextmanager
def forwarded(shell: Shell, target: str) -> Iterator[str]:
    """The URL that leads there."""
    process = shell.start("forward", target, "0")
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.match(r"(127\.0\.0\.1:[0-9]+) leads to ", said)
        assert found is not None, (said, process.communicate())
        yield f"http://{found[1]}"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.processes
@needs_curl
def test_a_download_by_curl_goes_on_after_dom0_was_killed_in_the_middle_of_it(shell: Shell) -> None:
    with a_cluster(shell), forwarded(shell, "host0/web:80") as url:
        wanted = shell.printed(
            "curl", "-sS", "--retry", "5", "--retry-all-errors", f"{url}/{DOCUMENT}.sha256"
        )
        path = shell.folder / "download"
        curl = subprocess.Popen(["curl", "-sS", "-o", str(path), f"{url}/{DOCUMENT}"])
        until(lambda: path.exists() and path.stat().st_size > 2 << 20, curl)
        shell.said("fault", "inject", "crash", "host0/dom0")
        assert curl.wait(timeout=60) == 0
        assert sha256(path.read_bytes()).hexdigest() == wanted.split()[0]
        until(lambda: "recovered" in shell.said("status"), None)
        until(lambda: carried(shell) > int(DOCUMENT.removesuffix("M")) << 20, None)


def carried(shell: Shell) -> float:
    """How many bytes have come from guests, as the metrics say."""
    page = re.search(r"http://127\.0\.0\.1:\d+/metrics", shell.said("status"))
    assert page is not None
    text = shell.printed("curl", "-sS", page[0])
    found = re.search(r'^domzero_gateway_bytes_total{.*direction="from guests"} (\S+)$', text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


def until(done: Callable[[], bool], process: subprocess.Popen | None) -> None:
    """Wait until this is so; AssertionError if the process ends before."""
    while not done():
        assert process is None or process.poll() is None, f"ended with {process and process.returncode}"


@pytest.mark.processes
def test_where_no_way_leads_is_one_message(shell: Shell) -> None:
    with a_cluster(shell):
        with forwarded(shell, "host0/web/vif0:80") as url:
            port = url.rpartition(":")[2]
            taken = shell.run("forward", "host0/web:80", port)
            assert (taken.returncode, taken.stdout) == (254, "")
            assert taken.stderr == (
                f"domzero: port {port} of 127.0.0.1: address already in use; 0 takes any free port\n"
            )
        refused = shell.run("forward", "host0/dumb:80", "0")
        assert refused.returncode == 254
        assert (
            refused.stderr == "domzero: host0/dumb:80: host0/dumb has no network interface with an address\n"
        )


@pytest.mark.processes
def test_a_cluster_without_a_switch_has_no_way_out(shell: Shell) -> None:
    shell.write(
        "".join(
            line
            for line in TEXT.splitlines(keepends=True)
            if "nics" not in line and "networks" not in line and "talks" not in line
        )
    )
    with a_cluster(shell):
        refused = shell.run("forward", "host0/web:80", "0")
    assert refused.returncode == 254
    assert refused.stderr == "domzero: no host has a network controller (nics:), so there is no switch\n"


@pytest.fixture
def cluster(tmp_path: Path):
    (tmp_path / "small.yaml").write_text(TEXT)
    return load_cluster(tmp_path / "small.yaml")


def test_the_gateway_has_the_highest_free_address_of_each_network(cluster) -> None:
    argument = gateway_argument(cluster.guest_interfaces, 1)
    assert [(each["address"], each["prefix"]) for each in argument["networks"]] == [
        ("10.0.0.254", 24), ("10.1.0.254", 24),
    ]  # fmt: skip
    assert [each["name"] for each in argument["guests"]] == ["host0/web/vif0", "host0/web/vif1"]
    assert "gateway" in [each["name"] for each in cluster.switch_argument()["ports"]]


@pytest.mark.parametrize(("text", "found"), [
    ("host0/web:80", ("host0/web/vif0:80", "10.0.0.2:80")),
    ("host0/web/vif1:065", ("host0/web/vif1:65", "10.1.0.2:65")),
])  # fmt: skip
def test_where_a_target_leads(cluster, text, found) -> None:
    assert find_port(text, cluster.guests, cluster.guest_interfaces) == found


@pytest.mark.parametrize(("text", "said"), [
    ("host0/web", "'host0/web' has no port; write HOST/GUEST:PORT, as host0/web-0:80"),
    (":80", "':80' has no port"),
    ("host0/web:0", "'0' is no port, which is from 1 to 65535"),
    ("host0/web:65536", "'65536' is no port"),
    ("host0/web:800000000000", "is no port"),
    ("host0/web:٣", "is no port"),
    ("host0/web:http", "'http' is no port"),
    ("host1/web:80", "no host 'host1' with guests; there are: host0"),
    ("host0:80", "no guest '' on host0; there are: web, dumb"),
    ("host0/web/vif2:80", "host0/web has no 'vif2'; there are: vif0, vif1"),
    ("host0/dumb:80", "host0/dumb has no network interface with an address"),
])  # fmt: skip
def test_a_target_that_leads_nowhere_says_why(cluster, text, said) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        find_port(text, cluster.guests, cluster.guest_interfaces)


def test_a_network_that_is_full_has_no_gateway(tmp_path: Path) -> None:
    text = TEXT.replace("10.0.0.2/24", "10.0.0.1/30").replace("10.1.0.2/24", "10.0.0.2/30")
    (tmp_path / "small.yaml").write_text(text)
    assert gateway_argument(load_cluster(tmp_path / "small.yaml").guest_interfaces, 1)["networks"] == []
