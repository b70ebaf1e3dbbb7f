"""What a model server cannot be asked to do, and which kinds can."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json

Row = Mapping[str, Json]
Rule = Callable[[Row], Refused | None]


def _able(ability: str, verb: str) -> Rule:
    def rule(row: Row) -> Refused | None:
        from aicompute_tui.domain.server import abilities_of
        from aicompute_tui.domain.server_kind import ServerKind
        from aicompute_tui.ui.server_columns import kind_title

        kinds = [kind for kind in ServerKind if getattr(abilities_of(kind), ability)]
        if row.get("kind") not in [kind.value for kind in kinds]:
            titles = [kind_title(kind.value) for kind in kinds]
            able = " and ".join(filter(None, (", ".join(titles[:-1]), titles[-1])))
            return Refused(
                f"{row.get('name')} cannot {verb}: it is {kind_title(str(row.get('kind')))}.", f"{able} can."
            )
        if row.get("state") == "offline":
            return Refused(f"{row.get('name')} does not answer.", "r asks it now.")
        return None

    return rule


RULES: Mapping[str, Rule] = {
    "server.pull": _able("can_pull", "pull models"),
    "server.delete-model": _able("can_delete", "delete models"),
    "server.load": _able("can_load", "load models on request"),
    "server.unload": _able("can_unload", "unload models on request"),
    "server.sleep": _able("can_sleep", "sleep"),
    "server.wake": _able("can_sleep", "sleep"),
    "server.lora-load": _able("can_lora", "take LoRA adapters"),
    "server.lora-unload": _able("can_lora", "take LoRA adapters"),
    "server.create": _able("can_create", "make models"),
    "server.embed": _able("can_embed", "embed texts"),
    "server.rerank": _able("can_rerank", "rank texts"),
}
