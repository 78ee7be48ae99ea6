"""Of which leads a company's ideas of a qualified lead hold: ``[definitions.<name>]``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.conditions import Conditions, Mask
from models.playbook.actions import DefinitionSection
from models.playbook.stages import STAGES
from models.qualification import Qualified


def qualifies(
    definition: DefinitionSection,
    conditions: Conditions,
    qualified: Qualified,
    probability: npt.NDArray[np.float64] | None = None,
) -> Mask:
    """Where everything that a definition says holds, shape (n_rows,).

    Parameters
    ----------
    conditions : Conditions
        Of the same playbook.
    probability : ndarray of shape (n_rows,), float64, optional
        NaN where it is not known: nobody qualifies by what is not known.

    Raises
    ------
    ValueError
        When the definition asks for a probability and none are given.
    """
    holds = np.ones(len(qualified.view), dtype=bool)
    if definition.form is not None:
        holds &= conditions.hold(definition, qualified.view)
    if definition.points is not None:
        holds &= qualified.points.total >= definition.points
    if definition.stage is not None:
        standing, least = qualified.standing, STAGES.index(definition.stage)
        holds &= np.zeros_like(holds) if standing is None else standing.stage >= least
    if definition.probability is not None:
        if probability is None:
            raise ValueError("a definition by probability needs probabilities")
        with np.errstate(invalid="ignore"):
            holds &= probability >= definition.probability
    return holds
