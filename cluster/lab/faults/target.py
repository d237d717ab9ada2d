"""What a fault is done to: HOST, HOST/ACTOR, HOST/SENDER:RECEIVER, HOST/GUEST/DEVICE.

Rules: whoever wants a part of one parses it here. In files, reports and metrics it is text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A target. `actors`: whom it names, none if it is the host; `device`: one of a guest."""

    host: str
    actors: tuple[str, ...] = ()
    device: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Target":
        """The target that is printed so."""
        host, _, rest = text.partition("/")
        return cls.on(host, rest)

    @classmethod
    def on(cls, host: str, text: str) -> "Target":
        """The target whose `name` on a host is this."""
        actors, slash, device = text.partition("/")
        return cls(host, tuple(actors.split(":")) if actors else (), device if slash else None)

    @property
    def name(self) -> str:
        """What it is called on its host: all that follows that; empty for the host itself."""
        actors = ":".join(self.actors)
        return actors if self.device is None else f"{actors}/{self.device}"

    def __str__(self) -> str:
        return f"{self.host}/{self.name}" if self.name else self.host
