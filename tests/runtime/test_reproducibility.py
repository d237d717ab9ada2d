"""A seed says everything about a simulated run."""

import os
import subprocess
import sys
from pathlib import Path

from actors.runtime.simulation import Simulation

RUN = """
import sys
from actors.messages import ConsoleInput
from actors.runtime.machine import LinkOpened, Machine, Received, Send
from actors.runtime.simulation import Simulation
from actors.runtime.trace import Trace

class Gossip(Machine):
    def __init__(self, random):
        self.random, self.links, self.count, self.deadline_ns = random, {}, 0, 5
    def handle(self, event, now_ns):
        if isinstance(event, LinkOpened):
            self.links[event.link] = None
        self.count += 1
        if self.count > 200:
            self.deadline_ns = None
            return []
        self.deadline_ns = now_ns + self.random.randrange(1000)
        if not self.links:
            return []
        return [Send(self.random.choice(list(self.links)), ConsoleInput(str(now_ns)))]
    def next_deadline_ns(self):
        return self.deadline_ns

def latency(source, destination, random):
    return lambda: random.randrange(500)

simulation = Simulation(int(sys.argv[1]), latency=latency, trace=Trace(print))
names = [f"host0/dom{number}" for number in range(8)]
for name in names:
    simulation.spawn(name, Gossip(simulation.random(name, "gossip")))
for number, name in enumerate(names):
    for peer in names[:number]:
        simulation.connect(name, peer, peer, name)
simulation.call_at(900, lambda: simulation.kill("host0/dom3"))
simulation.call_at(1000, lambda: simulation.freeze("host0/dom5"))
simulation.call_at(4000, lambda: simulation.thaw("host0/dom5"))
simulation.run_until(1_000_000)
"""


def run_traced(seed: int, hash_seed: str) -> bytes:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", RUN, str(seed)]
    root = Path(__file__).parents[2]
    return subprocess.run(command, env=environment, cwd=root, check=True, capture_output=True).stdout


def test_a_seed_gives_the_same_bytes_in_every_process() -> None:
    trace = run_traced(1, "0")
    assert trace.count(b"\n") > 1000
    assert b"LinkClosed" in trace
    assert run_traced(1, "0") == trace
    assert run_traced(1, "4711") == trace
    assert run_traced(2, "0") != trace


def test_each_consumer_has_random_numbers_of_its_own() -> None:
    simulation = Simulation(3)
    first = simulation.random("a", "x").random()
    assert Simulation(3).random("a", "x").random() == first
    for other in (simulation.random("b", "x"), simulation.random("a", "y"), Simulation(4).random("a", "x")):
        assert other.random() != first
