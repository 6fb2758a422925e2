"""The user that the client logs in as."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.runtime.http_client import HttpClient
from emulator.services.auth import Access, log_in

__all__ = ["Credentials"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user, the user's project, and where to log in. The default is the administrator."""

    auth_url: str
    username: str = "admin"
    password: str = field(default="secret", repr=False)
    project: str = "admin"
    interface: str = "public"
    """Which endpoints of the catalog to use: `public`, or `internal` if the client runs beside the services."""

    @classmethod
    def from_environment(cls, auth_url: str, environment: Mapping[str, str] = os.environ) -> "Credentials":
        """Read OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME and OS_INTERFACE; the default is the administrator.

        OS_PROJECT_NAME defaults to the user's name. An empty variable counts as not set.
        """
        username = environment.get("OS_USERNAME") or "admin"
        return cls(
            auth_url,
            username,
            environment.get("OS_PASSWORD") or "secret",
            environment.get("OS_PROJECT_NAME") or username,
            # keystoneauth still accepts the old spelling, publicURL.
            (environment.get("OS_INTERFACE") or "public").removesuffix("URL"),
        )

    async def log_in(self, http: HttpClient) -> Access:
        """Get a token and the catalog. Raises what `session.log_in` raises."""
        return await log_in(
            http,
            self.auth_url,
            username=self.username,
            password=self.password,
            project=self.project,
            interface=self.interface,
        )
