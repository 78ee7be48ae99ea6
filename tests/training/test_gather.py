"""Exports brought into the contract's tables: every row accounted for, one person one lead."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import tegakari
from features.errors import PlaybookError
from models.playbook import Playbook
from models.playbook.source import parse_as
from training.gather.gather import Gathered, gather
from training.gather.presets import presets
from training.gather.said import SourcesSection, problems

EXPORTS = Path(__file__).parent / "exports"
PRODUCTS = sorted(path.name for path in EXPORTS.iterdir())
NEEDED = 'schema = 1\ntimezone = "Asia/Tokyo"\n[[source]]\n'


def said(text: str) -> SourcesSection:
    return parse_as(SourcesSection, text, "s.toml", lambda found: problems(found, presets()))


def gathered(folder: Path, text: str | None = None, playbook: Playbook | None = None) -> Gathered:
    text = (folder / "sources.toml").read_text("utf-8") if text is None else text
    return gather(said(text), folder, playbook)


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def events_of(found: Gathered, lead_id: str) -> dict[str, str]:
    return {
        row["event_type"]: str(row["occurred_at"])
        for row in found.events.to_pylist()
        if row["lead_id"] == lead_id
    }


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_row_of_an_export_is_matched_unmatched_left_out_or_refused(product: str) -> None:
    found = gathered(EXPORTS / product)
    assert not found.missing
    for one in found.taken:
        assert sum(one.counts.values()) == one.rows, one.name
        assert sum(one.told.values()) > 0 or one.source.keys
        assert one.unmatched().num_rows == one.counts["unmatched"]


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("form", [(), ("--csv",)], ids=["parquet", "csv"])
def test_what_is_gathered_is_taken_by_score(
    run: Any, tmp_path: Path, product: str, form: tuple[str, ...]
) -> None:
    out = tmp_path / "表"
    ran = run("gather", EXPORTS / product / "sources.toml", "--out", out, *form, "--json")
    assert ran.code == 0, ran.err
    files = [word for name in ran.said["files"] for word in (f"--{name}", ran.said["files"][name])]
    scored = tmp_path / "scores.csv"
    ran = run("score", *files, "--timezone", "Asia/Tokyo", "--out", scored, "--json")
    assert ran.code == 0, ran.err
    with scored.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == ran.said["answered"] == ran.said["rows_in"]


def test_a_lead_that_was_lost_and_then_won_is_one_lead_with_both() -> None:
    found = gathered(EXPORTS / "salesforce")
    leads = {row["lead_id"]: row for row in found.leads.to_pylist()}
    assert "00Q5g00000AAAA1" not in leads
    yamada = leads["0035g00000CCCC1"]
    assert str(yamada["created_at"]) == "2026-01-13 01:20:00+00:00"  # the lead's, not the contact's
    assert yamada["Industry"] == "Machinery"  # which contacts have not
    assert events_of(found, "0035g00000CCCC1") | {"deal_opened": ""} == {
        "campaign_member": "2026-01-13T01:20:00Z",
        "campaign_response": "2026-01-14",
        "call_made": "2026-01-20T02:15:00Z",
        "mail_sent": "2026-03-20T05:00:00Z",
        "deal_opened": "",
        "lost": "2026-03-15",
        "deal_won": "2026-05-20",
    }
    assert {row["kind"] for row in found.identities.to_pylist()} == {"conversion", "merge"}
    assert found.duplicates == [["00Q5g00000AAAA2", "00Q5g00000AAAA5"]]
    # A merged lead's history is that of the lead it went into.
    assert [row["lead_id"] for row in found.changes.to_pylist()] == [
        "0035g00000CCCC1",
        "00Q5g00000AAAA3",
    ]


def test_merged_ids_values_before_and_times_since_1970_of_hubspot() -> None:
    found = gathered(EXPORTS / "hubspot")
    assert events_of(found, "101")["deal_won"] == "2026-03-10 09:00:00+00:00"
    assert events_of(found, "102")["newsletter_open"] == "2026-01-08 03:40:00+00:00"
    assert [(row["old_value"], row["new_value"]) for row in found.changes.to_pylist()] == [
        (None, "主任"),
        ("主任", "課長"),
    ]
    values = {row["value"] for row in found.events.to_pylist() if row["event_type"] == "lost"}
    assert values == {None}


def test_json_in_a_cell_is_read_and_a_merged_lead_s_activities_follow() -> None:
    found = gathered(EXPORTS / "marketo")
    (change,) = found.changes.to_pylist()
    assert (change["attribute"], change["old_value"]) == ("company", "Suzuki")
    pages = [row for row in found.events.to_pylist() if row["event_type"] == "page_view"]
    assert [(row["lead_id"], row["content"]) for row in pages] == [
        ("501", "/price"),
        ("501", "/blog"),
    ]


def test_a_webinar_s_titles_and_footers_are_no_rows_and_new_people_become_leads() -> None:
    found = gathered(EXPORTS / "webinar")
    zoom, plain = (
        next(one for one in found.taken if one.name == n)
        for n in ("webinar.attendee", "webinar.list")
    )
    assert [row.line for row in zoom.table.aside] == [1, 2, 3, 4, 5]
    assert [(row.kind, row.line) for row in plain.table.aside] == [("title", 1), ("footer", 7)]
    assert "cp932" in plain.table.understood
    assert [row["lead_id"][:6] for row in found.leads.to_pylist()] == ["0012", "0013", "email-"]
    at = [str(row["occurred_at"]) for row in found.events.to_pylist() if row["lead_id"] == "0012"]
    assert "2026-02-03 05:00:00+00:00" in at


def test_types_are_made_by_the_playbook_s_from(tmp_path: Path) -> None:
    playbook = Playbook.parse(
        'schema = 1\n[events.price]\nfrom = { type = "page_view", content = "*price*" }\n'
        '[events.blog]\nfrom = [{ type = "page_*", content = "/blog*", channel = "phone" }]\n'
    )
    found = gathered(EXPORTS / "marketo", playbook=playbook)
    types = [row["event_type"] for row in found.events.to_pylist()]
    assert "price" in types
    assert types.count("page_view") == 1  # blog wants another channel


def test_ids_of_15_and_18_letters_are_one_and_bad_rows_are_set_aside(
    run: Any, tmp_path: Path
) -> None:
    written(
        tmp_path,
        L="Id,CreatedDate\n00Q5g00000AAAA1EAP,2026-01-01T00:00:00Z\n,2026-01-01T00:00:00Z\nx,soon\n",
        E="who,at,n\n00Q5g00000AAAA1,2026-01-02T00:00:00Z,1\n00Q5g00000AAAA1EAP,never,2\nz,2026-01-02T00:00:00Z,3\nshort\n",
    )
    (tmp_path / "s.toml").write_text(
        NEEDED
        + 'file = "L.csv"\nids = "salesforce"\nlead = { id = "Id" }\nleads = { created_at = "CreatedDate" }\n'
        '[[source]]\nfile = "E.csv"\nids = "salesforce"\nlead = { id = "who" }\n'
        'events = { type = "v", at = "at", value = "n" }\n',
        encoding="utf-8",
    )
    out = tmp_path / "out"
    ran = run("gather", tmp_path / "s.toml", "--out", out, "--json")
    assert ran.code == 3
    leads, events = ran.said["sources"]
    assert (leads["matched"], leads["refused"]) == (1, 2)
    assert [events[n] for n in ("rows", "matched", "unmatched", "refused")] == [4, 1, 1, 2]
    refused = (out / "E.csv.refused.csv").read_text("utf-8")
    assert "not a time" in refused
    assert "expected 3 cells, got 1" in refused
    assert pyarrow.parquet.read_table(out / "events.parquet").num_rows == 1
    # What is mended leaves nothing behind.
    written(tmp_path, L="Id,CreatedDate\nz,2026-01-01\n", E="who,at,n\nz,2026-01-02T00:00:00Z,3\n")
    assert run("gather", tmp_path / "s.toml", "--out", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["events.parquet", "leads.parquet"]


def test_cycles_of_identities_are_refused_and_chains_are_followed(tmp_path: Path) -> None:
    written(tmp_path, L="id,into\na,b\nb,c\nc,\nd,e\ne,d\n")
    text = NEEDED + 'file = "L.csv"\nlead = { id = "id" }\nleads = {}\n'
    text += 'identities = { merged_into = "into", kind = "merge" }\n'
    found = gathered(tmp_path, text)
    assert sorted(found.leads["lead_id"].to_pylist()) == ["c", "d", "e"]
    assert len(found.taken[0].refused) == 2
    assert "comes back to itself" in found.taken[0].refused[0].reason


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('preset = "salesforce.leads"\n', "line 4, source[0].preset: no preset is called 'salesforce.leads'"),
        ('preset = "salesforce.leads"\n', "Did you mean 'salesforce.lead'?"),
        ('file = "a.csv"\nleads = {}\n', 'expected lead = { id = "..." }'),
        ('lead = { id = "a" }\nleads = {}\n', "expected a file, or a preset"),
        ('file = "a.csv"\nlead = { id = "a" }\n', "expected leads, events, changes, identities or keys"),
        ('file = "a.csv"\nlead = { deal = "a" }\nevents = { type = "x", at = "b" }\n', "'deal' is no key"),
        ('file = "a.csv"\nlead = { id = "a" }\nleeds = {}\n', "unknown key"),
        ('file = "a.csv"\nlead = { id = "a" }\nleads = {}\nencoding = "cp9999"\n', "encoding: expected such as"),
        ('file = "a.csv"\nlead = { id = "a" }\nleads = {}\nzone = "Asia/Tokio"\n', "Asia/Tokio"),
    ],
)  # fmt: skip
def test_a_wrong_sources_file_says_where_and_what(text: str, says: str) -> None:
    with pytest.raises(PlaybookError) as refused:
        said(NEEDED + text)
    assert says in str(refused.value)


def test_a_missing_file_and_a_missing_column_are_named(run: Any, tmp_path: Path) -> None:
    written(tmp_path, leads="Id,Mail\n1,a@example.com\n")
    sources = tmp_path / "s.toml"
    for text, says in (
        ('file = "lead.csv"\nlead = { id = "Id" }\nleads = {}\n', "Did you mean 'leads.csv'?"),
        ('file = "leads.csv"\nlead = { id = "ID" }\nleads = {}\n', "Did you mean 'Id'?"),
    ):
        sources.write_text(NEEDED + text, encoding="utf-8")
        ran = run("gather", sources, "--out", tmp_path / "out")
        assert ran.code == 1
        assert says in ran.err
        assert not (tmp_path / "out").exists()


def test_file_names_match_whether_letters_are_composed_or_not(tmp_path: Path) -> None:
    import unicodedata

    name = unicodedata.normalize("NFD", "参加者ガイド.csv")
    shutil.copy(EXPORTS / "webinar" / "参加者一覧.csv", tmp_path / name)
    text = NEEDED + 'file = "参加者ガ*.csv"\nlead = { email = "メールアドレス" }\nleads = {}\n'
    assert gathered(tmp_path, text).leads.num_rows == 2


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_account_is_printed_in_both_languages(run: Any, tmp_path: Path, lang: str) -> None:
    sources = EXPORTS / "salesforce" / "sources.toml"
    ran = run("gather", sources, "--out", tmp_path / "o", "--lang", lang)
    assert ran.code == 0
    assert "00Q5g00000AAAA2 = 00Q5g00000AAAA5" in ran.out
    assert {"en": "unmatched", "ja": "照合不可"}[lang] in ran.out


def test_the_sources_file_of_the_readme_is_one() -> None:
    readme = (Path(tegakari.__file__).parent / "README.md").read_text("utf-8")
    section = readme.split("### Files as people have them")[1]
    found = said(section.split("```toml")[1].split("```")[0])
    assert [source.preset for source in found.source] == ["salesforce", "webinar.attendee", None]


def test_every_preset_says_whom_its_rows_are_about_and_what_they_tell() -> None:
    assert len(presets()) > 20
    for name in presets():
        said(f'schema = 1\n[[source]]\npreset = "{name.partition(".")[0]}"\n')
