"""How bugs are planted: methods that are replaced for a while, and the bugs there are by name."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Method = Callable[..., Any]  # what is replaced has any signature


@dataclass(slots=True)
class Plant:
    """Replaces methods, and functions of modules, and puts them back."""

    replaced: list[tuple[type | ModuleType, str, Method]]

    def replace(self, owner: type | ModuleType, name: str, make: Callable[[Method], Method]) -> None:
        """Put what `make` gives for a method in its place."""
        original = owner.__dict__[name]
        self.replaced.append((owner, name, original))
        setattr(owner, name, make(original))

    def undo(self) -> None:
        """Everything is as it was."""
        while self.replaced:
            owner, name, original = self.replaced.pop()
            setattr(owner, name, original)


Sow = Callable[[Plant], None]


class Bugs(dict[str, Sow]):
    """Bugs by name: that of the function that makes each, with dashes."""

    def replacing(self, owner: type, name: str) -> Callable[[Method], Sow]:
        """Make a bug of what takes the place of a method: it is given the method, and then its arguments."""

        def register(wrong: Method) -> Sow:
            def make(right: Method) -> Method:
                return lambda it, *arguments, **named: wrong(right, it, *arguments, **named)

            return self.sown(lambda plant: plant.replace(owner, name, make), wrong.__name__)

        return register

    def sown(self, sow: Sow, name: str = "") -> Sow:
        """Make a bug of what replaces methods itself."""
        self[(name or sow.__name__).replace("_", "-")] = sow
        return sow
