"""The lists of the launch wizard: regions, credentials, launches to repeat, machines and model servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from textual import on, work

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import launch_fits, launch_lists, launch_machines
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.launch_form import FIELDS, LaunchForm
from aicompute_tui.ui.records import RowColumn, text
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from aicompute_tui.ui.widgets.wizard_fields import FieldsStep
from aicompute_tui.ui.widgets.wizard_list import ListStep, StepChosen, StepResolved
from aicompute_tui.ui.wizard_form import FormField


class RegionStep(ListStep[LaunchForm]):
    """Where the machine stands; the account that pays is a key away."""

    NOUN = "regions"
    EMPTY = "This cloud names no region."
    KEY = "code"

    def columns(self) -> list[RowColumn]:
        return launch_lists.region_columns(self.form, self.session.glyphs)

    def wanted(self) -> JsonObject:
        return {"profile": self.form["profile"]} if self.form["profile"] else {}

    async def ask(self, wanted: JsonObject) -> Json:
        return await self.session.query("region.list", wanted)

    def rank(self, row: JsonObject) -> object:
        """As the cloud's list stands, but what cannot be had comes last."""
        return row.get("enabled") is False and row.get("country") != "CA"

    def is_present(self, row: JsonObject) -> bool:
        return launch_lists.is_region(row, self.form)

    def values(self, row: JsonObject) -> Mapping[str, str]:
        return {"region": text(row, "code"), "zone": self.form["zone"] if self.is_present(row) else ""}

    def show(self, form: LaunchForm) -> None:
        super().show(form)
        self._resolve()

    async def after_rows(self, wanted: JsonObject) -> None:  # noqa: ARG002 - the rows are whole
        self._resolve()

    def _resolve(self) -> None:
        """The default is said as what it is."""
        present = next((row for row in self.table.rows.values() if self.is_present(row)), None)
        if present is not None and not self.form["region"]:
            self.post_message(StepResolved("region", text(present, "code")))

    def refusal(self, row: JsonObject) -> str:
        return launch_lists.region_refusal(row)

    def told(self, row: JsonObject) -> Sequence[str]:
        return [self.refusal(row) or f"{text(row, 'code')} is {text(row, 'name')}.", text(row, "note")]

    def heading(self) -> str:
        profile = self.form["profile"]
        return f"aws · credential {profile}" if profile else "aws · the first credential that works"


class CredentialStep(ListStep[LaunchForm]):
    """Whose account is used."""

    NOUN = "credentials"
    EMPTY = "No credential is found. Run `aws configure`, or `aic-tui credential set NAME`."
    KEY = "id"

    def columns(self) -> list[RowColumn]:
        return launch_lists.credential_columns(self.form, self.session.glyphs)

    async def ask(self, wanted: JsonObject) -> Json:
        return await self.session.query("credential.list", wanted)

    def is_present(self, row: JsonObject) -> bool:
        return bool(self.form["profile"]) and self.form["profile"] in {
            text(row, "id"),
            launch_lists.credential_name(row),
        }

    def values(self, row: JsonObject) -> Mapping[str, str]:
        """Another account has a default region of its own."""
        return {} if self.is_present(row) else {"profile": text(row, "id"), "region": "", "zone": ""}

    def told(self, row: JsonObject) -> Sequence[str]:
        return [
            text(row, "error_message") or f"Launches in the account that {launch_lists.credential_name(row)} opens."
        ]


class AgainStep(ListStep[LaunchForm]):
    """Templates and launches of the past; enter goes straight to the review."""

    NOUN = "to repeat"
    ASKS_ALWAYS = True
    EMPTY = "Nothing was launched yet. w in the review keeps a launch as a template."
    KEY = "key"

    def columns(self) -> list[RowColumn]:
        return launch_lists.again_columns(self.session)

    async def ask(self, wanted: JsonObject) -> Json:  # noqa: ARG002 - asks for all there is
        jobs = await self.session.query("job.list", {"limit": 200})
        try:
            templates = await self.session.query("template.list", {})
        except AicError:
            templates = []
        return launch_lists.again_rows(templates, jobs)

    def take_away(self, key: str) -> None:
        self.table.update_rows({}, [key])

    def is_present(self, row: JsonObject) -> bool:  # noqa: ARG002
        return False

    def values(self, row: JsonObject) -> Mapping[str, str]:
        arguments = row.get("arguments")
        return self.form.again(arguments if isinstance(arguments, dict) else {}).values

    def told(self, row: JsonObject) -> Sequence[str]:
        arguments = row.get("arguments")
        known = arguments if isinstance(arguments, dict) else {}
        told = [f"{name.replace('_', ' ')} {launch_lists.again_argument(row, name)}" for name in known]
        return [" · ".join(each for each in told if not each.startswith("name "))]

    @on(VirtualTable.RowOpened)
    def choose(self, event: VirtualTable.RowOpened) -> None:
        event.stop()
        event.prevent_default()
        row = self.table.rows.get(event.row_id)
        if row is None:
            return  # It went away between the key and here.
        self.post_message(StepChosen(self.values(row), "review"))


class MachineStep(ListStep[LaunchForm]):
    """What is rented: cheapest first, with what stands against it."""

    NOUN = "types"
    EMPTY = "No GPU machine is offered here. esc goes back to choose another region."
    _fits_asked: JsonObject | None = None
    """What stands in the list of the model chosen."""

    def columns(self) -> list[RowColumn]:
        return [*launch_machines.machine_columns(self.form, self.session.glyphs), *launch_fits.fit_columns()]

    def wanted(self) -> JsonObject:
        names = ("profile", "region", "market")
        return {name: self.form[name] for name in names if self.form[name]}

    async def ask(self, wanted: JsonObject) -> Json:
        return await self.session.query("instance.types", wanted)

    def show(self, form: LaunchForm) -> None:
        super().show(form)
        if self.table.rows and launch_fits.asked(form) != self._fits_asked:
            self._load_fits()

    @work(group="fits", exclusive=True, exit_on_error=False)
    async def _load_fits(self) -> None:
        await self._add_fits()

    async def _add_fits(self) -> None:
        """On which of the types the chosen model fits; the review says why where that cannot be told."""
        wanted = launch_fits.asked(self.form)
        if wanted is None and self._fits_asked is None:
            return
        self._fits_asked = wanted
        try:
            answer: Json = [] if wanted is None else await self.session.query("model.places", wanted)
        except AicError:
            return
        model = "" if wanted is None else text(wanted, "model")
        self.fill([*launch_fits.with_fits(list(self.table.rows.values()), answer, model)])

    async def after_rows(self, wanted: JsonObject) -> None:
        """The quota takes longer than the list, and completes it when it comes."""
        await self._add_fits()
        rows = list(self.table.rows.values())
        families: list[Json] = [*launch_machines.one_of_each_family(rows)]
        if not families:
            return
        try:
            answer = await self.session.query("quota.list", {**wanted, "type": families})
        except AicError as error:
            answer = error.message
        self.fill([*launch_machines.with_quotas(list(self.table.rows.values()), answer)])

    def is_present(self, row: JsonObject) -> bool:
        return text(row, "name") == self.form["type"]

    def values(self, row: JsonObject) -> Mapping[str, str]:
        return {"type": text(row, "name")}

    def refusal(self, row: JsonObject) -> str:
        return launch_machines.machine_refusal(row, self.form["market"]) or launch_machines.beyond_quota(row)

    def told(self, row: JsonObject) -> Sequence[str]:
        now, glyphs = self.session.now().timestamp(), self.session.glyphs
        fits = launch_fits.fit_line(row, glyphs)
        sources = launch_machines.machine_sources(row, now, glyphs)
        needs = launch_machines.machine_needs(row, self.form["market"])
        return [fits, needs, *sources[:1]] if fits else [needs, *sources]

    def heading(self) -> str:
        return f"{self.form['region'] or 'the default region'} · {self.form['market']} prices"

    def rank(self, row: JsonObject) -> object:
        return launch_machines.machine_rank(row, self.form["market"])

    def predicate(self, line: str) -> Callable[[JsonObject], bool] | None:
        market, glyphs = self.form["market"], self.session.glyphs
        return parse_filter(line, launch_machines.FILTERED).predicate(
            lambda row: f"{launch_machines.machine_text(row, glyphs)}\n{launch_fits.fit_words(row)}",
            lambda row, name: launch_machines.machine_value(row, name, market),
        )


class ServerStep(FieldsStep[LaunchForm]):
    """What the machine runs, and the models it serves."""

    NOUN = "servers"

    def fields(self) -> Sequence[FormField]:
        return [field for field in FIELDS if field.name == "model"]

    def columns(self) -> list[RowColumn]:
        return launch_lists.server_columns(self.form, self.session.glyphs)

    def load(self) -> None:  # type: ignore[override]
        """Asks nobody: the rows stand before the next key."""
        self._asked = {}
        self.fill(launch_lists.server_rows())

    def is_present(self, row: JsonObject) -> bool:
        return text(row, "name") == self.form["framework"]

    def values(self, row: JsonObject) -> Mapping[str, str]:
        return {"framework": text(row, "name"), "model": self.field("model").value}

    def told(self, row: JsonObject) -> Sequence[str]:
        name = text(row, "name")
        if name == "none":
            return ["Nothing is installed besides the driver and Docker; models are not fetched."]
        if not row.get("is_set_up"):
            return [f"{name} is only noted with the machine: install it yourself over ssh."]
        example = launch_lists.MODEL_EXAMPLES.get(name, "")
        return [f"The machine installs {name} and fetches its models by itself. Models like {example}"]

    @on(VirtualTable.RowOpened)
    def choose(self, event: VirtualTable.RowOpened) -> None:
        """A server wants its models named next; a bare machine has none."""
        event.stop()
        event.prevent_default()
        row = self.table.rows.get(event.row_id)
        if row is None:
            return  # It went away between the key and here.
        values = self.values(row)
        bare = values["framework"] == "none"
        chosen = StepChosen({**values, "model": ""}) if bare else StepChosen(values, field="model")
        self.post_message(chosen)
