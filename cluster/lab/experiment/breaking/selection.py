"""Which targets of a fault are taken, and the stream of random numbers from which that is drawn."""

from random import Random

from cluster.lab.config.resolved import ResolvedFault


def choose(fault: ResolvedFault, random: Random) -> list[str]:
    """The targets of one occurrence, in the order of the configuration."""
    count = len(fault.targets)
    if fault.select == "one":
        count = 1
    elif fault.select == "fixed":
        count = min(fault.select_count, count)
    elif fault.select == "random":
        count = random.randint(1, min(fault.select_count, count))
    if count == len(fault.targets):
        return list(fault.targets)
    return [fault.targets[index] for index in sorted(random.sample(range(len(fault.targets)), count))]


def stream_of(seed: int, fault: ResolvedFault, number: int = 0) -> Random:
    """The random numbers of one fault; `number` tells those apart that were done by hand."""
    if fault.seed is not None:
        return Random(f"{fault.seed}:fault")
    return Random(f"{seed}:fault:{fault.number}:{number}")
