"""Outcomes as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.console import Console

from features.instants import HOUR, iso
from models import wording
from models.evidence import Basis
from models.playbook import Playbook, in_language
from models.rates import Difference
from models.terminal import print_table
from training.breakdown.by_channel import Row
from training.breakdown.definitions import Group, SideBySide
from training.breakdown.exposed import History, Median, Outcome
from training.breakdown.pairs import Pair
from training.breakdown.rejections import Rejection
from training.breakdown.targets import Coverage


def print_rows(
    console: Console, history: History, title: str, rows: Sequence[Row], lang: str
) -> None:
    """Print what became of leads by channel or content."""
    words, playbook = wording.texts(lang)["outcomes"], history.playbook
    named = ("acts", "touches", "leads", "used", "converted", "median")
    header = ["", *(words[key] for key in named)]
    table = [
        [
            _called(row, playbook, lang),
            f"{row.acts:,}",
            f"{row.touches:,}",
            f"{row.leads:,}",
            f"{row.outcome.basis['n']:,}" if row.outcome.basis else "0",
            rate(row.outcome.basis, lang),
            _median(row.outcome.median, lang),
        ]
        for row in rows
    ]
    print_table(console, words[title].format(**_meant(history, lang)), header, table)
    console.print(words["left_out"].format(**_left(rows[0].outcome)))
    console.print(words["association"] + words["medians"])


def print_pairs(
    console: Console, history: History, found: Sequence[Pair], few: int, lang: str
) -> None:
    """Print pairs of channels against each alone."""
    words, playbook = wording.texts(lang)["outcomes"], history.playbook
    header = [words[key] for key in ("pair", "both", "alone", "against")]
    table = []
    for pair in found:
        names = [playbook.word(name, lang) for name in (pair.one, pair.other)]
        first = words["and"].format(one=names[0], other=names[1])
        both = _with_n(pair.both.basis, lang)
        sides = (
            (names[0], pair.one_alone, pair.against_one),
            (names[1], pair.other_alone, pair.against_other),
        )
        for place, (name, alone, against) in enumerate(sides):
            told = words["of"].format(name=name, rate=_with_n(alone.basis, lang))
            shown = [first, both] if place == 0 else ["", ""]
            table.append([*shown, told, _difference(against, lang)])
    print_table(console, words["pairs"].format(**_meant(history, lang)), header, table)
    if few:
        console.print(words["few"].format(n=few))
    console.print(words["association"])


def print_coverage(console: Console, history: History, found: Coverage, lang: str) -> None:
    """Print target coverage, and name the combinations that nobody has."""
    words = wording.texts(lang)["outcomes"]
    header = [words[key] for key in ("who", "what", "how", "now", "then", "converted")]
    table = [
        [
            *(part or "-" for part in (c.who, c.what, c.how)),
            f"{c.leads:,}",
            f"{c.basis['n']:,}" if c.basis else "0",
            rate(c.basis, lang),
        ]
        for c in found.combinations
    ]
    tz = history.material.tz
    said = {"now": minute(found.now, tz), "then": minute(found.then, tz)}
    said |= {"leads_now": f"{found.leads_now:,}", "leads_then": f"{found.leads_then:,}"}
    print_table(console, words["targets"].format(**said, **_meant(history, lang)), header, table)
    empty = [words["x"].join(filter(None, (c.who, c.what, c.how))) for c in found.empty]
    console.print(
        words["empty"].format(names=words["comma"].join(empty)) if empty else words["full"]
    )
    console.print(words["association"])


def print_definitions(console: Console, history: History, found: SideBySide, lang: str) -> None:
    """Print each pair of definitions: the overlap, who only one wants, and who converted."""
    words, playbook = wording.texts(lang)["outcomes"], history.playbook
    tz = history.material.tz
    said = {"now": minute(found.now, tz), "then": minute(found.then, tz)}
    for overlap in found.overlaps:
        names = [
            in_language(playbook.said.definitions[name].label, lang) or name
            for name in (overlap.one, overlap.other)
        ]
        header = [words[key] for key in ("group", "now", "then", "converted", "points", "examples")]
        table = [
            [
                _group(group, names, lang),
                f"{group.now:,}",
                f"{group.basis['n']:,}" if group.basis else "0",
                rate(group.basis, lang),
                "-" if group.points is None else f"{group.points:g}",
                "  " + ", ".join(wording.shown(lead) for lead in group.examples),
            ]
            for group in overlap.groups
        ]
        title = words["definitions"].format(
            one=names[0], other=names[1], **said, **_meant(history, lang)
        )
        print_table(console, title, header, table)
        told = {
            "one": names[0],
            "other": names[1],
            "difference": _difference(overlap.difference, lang),
        }
        console.print(words["only_less_only"].format(**told))
    for name in found.skipped:
        console.print(words["skipped"].format(name=name))
    console.print(words["association"])


def _group(group: Group, names: Sequence[str], lang: str) -> str:
    words = wording.texts(lang)["outcomes"]
    if group.one and group.other:
        return words["both_of"]
    if group.one or group.other:
        return words["only"].format(name=names[0] if group.one else names[1])
    return words["neither"]


def print_rejections(
    console: Console, history: History, by: str, found: Sequence[Rejection], lang: str
) -> None:
    """Print who was sent back, by source and reason."""
    words, playbook = wording.texts(lang)["outcomes"], history.playbook
    if not found:
        back = ", ".join(playbook.said.stages.back)
        console.print(words["none_back"].format(events=back))
        return
    attribute = playbook.attribute_label(by, lang) or by
    header = [attribute] + [
        words[key] for key in ("event", "reason", "times", "share", "cycles", "again")
    ]
    table = [
        [
            words["unknown"] if r.source is None else wording.shown(playbook.word(r.source, lang)),
            playbook.event_label(r.event, lang) or r.event,
            words["no_reason"] if r.reason is None else wording.shown(r.reason),
            f"{r.times:,}",
            words["share_of"].format(n=f"{r.share['n']:,}", rate=rate(r.share, lang)),
            ", ".join(f"{cycle}: {n:,}" for cycle, n in r.cycles.items()),
            f"{r.taken_up:,}",
        ]
        for r in found
    ]
    print_table(console, words["rejections"].format(by=attribute), header, table)
    console.print(words["association"])


def minute(at: int, tz: ZoneInfo) -> str:
    """An instant for people: to the minute, in their zone."""
    return str(iso(at, tz))[:16].replace("T", " ")


def rate(basis: Basis | None, lang: str) -> str:
    """A rate with its interval."""
    if basis is None:
        return "-"
    return wording.texts(lang)["outcomes"]["rate"].format(
        rate=f"{basis['converted'] / basis['n']:.1%}",
        low=f"{basis['low']:.1%}",
        high=f"{basis['high']:.1%}",
    )


def _with_n(basis: Basis | None, lang: str) -> str:
    if basis is None:
        return "-"
    return wording.texts(lang)["outcomes"]["with_n"].format(
        n=f"{basis['n']:,}", rate=f"{basis['converted'] / basis['n']:.1%}"
    )


def _difference(found: Difference | None, lang: str) -> str:
    if found is None:
        return "-"
    return wording.texts(lang)["outcomes"]["difference"].format(
        difference=f"{100 * found.difference:+.1f}",
        low=f"{100 * found.low:+.1f}",
        high=f"{100 * found.high:+.1f}",
    )


def _median(found: Median | None, lang: str) -> str:
    if found is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.days:.0f}"
    return wording.texts(lang)["outcomes"]["days"].format(
        days=f"{found.days:.0f}", low=f"{found.low:.0f}", high=f"{found.high:.0f}"
    )


def _called(row: Row, playbook: Playbook, lang: str) -> str:
    words = wording.texts(lang)["outcomes"]
    if row.kind == "all":
        return words["all"]
    if row.kind == "flow":
        return words[row.name]
    return wording.shown(playbook.word(row.name, lang) if row.kind == "channel" else row.name)


def _meant(history: History, lang: str) -> dict[str, str]:
    task = history.material.task
    horizon = wording.span((task.horizon or 0) / HOUR, lang)
    return {"task": task.name, "horizon": horizon}


def _left(outcome: Outcome) -> dict[str, str]:
    return {name: f"{n:,}" for name, n in outcome.left_out.items()}
