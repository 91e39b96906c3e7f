"""Apache Kafka: one node that is broker and controller (KRaft)."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from deploy.embedded import probes
from deploy.embedded.child import Child
from deploy.embedded.files import write_atomically
from deploy.embedded.site import Site
from deploy.engines.table import KAFKA, jars
from shared import ids
from shared.errors import Refused, Unavailable

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
advertised.listeners=PLAINTEXT://{broker},CONTROLLER://{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={home}/log
# One node has nobody to copy to, nor to wait for.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=8
group.initial.rebalance.delay.ms=0
# Topics are made by `recours topics apply` alone.
auto.create.topics.enable=false
"""
_OPTIONS = ("-Xms256m", "-Xmx512m", "-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")


def kafka(site: Site) -> Child:
    """The broker. ``prepare`` formats its directory the first time."""
    home = site.directory("bus")
    scratch = site.directory("bus", "scratch")
    java = shutil.which("java")
    if java is None:
        raise Refused("engine-missing", "Kafka runs on Java 17 or newer, and there is no java here: install a JRE.")
    program = (java, *_OPTIONS, f"-Djava.io.tmpdir={scratch}", "-cp", f"{jars(KAFKA)}/*")
    properties = home / "server.properties"
    text = _PROPERTIES.format(home=home, broker=site.address("bus"), controller=site.address("bus-controller"))
    write_atomically(properties, text.encode())
    environment = site.process_environment()
    return Child(
        name="bus",
        what=f"Apache Kafka {KAFKA.version}",
        command=(*program, "kafka.Kafka", str(properties)),
        address=site.address("bus"),
        answers=lambda: probes.kafka(site.ports["bus"]),
        environment=lambda: environment,
        prepare=lambda: asyncio.to_thread(_format, program, properties, home / "log", environment),
        drain_seconds=30,
    )


def _format(program: tuple[str, ...], properties: Path, log: Path, environment: dict[str, str]) -> None:
    if (log / "meta.properties").exists():
        return
    # Left by a start that ended within it, when nothing was kept yet.
    shutil.rmtree(log, ignore_errors=True)
    command = (*program, "kafka.tools.StorageTool", "format", "--standalone", "-t", ids.new(), "-c", str(properties))
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise Unavailable(f"Kafka could not format {log}: {done.stdout.strip()[-500:]}")
