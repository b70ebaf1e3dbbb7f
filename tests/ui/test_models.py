"""Models in the console: tabs, the search page by page, what is told offline, and the keys that send one on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from aicompute_tui.domain.errors import NotFound, RateLimited, Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.widgets.form_fields import LineInput
from tests.ui import model_world
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest

HUB = ("model.popular", "model.trending", "model.search", "model.show", "model.places")


class HubSession(FullSession):
    """Remembers what the hub was asked; pages of a search by cursor, failures by action."""

    def __init__(self, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.answers |= model_world.answers()
        self.asked: list[tuple[str, dict[str, Json]]] = []
        self.pages: dict[str, Json] = {}
        self.failing: dict[str, Exception] = {}
        self.held: asyncio.Event | None = None
        """Where there is one, pages after the first wait for it."""
        self.cancelled = 0

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id not in HUB:
            return await super().query(action_id, arguments)
        self.asked.append((action_id, dict(arguments)))
        cursor = str(arguments.get("cursor") or "")
        if cursor and self.held is not None:
            try:
                await self.held.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if action_id in self.failing:
            raise self.failing[action_id]
        return self.pages[cursor] if cursor else await super().query(action_id, arguments)

    def asked_of(self, action_id: str) -> list[dict[str, Json]]:
        return [arguments for each, arguments in self.asked if each == action_id]


def models(session: HubSession, size: tuple[int, int] = (120, 40)) -> AbstractAsyncContextManager[Console]:
    return console(fleet(), session=session, size=size)


async def opened(world: Console, *keys: str) -> None:
    await world.press("7")
    await rest(world)
    await world.press(*keys)
    await rest(world)


def wizard(world: Console) -> Any:
    return world.view.form  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_seven_shows_popular_models_with_what_they_need() -> None:
    async with models(HubSession()) as world:
        await opened(world)
        assert world.view.crumbs == ("Models", "Popular")
        for words in ("Qwen2.5-7B-Instruct", "chat", "7.6B", "14.2", "18.4", "128k", "4.2M", "apache-2.0", "4m"):
            assert words in world.shown, words
        assert "Strong at code and several languages for its size. (its authors'" in world.shown
        assert "ollama qwen2.5:7b" in world.shown
        line = next(line for line in world.shown.splitlines() if "stable-diffusion-xl" in line)
        assert line.count("–") == 5  # parameters, VRAM, context, downloads, likes


@pytest.mark.asyncio
async def test_at_80_columns_a_long_list_says_how_old_it_is() -> None:
    session = HubSession()
    session.answers["model.popular"] = [model_world.model(f"org/m{place}") for place in range(40)]
    async with models(session, size=(80, 24)) as world:
        await opened(world)
        assert next(line for line in world.shown.splitlines() if "VRAM G" in line).split()[-1] == "age"


@pytest.mark.asyncio
async def test_tab_goes_through_the_tabs_and_each_keeps_its_place() -> None:
    async with models(HubSession()) as world:
        await opened(world, "down", "down")
        await world.press("tab")
        await rest(world)
        assert world.view.crumbs == ("Models", "Trending")
        assert "org/newest-12B" in world.shown
        await world.press("shift+tab")
        await rest(world)
        assert world.view.active_table is not None
        assert world.view.active_table.cursor_id == "BAAI/bge-m3"
        assert len(world.session.asked_of("model.popular")) == 1  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_a_search_asks_the_whole_hub_and_fetches_the_next_page_near_its_end() -> None:
    session = HubSession()
    session.answers["model.search"] = model_world.found(40, next_cursor="two")
    session.pages["two"] = model_world.found(5, 40)
    async with models(session) as world:
        await opened(world, "s", *"coder", "enter")
        assert world.view.crumbs == ("Models", "Search", "coder")
        assert session.asked_of("model.search") == [{"words": ["coder"]}]
        await world.press("G")
        await rest(world)
        assert session.asked_of("model.search")[1:] == [{"words": ["coder"], "cursor": "two"}]
        await world.press("G")
        await rest(world)
        assert "lab-44/coder-44B" in world.shown
        await world.press("k", "G")
        await rest(world)
        assert len(session.asked_of("model.search")) == 2


@pytest.mark.asyncio
async def test_leaving_the_view_ends_the_page_on_its_way() -> None:
    session = HubSession()
    session.answers["model.search"] = model_world.found(40, next_cursor="two")
    session.held = asyncio.Event()
    async with models(session) as world:
        await opened(world, "s", *"coder", "enter", "G")
        assert len(session.asked_of("model.search")) == 2
        await world.press("1")
        await world.until(lambda: session.cancelled == 1)


@pytest.mark.asyncio
async def test_a_rate_limit_is_told_in_one_line_over_what_is_there() -> None:
    session = HubSession()
    session.answers["model.search"] = model_world.found(40, next_cursor="two")
    async with models(session) as world:
        await opened(world, "s", *"coder", "enter")
        session.failing["model.search"] = RateLimited("The hub takes no more questions for now.", "Again in 2 min.")
        await world.press("G")
        await rest(world)
        assert "The hub takes no more questions for now. Again in 2 min." in world.shown
        assert "lab-39/coder-39B" in world.shown
        await world.press("k", "G")
        await rest(world)
        assert len(session.asked_of("model.search")) == 2  # it is left alone
        session.failing.clear()
        session.pages["two"] = model_world.found(2, 40)
        await world.press("ctrl+r")
        await rest(world)
        assert "takes no more questions" not in world.shown


@pytest.mark.asyncio
async def test_offline_shows_what_was_seen_with_its_age_and_says_so_once() -> None:
    session = HubSession()
    session.answers["model.trending"] = [
        model_world.model(f"org/kept-{place}B", source="kept", read_at="2026-11-18T14:02:00Z",
                          problem="The hub cannot be reached.", next_step="This was seen 2 days ago.")
        for place in range(3)
    ]  # fmt: skip
    session.failing["model.search"] = Unreachable("The hub cannot be reached.", "Is there a network?")
    async with models(session) as world:
        await opened(world, "tab")
        assert world.shown.count("The hub cannot be reached. This was seen 2 days ago.") == 1
        assert "2d" in world.shown
        await world.press("s", *"qwen", "enter")
        await rest(world)
        assert "The hub cannot be reached. Is there a network?" in world.shown


@pytest.mark.asyncio
async def test_the_form_asks_the_hub_by_task_licence_and_size() -> None:
    session = HubSession()
    async with models(session) as world:
        await opened(world, "f")
        await world.press(*"coder", "down", "right", "down", "down", "down", "down", "down", *"mit", "down", *"7b-13b")
        await world.press("enter", "enter")
        await rest(world)
        wanted = {"words": ["coder"], "task": "text-generation", "licence": "mit", "size": "7b-13b"}
        assert session.asked_of("model.search") == [wanted]
        assert world.view.crumbs[:3] == ("Models", "Search", "coder")


@pytest.mark.asyncio
async def test_a_filter_compares_figures() -> None:
    async with models(HubSession()) as world:
        await opened(world, "slash", *"params<1", "enter")
        assert "bge-m3" in world.shown
        assert "Qwen2.5-7B-Instruct" not in world.shown


@pytest.mark.asyncio
async def test_enter_opens_the_page_with_where_it_fits() -> None:
    session = HubSession()
    async with models(session) as world:
        await opened(world, "enter")
        assert world.view.crumbs == ("Models", "Qwen2.5-7B-Instruct")
        for words in (
            "chat, 7.6B parameters, 14.2 GiB in bfloat16", "128k tokens of context, Qwen2ForCausalLM, with a chat",
            "apache-2.0, open to all", "vLLM, Ollama as qwen2.5:7b", "lab-1", "yours", "g5.xlarge", "● FITS", "⚠ TIGHT",
            "✕ NO", "? UNKNOWN", "4.1 GiB too much",
        ):  # fmt: skip
            assert words in world.shown, words
        await world.press("down")
        assert ": snapshot skypilot-catalog 00148f2a, <1d old" in world.shown
        assert session.asked_of("model.places") == [{"model": "Qwen/Qwen2.5-7B-Instruct", "engine": "vllm"}]
        await world.press("escape")
        await rest(world)
        assert world.view.crumbs == ("Models", "Popular")


@pytest.mark.asyncio
async def test_the_sections_show_variants_files_and_what_its_authors_say() -> None:
    session = HubSession()
    async with models(session) as world:
        await opened(world, "enter", "tab")
        assert "Q4_K_M" in world.shown
        await world.press("down", "enter")
        await rest(world)
        assert session.asked_of("model.places")[-1] == {
            "model": "Qwen/Qwen2.5-7B-Instruct", "engine": "llamacpp", "variant": "Q4_K_M",
        }  # fmt: skip
        await world.press("tab", "tab")
        await rest(world)
        assert "config.json" in world.shown
        await world.press("tab")
        await rest(world)
        assert "It follows instructions and writes code." in world.shown


@pytest.mark.asyncio
async def test_a_gated_model_says_how_to_get_access() -> None:
    session = HubSession()
    session.answers["model.show"] = {
        **model_world.SHOWN, **model_world.LLAMA,
        "access": {"needed": True, "granted": False, "how": "Ask for it at https://huggingface.co/meta-llama.",
                   "url": "https://huggingface.co/meta-llama"},
    }  # fmt: skip
    async with models(session) as world:
        await opened(world, "down", "enter")
        assert "its authors let people in by hand. Ask for it at https://huggingface.co/meta-llama." in world.shown


@pytest.mark.asyncio
async def test_a_model_that_is_gone_says_so_and_breaks_nothing() -> None:
    session = HubSession()
    session.failing["model.show"] = NotFound("The hub has no model Qwen/Qwen2.5-7B-Instruct.", "Was it renamed?")
    async with models(session) as world:
        await opened(world, "enter")
        assert "The hub has no model Qwen/Qwen2.5-7B-Instruct. Was it renamed?" in world.shown
        await world.press("tab", "tab", "tab")
        await rest(world)
        assert world.app.is_running


@pytest.mark.asyncio
async def test_n_begins_a_launch_that_serves_it() -> None:
    async with models(HubSession()) as world:
        await opened(world, "n")
        assert world.view.crumbs[0] == "Launch"
        assert (wizard(world)["framework"], wizard(world)["model"]) == ("vllm", "Qwen/Qwen2.5-7B-Instruct")


@pytest.mark.asyncio
async def test_o_begins_a_container_that_serves_it() -> None:
    async with models(HubSession()) as world:
        await opened(world, "o")
        assert world.view.crumbs[0] == "Deploy"
        assert (wizard(world)["framework"], wizard(world)["model"]) == ("vllm", "Qwen/Qwen2.5-7B-Instruct")


@pytest.mark.asyncio
async def test_p_has_a_server_pull_it_by_its_name_there() -> None:
    session = HubSession()
    async with models(session) as world:
        await opened(world, "p")
        assert "Pull Qwen2.5-7B-Instruct to which server?" in world.shown
        await world.press("enter")
        await rest(world)
        assert session.submitted == [
            ("server.pull", {"name": "server-ollama-lab", "model": "qwen2.5:7b"}, "server-ollama-lab")
        ]


@pytest.mark.asyncio
async def test_what_no_server_pulls_is_refused_in_a_sentence() -> None:
    session = HubSession()
    session.answers["model.show"] = {**model_world.SHOWN, "advice": []}
    async with models(session) as world:
        await opened(world, "p")
        assert "has no Ollama tag and no GGUF files to pull" in world.shown
        await world.press("n")
        await rest(world)
        assert "no server that is known to serve" in world.shown
        assert session.submitted == []


@pytest.mark.asyncio
async def test_enter_on_a_machine_or_a_host_fills_it_in() -> None:
    async with models(HubSession()) as world:
        await opened(world, "enter", "enter")
        assert world.view.crumbs[0] == "Deploy"
        assert (wizard(world)["host"], wizard(world)["framework"]) == ("lab-1", "vllm")
        await world.press("escape", "escape", "escape", "escape")
        await rest(world)
    async with models(HubSession()) as world:
        await opened(world, "enter", "down", "enter")
        assert world.view.crumbs[0] == "Launch"
        assert (wizard(world)["type"], wizard(world)["model"]) == ("g5.xlarge", "Qwen/Qwen2.5-7B-Instruct")


@pytest.mark.asyncio
async def test_read_only_sends_no_model_on() -> None:
    session = HubSession(read_only=True)
    async with models(session) as world:
        await opened(world, "n", "o", "p")
        assert world.view.crumbs == ("Models", "Popular")
        assert session.submitted == []


@pytest.mark.asyncio
async def test_a_wizards_model_is_picked_from_the_models_and_comes_back() -> None:
    async with models(HubSession()) as world:
        await world.press("n", "3", "down", "enter")
        await rest(world)
        assert wizard(world)["framework"] == "ollama"
        await world.press("ctrl+o")
        await rest(world)
        assert world.view.crumbs == ("Models for ollama", "Popular")
        assert "enter take it" in world.footer
        await world.press("enter")
        await rest(world)
        assert wizard(world)["model"] == "qwen2.5:7b"
        assert world.view.query_one("#model", LineInput).value == "qwen2.5:7b"


@pytest.mark.asyncio
async def test_a_model_the_chosen_server_cannot_serve_is_not_taken() -> None:
    async with models(HubSession()) as world:
        await world.press("n", "3", "down", "enter", "ctrl+o")
        await rest(world)
        await world.press("tab", "enter")
        await rest(world)
        assert "has no Ollama tag and no GGUF files" in world.shown
        assert world.view.crumbs == ("Models for ollama", "Trending")
