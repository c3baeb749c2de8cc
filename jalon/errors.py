"""Everything the jalon package raises.

JalonError
├── WrongSettings       a setting is missing, unknown or out of range            exit status 2
├── MissingTool         something the machine must have is not there
├── JarsUnavailable     the Kafka jars cannot be fetched, or are not what was locked
├── DiskFull            too little free disk to run on
├── PortInUse           another program listens where one of ours must
├── AlreadyRunning      this data directory is run by another `jalon up`
├── AlreadyUnderWay     another process does the same at this moment
├── NotRunning          a command needs the running product, which is not there
├── StillProcessing     accepted statements are not stored yet, and nothing moves
├── ExportIncomplete    not everything that a tenant holds is in its export
├── StartFailed         a process did not become ready
└── WrongInput          what the user gave a command cannot be used              exit status 2
"""

from __future__ import annotations


class JalonError(Exception):
    """An expected failure, told in one sentence that says what to do; `code` is for programs."""

    code = "jalon"
    exit_status = 1


class WrongSettings(JalonError):
    """A setting is missing, unknown or has a value that cannot be used."""

    code = "wrong-settings"
    exit_status = 2


class MissingTool(JalonError):
    """The machine lacks something that Jalon needs."""

    code = "missing-tool"


class JarsUnavailable(JalonError):
    """The Kafka jars could not be fetched, or are not the locked ones."""

    code = "jars-unavailable"


class DiskFull(JalonError):
    """Too little disk space is left to accept anything durably."""

    code = "disk-full"


class PortInUse(JalonError):
    """Another program listens on a port that Jalon needs."""

    code = "port-in-use"


class AlreadyRunning(JalonError):
    """The data directory belongs to a running instance."""

    code = "already-running"


class AlreadyUnderWay(JalonError):
    """Another process does the same at this moment."""

    code = "already-under-way"


class NotRunning(JalonError):
    """The command needs the running product."""

    code = "not-running"


class StillProcessing(JalonError):
    """What was accepted is not stored yet, and nothing moves."""

    code = "still-processing"


class ExportIncomplete(JalonError):
    """Not everything that is held could be exported, so nothing was written, and nothing may be removed."""

    code = "export-incomplete"


class StartFailed(JalonError):
    """A process did not become ready; what had been started is stopped."""

    code = "start-failed"


class WrongInput(JalonError):
    """What the user gave a command cannot be used."""

    code = "wrong-input"
    exit_status = 2
