"""Bytes as text: UTF-8, with BOM, UTF-16 and cp932 are found out; any other encoding is declared."""

from __future__ import annotations

import codecs
import re

from features.errors import InputError

_SAMPLE = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_UNUSED = re.compile("[\x80\ue000-\uf8ff\ufffd]")
"""What Python makes of bytes that cp932 does not use, and its range for private letters."""
_JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uf900-\ufa2d\uff01-\uff5e]")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_ESCAPES = re.compile(rb"\x1b\$[@B]")
_BETWEEN_LETTERS = re.compile("(?<=[a-z])[^\x00-\x7f](?=[a-z])")


def decoded(path: object, raw: bytes, declared: str | None = None) -> tuple[bytes, str]:
    """A file as UTF-8 without BOM, and the encoding it was in, to be shown.

    Raises
    ------
    InputError
        When bytes are in no encoding that can be told, or not in the declared one.
    """
    if declared is not None:
        return _as_declared(path, raw, declared), declared
    for bom, encoding, name in _BOMS:
        if raw.startswith(bom):
            return _decode(path, raw[len(bom) :], encoding, name), name
    if _ESCAPES.search(raw[:_SAMPLE]):
        raise InputError(
            f"{path}: the text seems to be ISO-2022-JP. Save it as UTF-8, or declare --encoding iso2022_jp."
        )
    if b"\0" in raw[:_SAMPLE]:
        utf16 = _utf16(raw[:_SAMPLE])
        if utf16 is not None:
            return _decode(path, raw, utf16, "UTF-16"), "UTF-16"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as not_utf8:
        return _cp932(path, raw, not_utf8), "cp932"
    return raw, "UTF-8"


def _as_declared(path: object, raw: bytes, encoding: str) -> bytes:
    text = _decode(path, raw, encoding, encoding)
    return text.removeprefix(codecs.BOM_UTF8)


def _decode(path: object, raw: bytes, encoding: str, name: str) -> bytes:
    try:
        return raw.decode(encoding).encode("utf-8")
    except UnicodeError as error:
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise InputError(
            f"{path}: the file is not the {name} text that it should be{where}: it is damaged, cut off, "
            "or in another encoding. Save it as UTF-8, or declare the encoding."
        ) from error


def _utf16(sample: bytes) -> str | None:
    """UTF-16 without a BOM: every other byte of its ASCII letters is 0."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < max(4, len(sample) // 16) or min(even, odd) > max(even, odd) // 8:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _cp932(path: object, raw: bytes, not_utf8: UnicodeDecodeError) -> bytes:
    """The text of a file that is not UTF-8, when it reads as Japanese in cp932."""
    line = raw.count(b"\n", 0, not_utf8.start) + 1
    came = f"byte {not_utf8.start}, line {line}: 0x{raw[not_utf8.start]:02x}"
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError:
        text = "\ufffd"
    others = _others(raw)
    said = f": {', '.join(others)}" if others else ""
    if _UNUSED.search(text):
        raise InputError(
            f"{path}: the text is neither UTF-8 ({came}) nor cp932. Save it as UTF-8, or say its encoding "
            f"with --encoding{said}."
        )
    if not _reads_as_japanese(text, others):
        raise InputError(
            f"{path}: the text is not UTF-8 ({came}), and read as cp932 it is no Japanese. "
            f"Save it as UTF-8, or say its encoding with --encoding{said} or cp932."
        )
    return text.encode("utf-8")


def _reads_as_japanese(text: str, others: list[str]) -> bool:
    """Whether what cp932 makes of bytes beyond ASCII are words.

    They are none where they stand alone between Latin letters, as in ``Müller``, or where most are
    half-width, which any byte from 0xA1 to 0xDF becomes, and EUC-JP reads the same bytes.
    """
    sample = text[:_SAMPLE]
    japanese, half = len(_JAPANESE.findall(sample)), len(_HALF_WIDTH.findall(sample))
    if 2 * len(_BETWEEN_LETTERS.findall(sample)) > japanese + half:
        return False
    return japanese >= half or "euc_jp" not in others


def _others(raw: bytes) -> list[str]:
    """Encodings, besides cp932, that the bytes could be in."""
    found = []
    for encoding in ("euc_jp", "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(raw[:_SAMPLE])
        except UnicodeDecodeError:
            continue
        found.append(encoding)
    return found
