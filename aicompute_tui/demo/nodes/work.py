"""The requests a model server of the demo is busy with: pretended ones that come by themselves, and real ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from aicompute_tui.demo.nodes.journal import Journal
from aicompute_tui.demo.nodes.talk import Server

_MOST_RUNNING = 8
_FIGURES_SECONDS = 10.0
_PROBE_SECONDS = 15.0
_PAST_SECONDS = 900
_WARM_UP_SECONDS = 10.0
_WAVE_SECONDS = 180.0
_VLLM_ASKED = ("POST /v1/chat/completions", "POST /v1/chat/completions", "POST /v1/completions")
_OLLAMA_ASKED = ("POST /api/chat", "POST /api/chat", "POST /api/generate", "POST /api/embed")


class Work:
    def __init__(self, framework: str, seed: str, journal: Journal, *, is_busy: bool) -> None:
        self.server = Server(framework, seed)
        self._is_ollama = framework == "ollama"
        self._random = random.Random(f"{seed}/work")  # noqa: S311 - requests of a demo
        self._journal = journal
        self._is_busy = is_busy
        self._pretended: list[tuple[float, float]] = []
        """Beginnings and ends."""
        self._real = 0
        self._figures_at = self._probe_at = 0.0
        self.last_at = 0.0
        """When a request was last at hand."""

    @property
    def at_hand(self) -> int:
        return len(self._pretended) + self._real

    @property
    def running(self) -> int:
        return min(self.at_hand, _MOST_RUNNING)

    @property
    def waiting(self) -> int:
        return self.at_hand - self.running

    @property
    def kv_percent(self) -> float:
        return round(min(99.0, 1.9 + 6.3 * self.running + 4.0 * self.waiting), 1) if self.at_hand else 0.0

    @contextmanager
    def real(self, now: float) -> Iterator[None]:
        """A request that came through a tunnel."""
        self._real += 1
        self.last_at = now
        try:
            yield
        finally:
            self._real -= 1

    def tell(self, at: float, asked: str, seconds: float, status: int) -> None:
        self._journal.write(at, *self.server.request(at, asked, seconds, status))

    def step(self, now: float, seconds: float, answers_since: float) -> None:
        """What happened in the last `seconds` of a server that answers since `answers_since`."""
        over = [request for request in self._pretended if request[1] <= now]
        self._pretended = [request for request in self._pretended if request[1] > now]
        for began, ended in over:
            self.tell(ended, self._asked(), ended - began, 200)
        if self._random.random() < self._rate(now, answers_since) * seconds:
            self._pretended.append((now, now + self._random.uniform(0.7, 6.5)))
        if self.at_hand:
            self.last_at = now
            self._chat(now, seconds)
        if now - self._probe_at >= _PROBE_SECONDS:
            self._probe_at = now
            self._journal.write(now, *self.server.probe(now))

    def drop(self) -> None:
        """The server is stopped: nothing comes any more, nothing is answered."""
        self._pretended.clear()
        self._is_busy = False

    def past(self, until: float) -> None:
        """What was written in the quarter of an hour before `until`, when the server was at work."""
        was_busy, self._is_busy = self._is_busy, True
        for second in range(-_PAST_SECONDS, 0):
            self.step(until + second, 1.0, 0.0)
        self._journal.write(until - 1, *self.server.long_line(until - 1))
        self._pretended = [] if not was_busy else self._pretended
        self._is_busy = was_busy

    def _rate(self, now: float, answers_since: float) -> float:
        """Requests a second. A busy server has its waves, another one is tried out once."""
        if self._is_busy:
            return 0.85 if now % _WAVE_SECONDS < 0.7 * _WAVE_SECONDS else 0.25
        return 0.5 if now - answers_since < _WARM_UP_SECONDS else 0.0

    def _chat(self, now: float, seconds: float) -> None:
        if now - self._figures_at >= (_FIGURES_SECONDS if not self._is_ollama else 1.5):
            self._figures_at = now
            self._journal.write(now, *self.server.figures(now, self.running, self.waiting, self.kv_percent))
        chance = self._random.random() / seconds
        if chance < 0.012:
            self._journal.write(now, *self.server.trouble(now))
        elif chance < 0.018:
            for _ in range(self._random.randint(20, 60)):
                self.tell(now, self._asked(), self._random.uniform(0.02, 0.4), 200)
        elif chance < 0.02:
            self._journal.write(now, *self.server.long_line(now))

    def _asked(self) -> str:
        if not self._is_ollama:
            return self._random.choice(_VLLM_ASKED)
        return self._random.choice(_OLLAMA_ASKED)
