"""``KoreCampaignHook``: from an Airflow connection to a ``KoreClient``."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_campaigns.arguments.values import read_connection_id
from airflow_provider_campaigns.budget_connection import store_of
from airflow_provider_campaigns.connection import budget_conn_id_of, connection_type, settings_from
from airflow_provider_campaigns.kore.errors import (
    QUOTED_LENGTH,
    KoreConfigurationError,
    KoreConnectionError,
    KoreError,
    shown_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, ContactPage
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.kore.writes import Receipt


class KoreCampaignHook(BaseHook):
    """The campaign service behind an Airflow connection of type ``kore_campaign``.

    The verbs send what the documentation says and make sure that it happened at most once; guards, such as never
    deleting a campaign that runs, are the operators'. Every method raises a ``KoreError``.

    Args:
        kore_conn_id: the Airflow connection: host, login (Client ID), password (Client Secret), and the extras
            ``stream_id`` and ``account_id``; see docs/connection.md for the optional ones.
        sleep: waits for so many seconds before something is sent again; may raise to end the waiting.
        looks_again: as operators do, a reading that was refused (HTTP 401, 403) is made once more after 30 s before
            that is believed, and an outage is waited for up to 5 minutes. Otherwise a refusal is raised at once, and
            says that it was met once; and a reading that fails in passing is sent 5 times, within 8 s. A stop that
            finds no connection is tried for 5 minutes either way.
        arguments: what the caller was told besides, by name. One that holds the connection's Client Secret is refused,
            and nothing is sent.
    """

    conn_name_attr = "kore_conn_id"
    default_conn_name = "kore_default"
    conn_type = "kore_campaign"
    hook_name = "Kore.ai Campaigns"

    def __init__(
        self,
        kore_conn_id: str = default_conn_name,
        *,
        sleep: Callable[[float], None] = time.sleep,
        looks_again: bool = False,
        arguments: Mapping[str, object] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kore_conn_id = kore_conn_id
        self._sleep = sleep
        self._looks_again = looks_again
        self._arguments = arguments or {}

    def get_conn(self) -> KoreClient:
        """The client for this connection; the same one each time, so that its connections are reused.

        Raises:
            KoreError: as of ``not_looked_up``, which is retryable; or a ``KoreConfigurationError``: a field of it is
                missing or malformed. Nothing was sent.
        """
        return self._client

    @cached_property
    def _client(self) -> KoreClient:
        from airflow_provider_campaigns.kore.client import KoreClient  # noqa: PLC0415
        from airflow_provider_campaigns.kore.retry import LOOK_AGAIN_S, OUTAGE_S, Bounds  # noqa: PLC0415

        bounds = Bounds(look_again_s=LOOK_AGAIN_S, outage_s=OUTAGE_S) if self._looks_again else Bounds()
        settings = self._settings()
        for name, value in self._arguments.items():
            settings.refuse_secret(name, value)
        return KoreClient(settings, bounds=bounds, sleep=self._sleep)

    def _settings(self) -> KoreSettings:
        from airflow.providers.common.compat.sdk import mask_secret  # noqa: PLC0415

        settings = settings_of(self.kore_conn_id, self.get_connection)
        # Only the secret: each mask recompiles one pattern of all of them, so tokens are kept out of logs instead.
        mask_secret(settings.client_secret)
        return settings

    def stop_campaign(
        self, campaign_id: str, *, campaign_type: str = "voice", api_version: str | None = None
    ) -> Receipt:
        """Stop the campaign's run; see ``KoreClient.stop_campaign``."""
        return self._client.stop_campaign(campaign_id, campaign_type, api_version=api_version)

    def start_campaign(
        self, campaign_id: str, *, campaign_type: str = "voice", api_version: str | None = None
    ) -> Receipt:
        """Start a new run of the campaign; see ``KoreClient.start_campaign``."""
        return self._client.start_campaign(campaign_id, campaign_type, api_version=api_version)

    def delete_campaign(
        self, campaign_id: str, *, campaign_type: str = "voice", api_version: str | None = None
    ) -> Receipt:
        """Delete the campaign, whatever state it is in; see ``KoreClient.delete_campaign``."""
        return self._client.delete_campaign(campaign_id, campaign_type, api_version=api_version)

    def get_campaign(self, campaign_id: str) -> Campaign:
        """The whole campaign object."""
        return self._client.get_campaign(campaign_id)

    def get_campaign_status(self, campaign_id: str) -> CampaignStatus:
        """The campaign's status."""
        return self._client.get_campaign_status(campaign_id)

    def find_campaign(self, name: str) -> Campaign:
        """The one campaign of exactly this name; an error if there is none or more than one."""
        return self._client.find_campaign(name)

    def list_campaigns(
        self, campaign_type: str, *, statuses: Sequence[str] = (), name_pattern: str | None = None
    ) -> list[Campaign]:
        """The campaigns of a type, in one of ``statuses`` and with a name like ``name_pattern`` (``*``, ``?``)."""
        return self._client.list_campaigns(campaign_type, statuses=statuses, name_pattern=name_pattern)

    def iter_contact_results(self, campaign_id: str, *, start_page: int = 1) -> Iterator[ContactPage]:
        """The contact results of a voice campaign's latest run, page by page."""
        return self._client.iter_contact_results(campaign_id, start_page=start_page)

    def disable_schedule(self, name: str) -> None:
        """Disable the schedule of the campaign of this name."""
        self._client.disable_schedule(name)

    def test_connection(self) -> tuple[bool, str]:
        """Prove host, credentials and scope with one harmless read, or say what is wrong; within 10 s."""
        from airflow_provider_campaigns.connection_check import check_connection  # noqa: PLC0415

        return check_connection(self._settings)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The connection form's standard fields, for Airflow below 3.2; newer ones read the provider's metadata."""
        return {name.replace("-", "_"): value for name, value in connection_type()["ui-field-behaviour"].items()}

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The connection form's own fields, for Airflow below 3.2; newer ones read the provider's metadata."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget  # noqa: PLC0415
        from flask_babel import lazy_gettext  # noqa: PLC0415
        from wtforms import BooleanField, IntegerField, StringField  # noqa: PLC0415

        fields = {"boolean": BooleanField, "integer": IntegerField}
        widgets = {}
        for name, spec in connection_type()["conn-fields"].items():
            schema = spec["schema"]
            field = fields.get(schema["type"][0], StringField)
            default = schema.get("default")
            if field is StringField and default is not None:
                default = str(default)  # there is no field for a number that need not be whole: it is typed as text
            arguments = {"description": spec["description"], "default": default}
            if field is not BooleanField:
                arguments["widget"] = BS3TextFieldWidget()
            widgets[name] = field(lazy_gettext(spec["label"]), **arguments)
        return widgets


def settings_of(kore_conn_id: str, get_connection: Callable[[str], Any]) -> KoreSettings:
    """What the connection says, and the one that its ``budget_conn_id`` names.

    Args:
        kore_conn_id: the account's.
        get_connection: from the id of a connection to it; may raise anything.

    Raises:
        KoreError: as of ``not_looked_up``; or a ``KoreConfigurationError``: a field of it is wrong.
    """
    read_connection_id("kore_conn_id", kore_conn_id)
    try:
        connection = get_connection(kore_conn_id)
    except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything
        raise not_looked_up(kore_conn_id, error) from None
    budget_conn_id = budget_conn_id_of(connection)
    store = None
    if budget_conn_id is not None:
        try:
            named = get_connection(budget_conn_id)
        except Exception as error:  # noqa: BLE001 - the same
            raise not_looked_up(budget_conn_id, error, "budget_conn_id") from None
        store = store_of(named)
    return settings_from(connection, store)


def not_looked_up(conn_id: str, error: Exception, field: str = "kore_conn_id") -> KoreError:
    """The error for a connection that cannot be had from Airflow; retryable unless its variable cannot be read.

    Airflow says that there is none also where a secrets backend failed (task SDK 1.3, ``_get_connection``), which may
    pass, and a stop at a close must not be lost to that. Its own words are left out: they may repeat a URI.
    """
    from airflow.providers.common.compat.sdk import AirflowNotFoundException  # noqa: PLC0415

    if _is_malformed_variable(conn_id):
        # What is the name of a variable is no secret, so it may be shown whole; and no retry mends it.
        return KoreConfigurationError(
            f"{field}: the environment variable AIRFLOW_CONN_{conn_id.upper()} is there and cannot be read; "
            'expected JSON such as {"conn_type": "kore_campaign", ...}, or a URI whose parts are quoted',
            field=field,
        )
    got = shown_value(conn_id, QUOTED_LENGTH)
    if not isinstance(error, AirflowNotFoundException):
        return KoreConnectionError(f"the connection (got {got}) could not be looked up ({type(error).__name__})")
    missing = KoreConfigurationError(
        f"{field}: there is no such connection (got {got}), or the secrets backend that has it failed",
        field=field,
    )
    missing.retryable = True
    return missing


def _is_malformed_variable(kore_conn_id: str) -> bool:
    """True if an environment variable names the connection, and Airflow cannot make one of what it holds."""
    from airflow.secrets.environment_variables import EnvironmentVariablesBackend  # noqa: PLC0415

    try:
        EnvironmentVariablesBackend().get_connection(kore_conn_id)
    except Exception:  # noqa: BLE001 - it may be malformed in any way
        return True
    return False
