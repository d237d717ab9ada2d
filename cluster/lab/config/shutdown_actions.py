"""Which of xl's actions on a domain that has shut down are there, as a configuration may name them.

Source: docs/man/xl.cfg.5 (event actions), tools/xl/xl_vmcontrol.c (a core that cannot be dumped changes
nothing else).
Left out: cores; domains that are kept under another name, whose disks the next one would find in use; a reset
of a paravirtual domain, which Xen has not either.
"""

from dataclasses import asdict
from typing import Final

from actors.dom0.shutdown_actions import DESTROY, PRESERVE, RESTART, SOFT_RESET, ShutdownActions

ACTION_DEFAULTS: Final[dict[str, str]] = asdict(ShutdownActions())
_DONE: Final = (DESTROY, RESTART, PRESERVE)
_WITHOUT_CORE: Final = {"coredump-destroy": DESTROY, "coredump-restart": RESTART}


def check_action(given: str) -> str:
    """An action that is done here. ValueError (`wrong; right`) for one of xl's that is not, or any other."""
    right = f"{DESTROY}, {RESTART} or {PRESERVE}"
    if given in _WITHOUT_CORE:
        raise ValueError(f"{given!r}: no core is dumped here; {_WITHOUT_CORE[given]}")
    if given == "rename-restart":
        raise ValueError(f"{given!r} is not possible here: what is kept would keep its disks; {right}")
    if given == SOFT_RESET:
        raise ValueError(f"{given!r} is not possible here: a paravirtual domain cannot be reset; {right}")
    if given not in _DONE:
        raise ValueError(f"{given!r} is not known; {right}")
    return given


def check_reset_action(given: str) -> str:
    """The same for `on_soft_reset`, whose default is what xl tries first."""
    return given if given == SOFT_RESET else check_action(given)


def without_core(given: str) -> str:
    """The action that is left of `coredump-destroy` or `coredump-restart`; any other as it is."""
    return _WITHOUT_CORE.get(given, given)
