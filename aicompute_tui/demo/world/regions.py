"""Regions of the ordinary partition with their opt-in states; the others do not exist here."""

from __future__ import annotations

from aicompute_tui.demo.world.call import Answer, Call, CallError, ec2_answer, passes

_ALWAYS_ON = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
_OPTED_IN = ["ca-west-1"]
_NOT_OPTED_IN = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
)
OPT_IN_STATUS = dict(
    sorted(
        [
            *((name, "opt-in-not-required") for name in _ALWAYS_ON),
            *((name, "opted-in") for name in _OPTED_IN),
            *((name, "not-opted-in") for name in _NOT_OPTED_IN),
        ]
    )
)


def require_enabled(call: Call) -> None:
    """Raises as each service does for keys that are not valid in the call's region."""
    if OPT_IN_STATUS.get(call.region, "not-opted-in") != "not-opted-in":
        return
    if call.service == "sts":
        raise CallError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
    if call.is_json:
        raise CallError("UnrecognizedClientException", "The security token included in the request is invalid.")
    raise CallError(
        "AuthFailure", "AWS was not able to validate the provided access credentials: the region is not enabled."
    )


def describe_regions(call: Call) -> Answer:
    wanted = call.listed("RegionName")
    unknown = [name for name in wanted if name not in OPT_IN_STATUS]
    if unknown:
        raise CallError("InvalidParameterValue", f"Invalid region names provided: {', '.join(unknown)}")
    everything = call.fields.get("AllRegions") == "true"
    filters = call.filters()
    rows = []
    for name, status in OPT_IN_STATUS.items():
        endpoint = f"ec2.{name}.amazonaws.com"
        if wanted and name not in wanted:
            continue
        if status == "not-opted-in" and not everything:
            continue
        if passes(filters, {"region-name": name, "opt-in-status": status, "endpoint": endpoint}):
            rows.append({"regionName": name, "regionEndpoint": endpoint, "optInStatus": status})
    return ec2_answer(call, {"regionInfo": rows})
