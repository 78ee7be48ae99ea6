"""Options of the command: what people write is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import UsageError
from models.options import named_columns, names, pairs, settings

plain = st.text(
    st.characters(exclude_characters='",=\r\n', exclude_categories=("Cs", "Cc", "Z")), min_size=1
)


@given(st.lists(plain))
def test_names_between_commas_come_back(parts: list[str]) -> None:
    assert names(",".join(parts)) == tuple(parts)
    assert names(",".join(f'"{part}, {part}"' for part in parts)) == tuple(
        f"{part}, {part}" for part in parts
    )


@given(st.dictionaries(plain, plain))
def test_pairs_come_back_however_they_are_quoted(wanted: dict[str, str]) -> None:
    assert pairs(",".join(f"{k}={v}" for k, v in wanted.items()), "--columns") == wanted
    assert pairs(",".join(f'{k}="{v}"' for k, v in wanted.items()), "--columns") == wanted
    assert pairs([f"{k}={v}" for k, v in wanted.items()], "--event") == wanted
    spaced = {k: f"{v}, {v}" for k, v in wanted.items()}
    assert pairs(",".join(f'{k}="{v}"' for k, v in spaced.items()), "--columns") == spaced


@pytest.mark.parametrize("text", ["a", "a=", "=b", "=", 'a="" ', "a=b,c"])
def test_what_is_no_pair_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="--columns: expected parts such as"):
        pairs(text, "--columns")


def test_a_name_given_twice_is_refused() -> None:
    for twice in ("a=b,a=c", ["a=b", "a=b"]):
        with pytest.raises(UsageError, match="'a' is given twice"):
            pairs(twice, "--event")


def test_nothing_asked_is_nothing() -> None:
    assert (names(None), names(""), pairs(None, "--event"), pairs([], "--event")) == (
        (),
        (),
        {},
        {},
    )


def test_the_id_column_by_either_option_but_not_by_two() -> None:
    assert named_columns(None, "Prospect ID") == {"lead_id": "Prospect ID"}
    assert named_columns("created_at=d", "i") == {"lead_id": "i", "created_at": "d"}
    assert named_columns("lead_id=i", "i") == {"lead_id": "i"}
    with pytest.raises(UsageError, match="--id says 'i' and --columns says 'j'"):
        named_columns("lead_id=j", "i")


def test_the_playbook_asked_for_goes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEGAKARI_PLAYBOOK", "ours.toml")
    assert settings(None).playbook == Path("ours.toml")
    assert settings(Path("theirs.toml")).playbook == Path("theirs.toml")
