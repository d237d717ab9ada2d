"""What a guest is told on its command line."""

import json
from dataclasses import replace

import pytest

from actors.device_plan import DevicePlan
from actors.domu.guest_configuration import GuestConfiguration
from actors.domu.store_client import StoreSpec
from actors.domu.workload import WorkloadSpec
from actors.policies import Frontend

DEVICES = (
    DevicePlan("vbd", {"vdev": "xvda", "virtual_device": 51712}),
    DevicePlan("vbd", {"vdev": "xvdb", "virtual_device": 51728}),
)
WORK = WorkloadSpec("random", depth=4, rate=0.5)
IDLE = GuestConfiguration("web-0", 7, Frontend.stock_linux, 0, None, None, 1, ())
BUSY = GuestConfiguration(
    "web-0", 7, Frontend.reconnect, 10**9, WORK, StoreSpec(4, 20.0), 2**63, DEVICES, True
)


@pytest.mark.parametrize("told", [IDLE, BUSY], ids=["idle", "busy"])
def test_a_command_line_is_read_as_it_was_made(told: GuestConfiguration) -> None:
    assert GuestConfiguration.parse(told.cmd_line()) == told


def test_it_is_json_without_a_space_and_has_every_key_even_of_what_is_not_there() -> None:
    assert " " not in IDLE.cmd_line()
    assert json.loads(IDLE.cmd_line()) == {
        "name": "web-0",
        "guest_id": 7,
        "frontend": "stock-linux",
        "vitals_ns": 0,
        "workload": None,
        "store": None,
        "seed": 1,
        "devices": [],
        "tells_states": False,
        "talks": [],
        "host": "",
    }


def test_guests_of_one_name_on_two_hosts_draw_different_things() -> None:
    here, there = (replace(IDLE, host=host) for host in ("host0", "host1"))

    assert here.random("xvda:1").random() == replace(IDLE, host="host0").random("xvda:1").random()
    assert here.random("xvda:1").random() != there.random("xvda:1").random()
    assert here.random("xvda:1").random() != here.random("xvda:2").random()
