"""The options' defaults are those of the cloud. They are written twice, as importing a cloud takes long."""

from emulator.cli.options import COMPUTES, KEYSTONE_URL, CloudOptions, ListenOptions, settings
from emulator.cloud import COMPUTES as CLOUD_COMPUTES
from emulator.cloud import Settings
from emulator.services.registry import PORTS


def test_without_options_a_cloud_has_its_default_settings() -> None:
    assert settings(CloudOptions()) == Settings()
    assert settings(CloudOptions(), ListenOptions(token_secret="")) == Settings()
    assert COMPUTES == CLOUD_COMPUTES


def test_the_default_keystone_is_the_one_of_up() -> None:
    assert f"http://{Settings().public_host}:{PORTS['keystone']}" == KEYSTONE_URL
