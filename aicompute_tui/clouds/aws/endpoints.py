"""Where a service's requests go when the environment or a profile says so."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.clouds.aws.credentials import ConfigFiles


def endpoint_url(service: str, environment: Mapping[str, str], files: ConfigFiles, profile: str) -> str | None:
    """The override in botocore's own order: variable of the service, variable for all, profile's service, profile."""
    values = files.profiles.get(profile, {})
    ignored = environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or values.get("ignore_configured_endpoint_urls")
    if (ignored or "").lower() == "true":
        return None
    key = service.replace("-", "_")
    return (
        environment.get(f"AWS_ENDPOINT_URL_{key.upper()}")
        or environment.get("AWS_ENDPOINT_URL")
        or _nested(files.services.get(values.get("services", ""), {}).get(key, "")).get("endpoint_url")
        or values.get("endpoint_url")
        or None
    )


def _nested(text: str) -> dict[str, str]:
    """The indented `name = value` lines under a service's name."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}
