"""A cloud that only lists: 17 regions with 1,000 tagged machines each, written beforehand so that it costs little.

`python -m tests.bench.large_account PORT_FILE DATABASE` serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

from aicompute_tui.domain.moments import format_moment

MACHINES_PER_REGION = 1_000
ACCOUNT = "123456789012"
REGIONS = (
    "ca-central-1", "us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ca-west-1", "us-east-2", "us-west-1",
    "sa-east-1", "eu-west-2", "eu-west-3", "eu-north-1", "ap-northeast-1",
    "ap-northeast-2", "ap-southeast-1", "ap-southeast-2", "ap-south-1",
)  # fmt: skip
_PAGE = 100
_STS_REQUEST = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/([a-z0-9]+)/")


def _machine(remote_id: str, region: str, store_id: str, ends: str = "", *, is_gone: bool) -> str:
    state = "<code>48</code><name>terminated</name>" if is_gone else "<code>16</code><name>running</name>"
    launched = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    tags = {
        "Name": f"machine-{remote_id}",
        "aic-tui:store": store_id,
        "aic-tui:launch": f"launch-{remote_id}",
        "aic-tui:owner": "bench",
        "aic-tui:expires-at": ends,
        "team": "research",
    }
    tag_set = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    return (
        f"<item><reservationId>r-{remote_id[2:]}</reservationId><ownerId>{ACCOUNT}</ownerId><groupSet/><instancesSet><item>"
        f"<instanceId>{remote_id}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState>{state}</instanceState>"
        f"<instanceType>g5.xlarge</instanceType><launchTime>{launched}</launchTime>"
        f"<placement><availabilityZone>{region}a</availabilityZone><tenancy>default</tenancy></placement>"
        f"<monitoring><state>disabled</state></monitoring><subnetId>subnet-0123456789abcdef0</subnetId>"
        f"<vpcId>vpc-0123456789abcdef0</vpcId><privateIpAddress>10.0.0.7</privateIpAddress><ipAddress>127.0.0.1</ipAddress>"
        f"<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName>"
        f"<blockDeviceMapping><item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-0123456789abcdef0</volumeId>"
        f"<status>attached</status><deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>"
        f"<virtualizationType>hvm</virtualizationType><clientToken>token-{remote_id}</clientToken>"
        f"<instanceLifecycle>spot</instanceLifecycle><tagSet>{tag_set}</tagSet><hypervisor>xen</hypervisor>"
        f"</item></instancesSet></item>"
    )


class LargeAccount:
    """Answers by region and page; every machine of the seeded home runs, the rest of each thousand has ended."""

    def __init__(self, database: Path) -> None:
        connection = sqlite3.connect(database)
        store_id = connection.execute("SELECT value FROM facts WHERE key = 'store_id'").fetchone()[0]
        rows = connection.execute("SELECT region, remote_id, expires_at FROM instances").fetchall()
        connection.close()
        self._machines: dict[str, dict[str, str]] = {region: {} for region in REGIONS}
        for region, remote_id, expires_at in rows:
            ends = format_moment(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=expires_at))
            self._machines[region][remote_id] = _machine(remote_id, region, store_id, ends, is_gone=False)
        for place, (region, machines) in enumerate(self._machines.items()):
            for number in range(MACHINES_PER_REGION - len(machines)):
                remote_id = f"i-f{place:02x}{number:014x}"
                machines[remote_id] = _machine(remote_id, region, store_id, is_gone=True)

    def answer(self, region: str, service: str, form: dict[str, list[str]]) -> tuple[int, str]:
        action = form.get("Action", [""])[0]
        if service == "sts":
            body = f"<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/bench</Arn><UserId>U</UserId>"
            return 200, _named(action, f"{body}<Account>{ACCOUNT}</Account></GetCallerIdentityResult>{_STS_REQUEST}")
        if action == "DescribeRegions":
            items = "".join(
                f"<item><regionName>{code}</regionName><regionEndpoint>ec2.{code}.amazonaws.com</regionEndpoint>"
                "<optInStatus>opt-in-not-required</optInStatus></item>"
                for code in REGIONS
            )
            return 200, _named(action, f"<regionInfo>{items}</regionInfo>")
        if action == "DescribeInstances":
            return 200, self._listed(region, form)
        if action == "DescribeInstanceStatus":
            wanted = [values[0] for key, values in form.items() if key.startswith("InstanceId.")]
            items = "".join(
                f"<item><instanceId>{each}</instanceId><systemStatus><status>ok</status></systemStatus>"
                "<instanceStatus><status>ok</status></instanceStatus></item>"
                for each in wanted
            )
            return 200, _named(action, f"<instanceStatusSet>{items}</instanceStatusSet>")
        error = "<Errors><Error><Code>UnauthorizedOperation</Code><Message>listing only</Message></Error></Errors>"
        return 403, f"<Response>{error}<RequestID>1</RequestID></Response>"

    def _listed(self, region: str, form: dict[str, list[str]]) -> str:
        machines = self._machines.get(region, {})
        if form.get("Filter.1.Name") == ["instance-id"]:
            wanted = [values[0] for key, values in form.items() if key.startswith("Filter.1.Value")]
            found, rest = [machines[each] for each in wanted if each in machines], ""
        else:
            start = int(form.get("NextToken", ["0"])[0])
            found = list(machines.values())[start : start + _PAGE]
            end = start + _PAGE
            rest = f"<nextToken>{end}</nextToken>" if end < len(machines) else ""
        return _named("DescribeInstances", f"<reservationSet>{''.join(found)}</reservationSet>{rest}")


def _named(action: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><{action}Response><requestId>1</requestId>{body}</{action}Response>'


async def _serve(account: LargeAccount, port_file: Path) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.search(r"(?i)content-length: (\d+)", head)
                body = (await reader.readexactly(int(length[1]))).decode() if length else ""
                scope = _SCOPE.search(head)
                region, service = (scope[1], scope[2]) if scope else ("", "")
                code, text = account.answer(region, service, parse_qs(body))
                data = text.encode()
                writer.write(
                    f"HTTP/1.1 {code} OK\r\ncontent-type: text/xml\r\ncontent-length: {len(data)}\r\n\r\n".encode()
                    + data
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    partial = port_file.with_suffix(".partial")
    partial.write_text(str(server.sockets[0].getsockname()[1]))
    partial.replace(port_file)
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_serve(LargeAccount(Path(sys.argv[2])), Path(sys.argv[1])))
