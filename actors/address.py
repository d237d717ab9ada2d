"""The address of an actor, `host0/dom3`: the host that it belongs to, and its name there.

Rules: whoever wants a part of one parses it here, and whoever makes one prints it here. On its way, in
effects, messages and files, it is text. A domain's actor is called `dom` and its number, and so is every link
to it; that of its spare, who waits to have this address, `spare` and that number.
"""

from dataclasses import dataclass
from typing import Final

DOMAIN: Final = "dom"
SPARE: Final = "spare"
EVENTS: Final = "events/"


def domain_actor(domid: int) -> str:
    """What a domain's actor, and every link to it, is called."""
    return f"{DOMAIN}{domid}"


def spare_actor(domid: int) -> str:
    """What the actor of a domain's spare is called, and the link to it, until it is promoted."""
    return f"{SPARE}{domid}"


def event_link(domid: int) -> str:
    """What the link is called by which events of a domain come straight from it."""
    return f"{EVENTS}{domid}"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An actor, or with a domain's own name in place of its actor's (`host0/web-0`) that domain in any life.

    Whatever has no host, as the supervisor, has its whole name for that, and no actor.
    """

    host: str
    actor: str = ""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """The address that is printed so."""
        host, _, actor = text.partition("/")
        return cls(host, actor)

    @classmethod
    def domain(cls, host: str, domid: int) -> "Address":
        """That of a domain by its number."""
        return cls(host, domain_actor(domid))

    @classmethod
    def of_file(cls, stem: str) -> "Address":
        """The address whose `file` this is; of a name with several `-` all but the last part is the host."""
        host, _, actor = stem.rpartition("-")
        return cls(host, actor) if host else cls(actor)

    def __str__(self) -> str:
        return f"{self.host}/{self.actor}" if self.actor else self.host

    @property
    def file(self) -> str:
        """`host0-dom3`: what a file of this actor is called, without a suffix."""
        return f"{self.host}-{self.actor}" if self.actor else self.host

    @property
    def domid(self) -> int | None:
        """The number of a domain, or None if this is no domain's actor."""
        return self._number_after(DOMAIN)

    @property
    def waits_for(self) -> int | None:
        """The number of the domain whose spare this is, or None if it is none."""
        return self._number_after(SPARE)

    @property
    def is_domain(self) -> bool:
        """Whether this is a domain's actor, or that of its spare, which has no number yet."""
        return self.domid is not None or self.waits_for is not None

    def _number_after(self, word: str) -> int | None:
        number = self.actor.removeprefix(word)
        return int(number) if number != self.actor and number.isdecimal() else None

    def beside(self, actor: str) -> "Address":
        """Another actor of the same host."""
        return Address(self.host, actor)
