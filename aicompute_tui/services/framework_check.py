"""Before a launch: whether the model server asked for is one a machine sets up by itself, and with which models."""

from __future__ import annotations

from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.launch import Check, LaunchSpec, Verdict


def framework_check(spec: LaunchSpec) -> Check | None:
    """None where no model server was asked for."""
    if spec.framework == "none":
        return _unserved(spec) if spec.models else None
    framework = FRAMEWORKS.get(spec.framework)
    if framework is None:
        reason = f"Only the machine is set up: this version does not install {spec.framework} on it."
        return _check(Verdict.WARNING, reason, "Install it over ssh once the machine is ready, or choose another.")
    if framework.needs_model and not spec.models:
        return _check(Verdict.REFUSED, f"{framework.title} serves nothing without a model.", "Name one: --model M.")
    most = framework.most_models
    if most is not None and len(spec.models) > most:
        reason = f"{framework.title} serves {most} model on a machine, and {len(spec.models)} were given."
        return _check(Verdict.REFUSED, reason, "Launch one machine per model, or choose ollama.")
    models = ", ".join(spec.models) or "no model yet"
    return _check(Verdict.OK, f"the machine installs {framework.title} by itself: {models}")


def _unserved(spec: LaunchSpec) -> Check:
    reason = f"Nothing serves {', '.join(spec.models)}: no model server was chosen."
    return _check(Verdict.WARNING, reason, "Choose one with --framework, or leave --model out.")


def _check(verdict: Verdict, reason: str, next_step: str = "") -> Check:
    return Check(name="set-up", verdict=verdict, reason=reason, next_step=next_step, error_kind="InvalidInput")
