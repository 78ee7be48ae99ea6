"""The registered versions of one task: which there are, which answers, and which answered before.

What answers has the alias ``champion``, the last one that the gate stopped ``challenger``. The
champions that there have been are a stack in a tag of the registered model: promoting adds to it,
going back takes away from it, so that going back twice goes back two champions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import ArtefactError, UsageError
from features.instants import iso, now
from models.playbook.references import nearest
from models.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION, CHALLENGER = "champion", "challenger"
WAS_CHAMPION = "was_champion"
_STACK = "champions"
_MOST = 200
"""Champions that are remembered."""


@dataclass(frozen=True)
class Version:
    """One version of a registered model.

    Attributes
    ----------
    number : str
    aliases : tuple of str
    created : datetime, UTC
    run_id : str
    tags : mapping
    """

    number: str
    aliases: tuple[str, ...]
    created: datetime
    run_id: str
    tags: Mapping[str, str]


class Registered:
    """The registered model of a task, through a client of MLflow."""

    def __init__(self, client: MlflowClient, task: str, settings: Settings) -> None:
        self.client = client
        self.task = task
        self.name = settings.registered_name(task)

    @property
    def exists(self) -> bool:
        """Whether any model of the task was ever registered."""
        return bool(self.client.search_registered_models(f"name = '{self.name}'"))

    def make(self) -> None:
        """Create the registered name, where it is not there."""
        if not self.exists:
            self.client.create_registered_model(self.name)

    @property
    def champion(self) -> str | None:
        """The version that answers; None where none does."""
        return self._aliases().get(CHAMPION) if self.exists else None

    def versions(self) -> list[Version]:
        """Every version, the latest first.

        Raises
        ------
        UsageError
            When no model of the task is registered.
        """
        if not self.exists:
            raise UsageError(self._nothing())
        alias = self._aliases()
        found, token = [], None
        while token != "":
            page = self.client.search_model_versions(f"name = '{self.name}'", page_token=token)
            found += list(page)
            token = page.token or ""
        return [
            Version(
                number := str(one.version),
                tuple(name for name, of in sorted(alias.items()) if of == number),
                datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
                str(one.run_id),
                dict(one.tags),
            )
            for one in sorted(found, key=lambda one: -int(one.version))
        ]

    def find(self, asked: str) -> Version:
        """A version by its number (``3`` or ``v3``) or by an alias.

        Raises
        ------
        UsageError
            When there is none; it names what there is.
        """
        there = self.versions()
        number = asked.strip().removeprefix("v")
        for version in there:
            if version.number == number or asked in version.aliases:
                return version
        names = [name for one in reversed(there) for name in (one.number, *one.aliases)]
        raise UsageError(
            f"{asked!r}: {self.name} has no such version; there are {', '.join(names)}."
            f"{nearest(asked, names)}"
        )

    def fetch(self, version: str, into: Path) -> Path:
        """Download the files of a version; the folder of the artefact itself.

        Raises
        ------
        ArtefactError
            When they are gone.
        """
        from mlflow.artifacts import download_artifacts

        folder = Path(download_artifacts(f"models:/{self.name}/{version}", dst_path=str(into)))
        held = sorted(folder.rglob("manifest.json"), key=lambda path: len(path.parts))
        if not held:
            raise ArtefactError(f"version {version} of {self.name}: its files are gone.")
        return held[0].parent

    def tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Write tags of a version."""
        for name, value in tags.items():
            self.client.set_model_version_tag(self.name, version, name, value)

    def promote(self, version: str) -> str | None:
        """Make a version the champion; the one that was, or None."""
        stack, was = self._stack()
        self._crown(version, was, [*stack, version])
        if self._aliases().get(CHALLENGER) == version:
            self.client.delete_registered_model_alias(self.name, CHALLENGER)
        return was

    def challenge(self, version: str) -> None:
        """Name a version that was not promoted."""
        self.client.set_registered_model_alias(self.name, CHALLENGER, version)

    def back(self) -> tuple[str | None, str]:
        """Make the champion before the present one champion again; both of them.

        Raises
        ------
        UsageError
            When there was none.
        """
        there = {version.number for version in self.versions()}
        stack, was = self._stack()
        while stack and (stack[-1] == was or stack[-1] not in there):
            stack.pop()
        if not stack:
            what = (
                f"before version {was} there is none that is still there"
                if was
                else "there has been none"
            )
            raise UsageError(f"{self.name} has no earlier champion to go back to: {what}.")
        self._crown(stack[-1], was, stack)
        return was, stack[-1]

    def _crown(self, version: str, was: str | None, stack: list[str]) -> None:
        self.client.set_registered_model_alias(self.name, CHAMPION, version)
        self.client.set_registered_model_tag(self.name, _STACK, " ".join(stack[-_MOST:]))
        if was is not None and was != version:
            self.tag(was, {WAS_CHAMPION: f"until {iso(now())}"})
        self.client.delete_model_version_tag(self.name, version, WAS_CHAMPION)

    def _stack(self) -> tuple[list[str], str | None]:
        """The champions there have been, the present one last, and the present one."""
        found = self.client.get_registered_model(self.name)
        stack, champion = found.tags.get(_STACK, "").split(), self._aliases().get(CHAMPION)
        # Somebody may have moved the alias without us.
        if champion and stack[-1:] != [champion]:
            stack.append(champion)
        return stack, champion

    def _aliases(self) -> dict[str, str]:
        found = self.client.get_registered_model(self.name).aliases
        return {name: str(version) for name, version in found.items()}

    def _nothing(self) -> str:
        names = [model.name for model in self.client.search_registered_models()]
        tasks = [name.removeprefix("lead-") for name in names if name.startswith("lead-")]
        known = ["qualification" if task == "conversion" else task for task in tasks]
        there = f"there are models of {', '.join(known)}" if known else "nothing is registered yet"
        return (
            f"No model of task {self.task!r} is registered; {there}.{nearest(self.task, known)} "
            "`tegakari train` registers one."
        )
