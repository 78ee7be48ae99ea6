"""Requests beyond the bound are told to come back before anything is made of them.

Whoever is told so asks again, and at several times what a service can answer most of its work would
be to refuse. Here that costs the parsing and one write: no task, no scope, no middleware; and who
asks again at once, though told to wait for a second, is not heard for a part of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.door.access import PROBES
from serving.door.protocol import Patient
from serving.door.requests import COMING, request_id_of, unheard
from serving.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from serving.door.admission import Admission

ADMISSION = "admission"
"""Under this name the state of the application holds its `Admission`."""

UNHEARD = 0.25
"""Seconds for which nothing is read from a connection that was refused."""

_PROBES = frozenset(path.encode() for path in PROBES)


class Bounded(Patient):
    """A connection that refuses requests itself while there is no room."""

    _refusing = False
    _fresh = False
    """Whether the head being read came with what is read now: its task has not begun."""

    def data_received(self, data: bytes) -> None:
        """Something came, which may be a part of anything."""
        super().data_received(data)
        self._fresh = False

    def on_headers_complete(self) -> None:
        """Refuse the request, or let it be answered."""
        admission: Admission | None = self.app_state.get(ADMISSION)
        self._refusing = (
            admission is not None
            and admission.is_full
            and self.is_answered()
            and not self.expect_100_continue
            and self.url.partition(b"?")[0] not in _PROBES
        )
        if self._refusing:
            # The patience with its head goes on for its body, which nobody waits for.
            self._begun = False
            return
        self._fresh = self.is_answered()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, which of a refused request nobody reads."""
        if self._refusing:
            self._bare = 0
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request: one that is refused is answered now."""
        admission: Admission | None = self.app_state.get(ADMISSION)
        if not self._refusing:
            super().on_message_complete()
            if self._fresh and admission is not None:
                self._fresh = False
                admission.coming += 1
                self.scope["state"][COMING] = admission
            return
        assert admission is not None
        self._refusing, self._bare = False, 0
        self._stop_asking()
        admission.turn_away()
        request_id = request_id_of(self.headers)
        stays = self.parser.should_keep_alive() and not self._ending
        self.transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: %b\r\n"
            b"content-length: %d\r\nx-request-id: %b\r\n%b\r\n%b"
            % (
                MEDIA_TYPE.encode(),
                len(admission.refusal),
                request_id,
                b"" if stays else b"connection: close\r\n",
                admission.refusal,
            )
        )
        unheard(request_id.decode(), 503)
        if not stays:
            self.transport.close()
        self.on_response_complete()
        if stays:
            self.flow.pause_reading()
            self.loop.call_later(UNHEARD, self._hear)

    def _hear(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()
