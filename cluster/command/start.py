"""The console script: `cli.main`, and a quiet end for a Ctrl-C that comes while the modules are imported.

Rules: nothing is started before all is imported, so that nothing has to be put away.
"""

import os
import signal
from types import FrameType

from cluster.lab.exit_codes import UNKNOWN


def _leave(_signal: int, _frame: FrameType | None) -> None:
    os._exit(UNKNOWN)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)

from cluster.command.cli import main as _main  # noqa: E402 (what takes so long that people press Ctrl-C)


def main() -> None:
    """Run the command line and exit with its code, which a late second Ctrl-C does not change."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _main()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
