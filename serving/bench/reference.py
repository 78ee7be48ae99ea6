"""An idiomatic FastAPI endpoint with our body and answer, which answers a constant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, FastAPI

from models.request import ScoreRequest
from serving.answer import Score
from serving.examples import BY_RULES

app = FastAPI()


@app.post("/v1/score", response_model=Score)
async def score(request: Annotated[ScoreRequest, Body()]) -> Any:
    """Nothing is computed: what it takes is what the framework takes."""
    return BY_RULES
