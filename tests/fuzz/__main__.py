"""Runs a target: `python -m tests.fuzz door|rings|stream`: guided by coverage (atheris), or `--random N`.

What follows the name is for libFuzzer: -runs, -seed, -max_len, corpus folders.
"""

import importlib
import sys
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Protocol, cast

INSTRUMENTED = {
    "door": ["actors.hypervisor", "actors.runtime.codec", "actors.runtime.framing"],
    "rings": ["actors.kernel", "actors.xenstore"],
    "stream": ["actors.migration"],
}
USAGE = "usage: python -m tests.fuzz door|rings|stream [--random N [SEED] | libFuzzer options]"
INPUT_BYTES_MAX = 512
ROUND = 10_000


class Target(Protocol):
    """One input in, AssertionError or any other exception out if it shows a bug."""

    done: str

    def __call__(self, data: bytes) -> None:
        """Take one input."""
        ...


def main() -> None:
    """Run what the command line says."""
    if len(sys.argv) < 2 or sys.argv[1] not in INSTRUMENTED:
        sys.exit(USAGE)
    name, options = sys.argv[1], sys.argv[2:]
    if options[:1] == ["--random"]:
        run_random(make(name), int(options[1]), int(options[2]) if len(options) > 2 else 1)
    else:
        run_guided(name, options)


def make(name: str) -> Target:
    """A fresh target."""
    target = cast("Callable[[], Target]", importlib.import_module(f"tests.fuzz.{name}").Target)
    return target()


def run_random(target: Target, inputs: int, seed: int) -> None:
    """As many random inputs; a failing one is shown by its number and its bytes."""
    random = Random(seed)
    for number in range(inputs):
        data = random.randbytes(random.randrange(INPUT_BYTES_MAX))
        try:
            target(data)
        except BaseException:
            print(f"seed {seed}, input {number}: {data.hex()}", file=sys.stderr)
            raise
        if (number + 1) % ROUND == 0:
            print(target.done, file=sys.stderr, flush=True)
    print(target.done, file=sys.stderr)


def run_guided(name: str, options: list[str]) -> None:
    """Until libFuzzer has enough; it ends the process, so what was done is told with the last input."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED[name]):
        target = make(name)
    last = next((int(each.removeprefix("-runs=")) for each in options if each.startswith("-runs=")), 0)
    inputs = count(1)

    def take(data: bytes) -> None:
        target(data)
        if next(inputs) == last:
            print(target.done, file=sys.stderr, flush=True)

    atheris.Setup([sys.argv[0], *options], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
