"""What was known of leads at an earlier moment: their events, attributes and colleagues then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.attributes import as_of
from features.changes import Changes
from features.colleagues import Colleagues
from features.instants import FOREVER, Instants
from features.log import EventLog, Leads
from features.plan import Attribute
from features.spine import Spine


@dataclass(frozen=True)
class Known:
    """What is known of some leads.

    Attributes
    ----------
    leads : Leads
    log : EventLog
        Aligned to the leads.
    changes : Changes or None
    colleagues : Colleagues or None
    """

    leads: Leads
    log: EventLog
    changes: Changes | None = None
    colleagues: Colleagues | None = None

    def keep(self, mask: npt.NDArray[np.bool_]) -> Known:
        """What is known of the leads marked in a mask of shape (n_leads,)."""
        return Known(
            self.leads.keep(mask),
            self.log.keep(mask),
            self.changes and self.changes.keep(mask),
            self.colleagues and self.colleagues.keep(mask),
        )

    def at(self, moment: int) -> Known:
        """What was known at an instant: nothing that became visible or changed after it.

        Attributes without recorded changes are as they are.
        """
        return Known(
            self._leads_at(moment),
            replace(self.log, visible_at=_until(self.log.visible_at, moment)),
            self.changes and self.changes.take(np.flatnonzero(self.changes.changed_at <= moment)),
            self.colleagues
            and replace(self.colleagues, visible_at=_until(self.colleagues.visible_at, moment)),
        )

    def _leads_at(self, moment: int) -> Leads:
        """The leads with the attributes that they had."""
        if self.changes is None:
            return self.leads
        table = self.leads.attributes
        spine = Spine.at(len(self.leads), moment)
        for place, name in enumerate(table.column_names):
            if name in self.changes.coded[0]:
                then = as_of(
                    Attribute(name, "category", "tracked"), self.leads, self.changes, spine
                )
                table = table.set_column(place, name, then)
        return replace(self.leads, attributes=table)


def _until(visible_at: Instants, moment: int) -> Instants:
    return np.where(visible_at <= moment, visible_at, FOREVER)
