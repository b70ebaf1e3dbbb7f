"""The hub through the real huggingface_hub, against one on loopback that behaves as documented and on bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from huggingface_hub.utils import _detect_agent

from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    NotFound,
    RateLimited,
    TimedOut,
    Unreachable,
)
from aicompute_tui.hub import transport
from aicompute_tui.hub.base import Hub, HubFile, ModelQuery
from aicompute_tui.hub.huggingface import HubDoor
from tests.contract.hub_world import OTHER, STRANGER, TOKEN, Content, HubWorld, Large, hub_world
from tests.unit.gguf_writer import gguf_bytes, llama_entries

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
NOBODY = "http://127.0.0.1:9"
pytestmark = pytest.mark.asyncio


class Moment:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world() -> Iterator[HubWorld]:
    with hub_world() as made:
        made.add(LLAMA, {"config.json": b'{"num_hidden_layers": 32}', "README.md": b"# Llama"}, gated="manual",
                 pipeline_tag="text-generation", library_name="transformers", tags=["safetensors"],
                 downloads=5_000_000, likes=4000, trendingScore=40,
                 safetensors={"parameters": {"BF16": 8_030_261_248}, "total": 8_030_261_248})  # fmt: skip
        for number in range(7):
            made.add(f"org/model-{number}", downloads=number, trendingScore=number, tags=["gguf"])
        yield made


@pytest.fixture
def moment() -> Moment:
    return Moment()


@pytest_asyncio.fixture
async def door(tmp_path: Path, moment: Moment) -> AsyncIterator[HubDoor]:
    made = HubDoor({}, tmp_path, now=moment, may_reach=lambda url: True)
    yield made
    await made.aclose()


@pytest.fixture
def hub(door: HubDoor, world: HubWorld) -> Hub:
    return door.open(world.url, None)


async def test_pages_follow_each_other_to_the_last_and_none_comes_twice(hub: Hub, world: HubWorld) -> None:
    query, seen = ModelQuery(words="model", sort="downloads", limit=3), []
    while True:
        page = await hub.models(query)
        seen += [model.id for model in page.models]
        if page.next_cursor is None:
            break
        query = ModelQuery(words="model", sort="downloads", limit=3, cursor=page.next_cursor)
    assert seen == [f"org/model-{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
    assert world.paths() == ["/api/models"] * 3


async def test_a_row_says_what_the_hub_said_and_no_more(hub: Hub) -> None:
    page = await hub.models(ModelQuery(words="llama"))
    [model] = page.models
    assert (model.id, model.author, model.gated, model.likes) == (LLAMA, "meta-llama", "manual", 4000)
    assert model.stored_parameters == (("BF16", 8_030_261_248),)
    assert (model.task, model.library, model.updated_at) == (
        "text-generation",
        "transformers",
        "2024-09-25T17:00:57+00:00",
    )
    assert (model.files, model.licence, model.has_chat_template) == ((), None, None)


async def test_filters_are_the_hubs_own(hub: Hub, world: HubWorld) -> None:
    assert len((await hub.models(ModelQuery(tags=("gguf",), gated=False))).models) == 7
    assert [model.id for model in (await hub.models(ModelQuery(gated=True))).models] == [LLAMA]
    await hub.models(ModelQuery(parameters="min:7B,max:13B", author="org"))
    assert (world.asked[-1].query["num_parameters"], world.asked[-1].query["author"]) == (["min:7B,max:13B"], ["org"])


async def test_nobody_else_is_asked_anything(
    world: HubWorld, tmp_path: Path, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_detect_agent, "_registry", None)  # what would be fetched first of all
    asked: list[str] = []

    def may_reach(url: str) -> bool:
        asked.append(urlsplit(url).path if url.startswith(world.url) else url)
        return True

    door = HubDoor({}, tmp_path, now=moment, may_reach=may_reach)
    try:
        await door.open(world.url, None).models(ModelQuery())
        await door.open(world.url, None).model("org/model-1")
    finally:
        await door.aclose()
    assert asked == world.paths() == ["/api/models", "/api/models/org/model-1"]


async def test_what_has_not_changed_is_not_sent_again(hub: Hub, world: HubWorld, moment: Moment) -> None:
    first, _ = await hub.model("org/model-1")
    await hub.model("org/model-1")
    assert len(world.asked) == 1
    moment.pass_by(90)
    again, reading = await hub.model("org/model-1")
    assert again == first
    assert world.asked[-1].etag is not None
    assert (reading.read_at, reading.is_kept) == (moment.now, False)
    world.models["org/model-1"].info["likes"] = 99
    moment.pass_by(90)
    assert (await hub.model("org/model-1"))[0].likes == 99


async def test_what_was_seen_is_there_offline_with_its_age(
    hub: Hub, world: HubWorld, moment: Moment, tmp_path: Path
) -> None:
    await hub.models(ModelQuery(words="llama"))
    await hub.model(LLAMA)
    seen_at = moment.now
    moment.pass_by(7200)
    door = HubDoor({"HF_HUB_OFFLINE": "1"}, tmp_path, now=moment, may_reach=lambda url: True)
    offline = door.open(world.url, None)
    try:
        page = await offline.models(ModelQuery(words="llama"))
        assert [model.id for model in page.models] == [LLAMA]
        assert (page.reading.read_at, page.reading.is_kept) == (seen_at, True)
        assert "HF_HUB_OFFLINE" in page.reading.problem
        assert (await offline.model(LLAMA))[0].likes == 4000
        with pytest.raises(Unreachable, match="HF_HUB_OFFLINE"):
            await offline.model("org/model-2")
    finally:
        await door.aclose()
    assert len(world.asked) == 2


async def test_what_one_token_saw_is_not_shown_without_it(hub: Hub, door: HubDoor, world: HubWorld) -> None:
    world.add("ada/secret", is_private=True)
    await door.open(world.url, TOKEN).model("ada/secret")
    world.bad_days = ["503"]
    with pytest.raises(BadAnswer):
        await hub.model("ada/secret")
    world.bad_days = []
    with pytest.raises(NotFound):
        await hub.model("ada/secret")


@pytest.mark.parametrize(
    ("token", "path", "kind", "words"),
    [
        (None, "config.json", NotAllowed, "there is no token"),
        (OTHER, "config.json", NotAllowed, "your token may not open it"),
        (TOKEN, "absent.json", NotFound, "no such file"),
    ],
)
async def test_what_is_gated_is_told_from_what_is_not_there(
    door: HubDoor, world: HubWorld, token: str | None, path: str, kind: type[AicError], words: str
) -> None:
    world.let_in.add((TOKEN, LLAMA))
    with pytest.raises(kind, match=words) as caught:
        await door.open(world.url, token).text(LLAMA, path)
    if kind is NotAllowed:
        assert f"{world.url}/{LLAMA}" in caught.value.next_step


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_what_is_not_there_is_not_found(door: HubDoor, world: HubWorld, token: str | None) -> None:
    with pytest.raises(NotFound, match="nobody/nothing"):
        await door.open(world.url, token).model("nobody/nothing")


async def test_a_name_that_is_none_is_refused_before_anything_is_asked(hub: Hub, world: HubWorld) -> None:
    with pytest.raises(InvalidInput):
        await hub.model("two words/a/b")
    assert world.asked == []


async def test_access_is_told_by_the_tokens_account(door: HubDoor, world: HubWorld) -> None:
    world.let_in.add((TOKEN, LLAMA))
    assert await door.open(world.url, TOKEN).may_download(LLAMA) is True
    assert await door.open(world.url, OTHER).may_download(LLAMA) is False
    assert await door.open(world.url, None).may_download(LLAMA) is False
    assert await door.open(NOBODY, TOKEN).may_download(LLAMA) is None


async def test_a_token_the_hub_does_not_know_leaves_what_is_public(door: HubDoor, world: HubWorld) -> None:
    hub = door.open(world.url, STRANGER)
    assert (await hub.model("org/model-1"))[0].id == "org/model-1"
    assert [each.token for each in world.asked] == [STRANGER, None]
    with pytest.raises(AuthFailed):
        await hub.account()


async def test_whose_token_it_is(door: HubDoor, world: HubWorld) -> None:
    account = await door.open(world.url, OTHER).account()
    assert (account.name, account.may) == ("bob", "fineGrained")
    with pytest.raises(NotConfigured):
        await door.open(world.url, None).account()


@pytest.mark.parametrize(("bad_day", "seconds"), [("429", 120), ("429 retry-after", 7)])
async def test_a_limit_is_honoured_for_as_long_as_the_hub_says(
    hub: Hub, world: HubWorld, moment: Moment, bad_day: str, seconds: int
) -> None:
    world.bad_days = [bad_day]
    with pytest.raises(RateLimited) as caught:
        await hub.models(ModelQuery())
    assert caught.value.retry_after == seconds
    moment.pass_by(seconds - 2)
    with pytest.raises(RateLimited, match="fewer questions"):
        await hub.models(ModelQuery())
    assert len(world.asked) == 1
    moment.pass_by(3)
    assert (await hub.models(ModelQuery())).models


async def test_the_last_answer_of_a_limit_is_taken_and_then_it_rests(hub: Hub, world: HubWorld) -> None:
    world.bad_days = ["last call"]
    assert (await hub.models(ModelQuery())).models
    with pytest.raises(RateLimited):
        await hub.model("org/model-1")
    assert len(world.asked) == 1


@pytest.mark.parametrize("bad_day", ["cut", "cut body"])
async def test_a_connection_that_was_cut_is_tried_once_more(hub: Hub, world: HubWorld, bad_day: str) -> None:
    world.bad_days = [bad_day]
    assert len((await hub.models(ModelQuery())).models) == 8
    world.bad_days = [bad_day, bad_day]
    with pytest.raises(Unreachable):
        await hub.model("org/model-1")


@pytest.mark.parametrize(("bad_days", "kind"), [(["503"], BadAnswer), (["not json"], BadAnswer)])
async def test_a_bad_answer_falls_back_on_what_was_seen(
    hub: Hub, world: HubWorld, moment: Moment, bad_days: list[str], kind: type[AicError]
) -> None:
    world.bad_days = list(bad_days)
    with pytest.raises(kind):
        await hub.models(ModelQuery(words="llama"))
    moment.pass_by(90)
    assert (await hub.models(ModelQuery(words="llama"))).models
    moment.pass_by(90)
    world.bad_days = ["503"]
    page = await hub.models(ModelQuery(words="llama"))
    assert (len(page.models), page.reading.is_kept) == (1, True)


async def test_a_gateways_page_takes_no_place_of_what_was_seen(hub: Hub, world: HubWorld, moment: Moment) -> None:
    assert (await hub.models(ModelQuery(words="llama"))).models
    moment.pass_by(90)
    world.bad_days = ["not json"]
    with pytest.raises(BadAnswer):
        await hub.models(ModelQuery(words="llama"))
    world.bad_days = ["503"]
    page = await hub.models(ModelQuery(words="llama"))
    assert (len(page.models), page.reading.is_kept) == (1, True)


@pytest.mark.parametrize(
    "told",
    [{"cardData": "x"}, {"createdAt": 5}, {"safetensors": {"parameters": [1], "total": 1}}],
)
async def test_a_model_told_in_another_form_is_a_bad_answer(hub: Hub, world: HubWorld, told: dict[str, Any]) -> None:
    world.add("org/strange", **told)
    with pytest.raises(BadAnswer):
        await hub.model("org/strange")


async def test_a_password_in_the_hubs_address_is_shown_to_nobody(door: HubDoor, world: HubWorld) -> None:
    world.members["Basic YWRhOnNlc2FtZQ=="] = ("ada", "read")
    hub = door.open(world.url.replace("//", "//ada:sesame@"), TOKEN)
    assert hub.address == world.url
    assert (await hub.models(ModelQuery(words="llama"))).models
    world.bad_days = ["not json"]
    with pytest.raises(BadAnswer) as refused:
        await hub.models(ModelQuery(words="model"))
    assert "sesame" not in f"{refused.value.message}{refused.value.next_step}{refused.value.details}"


async def test_what_is_no_word_and_no_number_is_not_told(hub: Hub, world: HubWorld) -> None:
    world.add("org/strange", pipeline_tag={"a": 1}, library_name=[1])
    model, _ = await hub.model("org/strange")
    assert (model.task, model.library) == (None, None)


async def test_an_account_told_in_another_form_is_a_bad_answer(door: HubDoor, world: HubWorld) -> None:
    world.account = {"name": "ada", "auth": None}
    with pytest.raises(BadAnswer):
        await door.open(world.url, TOKEN).account()


@pytest.mark.parametrize("bad_day", ["silent", "drip"])
async def test_every_wait_ends(hub: Hub, world: HubWorld, monkeypatch: pytest.MonkeyPatch, bad_day: str) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.3)
    world.bad_days = [bad_day]
    async with asyncio.timeout(12):
        with pytest.raises(TimedOut):
            await hub.models(ModelQuery())


async def test_a_model_that_was_deleted_or_disabled_is_not_shown_as_it_was(
    hub: Hub, world: HubWorld, moment: Moment
) -> None:
    await hub.model("org/model-1")
    await hub.model("org/model-2")
    moment.pass_by(90)
    del world.models["org/model-1"]
    world.models["org/model-2"].is_disabled = True
    with pytest.raises(NotFound):
        await hub.model("org/model-1")
    with pytest.raises(NotAllowed, match="disabled"):
        await hub.model("org/model-2")


async def test_a_proxy_is_taken_unless_the_hub_is_reached_without(
    world: HubWorld, tmp_path: Path, moment: Moment
) -> None:
    for without, is_reached in (("", True), ("localhost, .invalid", False)):
        around = {"http_proxy": world.url, "NO_PROXY": without}
        door = HubDoor(around, tmp_path / str(is_reached), now=moment, may_reach=lambda url: True)
        far = door.open("http://hub.invalid", None)
        try:
            if is_reached:
                assert (await far.model("org/model-1"))[0].id == "org/model-1"
            else:
                with pytest.raises(Unreachable):
                    await far.model("org/model-1")
        finally:
            await door.aclose()


async def test_nobody_there_is_said_at_once(door: HubDoor) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(Unreachable, match="cannot be reached"):
            await door.open(NOBODY, None).models(ModelQuery())


async def test_a_renamed_model_is_found_by_its_old_name_also_offline(hub: Hub, world: HubWorld, moment: Moment) -> None:
    world.renamed["old/name"] = LLAMA
    assert (await hub.model("old/name"))[0].id == LLAMA
    moment.pass_by(90)
    world.bad_days = ["503"] * 2
    found, reading = await hub.model("old/name")
    assert (found.id, reading.is_kept) == (LLAMA, True)


async def test_a_repository_of_five_hundred_files_with_foreign_names_is_read_whole(hub: Hub, world: HubWorld) -> None:
    files: dict[str, Content] = {f"模型/часть-{number} é.safetensors": Large(10**9 + number) for number in range(500)}
    world.add("org/many", files, cardData={"license": "other", "license_name": "моя", "base_model": ["a/b"]})
    model, _ = await hub.model("org/many")
    assert [file.path for file in model.files] == list(files)
    assert sum(file.size_bytes or 0 for file in model.files) == sum(10**9 + number for number in range(500))
    assert (model.licence, model.base_models) == ("моя", ("a/b",))
    world.models["org/many"].files["файл.json"] = "{“ü”}".encode()
    assert (await hub.text("org/many", "файл.json"))[0] == "{“ü”}"


async def test_a_gguf_header_is_read_in_parts_and_not_again(hub: Hub, world: HubWorld, moment: Moment) -> None:
    words = [f"a rather long word of a tokenizer, number {number}" for number in range(60_000)]
    head = gguf_bytes({**llama_entries(), "tokenizer.ggml.words": words})
    assert len(head) > 2 << 20
    world.add("org/gguf", {"m.Q4_K_M.gguf": head + bytes(4 << 20)})
    model, _ = await hub.model("org/gguf")
    assert (await hub.gguf_header("org/gguf", model.files[0]))["llama.block_count"] == 32
    spans = [each.span for each in world.asked if each.span]
    assert spans == ["bytes=0-2097151", "bytes=2097152-4194303"]
    moment.pass_by(90)
    world.bad_days = ["503"]
    assert (await hub.gguf_header("org/gguf", model.files[0]))["llama.block_count"] == 32


async def test_a_file_that_is_no_gguf_is_refused_in_a_sentence(hub: Hub, world: HubWorld) -> None:
    world.add("org/gguf", {"m.gguf": b"GGUFnothing"})
    with pytest.raises(InvalidInput, match="cannot be read"):
        await hub.gguf_header("org/gguf", HubFile(path="m.gguf"))


async def test_the_demo_asks_nobody_outside(tmp_path: Path, moment: Moment) -> None:
    door = HubDoor({}, tmp_path, now=moment, may_reach=lambda url: "127.0.0.1" in url)
    try:
        with pytest.raises(Unreachable, match="demo"):
            await door.open(None, None).models(ModelQuery())
    finally:
        await door.aclose()


async def test_the_usual_hub_is_the_environments(tmp_path: Path, moment: Moment, world: HubWorld) -> None:
    door = HubDoor({"HF_ENDPOINT": f"{world.url}/"}, tmp_path, now=moment, may_reach=lambda url: True)
    try:
        assert (await door.open(None, None).model("org/model-1"))[0].id == "org/model-1"
    finally:
        await door.aclose()


async def test_no_token_lies_in_what_is_kept(door: HubDoor, world: HubWorld, tmp_path: Path) -> None:
    hub = door.open(world.url, TOKEN)
    await hub.models(ModelQuery())
    await hub.model(LLAMA)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert all(b"PLANTED" not in path.read_bytes() and path.stat().st_mode & 0o077 == 0 for path in files)


async def test_a_token_goes_to_no_hub_over_a_plain_connection(tmp_path: Path) -> None:
    door = HubDoor({"HF_ENDPOINT": "http://hub.lan"}, tmp_path, now=moment, may_reach=lambda url: True)
    assert door.open(None, "hf_secret")._token is None  # type: ignore[attr-defined]
    assert door.open("https://hub.lan", "hf_secret")._token == "hf_secret"  # type: ignore[attr-defined]
