"""What can be chosen about who survives on a host: the words of the configuration, and what each means.

Rules: whoever decides by one asks what it means; the words cross process borders as they are written.
"""

from enum import StrEnum


class Hwdom(StrEnum):
    """What the hypervisor does when dom0 has crashed; `restart` is ours."""

    reboot = "reboot"
    restart = "restart"
    halt = "halt"


class Spare(StrEnum):
    """What stands by for a domain that may die; ours."""

    none = "none"
    warm = "warm"

    @property
    def is_there(self) -> bool:
        """Whether the next life of the domain is made before it is needed."""
        return self is Spare.warm


class StorePlace(StrEnum):
    """Where xenstored runs."""

    dom0 = "dom0"
    stubdom = "stubdom"

    @property
    def is_own_domain(self) -> bool:
        """Whether it has a domain for itself."""
        return self is StorePlace.stubdom


class StoreRestart(StrEnum):
    """What xenstored keeps when it is started again."""

    lose = "lose"
    live_update = "live-update"
    persist = "persist"

    @property
    def keeps_when_planned(self) -> bool:
        """Whether a restart that was planned loses nothing."""
        return self is not StoreRestart.lose

    @property
    def keeps_after_crash(self) -> bool:
        """Whether no restart loses anything."""
        return self is StoreRestart.persist


class Reconnect(StrEnum):
    """How a new backend goes on with a frontend that lives."""

    renegotiate = "renegotiate"
    resume = "resume"

    @property
    def keeps_rings(self) -> bool:
        """Whether it takes up the old ring, so that the frontend notices nothing but time."""
        return self is Reconnect.resume


class Links(StrEnum):
    """By what way events go from one domain to another: `direct` is ours."""

    hypervisor = "hypervisor"
    direct = "direct"

    @property
    def are_direct(self) -> bool:
        """Whether the hypervisor hands both ends of a channel a link of their own."""
        return self is Links.direct


class Frontend(StrEnum):
    """Whose frontends a guest has, which is what they do when their backend goes; `reconnect` is ours."""

    reconnect = "reconnect"
    stock_linux = "stock-linux"
    linux_7 = "linux-7"
    windows_pv = "windows-pv"
    netbsd = "netbsd"
    freebsd = "freebsd"
    mirage = "mirage"

    @property
    def lets_go(self) -> bool:
        """Whether a device that is detached in order while it is used is used again once it is attached."""
        return self not in {Frontend.freebsd, Frontend.mirage}

    @property
    def reconnects(self) -> bool:
        """Whether it goes after another backend and another store by itself, or hangs for ever."""
        return self is Frontend.reconnect
