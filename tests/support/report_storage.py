"""A bucket on this machine, behind an Airflow connection, for reports that are not on the local disk."""

from __future__ import annotations

import json
import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

BUCKET = "s3://S3@bucket/reports"


@contextmanager
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket named ``bucket``, and the address of a folder in it, by a connection named S3."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of botocore and moto, about each other
        import boto3
        from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    account = {"region_name": "us-east-1", "endpoint_url": f"http://{host}:{port}"}
    try:
        boto3.client("s3", aws_access_key_id="access-key", aws_secret_access_key="secret-key", **account).create_bucket(
            Bucket="bucket"
        )
        connection = {"conn_type": "aws", "login": "access-key", "password": "secret-key", "extra": account}
        monkeypatch.setenv("AIRFLOW_CONN_S3", json.dumps(connection))
        yield BUCKET
    finally:
        # The buckets outlive the server otherwise.
        requests.post(f"{account['endpoint_url']}/moto-api/reset", timeout=5)
        server.stop()
        _forget_file_systems()


def _forget_file_systems() -> None:
    """Airflow and s3fs keep a file system for ever, even where the server has gone."""
    from airflow.sdk.io import store
    from s3fs import S3FileSystem

    store._STORE_CACHE.clear()
    S3FileSystem.clear_instance_cache()
