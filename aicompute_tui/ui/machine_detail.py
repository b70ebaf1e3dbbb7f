"""The few lines that say what one machine is, where it is reached, what it does, what is wrong and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from aicompute_tui.domain.errors import SetupFailed
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import DesiredState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.node import NodeActivity, TunnelState, failed_step
from aicompute_tui.services.attention import ENDING_SOON
from aicompute_tui.services.node_figures import IDLE_SOON, NodeFigures, lost_link, next_end
from aicompute_tui.store.rows import InstanceRow, NodeRow, TunnelRow
from aicompute_tui.ui.format import gpu, moment, money, price, sign, span, state_look
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.text_line import spread

STALE_SECONDS = 90.0
"""Figures older than this look old and say how old they are."""
_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_DIM = "$foreground-muted"
_DOT = " · "
_WIDE = 96


@dataclass(frozen=True, slots=True)
class MachineView:
    """Everything known of one machine now. `record` alone is there for a machine the rows no longer hold."""

    record: JsonObject
    instance: InstanceRow | None
    node: NodeRow | None
    figures: NodeFigures
    tunnels: Sequence[TunnelRow]
    session: Session

    @property
    def now(self) -> float:
        return self.session.now().timestamp()

    @property
    def age(self) -> float | None:
        """Seconds since the figures were read; None where there are none."""
        return None if self.figures.at is None else max(0.0, self.now - self.figures.at)

    @property
    def is_stale(self) -> bool:
        return self.age is None or self.age > STALE_SECONDS

    @property
    def fresh_node(self) -> NodeRow | None:
        """Its row with the idle end that it tells of now: live figures run ahead of what is stored."""
        activity = self.figures.activity
        if self.node is None or activity is None:
            return self.node
        ends_at = None if activity.idle_ends_at is None else activity.idle_ends_at.timestamp()
        return self.node._replace(idle_ends_at=ends_at)

    def word(self, key: str) -> str:
        value = self.record.get(key)
        return "" if value is None else str(value)


def fact_lines(view: MachineView, width: int) -> list[Content]:
    """As many lines as it takes, each cut to `width`; troubles may take several."""
    lines = [*_headline(view, width), *_reached(view, width)]
    served = _served(view, width)
    if served is not None:
        lines.append(served)
    ports = _ports(view)
    if ports is not None:
        lines.append(ports)
    for text, tone in _troubles(view):
        lines += Content.styled(text, tone).wrap(max(10, width))
    return [_cut(line, width, view) for line in lines]


def local_endpoint(view: MachineView) -> str:
    """What a program on this host can call now, empty where nothing leads there."""
    framework = FRAMEWORKS.get(view.word("framework"))
    tunnel = _endpoint_tunnel(view)
    if tunnel is None or framework is None:
        return view.word("endpoint")
    return framework.endpoint_at(tunnel.local_port) if tunnel.state == TunnelState.OPEN else ""


def _headline(view: MachineView, width: int) -> Iterator[Content]:
    session, record = view.session, view.record
    look = state_look(view.word("state"))
    machine = gpu(view.instance, session.glyphs) if view.instance is not None else view.word("gpu_name")
    market = view.word("market") + (
        f", {profile}" if (profile := view.word("credential_id").rpartition(":")[2]) else ""
    )
    where = (view.word("instance_type"), machine, view.word("zone") or view.word("region"), market)
    state = (f"{sign(look, session.glyphs)} {view.word('state')}", f"bold {_STYLES.get(look.tone, '')}")
    protected = ("  protected", "bold") if record.get("protected") else ("", "")
    left = Content.assemble(state, "  ", _DOT.join(part for part in where if part), protected)
    up = record.get("uptime_seconds")
    figures = [
        Content(f"up {span(float(up))}" if isinstance(up, int | float) else "not started yet"),
        Content(price(_number(view, "price_usd_per_hour"), session.glyphs)),
        Content(money(_number(view, "cost_usd"), session.glyphs)),
        _end(view),
    ]
    right = Content("  ").join(figures)
    if left.cell_length + right.cell_length + 3 <= width:
        yield spread(left, right, width, session.glyphs.more)
    else:
        yield left
        yield right


def _end(view: MachineView) -> Content:
    """What ends it: the sooner of its own end and its idle end, somebody's wish, or nothing."""
    if view.record.get("ended_at"):
        return Content(f"ended {_when(view, 'ended_at')}: {view.word('end_reason') or 'no reason is known'}")
    if view.word("desired_state") == DesiredState.TERMINATED:
        return Content.styled("being terminated", "$warning")
    end = next_end(view.instance, view.fresh_node) if view.instance is not None else None
    at = end.at if end is not None else _seconds(view, "expires_at")
    if at is None:
        return Content.styled("never ends by itself", "bold $error")
    left = at - view.now
    if end is not None and end.is_idle:
        return Content.styled(f"ends in {span(max(0.0, left))} (idle)", "$warning" if left <= IDLE_SOON else "")
    if left <= 0:
        return Content.styled(f"{span(-left)} late", "$error")
    return Content.styled(f"ends in {span(left)}", "$warning" if left <= ENDING_SOON else "")


def _reached(view: MachineView, width: int) -> Iterator[Content]:
    """The endpoint and the way to a shell, beside each other where they fit."""
    if view.record.get("ended_at"):
        return
    endpoint, shell = _endpoint(view), _labelled("ssh", Content(f"aic-tui instance ssh {view.word('name')}"))
    if endpoint.cell_length + shell.cell_length + 4 <= width:
        column = min(width * 5 // 8, width - shell.cell_length)
        yield Content.assemble(endpoint, " " * max(4, column - endpoint.cell_length), shell)
    else:
        yield endpoint
        yield Content.assemble((f"{'ssh':<10}", _DIM), shell[5:])


def _endpoint(view: MachineView) -> Content:
    tunnel, url = _endpoint_tunnel(view), local_endpoint(view)
    address = view.word("public_address")
    if url:
        way = f"  (tunnel to {address})" if tunnel is not None and address else ""
        return _labelled("endpoint", Content.assemble(url, (way, _DIM)))
    if tunnel is not None:
        opens = tunnel.state == TunnelState.OPENING
        told = "is being opened" if opens else f"leads nowhere: {tunnel.problem or 'no reason is known'}"
        return _labelled(
            "endpoint", Content.styled(f"127.0.0.1:{tunnel.local_port} {told}", _DIM if opens else "$error")
        )
    inside = view.word("node_endpoint")
    text = f"{inside} on the machine, no tunnel leads there yet" if inside else view.session.glyphs.unknown
    return _labelled("endpoint", Content.styled(text, _DIM))


def _served(view: MachineView, width: int) -> Content | None:
    """`vLLM · llama · 0 running, 0 waiting, KV 2 % · idle since 13:38, 24m of 30m`; models give way to the rest."""
    framework = FRAMEWORKS.get(view.word("framework"))
    activity = view.figures.activity
    title = framework.title if framework is not None else view.word("framework").replace("none", "")
    models = view.record.get("models")
    wanted = [str(model) for model in models] if isinstance(models, list) else []
    named = ", ".join((activity.loaded_models if activity is not None else ()) or wanted)
    rest = [] if activity is None else [_requests(activity), _busyness(view, activity, is_short=width < _WIDE)]
    if activity is not None and view.is_stale:
        rest.append(age_text(view))
    room = width - sum(len(part) + len(_DOT) for part in (title, *rest) if part)
    if len(named) > room:
        named = fit(named.rpartition("/")[2], max(12, room), more=view.session.glyphs.more).rstrip()
    parts = [part for part in (title, named, *rest) if part]
    tone = _DIM if activity is not None and view.is_stale else ""
    return Content.styled(_DOT.join(parts), tone) if parts else None


def _requests(activity: NodeActivity) -> str:
    figures = (
        (activity.requests_running, "{:.0f} running"),
        (activity.requests_waiting, "{:.0f} waiting"),
        (activity.kv_cache_percent, "KV {:.0f} %"),
    )
    return ", ".join(form.format(value) for value, form in figures if value is not None)


def _busyness(view: MachineView, activity: NodeActivity, *, is_short: bool) -> str:
    if activity.idle_since is None:
        return f"busy: {activity.busy_because}" if activity.busy_because else "busy"
    since = activity.idle_since.timestamp()
    limit = view.record.get("idle_seconds")
    of = f" of {span(limit)}" if isinstance(limit, int) else ", which ends nothing"
    if is_short:
        return f"idle {span(max(0.0, view.now - since))}{of}"
    when = moment(since, utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)
    return f"idle since {when}, {span(max(0.0, view.now - since))}{of}"


def _ports(view: MachineView) -> Content | None:
    """Ports a person has forwarded."""
    shown = [tunnel for tunnel in view.tunnels if not tunnel.is_endpoint]
    if not shown:
        return None
    marks = {
        TunnelState.OPEN: (view.session.glyphs.dot, "$success"),
        TunnelState.OPENING: (view.session.glyphs.hollow, ""),
    }
    parts = []
    for tunnel in shown:
        mark = marks.get(TunnelState(tunnel.state), (view.session.glyphs.failed, "$error"))
        text = f" 127.0.0.1:{tunnel.local_port} to {tunnel.remote_port}"
        parts.append(Content.assemble(mark, text, (f" {tunnel.problem}" if tunnel.problem else "", "$error")))
    return _labelled("ports", Content("   ").join(parts))


def _troubles(view: MachineView) -> Iterator[tuple[str, str]]:
    activity, node = view.figures.activity, view.node
    if activity is not None and activity.notice:
        yield activity.notice, "bold $error"
    fails_in_setup = failed_step(view.figures.steps) is not None and view.word("error_kind") == SetupFailed.__name__
    if view.word("error_message") and not fails_in_setup:
        yield view.word("error_message"), "$error"
    if view.instance is not None and node is not None and lost_link(view.instance, node):
        yield f"{node.problem or 'It does not answer over ssh.'} {node.next_step}".strip(), "$error"
    awake = view.instance.awake_until if view.instance is not None else None
    if awake is not None and awake > view.now and view.record.get("idle_seconds"):
        when = moment(awake, utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)
        yield f"kept awake until {when}: until then idleness ends nothing", _DIM


def age_text(view: MachineView) -> str:
    """`as of 14:02, 3m old`"""
    if view.figures.at is None:
        return ""
    when = moment(view.figures.at, utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)
    return f"as of {when}, {span(view.age or 0.0)} old"


def _endpoint_tunnel(view: MachineView) -> TunnelRow | None:
    return next((tunnel for tunnel in view.tunnels if tunnel.is_endpoint), None)


def _labelled(label: str, text: Content) -> Content:
    return Content.assemble((f"{label:<10}" if label != "ssh" else "ssh  ", _DIM), text)


def _cut(line: Content, width: int, view: MachineView) -> Content:
    if line.cell_length <= width:
        return line
    return Content.assemble(line.truncate(max(0, width - 1)), view.session.glyphs.more)


def _when(view: MachineView, key: str) -> str:
    return moment(_seconds(view, key), utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)


def _seconds(view: MachineView, key: str) -> float | None:
    found = parse_moment(view.word(key))
    return None if found is None else found.timestamp()


def _number(view: MachineView, key: str) -> float | None:
    value = view.record.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
