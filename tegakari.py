"""The front door: the `tegakari` command, one verb after the other, no logic."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from features.errors import TegakariError, UsageError
from models.bundles import AnyFiles, Files, LeadFiles, Reading, Seen, bundled

if TYPE_CHECKING:
    from training.sources import Sources

app = typer.Typer(
    help="Reads what leads do: how likely each is to convert, why, and on what basis.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but rows were refused. "
    "With --verbose a failure shows its traceback.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

lists = typer.Typer(
    help="Lists of leads: whom to call, and whom not to forget.", no_args_is_help=True
)
playbook_verbs = typer.Typer(help="Check, compare and try out a playbook.", no_args_is_help=True)
outcomes = typer.Typer(
    help="What became of leads, by channel, content, target and definition.", no_args_is_help=True
)
keys = typer.Typer(help="API keys: who may ask the service for what.", no_args_is_help=True)
db = typer.Typer(help="The store: its schema and its backups.", no_args_is_help=True)
app.add_typer(lists, name="list")
app.add_typer(keys, name="keys")
app.add_typer(db, name="db")
app.add_typer(playbook_verbs, name="playbook")
app.add_typer(outcomes, name="outcomes")

_DEMO_END = datetime(2026, 10, 1)  # noqa: DTZ001 - a midnight of the world's own zone
"""Fixed, so that the demo says on every day what the README says."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, which Typer gives without a word."""

PlaybookFile = Annotated[Path | None, typer.Option(help="The company's playbook (TOML).")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Task = Annotated[str, typer.Option(help="A task of the playbook.")]
EventDates = Annotated[
    list[str] | None,
    typer.Option("--event", help='A date column as an event: deal_opened="Opp Date".'),
]
Lang = Annotated[Literal["en", "ja"], typer.Option(help="Language of reasons.")]
Until = Annotated[str | None, typer.Option(help="Observed until; default the latest event.")]
TableOut = Annotated[Path | None, typer.Option(help="CSV, Excel or Parquet for the table.")]

Stored = Annotated[bool, typer.Option("--store", help="Take the tables of the store.")]
TextLang = Annotated[Literal["en", "ja"], typer.Option(help="Language of what is printed.")]


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder for the four files.")],
    leads: Annotated[int, typer.Option(help="How many leads arrive.")] = 20_000,
    days: Annotated[int, typer.Option(help="How many days the world runs.")] = 540,
    seed: int = 7,
    end: Annotated[
        datetime | None, typer.Option(help="The last midnight; default today's.")
    ] = None,
    timezone: Annotated[str, typer.Option(help="Zone of the world's days.")] = "Asia/Tokyo",
    signal: Annotated[
        str | None,
        typer.Option(
            help="Plant what one family of features alone can see: "
            "sessions, order, responses, hours or accounts."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write an invented company's leads, events and changes, and the best possible answers."""
    from training.command import run_simulate

    run_simulate(
        out,
        leads=leads,
        days=days,
        seed=seed,
        end=end,
        timezone=timezone,
        signal=signal,
        as_json=as_json,
    )


@app.command()
@bundled
def inspect(
    file: Annotated[Path, typer.Argument(help="A file, or a folder of files.")],
    reading: Reading,
    playbook: PlaybookFile = None,
    as_json: Json = False,
) -> None:
    """Say what a file is understood to be: encoding, columns, roles, times, ids, traps."""
    from features.reading import Declared
    from models.options import settings
    from training.inspect.command import run_inspect

    raise typer.Exit(run_inspect(file, Declared.of(reading), settings(playbook), as_json=as_json))


@app.command()
def gather(
    sources: Annotated[Path, typer.Argument(help="What the files are: a sources file (TOML).")],
    out: Annotated[Path, typer.Option(help="Folder for leads, events, changes and identities.")],
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of Parquet.")] = False,
    playbook: PlaybookFile = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Bring exports of a CRM, a mail tool, a webinar list into the tables that the others take."""
    from models.options import settings
    from training.gather.command import run_gather

    raise typer.Exit(
        run_gather(sources, out, settings(playbook), as_csv=as_csv, lang=lang, as_json=as_json)
    )


@app.command()
@bundled
def train(
    files: AnyFiles,
    store: Stored = False,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    label: Annotated[str | None, typer.Option(help="Label column of a flat export.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label value that means converted.")
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Flat export to test on.")] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="A flat export whose rows are in order of time.")
    ] = False,
    event: EventDates = None,
    drop: Annotated[str | None, typer.Option(help="Columns not to learn: A,B.")] = None,
    trust: Annotated[
        str | None, typer.Option(help="Snapshot columns to learn all the same: A,B.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Observed until; default the latest event.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Default 0, or that of the model of --params.")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="How long to tune: 5m, 90s; 0 for the default set alone.")
    ] = "2m",
    trials: Annotated[
        int | None, typer.Option(min=0, help="Exactly so many trials, whatever they take.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads to fit on; 0 for all. With 1, the same bits again.")
    ] = 0,
    params: Annotated[
        Path | None, typer.Option(help="Take the parameters of this model; tune nothing.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the tuning that was broken off.")
    ] = False,
    refit_all: Annotated[
        bool,
        typer.Option(
            "--refit-all", help="Fit again on all rows at the end; a person has to promote it."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train, calibrate and measure a model; the gate decides whether it becomes the champion."""
    from models.options import names, pairs, settings
    from serving.noted import noted
    from serving.snapshot import given_or_stored
    from training.command import run_train, seed_of, tuning_of
    from training.sources import Sources

    chosen = settings(playbook)
    tuning = tuning_of(
        chosen, budget=budget, trials=trials, threads=threads, params=params, resume=resume
    )
    with given_or_stored(files, store, chosen) as (given, stored_at):
        sources = Sources(
            **given.named(),
            stored_at=stored_at,
            date_events=pairs(event, "--event"),
            label=label,
            positive=positive,
            test=test,
            drop=names(drop),
            trust=names(trust),
            until=until,
            ordered=ordered,
        )
        code = run_train(
            sources,
            chosen,
            task,
            tuning,
            as_json=as_json,
            seed=seed_of(seed, params),
            refit_all=refit_all,
            promoted=lambda version: noted(0, chosen, "model promoted", f"{task} {version}"),
        )
    raise typer.Exit(code)


@app.command()
@bundled
def check(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    label: Annotated[str | None, typer.Option(help="Label column of a flat export.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label value that means converted.")
    ] = None,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="A flat export whose rows are in order of time.")
    ] = False,
    event: EventDates = None,
    drop: Annotated[str | None, typer.Option(help="Columns not to learn: A,B.")] = None,
    trust: Annotated[
        str | None, typer.Option(help="Columns known before the outcome: A,B.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Observed until; default the latest event.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for what tells the outcome, and for files that do not match; write nothing.

    Exit code 1 when something certain is found, which `train` would refuse; else 0.
    """
    from models.options import names, pairs, settings
    from training.check import run_check
    from training.sources import Sources

    sources = Sources(
        **files.named(),
        date_events=pairs(event, "--event"),
        label=label,
        positive=positive,
        drop=names(drop),
        trust=names(trust),
        until=until,
        ordered=ordered,
    )
    raise typer.Exit(run_check(sources, settings(playbook), task, as_json=as_json))


@app.command()
def models(task: Task = "qualification", as_json: Json = False) -> None:
    """List the registered versions: which answers, how good each was, what the gate said."""
    from models.options import settings
    from training.registry.verbs import run_models

    raise typer.Exit(run_models(settings(None), task, as_json=as_json))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version's number, or an alias.")],
    reason: Annotated[
        str | None, typer.Option(help="Why, where the gate did not say yes; no names, please.")
    ] = None,
    task: Task = "qualification",
    as_json: Json = False,
) -> None:
    """Make a version the champion."""
    from models.options import settings
    from serving.noted import noted
    from training.registry.verbs import run_promote

    code = run_promote(settings(None), task, version, reason, as_json=as_json)
    raise typer.Exit(noted(code, settings(None), "model promoted", f"{task} {version}"))


@app.command()
def rollback(task: Task = "qualification", as_json: Json = False) -> None:
    """Go back to the champion before the present one."""
    from models.options import settings
    from serving.noted import noted
    from training.registry.verbs import run_rollback

    code = run_rollback(settings(None), task, as_json=as_json)
    raise typer.Exit(noted(code, settings(None), "model rolled back", task))


@app.command()
def card(
    version: Annotated[str, typer.Argument(help="A version's number, or an alias.")] = "champion",
    task: Task = "qualification",
) -> None:
    """Print the model card of a version as Markdown."""
    from models.options import settings
    from training.card import run_card

    raise typer.Exit(run_card(settings(None), task, version))


@app.command()
@bundled
def evaluate(
    files: AnyFiles,
    model: Annotated[Path, typer.Option(help="Folder of a trained model.")],
    store: Stored = False,
    task: Annotated[str | None, typer.Option(help="Default: the model's.")] = None,
    out: Annotated[Path, typer.Option(help="HTML page of the report.")] = Path("report.html"),
    truth: Annotated[
        Path | None, typer.Option(help="Best possible answers of a simulated world.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Label column of a flat export.")] = None,
    positive: Annotated[
        str | None, typer.Option(help="The label value that means converted.")
    ] = None,
    event: EventDates = None,
    playbook: PlaybookFile = None,
    until: Annotated[
        str | None, typer.Option(help="Observed until; default the latest event.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure a trained model on data whose outcomes are known; write the report."""
    from models.options import pairs, settings
    from serving.snapshot import given_or_stored
    from training.report.command import run_evaluate
    from training.sources import Sources

    chosen = settings(playbook)
    with given_or_stored(files, store, chosen) as (given, stored_at):
        sources = Sources(
            **given.named(),
            stored_at=stored_at,
            date_events=pairs(event, "--event"),
            label=label,
            positive=positive,
            until=until,
        )
        code = run_evaluate(model, sources, chosen, task, out, truth, as_json=as_json)
    raise typer.Exit(code)


@app.command()
@bundled
def build(
    files: Files,
    out: Annotated[Path, typer.Option(help="Parquet or CSV for the feature matrix.")],
    spine: Annotated[Path | None, typer.Option(help="Rows to compute: lead_id, cutoff.")] = None,
    task: Task = "qualification",
    event: EventDates = None,
    playbook: PlaybookFile = None,
    as_json: Json = False,
) -> None:
    """Write the feature matrix as a file."""
    from models.options import pairs, settings
    from training.command import run_build
    from training.sources import Sources

    sources = Sources(
        **files.named(),
        date_events=pairs(event, "--event"),
    )
    raise typer.Exit(run_build(sources, settings(playbook), task, spine, out, as_json=as_json))


@app.command()
def features(
    task: Task = "qualification",
    model: Annotated[
        Path | None, typer.Option(help="Folder of a trained model; default what the playbook says.")
    ] = None,
    playbook: PlaybookFile = None,
    whole: Annotated[
        bool, typer.Option("--all", help="Every family, whatever the playbook's catalogue is.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List every feature with its unit and what it says, in English and Japanese."""
    from models.options import settings
    from training.listing import run_features

    raise typer.Exit(run_features(settings(playbook), task, model, whole=whole, as_json=as_json))


@app.command()
@bundled
def score(
    files: Files,
    seen: Seen,
    out: Annotated[Path, typer.Option(help="CSV, Excel or Parquet for the list with its scores.")],
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    sort: Annotated[bool, typer.Option("--sort", help="Most likely first.")] = False,
    reasons: Annotated[int, typer.Option(min=0, max=5, help="Reasons for each lead.")] = 0,
    disagreements: Annotated[
        int, typer.Option(min=0, help="Print leads on which rules and model disagree most.")
    ] = 0,
    excel: Annotated[
        bool, typer.Option("--excel", help="CSV with the mark by which Excel knows UTF-8.")
    ] = False,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="CSV cells as they are, also those that begin like formulas."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Score a lead list."""
    from features.writing import Spreadsheet
    from models.options import settings
    from serving.batch import Job
    from serving.command import run_score

    job = Job(
        **files.named(),
        **seen.named(),
        out=out,
        task=task,
        sort=sort,
        reasons=reasons,
        disagreements=disagreements,
        how=Spreadsheet(raw=raw, bom=excel),
    )
    raise typer.Exit(run_score(job, settings(playbook), as_json=as_json))


@app.command()
@bundled
def explain(
    files: LeadFiles,
    seen: Seen,
    lead_id: Annotated[str, typer.Option("--id", help="The lead's id.")],
    since: Annotated[
        str | None, typer.Option(help="Also say why the answer changed since this moment.")
    ] = None,
    model_then: Annotated[
        str | None, typer.Option(help="What answered then, if it was another model.")
    ] = None,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    playbook_then: Annotated[
        Path | None, typer.Option(help="The playbook of then, if it was another.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain the answer for one lead: why, on what basis, what next, and what changed it."""
    from models.options import settings
    from serving.command import run_explain
    from serving.explanation import Question

    question = Question(
        **files.named(),
        **seen.named(),
        task=task,
        lead_id=lead_id,
        since=since,
        model_then=model_then,
        playbook_then=playbook_then,
    )
    raise typer.Exit(run_explain(question, settings(playbook), as_json=as_json))


@playbook_verbs.command()
@bundled
def capacity(
    files: Files,
    seen: Seen,
    name: Annotated[
        str, typer.Option(help='What these leads are called: "open leads of 2026-10-01".')
    ],
    file: Annotated[
        Path | None, typer.Argument(help="The playbook; default the one in use.")
    ] = None,
    weeks: Annotated[int, typer.Option(help="How many weeks to look at.")] = 8,
    calls: Annotated[
        int | None, typer.Option(help="Calls a week; default what the playbook says.")
    ] = None,
    task: Task = "qualification",
    write: Annotated[
        bool, typer.Option("--write", help="Freeze the lines in the playbook.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Solve how many calls can be made into the lines from which leads are hot and warm."""
    from models.options import settings
    from serving.capacity import Population, run_capacity

    population = Population(
        **files.named(),
        **seen.named(),
        task=task,
        name=name,
        weeks=weeks,
        calls=calls,
    )
    raise typer.Exit(run_capacity(population, settings(file), write=write, as_json=as_json))


@app.command()
def serve(
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; default TEGAKARI_WORKERS, else 1.")
    ] = None,
    playbook: PlaybookFile = None,
) -> None:
    """Answer over HTTP, and store what leads do."""
    from models.options import settings
    from serving.run import run

    found = settings(playbook)
    run(host, port, found if workers is None else found.model_copy(update={"workers": workers}))


@app.command("import")
@bundled
def import_files(
    files: AnyFiles,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with leads, events, changes, identities.")
    ] = None,
    playbook: PlaybookFile = None,
    as_json: Json = False,
) -> None:
    """Bring tables into the store; broken off and run again, it goes on where it ended."""
    from models.options import settings
    from serving.store_command import run_import

    raise typer.Exit(run_import(folder, files.named(), settings(playbook), as_json=as_json))


@app.command("export")
def export_store(
    out: Annotated[Path, typer.Option(help="Folder for the tables.")],
    known_at: Annotated[
        str | None, typer.Option(help="As it was known at this moment; default now.")
    ] = None,
    kind: Annotated[Literal["parquet", "csv"], typer.Option(help="What files to write.")] = (
        "parquet"
    ),
    as_json: Json = False,
) -> None:
    """Write the store as tables of leads, events, changes and identities."""
    from models.options import settings
    from serving.store_command import run_export

    raise typer.Exit(run_export(out, known_at, kind, settings(None), as_json=as_json))


@app.command("audit")
def audit_answers(
    sample: Annotated[int, typer.Option(min=1, help="How many stored answers.")] = 1_000,
    seed: Annotated[int | None, typer.Option(help="Which ones; default others each time.")] = None,
    as_json: Json = False,
) -> None:
    """Compute stored answers again from what was known then; none should differ."""
    from models.options import settings
    from serving.store_command import run_audit

    raise typer.Exit(run_audit(sample, seed, settings(None), as_json=as_json))


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Option(help='Whose it is, for people: "Sato, sales".')],
    owner: Annotated[str, typer.Option(help="Who answers for it.")],
    scope: Annotated[
        list[str], typer.Option(help="What it may do: score,ingest,read,admin,erase.")
    ],
    expires: Annotated[
        str | None, typer.Option(help="After how long it ends: 90d. Default never.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an API key; it is shown once."""
    from models.options import settings
    from serving.keys_command import run_create

    raise typer.Exit(run_create(settings(None), name, owner, scope, expires, as_json=as_json))


@keys.command("list")
def list_keys(as_json: Json = False) -> None:
    """Print the API keys, without their secrets."""
    from models.options import settings
    from serving.keys_command import run_list

    raise typer.Exit(run_list(settings(None), as_json=as_json))


@keys.command("rotate")
def rotate_key(
    key_id: Annotated[str, typer.Argument(help="The id of the key.")],
    overlap: Annotated[str, typer.Option(help="How long the old one works on.")] = "24h",
    as_json: Json = False,
) -> None:
    """Make a key in the place of another, with its name, owner and scopes."""
    from models.options import settings
    from serving.keys_command import run_rotate

    raise typer.Exit(run_rotate(settings(None), key_id, overlap, as_json=as_json))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The id of the key.")], as_json: Json = False
) -> None:
    """End an API key at once."""
    from models.options import settings
    from serving.keys_command import run_revoke

    raise typer.Exit(run_revoke(settings(None), key_id, as_json=as_json))


@db.command("upgrade")
def upgrade_db(as_json: Json = False) -> None:
    """Bring the store to the present schema."""
    from models.options import settings
    from serving.db_command import run_upgrade

    raise typer.Exit(run_upgrade(settings(None), as_json=as_json))


@db.command("backup")
def backup_db(
    out: Annotated[
        Path | None, typer.Option(help="The file; default one of the home folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the whole store into one file, while the service runs."""
    from models.options import settings
    from serving.db_command import run_backup

    raise typer.Exit(run_backup(settings(None), out, as_json=as_json))


@db.command("restore")
def restore_db(
    file: Annotated[Path, typer.Argument(help="A backup.")], as_json: Json = False
) -> None:
    """Put a backup in the place of the store; who was erased since is erased again."""
    from models.options import settings
    from serving.db_command import run_restore

    raise typer.Exit(run_restore(settings(None), file, as_json=as_json))


@app.command()
def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop before serving.")] = False,
    leads: Annotated[int, typer.Option(help="How many leads arrive.")] = 20_000,
    days: int = 540,
    seed: int = 7,
    end: Annotated[datetime, typer.Option(help="The world's last midnight.")] = _DEMO_END,
    lang: Lang = "en",
    port: int = 8000,
) -> None:
    """Simulate, train, score, print the ten most likely leads, and serve."""
    from models.options import settings
    from models.settings import FIRST_TASK
    from serving.batch import Job
    from serving.command import run_score
    from serving.run import run
    from serving.store_command import run_import
    from training.command import run_simulate, run_train
    from training.sources import Sources

    chosen = settings(None)
    folder = chosen.home / "demo"
    leads_file, events, changes = (
        folder / name for name in ("leads.csv", "events.parquet", "changes.parquet")
    )
    world = run_simulate(folder, leads=leads, days=days, seed=seed, end=end)
    trained = run_train(
        Sources(leads_file, events, changes, timezone=world.timezone), chosen, FIRST_TASK
    )
    job = Job(
        leads=leads_file,
        events=events,
        changes=changes,
        out=folder / "scores.csv",
        as_of=world.ends,
        reasons=3,
        lang=lang,
        sort=True,
    )
    scored = run_score(job, chosen, top=10)
    told = LeadFiles(leads=leads_file, events=events, changes=changes, timezone=world.timezone)
    run_import(None, told.named(), chosen)
    if not no_serve:
        run("127.0.0.1", port, chosen)
    raise typer.Exit(max(trained, scored))


@playbook_verbs.command("check")
@bundled
def check_playbook(
    files: AnyFiles,
    file: Annotated[
        Path | None, typer.Argument(help="Default: TEGAKARI_PLAYBOOK, else the default playbook.")
    ] = None,
    event: EventDates = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier playbook: what waits for the next training?")
    ] = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Say what is wrong with a playbook, and what is hardly meant."""
    from models.options import settings
    from training.check_command import run_check
    from training.playbook_command import sources_of

    sources = sources_of(files, event)
    raise typer.Exit(run_check(file, settings(None), sources, against, lang=lang, as_json=as_json))


@playbook_verbs.command("show")
def show_playbook(
    file: Annotated[
        Path | None, typer.Argument(help="Default: TEGAKARI_PLAYBOOK, else the default playbook.")
    ] = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Print the definitions of a playbook as a page for people."""
    from models.options import settings
    from training.playbook_command import run_show

    raise typer.Exit(run_show(file, settings(None), lang=lang, as_json=as_json))


@playbook_verbs.command("diff")
def diff_playbooks(old: Path, new: Path, lang: TextLang = "en", as_json: Json = False) -> None:
    """Say what two playbooks mean otherwise, and when it takes effect."""
    from training.playbook_command import run_diff

    raise typer.Exit(run_diff(old, new, lang=lang, as_json=as_json))


@playbook_verbs.command("suggest")
@bundled
def suggest_playbook(
    files: Files,
    out: Annotated[Path, typer.Option(help="The playbook to write, for people to edit.")],
    what: Annotated[
        Literal["points", "lines"],
        typer.Option(help="Points for the rules, or lines for probabilities."),
    ] = "points",
    playbook: PlaybookFile = None,
    task: Task = "qualification",
    event: EventDates = None,
    until: Until = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Suggest points by the data, with the AUC they keep, or probability lines of the same volume."""
    from models.options import settings
    from training.suggestion.command import run_suggest

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_suggest(what, sources, settings(playbook), task, out, lang=lang, as_json=as_json)
    )


@playbook_verbs.command("preview")
@bundled
def preview_playbook(
    files: Files,
    new: Path,
    old: Annotated[
        Path | None, typer.Option(help="Default: TEGAKARI_PLAYBOOK, else the default playbook.")
    ] = None,
    task: Task = "qualification",
    event: EventDates = None,
    as_of: Annotated[
        str | None, typer.Option(help="The end of the last week; default the end of the data.")
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=520, help="Weeks to look back on.")] = 26,
    most: Annotated[int, typer.Option(min=0, help="Leads that move to print.")] = 5,
    out: Annotated[
        Path | None, typer.Option(help="CSV or Parquet for all leads that move.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Observed until; default the latest event.")
    ] = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Say who would move by a new playbook, how many calls it comes to, how it would have done."""
    from models.options import pairs, settings
    from training.preview.command import run_preview
    from training.sources import Sources

    sources = Sources(
        **files.named(),
        date_events=pairs(event, "--event"),
        until=until,
    )
    raise typer.Exit(
        run_preview(
            new,
            old,
            sources,
            settings(None),
            task,
            as_of=as_of,
            weeks=weeks,
            most=most,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@playbook_verbs.command("publish")
@bundled
def publish_playbook(
    files: AnyFiles,
    new: Path,
    event: EventDates = None,
    to: Annotated[
        Path | None, typer.Option(help="The playbook to replace; default TEGAKARI_PLAYBOOK.")
    ] = None,
    without_data: Annotated[
        bool,
        typer.Option("--without-data", help="Rules give no probability until the next training."),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also what check calls likely a mistake.")
    ] = False,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Put a playbook in the place of the working one, once its points are observed on data."""
    from models.options import settings
    from serving.noted import noted
    from training.playbook_command import sources_of
    from training.publish_command import run_publish

    sources = sources_of(files, event)
    code = run_publish(
        new,
        settings(None),
        sources,
        to,
        without_data=without_data,
        anyway=anyway,
        lang=lang,
        as_json=as_json,
    )
    raise typer.Exit(noted(code, settings(None), "playbook published", new.name))


ListFile = Annotated[
    Path | None,
    typer.Option(help="CSV, Excel or Parquet for the leads of the list, with its columns."),
]
Most = Annotated[int, typer.Option(min=0, help="At most so many leads; 0 for all.")]
TaskAfter = Annotated[
    str | None, typer.Option(help="A task of the playbook; default by what it comes after.")
]


@lists.command("call")
@bundled
def list_call(
    files: Files,
    seen: Seen,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    per_week: Annotated[
        int | None, typer.Option(min=1, help="Calls that can be made; default the playbook's.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="Only leads for which this person of ours answers.")
    ] = None,
    explore: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of places drawn at random; default the playbook's."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Of the draw; default the ISO week, the same all week."),
    ] = None,
    out: ListFile = None,
    as_json: Json = False,
) -> None:
    """Say whom to call, in which order and why, and count by reason who is left out."""
    from models.options import settings
    from serving.lists.call import Calls
    from serving.lists.command import run_call

    calls = Calls(
        **files.named(),
        **seen.named(),
        task=task,
        out=out,
        per_week=per_week,
        owner=owner,
        explore=explore,
        seed=seed,
    )
    raise typer.Exit(run_call(calls, settings(playbook), as_json=as_json))


@lists.command("rising")
@bundled
def list_rising(
    files: Files,
    seen: Seen,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    most: Most = 20,
    out: ListFile = None,
    as_json: Json = False,
) -> None:
    """Name leads whose probability is rising: cold is not hopeless."""
    from models.options import settings
    from serving.lists.command import run_open
    from serving.lists.seen import Wanted

    wanted = Wanted(
        **files.named(),
        **seen.named(),
        task=task,
        out=out,
        most=most,
    )
    raise typer.Exit(run_open("rising", wanted, settings(playbook), as_json=as_json))


@lists.command("untouched")
@bundled
def list_untouched(
    files: Files,
    seen: Seen,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    most: Most = 20,
    out: ListFile = None,
    as_json: Json = False,
) -> None:
    """Name hot leads that nobody of ours touched since they came over the line."""
    from models.options import settings
    from serving.lists.command import run_open
    from serving.lists.seen import Wanted

    wanted = Wanted(
        **files.named(),
        **seen.named(),
        task=task,
        out=out,
        most=most,
    )
    raise typer.Exit(run_open("untouched", wanted, settings(playbook), as_json=as_json))


@lists.command("recycle")
@bundled
def list_recycle(
    files: Files,
    seen: Seen,
    task: TaskAfter = None,
    playbook: PlaybookFile = None,
    most: Most = 20,
    out: ListFile = None,
    as_json: Json = False,
) -> None:
    """Rank lost leads past the cool-off, and say what changed since the loss."""
    from models.options import settings
    from serving.lists.command import run_again
    from serving.lists.seen import Wanted

    wanted = Wanted(
        **files.named(),
        **seen.named(),
        out=out,
        most=most,
    )
    raise typer.Exit(run_again("recycle", wanted, task, settings(playbook), as_json=as_json))


@lists.command("dormant")
@bundled
def list_dormant(
    files: Files,
    seen: Seen,
    task: TaskAfter = None,
    playbook: PlaybookFile = None,
    most: Most = 20,
    out: ListFile = None,
    as_json: Json = False,
) -> None:
    """Rank customers who have long bought nothing, and say what they did since."""
    from models.options import settings
    from serving.lists.command import run_again
    from serving.lists.seen import Wanted

    wanted = Wanted(
        **files.named(),
        **seen.named(),
        out=out,
        most=most,
    )
    raise typer.Exit(run_again("dormant", wanted, task, settings(playbook), as_json=as_json))


@outcomes.command("channels")
@bundled
def outcomes_channels(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Say what became of leads by inbound and outbound, and by channel."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "channels",
            sources,
            settings(playbook),
            task,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@outcomes.command("contents")
@bundled
def outcomes_contents(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    most: Annotated[int, typer.Option(min=1, help="Contents to list.")] = 20,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Say what became of leads by content."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "contents",
            sources,
            settings(playbook),
            task,
            most=most,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@outcomes.command("pairs")
@bundled
def outcomes_pairs(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Compare leads that had two channels within 30 days with those that had one alone."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "pairs",
            sources,
            settings(playbook),
            task,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@outcomes.command("targets")
@bundled
def outcomes_targets(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Count leads and conversions of whom we want to reach, with what, and how."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "targets",
            sources,
            settings(playbook),
            task,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@outcomes.command("definitions")
@bundled
def outcomes_definitions(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    most: Annotated[int, typer.Option(min=0, help="Leads of each group to name.")] = 3,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Hold two ideas of a qualified lead side by side: the overlap, and who converted."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "definitions",
            sources,
            settings(playbook),
            task,
            most=most,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


@outcomes.command("rejections")
@bundled
def outcomes_rejections(
    files: Files,
    task: Task = "qualification",
    playbook: PlaybookFile = None,
    event: EventDates = None,
    by: Annotated[str | None, typer.Option(help="The column that tells sources.")] = None,
    until: Until = None,
    out: TableOut = None,
    lang: TextLang = "en",
    as_json: Json = False,
) -> None:
    """Count leads that were sent back, by source and reason."""
    from models.options import settings
    from training.breakdown.command import run_breakdown

    sources = _sources(files, event, until)
    raise typer.Exit(
        run_breakdown(
            "rejections",
            sources,
            settings(playbook),
            task,
            by=by,
            out=out,
            lang=lang,
            as_json=as_json,
        )
    )


def _sources(files: Files, event: list[str] | None, until: str | None) -> Sources:
    """The files that the options of a verb name."""
    from models.options import pairs
    from training.sources import Sources

    return Sources(**files.named(), date_events=pairs(event, "--event"), until=until)


def main() -> None:
    """Run the command: a refusal is a message and an exit code, a traceback only with --verbose."""
    # Threads that wait by spinning slow each other down on a busy machine; read when OpenMP loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    verbose = "--verbose" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--verbose"]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print("Interrupted.", file=sys.stderr)
        raise
    except Exception as error:
        if verbose:
            raise
        if isinstance(error, TegakariError):
            print(f"Error: {error}", file=sys.stderr)
        else:
            print(
                f"Error: {type(error).__name__}: {error} (--verbose shows where)", file=sys.stderr
            )
        sys.exit(2 if isinstance(error, UsageError) else 1)


if __name__ == "__main__":
    main()
