"""What of the stock client's errors may be told on a span: what a server answered, without the client's secrets."""

import re
from collections.abc import Iterable, Iterator, Mapping

from keystoneauth1.exceptions import ConnectFailure, HttpError
from openstack.exceptions import HttpException
from oslo_utils.strutils import mask_password

from emulator.urls import without_user

__all__ = ["secrets_in", "told", "unreached"]

SECRETS = re.compile(r"(password|passcode|secret|token)$")


def told(error: BaseException, secrets: Iterable[str]) -> str:
    """Return what an error says if an answer brought it, else nothing: others quote what the client was given."""
    if not isinstance(error, HttpError | HttpException):
        return ""
    said = without_user(mask_password(str(error)))
    for secret in sorted(secrets, key=len, reverse=True):  # one may be part of another
        said = said.replace(secret, "***")
    return said


def unreached(error: BaseException | None) -> str:
    """Return what an error says that met nobody, with the URL; nothing of others."""
    return str(error) if isinstance(error, ConnectFailure) else ""


def secrets_in(settings: Mapping[str, object]) -> Iterator[str]:
    """Find those settings by which the client proves who it is."""
    return (str(value) for name, value in settings.items() if value and SECRETS.search(name))
