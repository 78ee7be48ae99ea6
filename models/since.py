"""Why an answer changed: what passing time, attributes, events, model and playbook did to it.

The way from the answer then to the answer now is walked step by step, and each step is scored:

    time         the same knowledge, seen now
    attributes   with the attributes of now
    events       with what happened since, of the lead and of its colleagues
    model        by the model of now
    playbook     by the playbook of now

The effect of a step is what it added to the probability; the effects sum to the change. Events are
told apart by the groups of `models.explain`, by Shapley values of the difference of the raw scores
(`models.shapley.difference`), or of points where rules answer. As with reasons this is an allocation:
in another order of the steps, each would have another part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from features.attributes import as_of as attribute_as_of
from features.instants import FOREVER, HOUR, iso
from features.known import Known
from features.plan import Attribute
from features.spine import Spine
from models.artefact import Artefact
from models.explain import grouped, scale
from models.facts import Facts
from models.phrases import Phrases
from models.playbook import Playbook
from models.scorer import Scorer
from models.scores import Scores
from models.wording import quoted, sentence, shown, span, texts

_GROUPED = ("attributes", "events")
"""Steps that are told apart by groups of features."""

_NOTHING = 0.005
"""Points that a ledger of two decimals does not show."""


@dataclass(frozen=True)
class Step:
    """One step of the way: who answers what is known as of when."""

    name: str
    scorer: Scorer
    known: Known
    as_of: int

    def scores(self, task: str, lang: str) -> Scores:
        """The answer after this step."""
        known = self.known
        return self.scorer.score(
            known.leads,
            known.log,
            np.array([self.as_of]),
            task=task,
            changes=known.changes,
            colleagues=known.colleagues,
            lang=lang,
        )


def why_changed(
    then: Scorer,
    now: Scorer,
    known: Known,
    *,
    since: int,
    as_of: int,
    task: str,
    lang: str = "en",
) -> dict[str, Any]:
    """What became of the answer to one lead between two instants, and why.

    Parameters
    ----------
    then, now : Scorer
        Who answered then, and who answers now.
    known : Known
        What is known of the lead now; of one lead.
    since, as_of : int
        Instants, `since` not after `as_of`.

    Returns
    -------
    dict
        ``since``, ``then`` (probability, points, state then), ``effect`` (percentage points, the
        sum of those of the reasons; null where either answer has no probability), and ``reasons``
        as those of a score, the strongest first: groups of features, and ``*time``, ``*model``,
        ``*playbook``; and ``points``: the rules whose points changed, with the change.
    """
    steps = [(step, step.scores(task, lang)) for step in _steps(then, now, known, since, as_of)]
    before, after = steps[0][1], steps[-1][1]
    said: dict[str, Any] = {
        "since": iso(since),
        "then": _short(before),
        "points": _points(before, after, lang),
    }
    if np.isnan([before.probability[0], after.probability[0]]).any():
        return {**said, "effect": None, "reasons": []}
    # A step on the way without a probability has no part of its own: it is left to the next.
    known_steps = [(step, scores) for step, scores in steps if np.isfinite(scores.probability[0])]
    reasons: list[dict[str, Any]] = []
    for (was, old), (step, new) in pairwise(known_steps):
        told = _by_group(was, step, since, (old, new), lang) if step.name in _GROUPED else []
        reasons += told or [_whole(was, step, since, _gained(old, new), lang)]
    reasons.sort(key=lambda reason: (-abs(reason["effect"]), reason["group"]))
    told_always = ("*model", "*playbook")
    moved = [r for r in reasons if r["effect"] or r["group"] in told_always]
    return {**said, "effect": _gained(before, after), "reasons": moved}


def _short(scores: Scores) -> dict[str, Any]:
    record = scores.record(0)
    names = ("as_of", "state", "probability", "points", "temperature", "scored_by", "versions")
    return {name: record[name] for name in names}


def _steps(then: Scorer, now: Scorer, known: Known, since: int, as_of: int) -> Iterator[Step]:
    """The way; steps that change nothing are left out."""
    was = known.at(since)
    yield Step("start", then, was, since)
    yield Step("time", then, was, as_of)
    changes = known.changes
    if changes is not None and ((changes.changed_at > since) & (changes.changed_at <= as_of)).any():
        was = Known(known.leads, was.log, known.changes, was.colleagues)
        yield Step("attributes", then, was, as_of)
    if _came(known, since, as_of):
        yield Step("events", then, known, as_of)
    if then.versions["model"] != now.versions["model"]:
        between = Scorer(then.playbook, now.artefact, then.points_map, now.without)
        yield Step("model", between, known, as_of)
    if then.versions["playbook"] != now.versions["playbook"]:
        yield Step("playbook", now, known, as_of)


def _came(known: Known, since: int, as_of: int) -> bool:
    """Whether events of the lead or of colleagues became visible in (since, as_of]."""
    seen = [known.log.visible_at] + ([known.colleagues.visible_at] if known.colleagues else [])
    return any(bool(((at > since) & (at <= as_of)).any()) for at in seen)


def _gained(before: Scores, after: Scores) -> float:
    """Percentage points from one answer to another."""
    return 100 * float(after.probability[0] - before.probability[0])


def _whole(was: Step, step: Step, since: int, effect: float, lang: str) -> dict[str, Any]:
    """A step as one reason."""
    playbook = step.scorer.playbook
    facts: dict[str, Any] = {}
    if step.name == "time":
        facts = {"hours": round((step.as_of - since) / HOUR, 2)}
    elif step.name in ("model", "playbook"):
        facts = {
            "before": was.scorer.versions[step.name],
            "after": step.scorer.versions[step.name],
        }
    text = _text(step.name, facts, playbook, lang)
    return {"group": f"*{step.name}", "facts": facts, "effect": effect, "text": text}


def _text(step: str, facts: dict[str, Any], playbook: Playbook, lang: str) -> str:
    words = texts(lang)["since"]
    if step == "time":
        return words["time"].format(span=span(facts["hours"], lang))
    return words[step].format(**{name: facts[name] or words["rules"] for name in facts})


def changed_to(name: str, values: list[str | None], playbook: Playbook, lang: str) -> str:
    """An attribute that took another value."""
    words = texts(lang)["since"]
    before, after = (
        words["unknown"] if value is None else shown(playbook.word(value, lang)) for value in values
    )
    label = playbook.attribute_label(name, lang) or quoted(name, lang)
    return words["change"].format(label=label, before=before, after=after)


def _changed(was: Known, now: Known, as_of: int) -> dict[str, list[str | None]]:
    """The attributes that took another value: what it was, and what it is."""
    spine = Spine.at(1, as_of)

    def values(known: Known, name: str) -> str | None:
        column = attribute_as_of(
            Attribute(name, "category", "tracked"), known.leads, known.changes, spine
        )
        value: str | None = column[0].as_py()
        return value

    names = now.changes.coded[0] if now.changes else ()
    both = {name: [values(was, name), values(now, name)] for name in names}
    return {name: told for name, told in both.items() if told[0] != told[1]}


def _by_group(
    was: Step, step: Step, since: int, scores: tuple[Scores, Scores], lang: str
) -> list[dict[str, Any]]:
    """What attributes, or events, did by group; nothing where the answers have not one source."""
    artefact = step.scorer.artefact
    by_model = [bool(one.by_model[0]) for one in scores]
    if all(by_model) and artefact is not None:
        return _by_model(artefact, was, step, since, lang)
    return [] if any(by_model) else _by_rules(scores, lang)


def _by_model(
    artefact: Artefact, was: Step, step: Step, since: int, lang: str
) -> list[dict[str, Any]]:
    """By what each group did to the difference of the raw scores."""
    spine, groups = Spine.at(1, step.as_of), artefact.groups
    matrices = [
        artefact.matrix(k.leads, k.log, spine, k.changes, k.colleagues)
        for k in (was.known, step.known)
    ]
    X = [artefact.encoder.encode(matrix) for matrix in matrices]
    moved = artefact.model.estimator.difference(*X)
    points = 100 * scale(artefact.model.calibrator, *map(artefact.model.raw, X))
    effect = grouped(moved, groups.of_feature, len(groups.names))[0] * points
    statistics = artefact.encoder.statistics
    at = step.known.log.visible_at
    fresh = replace(step.known.log, visible_at=np.where(at > since, at, FOREVER))
    told = [
        Facts(groups, statistics, matrices[1], step.known.leads, log, spine)
        for log in (fresh, step.known.log)
    ]
    words = Phrases(step.scorer.playbook, artefact.plan, lang)
    forms = texts(lang)["since"]
    changed = _changed(was.known, step.known, step.as_of)
    reasons = []
    for group in np.flatnonzero(effect):
        role, name = groups.roles[group], groups.names[group]
        new, all_of_it = (facts.of(0, int(group), moved[0]) for facts in told)
        # What did not happen since is told as it stands now, and that it is from before.
        happened = any(new.get(key) for key in ("count", "touches", "answers"))
        facts = new if happened else all_of_it
        text = words.reason(role, name, facts)
        if role == "attribute" and name in changed:
            facts = dict(zip(("before", "after"), changed[name], strict=True))
            text = changed_to(name, changed[name], step.scorer.playbook, lang)
        elif role in ("events", "response"):
            text = forms["new" if happened else "as_before"].format(text=text)
        reasons.append(
            {"group": name, "facts": facts, "effect": float(effect[group]), "text": text}
        )
    return reasons


def _by_rules(scores: tuple[Scores, Scores], lang: str) -> list[dict[str, Any]]:
    """In proportion to the change of each rule's points."""
    moved = _points(*scores, lang)
    total = sum(rule["points"] for rule in moved)
    if abs(total) < _NOTHING:
        return []
    return [
        {
            "group": rule["rule"],
            "facts": {"points": round(rule["points"], 2)},
            "effect": _gained(*scores) * rule["points"] / total,
            "text": rule["text"],
        }
        for rule in moved
    ]


def _points(before: Scores, after: Scores, lang: str) -> list[dict[str, Any]]:
    """The rules of both playbooks whose points changed, most first: `rule`, `points`, `text`."""
    ends = [_of_rules(scores) for scores in (before, after)]
    found = []
    for name in dict.fromkeys([*ends[0], *ends[1]]):
        gained = ends[1].get(name, 0.0) - ends[0].get(name, 0.0)
        if abs(gained) >= _NOTHING:
            scores = after if name in ends[1] else before
            rule = next(r for r in scores.points.scorecard.rules if r.name == name)
            label = scores.points.scorecard.label(rule, lang)
            text = sentence("points", label, {"points": round(gained, 2)}, lang)
            found.append({"rule": name, "points": gained, "text": text})
    return sorted(found, key=lambda rule: (-abs(rule["points"]), rule["rule"]))


def _of_rules(scores: Scores) -> dict[str, float]:
    """What each rule adds, after caps and decay."""
    rules, of_lead = scores.points.scorecard.rules, scores.points.contribution[0]
    return {rule.name: float(points) for rule, points in zip(rules, of_lead, strict=True)}
