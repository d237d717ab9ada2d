"""Prints the echo floors and the actor driver beside them: `python bench/floors.py [repeats]`."""

import statistics
import sys

from cluster.bench.floors import measure

MAKES = ("blocking", "lowlevel", "actor")
ROUNDS = {1: 5_000, 64: 50_000}


def main(repeats: int) -> None:
    for one_core in (True, False):
        where = "one core" if one_core else "free"
        for depth, rounds in ROUNDS.items():
            times: dict[str, list[float]] = {make: [] for make in MAKES}
            for _ in range(repeats):  # makes take turns, so that a busy machine is busy for all
                for make in MAKES:
                    times[make].append(measure(make, depth, rounds, one_core=one_core))
            medians = {make: statistics.median(times[make]) for make in MAKES}
            for make in MAKES:
                each_us = medians[make] / rounds * 1e6
                best_us = min(times[make]) / rounds * 1e6
                ratio = medians[make] / medians["lowlevel"]
                print(
                    f"{where:8} depth {depth:2} {make:8} {each_us:8.2f} us (best {best_us:8.2f}) "
                    f"{1e6 / each_us:9.0f}/s  {ratio:5.2f} x lowlevel"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
