"""`python -m tests.xenstore.differential [REQUESTS [SEED]]`: asks our store and a real xenstored the same."""

import sys
import tempfile
from pathlib import Path

from tests.xenstore.differential.compare import Comparison
from tests.xenstore.differential.real import compile_shim, missing
from tests.xenstore.differential.stream import EPISODE, Stream

USAGE = "usage: python -m tests.xenstore.differential [REQUESTS [SEED]]"
DEFAULTS = ("100000", "1")
ROUND = 10


def main() -> None:
    """Run what the command line says; exit 1 with the first difference, or without a real xenstored."""
    words = [*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]]
    if len(words) != len(DEFAULTS) or not all(each.isdecimal() for each in words):
        sys.exit(USAGE)
    if absent := missing():
        sys.exit(f"nothing to compare with: {absent}")
    requests, seed = (int(each) for each in words)
    with tempfile.TemporaryDirectory(prefix="xs-shim-") as folder:
        compare(Comparison(compile_shim(Path(folder))), requests, seed)
    print(f"seed {seed}: {requests} requests, no difference", file=sys.stderr)


def compare(comparison: Comparison, requests: int, seed: int) -> None:
    """Episode by episode. SystemExit with the first difference."""
    for episode, start in enumerate(range(0, requests, EPISODE)):
        length = min(EPISODE, requests - start)
        found = comparison.first_difference([*Stream(f"{seed}:{episode}", length)])
        if found is not None:
            print(f"a difference after {len(found.steps)} steps; fewer are looked for", file=sys.stderr)
            sys.exit(f"seed {seed}, episode {episode}: {comparison.shrunk(found)}")
        if (episode + 1) % ROUND == 0:
            print(f"seed {seed}: {start + length} requests", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
