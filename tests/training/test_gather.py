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
from features.reading import read
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
    assert "00Q5i00000A0001" not in leads
    sato = leads["0035i00000A0001"]
    assert str(sato["created_at"]) == "2025-09-01 01:12:00+00:00"  # the lead's, not the contact's
    assert (sato["Industry"], sato["MailingCity"]) == (
        "機械",
        "横浜市",
    )  # of the lead, of the contact
    mine = [row for row in found.events.to_pylist() if row["lead_id"] == "0035i00000A0001"]
    deals = {
        (row["event_type"], row["value"]): str(row["occurred_at"]) for row in mine if row["value"]
    }
    assert deals == {
        ("deal_opened", 2_500_000.0): "2025-10-10T04:30:00Z",
        ("lost", 2_500_000.0): "2025-12-20",  # a day, without a time
        ("deal_opened", 1_500_000.0): "2026-02-05T01:20:00Z",
        ("deal_won", 1_500_000.0): "2026-04-15",
    }
    assert {"campaign_response", "call_made", "mail_sent"} <= {row["event_type"] for row in mine}
    assert sorted(row["kind"] for row in found.identities.to_pylist()) == [
        *("conversion", "conversion", "merge", "merge")
    ]
    assert found.duplicates == [["0035i00000A0003", "0035i00000A0006"]]  # one telephone
    # What was said of the lead before it was a contact is the contact's.
    assert {
        row["attribute"] for row in found.changes.to_pylist() if row["lead_id"] == sato["lead_id"]
    } == {*("Status", "NumberOfEmployees")}


def test_merged_ids_values_before_and_times_since_1970_of_hubspot() -> None:
    found = gathered(EXPORTS / "hubspot")
    assert {row["lead_id"] for row in found.identities.to_pylist()} == {"103", "109"}
    assert events_of(found, "101")["deal_won"] == "2026-04-15 06:00:00+00:00"
    assert events_of(found, "101")["newsletter_open"] == "2025-09-10 03:31:00+00:00"
    changed = [row for row in found.changes.to_pylist() if row["attribute"] == "jobtitle"]
    assert [(row["old_value"], row["new_value"]) for row in changed] == [
        (None, "設計担当"),
        ("設計担当", "設計部長"),
    ]


def test_json_in_a_cell_is_read_and_words_for_nothing_are_nothing() -> None:
    found = gathered(EXPORTS / "marketo")
    first, second = found.changes.to_pylist()
    assert (first["attribute"], first["old_value"]) == ("Job Title", "設計担当")
    assert second["old_value"] is None
    assert "null" not in {cell for row in found.leads.to_pylist() for cell in row.values()}
    assert [row["merged_into"] for row in found.identities.to_pylist()] == ["5414002"]


def test_a_webinar_s_titles_are_no_rows_and_times_are_in_its_zone() -> None:
    found = gathered(EXPORTS / "webinar")
    zoom = next(one for one in found.taken if one.name == "webinar.attendee")
    assert [row.line for row in zoom.table.aside] == [1, 2, 3, 4, 5, 6, 7, 8]
    plain = next(one for one in found.taken if one.name == "webinar.list")
    assert "cp932" in plain.table.understood
    assert events_of(found, "A1") == {
        "webinar_register": "2025-10-01 01:12:00+00:00",
        "webinar_attend": "2025-11-12 04:28:00+00:00",
    }


def test_people_of_a_list_become_leads_where_the_source_says_so(tmp_path: Path) -> None:
    text = "第2回セミナー 参加者一覧\n\n氏名,メールアドレス,参加日時\n"
    text += "山本 恵,ｍｅｇｕｍｉ＠example.co.jp,令和8年2月3日 14時\n欠席,nobody@example.com,\n\n合計,2名,\n"
    (tmp_path / "参加者一覧.csv").write_bytes(text.encode("cp932"))
    written(tmp_path, crm="番号,メール,登録日\n0012,megumi@example.co.jp,2026年1月5日\n")
    sources = (
        NEEDED + 'file = "crm.csv"\nlead = { id = "番号" }\nleads = { created_at = "登録日" }\n'
    )
    sources += '[[source]]\npreset = "webinar.list"\nleads = {}\n'
    found = gathered(tmp_path, sources)
    assert [row["lead_id"][:6] for row in found.leads.to_pylist()] == ["0012", "email-"]
    assert events_of(found, "0012") == {"webinar_attend": "2026-02-03 05:00:00+00:00"}
    aside = [(row.kind, row.line) for row in found.taken[1].table.aside]
    assert aside == [("title", 1), ("footer", 7)]


def test_rows_that_are_one_lead_are_said_to_be(run: Any, tmp_path: Path) -> None:
    written(tmp_path, L="id,x,y\n1,a,\n1,b,c\n2,d,e\n")
    sources = tmp_path / "s.toml"
    sources.write_text(NEEDED + 'file = "L.csv"\nlead = { id = "id" }\nleads = {}\n', "utf-8")
    ran = run("gather", sources, "--out", tmp_path / "out", "--csv")
    assert ran.code == 0
    assert "1 rows are of a lead that another row tells of" in ran.out
    assert read(tmp_path / "out" / "leads.csv").data.to_pylist() == [
        {"lead_id": "1", "created_at": None, "x": "a", "y": "c"},
        {"lead_id": "2", "created_at": None, "x": "d", "y": "e"},
    ]


def test_phone_numbers_keep_their_plus_on_the_way_through_csv(run: Any, tmp_path: Path) -> None:
    sources = EXPORTS / "salesforce" / "sources.toml"
    assert run("gather", sources, "--out", tmp_path, "--csv").code == 0
    assert b"'+44" in (tmp_path / "leads.csv").read_bytes()
    assert "+44 113 496 0002" in read(tmp_path / "leads.csv").data["Phone"].to_pylist()


def test_types_are_made_by_the_playbook_s_from(tmp_path: Path) -> None:
    playbook = Playbook.parse(
        'schema = 1\n[events.price]\nfrom = { type = "page_view", content = "*pricing*" }\n'
        '[events.case]\nfrom = [{ type = "page_*", content = "*/cases", channel = "phone" }]\n'
    )
    found = gathered(EXPORTS / "marketo", playbook=playbook)
    types = [row["event_type"] for row in found.events.to_pylist()]
    assert "price" in types
    assert types.count("page_view") == 1  # a case wants another channel


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
    shutil.copy(EXPORTS / "webinar" / "参加者一覧_20251112.csv", tmp_path / name)
    text = NEEDED + 'file = "参加者ガ*.csv"\nlead = { email = "メールアドレス" }\nleads = {}\n'
    assert gathered(tmp_path, text).leads.num_rows > 5


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_account_is_printed_in_both_languages(run: Any, tmp_path: Path, lang: str) -> None:
    sources = EXPORTS / "salesforce" / "sources.toml"
    ran = run("gather", sources, "--out", tmp_path / "o", "--lang", lang)
    assert ran.code == 0
    assert "0035i00000A0003 = 0035i00000A0006" in ran.out
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
