"""The score of a stored lead: read, computed and answered at every request."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from serving.bench.figure import Figure
from serving.bench.wrk import load
from serving.process import Service, Unwell

LEADS, EVENTS = 1_000, 30
_TOGETHER = 10
_TYPES = ("price_page_view", "email_open", "email_click", "webinar_attend", "web_visit")


def scores(home: Path, folder: Path, *, seconds: float, turns: int) -> list[Figure]:
    """Ask for the scores of stored leads, each time another, from one client and from eight."""
    script = folder / "stored.lua"
    script.write_text(
        'wrk.method = "GET"\n'
        "function request()\n"
        f'  return wrk.format(nil, string.format("/v1/leads/S%05d/score", math.random(0, {LEADS - 1})))\n'
        "end\n"
    )
    figures = []
    with Service(home, folder / "log") as service:
        _tell(service)
        url = f"http://127.0.0.1:{service.port}/"
        load(url, script, connections=1, seconds=seconds / 2)
        for connections in (1, 8):
            found = [
                load(url, script, connections=connections, seconds=seconds) for _ in range(turns)
            ]
            if any(one.failed for one in found):
                raise Unwell("Scores of stored leads were not answered with 200.")
            rate, p50, p99 = (
                median(getattr(one, name) for one in found) for name in ("rate", "p50", "p99")
            )
            figures.append(
                Figure(
                    f"/v1/leads/{{id}}/score, {EVENTS} events, {connections} connections",
                    f"{rate:,.0f}/s, p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms",
                )
            )
    return figures


def _tell(service: Service) -> None:
    """Store leads with what happened to them in the last two months."""
    seeded, now = random.Random(4), datetime.now(UTC)
    for begin in range(0, LEADS, _TOGETHER):
        events = [
            {
                "lead_id": f"S{begin + lead:05}",
                "event_type": seeded.choice(_TYPES),
                "occurred_at": (now - timedelta(hours=seeded.uniform(1, 1_440))).isoformat(),
            }
            for lead in range(_TOGETHER)
            for _ in range(EVENTS)
        ]
        status, _, said = service.ask("POST", "/v1/events", {"events": events})
        if status != 202:
            raise Unwell(f"Events were answered with {status}: {said[:200]!r}")
