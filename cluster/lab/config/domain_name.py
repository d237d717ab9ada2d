"""What a domain can be called, wherever its name was written or how it was made.

Rules: a name is a part of file names, of targets of faults (HOST/GUEST/VDEV, with * and ?) and of addresses,
so it is plain; and no domain is called what another is listed as. xl itself asks for no more than a name
that no other domain has.
"""

import re
from typing import Final

LENGTH_MAX: Final = 64
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_RESERVED: Final = re.compile(
    r"dom(ain-)?[0-9]+|spare[0-9]+|dom0-spare|xen|xenstored?|hypervisor|ioapic|supervisor|switch",
    flags=re.IGNORECASE,
)


def check_domain_name(name: str) -> None:
    """ValueError: what was wrong, a semicolon, and what would be right."""
    check_plain_name(name, LENGTH_MAX)
    check_not_reserved(name)


def check_plain_name(name: str, most: int) -> None:
    """For names of at most `most` letters that stand in file names and targets; ValueError."""
    if not name:
        raise ValueError("an empty name; letters, digits, - _ .")
    if not _PLAIN.fullmatch(name):
        shown = repr(name) if len(name) <= most else f"{name[:most]!r}.."
        raise ValueError(f"{shown} is no name; letters, digits, - _ . and a letter or digit first")
    if len(name) > most:
        raise ValueError(f"{name[:most]}.. is too long for a name: {len(name)} letters; at most {most}")


def check_not_reserved(name: str) -> None:
    """ValueError for the names of what every host has."""
    if _RESERVED.fullmatch(name):
        raise ValueError(f"the name {name!r} is taken by Domzero itself; choose another")
