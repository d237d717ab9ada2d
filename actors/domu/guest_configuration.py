"""What a guest is to do, as its command line has it: JSON, made and read here only."""

import json
from dataclasses import asdict, dataclass
from random import Random

from actors.device_plan import DevicePlan
from actors.domu.store_client import StoreSpec
from actors.domu.talk.talk_spec import TalkSpec
from actors.domu.workload import WorkloadSpec
from actors.policies import Frontend


@dataclass(frozen=True, slots=True)
class GuestConfiguration:
    """Its work on each of its disks and on XenStore, None for none; its writes are stamped with `guest_id`.

    `vitals_ns`: how often it tells its vitals. `tells_states`: as dom0's (`HostPlan`).
    `talks`: what it does over its networks. `host`: where it is created, whichever it is on by now.
    """

    name: str
    guest_id: int
    frontend: Frontend
    vitals_ns: int
    workload: WorkloadSpec | None
    store: StoreSpec | None
    seed: int
    devices: tuple[DevicePlan, ...]
    tells_states: bool = False
    talks: tuple[TalkSpec, ...] = ()
    host: str = ""

    def random(self, purpose: str) -> Random:
        """What it draws for a purpose: its own, for guests of other hosts may be called as it is."""
        return Random(f"{self.seed}:{self.host}/{self.name}:{purpose}")

    def cmd_line(self) -> str:
        """As text."""
        told = {**asdict(self), "devices": [each.pack() for each in self.devices]}
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def parse(cls, cmd_line: str) -> "GuestConfiguration":
        """What `cmd_line` was made of."""
        told = json.loads(cmd_line)
        return cls(
            name=told["name"],
            guest_id=told["guest_id"],
            frontend=Frontend(told["frontend"]),
            vitals_ns=told["vitals_ns"],
            workload=WorkloadSpec(**told["workload"]) if told["workload"] is not None else None,
            store=StoreSpec(**told["store"]) if told["store"] is not None else None,
            seed=told["seed"],
            devices=tuple(DevicePlan.parse(each) for each in told["devices"]),
            tells_states=told["tells_states"],
            talks=tuple(TalkSpec.parse(each) for each in told["talks"]),
            host=told["host"],
        )
