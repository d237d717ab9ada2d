"""Schedules that once failed, as small as shrinking could make them."""

from pathlib import Path

import pytest

from cluster.studies.campaign.case import Case
from cluster.studies.campaign.trial import run_trial

CONFIGS = Path(__file__).parents[4] / "configs"
FILE, DRIVER_DOMAIN = CONFIGS / "campaign.yaml", CONFIGS / "campaign-driver-domain.yaml"
DOM0, WEB = "host0/dom0", "host0/web-0"

CASES = {
    "a toolstack that dies while it takes domains over leaves none of them": (
        68,
        [
            {"kind": "crash", "target": DOM0, "at": "0s"},
            {
                "kind": "toolstack-kill",
                "target": DOM0,
                "duration": "5ms",
                "when": {"vbd": f"{WEB}/xvda", "state": "InitWait", "end": "backend"},
            },
        ],
    ),
    "a toolstack that dies before it knows the domains is begun anew": (
        1,
        [
            {"kind": "crash", "target": DOM0, "at": "20ms"},
            {
                "kind": "toolstack-kill",
                "target": DOM0,
                "duration": "5ms",
                "when": {"domain": DOM0, "state": "started"},
            },
        ],
    ),
    "a toolstack that dies while it forgets a domain leaves nothing of it": (
        636,
        [
            {"kind": "crash", "target": WEB, "at": "138617us"},
            {"kind": "toolstack-kill", "target": DOM0, "duration": "6ms", "at": "139ms"},
        ],
    ),
    "a frontend that comes back waits for a backend that has not seen it": (
        211,
        [
            {"kind": "slow", "target": DOM0, "duration": "100ms", "factor": 20, "at": "20ms"},
            {"kind": "frontend-disconnect", "target": f"{WEB}/xvda", "duration": "5ms", "at": "30ms"},
        ],
    ),
    "what a dead guest has asked of a slow disk is done before its next life asks": (
        16925,
        [
            {"kind": "crash", "target": WEB, "at": "129703us"},
            {"kind": "disk-error", "target": "host0/sda", "duration": "42112us", "at": "184586us"},
            {"kind": "slow", "target": "host0/sda", "duration": "30135us", "factor": 20, "at": "212838us"},
            {"kind": "irq-lost", "target": "host0/sda", "duration": "30917us", "at": "240864us"},
            {"kind": "crash", "target": WEB, "when": {"fault": 3, "state": "injected"}, "after": "2238us"},
        ],
    ),
    "a domain that was never finished does not keep the volume of the next": (
        30197,
        [
            {"kind": "crash", "target": "host0/web-1", "at": "93596us"},
            {"kind": "crash", "target": "host0/web-1", "at": "223360us"},
            {
                "kind": "toolstack-kill",
                "target": DOM0,
                "duration": "116532us",
                "when": {"fault": 1, "state": "detected"},
                "after": "2577us",
            },
        ],
    ),
    "an xenstored that is killed while it is started again is started again": (
        206541,
        [
            {"kind": "hang", "target": DOM0, "duration": "20ms", "at": "50ms"},
            {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "60ms"},
            {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "60500us"},
        ],
    ),
    "a frontend that closes and comes back at once is not waited for to be closed": (
        40805,
        [
            {
                "kind": "link-delay",
                "target": f"{WEB}:hypervisor",
                "duration": "171441us",
                "delay": "2929us",
                "jitter": "1238us",
                "at": "270ms",
            },
            {"kind": "frontend-disconnect", "target": f"{WEB}/xvda", "duration": "69719us", "at": "270ms"},
        ],
    ),
    "a frontend that is to come back before it is closed does so when it is": (
        45,
        [
            {"kind": "irq-lost", "target": "host0/sda", "duration": "144289us", "at": "204366us"},
            {
                "kind": "frontend-disconnect",
                "target": f"{WEB}/xvda",
                "duration": "103804us",
                "at": "223284us",
            },
        ],
    ),
    "a frontend that comes back while the store is away means what it last wrote": (
        646,
        [
            {"kind": "frontend-disconnect", "target": f"{WEB}/xvda", "duration": "155ms", "at": "15ms"},
            {"kind": "crash", "target": DOM0, "at": "166ms"},
        ],
    ),
}

WITH_A_DRIVER_DOMAIN = {
    "a frontend does not believe a backend of which it has read half from the next store": (
        162,
        [
            {"kind": "crash", "target": "host0/storage", "at": "15960us"},
            {"kind": "irq-lost", "target": "host0/sda", "duration": "72115us", "at": "147239us"},
            {"kind": "irq-storm", "target": "host0/sdb", "duration": "19442us", "at": "182883us"},
            {
                "kind": "host-power-loss",
                "target": "host0",
                "duration": "96443us",
                "when": {"vbd": "host0/web-0/xvda", "state": "InitWait", "end": "backend"},
                "after": "1788us",
            },
            {
                "kind": "xenstored-kill",
                "target": "host0/xenstored",
                "when": {"vbd": "host0/web-1/xvda", "state": "Connected", "end": "backend"},
                "after": "500us",
            },
        ],
    ),
    "an old answer after a hang is not taken for service while the disk is taken away": (
        365,
        [
            {"kind": "irq-lost", "target": "host0/sdb", "duration": "140487us", "at": "59768us"},
            {"kind": "hang", "target": "host0/web-1", "duration": "538089us", "at": "115921us"},
            {
                "kind": "block-detach",
                "target": "host0/web-1/xvda",
                "duration": "7930us",
                "at": "144460us",
            },
            {
                "kind": "hang",
                "target": DOM0,
                "duration": "393261us",
                "when": {"vbd": "host0/web-1/xvda", "state": "InitWait", "end": "backend"},
                "after": "792us",
            },
        ],
    ),
    "a guest that ends while the store is away is served no more": (
        100060,
        [
            {"kind": "xenstored-kill", "target": "host0/xenstored", "at": "220640us"},
            {"kind": "crash", "target": WEB, "at": "223094us"},
        ],
    ),
}
FILES = dict.fromkeys(CASES, FILE) | dict.fromkeys(WITH_A_DRIVER_DOMAIN, DRIVER_DOMAIN)


@pytest.mark.parametrize("name", list(FILES))
def test_what_once_failed_holds(name: str) -> None:
    seed, faults = (CASES | WITH_A_DRIVER_DOMAIN)[name]
    case = Case.read(FILES[name], seed).without_predictions()
    optional = [{**each, "optional": True} for each in faults]

    trial = run_trial(case.with_faults(optional)).trial

    assert (trial.verdict, trial.failed, trial.unknown) == ("held", {}, {})
