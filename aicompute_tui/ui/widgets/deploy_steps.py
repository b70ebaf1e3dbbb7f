"""The lists of the deploy wizard: on which host, and what is run there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import on, work

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import deploy_lists
from aicompute_tui.ui.deploy_form import ANY_IMAGE, FIELDS, DeployForm, what_empty_means
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.records import RowColumn, text
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from aicompute_tui.ui.widgets.wizard_fields import FieldsStep
from aicompute_tui.ui.widgets.wizard_list import ListStep, StepChosen
from aicompute_tui.ui.wizard_form import FormField


class HostStep(ListStep[DeployForm]):
    """The hosts that are kept, as they answer now, and below them those found here that nobody added."""

    NOUN = "hosts"
    EMPTY = "No container host is kept here yet. In :hosts, a adds one."
    _found: Sequence[JsonObject] = ()

    def columns(self) -> list[RowColumn]:
        return deploy_lists.host_columns(self.form, self.session.glyphs)

    def load(self) -> None:  # type: ignore[override]
        """The rows stand before the next key; only what is found here is asked for."""
        self._asked = {}
        self.follow()
        self._find()

    def follow(self) -> None:
        """What the store says of the hosts now."""
        now = this_minute(self.session.now())
        kept = self.session.state.hosts
        urls = {row.url for row in kept.values()}
        found = [row for row in self._found if row.get("url") not in urls]
        rows: list[Json] = [*deploy_lists.host_rows(kept, now), *found]
        self.fill(rows)

    @work(group="list", exclusive=True, exit_on_error=False)
    async def _find(self) -> None:
        try:
            answer = await self.session.query("host.list", {})
        except AicError:
            return
        rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
        self._found = [row for row in rows if row.get("state") == "found"]
        self.follow()

    def is_present(self, row: JsonObject) -> bool:
        return deploy_lists.is_host(row, self.form)

    def values(self, row: JsonObject) -> Mapping[str, str]:
        return {"host": text(row, "name")}

    def refusal(self, row: JsonObject) -> str:
        return deploy_lists.host_refusal(row)

    def told(self, row: JsonObject) -> Sequence[str]:
        return deploy_lists.host_told(row)

    def heading(self) -> str:
        return "Where it runs"


class ServerStep(FieldsStep[DeployForm]):
    """What runs: a model server with its models, or any image."""

    NOUN = "servers"

    def fields(self) -> Sequence[FormField]:
        return [field for name in ("model", "image") for field in FIELDS if field.name == name]

    def columns(self) -> list[RowColumn]:
        return deploy_lists.server_columns(self.form, self.session.glyphs)

    def load(self) -> None:  # type: ignore[override]
        """Asks nobody: the rows stand before the next key."""
        self._asked = {}
        self.fill(deploy_lists.server_rows())

    def is_present(self, row: JsonObject) -> bool:
        return text(row, "name") == self.form["framework"]

    def values(self, row: JsonObject) -> Mapping[str, str]:
        """What was typed for another server is not meant for this one."""
        is_same = self.is_present(row)
        typed = {field.name: self.field(field.name).value if is_same else "" for field in self.fields()}
        return {"framework": text(row, "name"), **typed}

    def told(self, row: JsonObject) -> Sequence[str]:
        return deploy_lists.server_told(row)

    def heading(self) -> str:
        return f"What runs on {self.form['host'] or 'the host'}"

    def show(self, form: DeployForm) -> None:
        super().show(form)
        self._say_empty()

    @on(VirtualTable.SelectionChanged)
    def _say_empty(self) -> None:
        """The fields speak of the server under the cursor."""
        row = self.row
        if row is None:
            return
        empty = what_empty_means(self.form.changed("framework", text(row, "name")))
        for field in self.fields():
            self.field(field.name).placeholder = empty[field.name]

    @on(VirtualTable.RowOpened)
    def choose(self, event: VirtualTable.RowOpened) -> None:
        """A server wants its models named next, an image its name."""
        event.stop()
        event.prevent_default()
        row = self.table.rows.get(event.row_id)
        if row is None:
            return  # It went away between the key and here.
        values = self.values(row)
        framework = DeployForm().changed("framework", values["framework"]).framework
        wanted = "image" if values["framework"] == ANY_IMAGE else ""
        if framework is not None and framework.most_models:
            wanted = "model"
        self.post_message(StepChosen(values, field=wanted))
