"""Microsoft Teams: attendance reports of meetings, as a file that Teams exports or as records of Microsoft Graph."""

from producers.teams.source import TeamsSource

__all__ = ["TeamsSource"]
