"""The measurements by hand do what they say; how fast is not checked here."""

import subprocess
import sys

import pytest

from cluster.studies.bench.costs import scrape


def test_a_page_of_many_guests_is_shorter_when_they_are_summed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["scrape", "5"])
    monkeypatch.setattr(scrape, "REPEATS", 2)
    scrape.main()
    each, total = capsys.readouterr().out.splitlines()
    assert each.startswith("5 guests, metrics.guests each: ")
    assert total.startswith("5 guests, metrics.guests sum: ")


@pytest.mark.processes
def test_a_neighbour_is_measured_alone_and_beside_a_flood():
    command = [sys.executable, "-m", "cluster.studies.bench.costs.flood", "0.01", "mute"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert [line.split()[0] for line in said.splitlines() if "calls/s" in line] == ["alone", "mute"]


@pytest.mark.processes
def test_the_processes_of_packed_guests_are_weighed():
    command = [sys.executable, "-m", "cluster.studies.bench.costs.memory", "2", "2"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    assert said.startswith("2 guests, 2 to a process, 1 processes: Pss ")
