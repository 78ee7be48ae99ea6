"""What was measured, as `measured.json` keeps it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from training.resampling import Interval

FILE = Path(__file__).with_name("measured.json")


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Gain(_Kept):
    """What was added to the counts; above 0 it is better.

    Attributes
    ----------
    features : how many features tell training rows apart.
    auc, log_loss : gain on the test rows, with the 95% interval.
    folds, folds_error : gain in log loss on the folds inside the training span, and its standard
        error.
    """

    features: int
    auc: Interval
    log_loss: Interval
    folds: float
    folds_error: float


class Measured(_Kept):
    """One world, or several that differ in their seed.

    Attributes
    ----------
    world : ``"bpi2012"``, ``"simulated"``, or the signal that is planted.
    seeds : of simulated worlds, whose test rows were looked at together; of bpi2012 those of fits.
    leads, train_rows, test_rows, positives : sizes; positives are test rows.
    auc, log_loss : of the counts alone, on the test rows.
    best_auc, best_log_loss : of `p_bayes`; None where that is not known.
    gains : by family, those whose features do not tell rows apart here left out; ``"all"`` for all.
    planted : the family that sees what is planted; None where nothing is.
    gap : log loss of `p_without` less that of `p_bayes`, on the test rows.
    recovered : share of the gap that the planted family gains.
    """

    world: str
    seeds: list[int]
    leads: int
    train_rows: int
    test_rows: int
    positives: int
    auc: float
    log_loss: float
    best_auc: float | None
    best_log_loss: float | None
    gains: dict[str, Gain]
    planted: str | None = None
    gap: Interval | None = None
    recovered: Interval | None = None


class Record(_Kept):
    """A whole run.

    Attributes
    ----------
    command : what was run.
    versions : of Python and packages.
    seconds : how long it took.
    worlds : in the order in which they were measured.
    """

    command: str
    versions: dict[str, str]
    seconds: int
    worlds: list[Measured]

    def of(self, world: str) -> Measured:
        """The world of that name."""
        return next(measured for measured in self.worlds if measured.world == world)

    @classmethod
    def read(cls, file: Path = FILE) -> Record:
        """What the last run kept."""
        return cls.model_validate_json(file.read_text(encoding="utf-8"))

    def write(self, file: Path = FILE) -> None:
        """Keep it."""
        file.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
