"""The table of scenarios; those with `processes` run in the live driver, too."""

from dataclasses import replace

from tests.cluster.whole.scenario import CRASH, Scenario


def _dom0_restarts() -> list[Scenario]:
    """A new dom0, by every policy; resumed rings are not offered again."""
    live = {"renegotiate-dom0-crash", "resume-stubdom-crash", "renegotiate-dom0-hang", "resume-dom0-crash"}
    found = []
    for reconnect, rings in (("renegotiate", 4), ("resume", 2)):
        for xenstore in ("dom0", "stubdom"):
            for kind in ("crash", "hang"):
                name = f"{reconnect}-{xenstore}-{kind}"
                found.append(
                    Scenario(
                        name,
                        host={"reconnect": reconnect, "xenstore": xenstore},
                        faults=({**CRASH, "kind": kind},),
                        rings=rings,
                        processes=name in live,
                    )
                )
    return found


def _of_a_guest(action: str, **outcome: object) -> Scenario:
    fault = {**CRASH, "target": "host0/web-0"}
    guest = {"on_crash": action}
    return Scenario(
        f"guest-{action}",
        guest=guest,
        faults=(fault,),
        survivors=1,
        survived=(False, True),
        dom0_boots=(1,),
        taken_over=0,
        **outcome,
    )


def _driver_domains() -> list[Scenario]:
    """A driver domain serves both guests; `live` ones run with real processes, too."""
    storage = {**CRASH, "target": "host0/storage"}
    row = Scenario(
        "driver-domain-crash",
        host={"driver_domains": [{"name": "storage", "memory": "4MiB", "disks": ["sda"]}]},
        guest={"disks": [{"vdev": "xvda", "size": "128KiB", "backend": "storage"}]},
        faults=(storage,),
        dom0_boots=(1,),
        taken_over=0,
        processes=True,
    )
    resumed = {**row.host, "reconnect": "resume"}
    stub = {**row.host, "xenstore": "stubdom"}
    return [
        row,
        replace(row, name="driver-domain-crash-resumed", host=resumed, rings=2, processes=False),
        replace(row, name="driver-domain-hang", faults=({**storage, "kind": "hang"},)),
        replace(row, name="driver-domain-crash-stubdom", host=stub, processes=False),
        replace(
            row,
            name="driver-domain-thrice",
            faults=({**storage, "every": "50ms", "count": 3},),
            rings=8,
            processes=False,
        ),
        replace(
            row, name="driver-domain-dom0-crash", faults=(CRASH,), dom0_boots=(2,), rings=2, taken_over=3
        ),
        replace(
            row,
            name="driver-domain-dom0-crash-stock-linux",
            host=stub,
            guest={**row.guest, "frontend": "stock-linux"},
            faults=(CRASH,),
            dom0_boots=(2,),
            rings=2,
            taken_over=3,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-and-dom0-crash",
            faults=(storage, CRASH),
            dom0_boots=(2,),
            taken_over=3,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-destroyed",
            host={"driver_domains": [{**row.host["driver_domains"][0], "on_crash": "destroy"}]},
            survivors="none",
            survived=(False, False),
            settle="1s",
            rings=2,
            processes=False,
        ),
        replace(
            row,
            name="driver-domain-hwdom-reboot",
            host={**row.host, "hwdom": "reboot"},
            faults=(CRASH,),
            survivors="none",
            survived=(False, False),
            guest_boots=(2, 2),
            boots=(2,),
            dom0_boots=(2,),
            processes=False,
        ),
    ]


def _spares() -> list[Scenario]:
    """A spare takes dom0's place, or is dead when it should; it is there half a second after dom0."""
    crash = {**CRASH, "at": "700ms"}
    spare = {**crash, "kind": "spare-crash", "target": "host0/dom0-spare"}
    row = Scenario(
        "spare-warm",
        host={"architecture": "warm-spare"},
        faults=(crash,),
        duration="900ms",
        rings=2,
        processes=True,
    )
    store = {**crash, "kind": "xenstored-kill", "target": "host0/xenstored"}
    renegotiating = {"dom0": {"memory": "16MiB", "spare": "warm"}}
    kept = {"domain": "dom0", "restart": "persist"}
    persisting = {**renegotiating, "reconnect": "resume", "xenstore": kept}
    return [
        row,
        replace(row, name="spare-renegotiate", host=renegotiating, rings=4, processes=False),
        replace(row, name="spare-persist", host=persisting, processes=False),
        replace(row, name="spare-store-dies", faults=(store, crash), processes=False),
        replace(row, name="spare-hang", faults=({**crash, "kind": "hang"},), processes=False),
        replace(row, name="spare-dies-with-dom0", faults=(spare, crash), processes=False),
        replace(row, name="spare-dies-after-dom0", faults=(crash, spare), processes=False),
        replace(
            row,
            name="spare-dies-promoted",
            faults=(crash, {**crash, "at": "701200us"}),
            dom0_boots=(3,),
            taken_over=2,
            processes=False,
        ),
        replace(
            row,
            name="spare-follows-spare",
            faults=({**crash, "every": "1100ms", "count": 2},),
            duration="2s",
            dom0_boots=(3,),
            taken_over=4,
            processes=False,
        ),
    ]


DELAYED = {
    "kind": "link-delay",
    "target": "host0/hypervisor:web-0",
    "at": "50ms",
    "duration": "50ms",
    "delay": "1ms",
}
"""While it lasts events for the guest do not go directly."""

SCENARIOS = [
    *_dom0_restarts(),
    *_spares(),
    *_driver_domains(),
    Scenario(
        "hwdom-reboot",
        host={"hwdom": "reboot"},
        survivors="none",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
        processes=True,
    ),
    Scenario(
        "hwdom-halt",
        host={"hwdom": "halt"},
        survivors="none",
        survived=(False, False),
        dom0_boots=(1,),
        rings=2,
        taken_over=0,
        processes=True,
    ),
    Scenario(
        "stock-linux-hangs",
        guest={"frontend": "stock-linux"},
        settle="1s",
        survivors="none",
        survived=(False, False),
        rings=2,
    ),
    _of_a_guest("restart", guest_boots=(2, 1), rings=3, processes=True),
    _of_a_guest("destroy", guest_boots=(1, 1), rings=2, settle="1s"),
    _of_a_guest("preserve", guest_boots=(1, 1), rings=2, settle="1s"),
    Scenario(
        "two-hosts",
        hosts=2,
        survived=(True,) * 4,
        guest_boots=(1,) * 4,
        boots=(1, 1),
        dom0_boots=(2, 1),
        rings=6,
        processes=True,
    ),
    Scenario(
        "packed",
        host={"pack": [["hypervisor", "ioapic", "sda"], ["web-0", "web-1"]], "transport": "tcp"},
        processes=True,
    ),
    Scenario(
        "packed-reboot",
        host={"pack": [["hypervisor", "ioapic"], ["web-0", "web-1"]], "hwdom": "reboot"},
        survivors="none",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
        processes=True,
    ),
    Scenario("direct-links", host={"links": "direct"}, faults=(CRASH, DELAYED), processes=True),
    Scenario(
        "direct-links-packed",
        host={"links": "direct", "pack": [["web-0", "web-1"]], "reconnect": "resume"},
        faults=(CRASH, DELAYED),
        rings=2,
        processes=True,
    ),
    Scenario(
        "three-crashes",
        faults=({**CRASH, "every": "50ms", "count": 3},),
        dom0_boots=(4,),
        rings=8,
        taken_over=6,
    ),
    Scenario(
        "three-crashes-resumed",
        host={"reconnect": "resume"},
        faults=({**CRASH, "every": "50ms", "count": 3},),
        dom0_boots=(4,),
        rings=2,
        taken_over=6,
        processes=True,
    ),
    Scenario(
        "wrong-prediction",
        host={"hwdom": "reboot"},
        verdict="failed",
        survived=(False, False),
        guest_boots=(2, 2),
        boots=(2,),
        taken_over=0,
    ),
]
