"""The verbs on container hosts."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_NAME = Parameter("name", "text", "Name, id or the beginning of the id.", positional=True, required=True)

HOST_ACTIONS = (
    Action(
        "host.add",
        "Add a container host",
        "Keeps the address of a Docker engine or of a Portainer server, and shows its containers from then on.",
        "global",
        "job",
        "aicompute_tui.services.hosts:add",
        ("host", "add"),
        (
            Parameter(
                "name", "text", "Name to give it, or that of one found by itself.", positional=True, required=True
            ),
            Parameter(
                "url",
                "text",
                "unix:///path, tcp://host:port, https://host:port or ssh://user@host; a found one needs none.",
                positional=True,
            ),
            Parameter(
                "kind",
                "choice",
                "What answers there; each environment of a Portainer server becomes a host.",
                choices=("docker", "portainer"),
            ),
            Parameter("environment", "text", "Only this environment of a Portainer server, by name or number."),
            Parameter("tls_folder", "path", "Folder with ca.pem, cert.pem and key.pem."),
            Parameter("tls_ca", "path", "Certificate of the authority that signed the engine's."),
            Parameter("tls_cert", "path", "Our certificate."),
            Parameter("tls_key", "path", "The key of our certificate."),
            Parameter("tls_pin", "text", "SHA-256 of the one server certificate to trust, whoever signed it."),
            Parameter("ssh_key", "path", "Private key to log in with; else those in ~/.ssh and of your ssh agent."),
            Parameter("address", "text", "Where its published ports are reached, if not at the same address."),
        ),
        aliases=("host-add",),
        mutates=True,
    ),
    Action(
        "host.list",
        "List container hosts",
        "Every container host, how it answers, and those found here that nobody added.",
        "global",
        "query",
        "aicompute_tui.services.hosts:list_hosts",
        ("host", "list"),
        aliases=("hosts",),
        result="rows",
    ),
    Action(
        "host.test",
        "Test a container host",
        "Asks an engine now: its version and API, GPUs, runtimes and free disk, each with a verdict.",
        "hosts",
        "query",
        "aicompute_tui.services.hosts:test",
        ("host", "test"),
        (_NAME,),
        keys=("enter",),
        aliases=("host-test",),
    ),
    Action(
        "host.remove",
        "Remove a container host",
        "Forgets a host here; nothing on it changes.",
        "hosts",
        "job",
        "aicompute_tui.services.hosts:remove",
        ("host", "remove"),
        (_NAME,),
        keys=("t",),
        aliases=("host-remove",),
        mutates=True,
        dangerous=True,
    ),
    Action(
        "host.forget-key",
        "Forget a host's ssh key",
        "Forgets the ssh key of a host that was set up anew; the next connection trusts the key it meets.",
        "hosts",
        "job",
        "aicompute_tui.services.hosts:forget_key",
        ("host", "forget-key"),
        (_NAME,),
        keys=("f",),
        aliases=("host-forget-key",),
        mutates=True,
        dangerous=True,
    ),
)
