"""A run as its directory has it: judged again, or done again, by whoever finds it.

Rules: nothing of the run is changed. What it takes is in the directory, but for images that the run did not
make: those are where they were, and one that has been written to since is not judged.
"""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from actors.abi.types import SECTOR_SIZE
from cluster.lab.config.resolved import ResolvedCluster
from cluster.lab.verdict.report import Report, report_of
from cluster.running.run.about import About, ImageState
from cluster.running.run.kept_configuration import RESOLVED, read_resolved, resolved_anew
from cluster.running.run.kept_values import KeptError, OtherVersionError
from cluster.running.run.run_directory import RunDirectory
from cluster.running.run.run_state import read_state


@dataclass(frozen=True, slots=True)
class KeptRun:
    """One run's directory. The images of `cluster` are where the run is still to make them."""

    directory: RunDirectory
    about: About
    cluster: ResolvedCluster

    @classmethod
    def read(cls, path: Path) -> "KeptRun":
        """The run in a directory. KeptError if it holds none, or one that `run` or `up` did not start."""
        about = About.read(path)
        if not about.configuration:
            raise KeptError(
                f"{path}: not a run of its own; `{shlex.join(about.command)}` made it, and will again"
            )
        return cls(RunDirectory(path.absolute()), about, read_resolved(path, about.configuration))

    @classmethod
    def to_rerun(cls, path: Path) -> tuple["KeptRun", str]:
        """The run in a directory; one that another version kept is resolved anew, and the text says so.

        KeptError, ConfigError.
        """
        try:
            return cls.read(path), ""
        except OtherVersionError:
            about = About.read(path)
            first, cluster = resolved_anew(path, about.configuration, about.seed)
            told = f"{path / RESOLVED} is of another version: the configuration is read anew from {first}"
            return cls(RunDirectory(path.absolute()), about, cluster), told

    def report(self) -> Report:
        """Judge it, as `run` does. KeptError if it left nothing that could be."""
        path = self.directory.path
        if self.about.driver != "live":
            raise KeptError(
                f"{path}: a simulated run keeps no images and no journals, so there is nothing to verify; "
                f"`domzero rerun {path}` does the very same run again"
            )
        state = read_state(self.directory, self.directory.place(self.cluster), self.about.driver)
        return report_of(replace(state, changed_images=self._changed_images()))

    def check_images(self) -> None:
        """KeptError if an image that the run did not make is gone, or has another size."""
        for host in self.cluster.hosts:
            for volume in host.volumes:
                size = ImageState.now(volume.path).bytes
                if not volume.made and size != volume.sectors * SECTOR_SIZE:
                    found = "it is gone" if size is None else f"it has {size} bytes"
                    raise KeptError(
                        f"{volume.path}: the image of {host.name}/{volume.guest} is not as it was: {found}; "
                        f"give it {volume.sectors * SECTOR_SIZE} bytes"
                    )

    def _changed_images(self) -> frozenset[Path]:
        """Of one that was cut short nothing is known."""
        kept = self.about.images or []
        return frozenset(Path(each.path) for each in kept if ImageState.now(Path(each.path)) != each)
