"""Certificates, proxies, redirects, cookies and netrc: nobody but the platform gets a token."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import ipaddress
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kore_support import (
    CAMPAIGN,
    ENDPOINTS,
    RawServer,
    Received,
    account,
    client_of,
    closed_port,
    http_answer,
    listening,
    transport_to,
)
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection
from urllib3.exceptions import InsecureRequestWarning

from airflow_provider_campaigns.kore.budget import Priority
from airflow_provider_campaigns.kore.errors import Cause, KoreConfigurationError, KoreConnectionError, KoreError
from airflow_provider_campaigns.kore.retry import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_campaigns.kore.settings import KoreSettings

STATUS = http_answer(b'{"data": {"id": "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000", "status": "Ready"}}')
STOPPED = http_answer(b'{"status": "Stopped"}')
ENVIRONMENT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _kore_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host kore.test, which is this machine under a name that does not say so."""
    original = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        return original("127.0.0.1" if host == "kore.test" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def status_of(settings: KoreSettings) -> str:
    """The status of a campaign, by one call."""
    with client_of(settings) as client:
        return str(client.get_campaign_status(CAMPAIGN))


def failure(settings: KoreSettings, **bounds: float) -> KoreError:
    """The error of a stop."""
    with client_of(settings, bounds=Bounds(**bounds)) as client, pytest.raises(KoreError) as caught:
        client.stop_campaign(CAMPAIGN, "voice")
    return caught.value


class Authority:
    """Certificates of our own: an authority, and a server's certificate signed by it."""

    def __init__(self, folder: Path, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = self._certificate("Test authority", "Test authority", key, key, is_authority=True)
        server_key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(name, "Test authority", server_key, key, is_authority=False)
        self.bundle = str(folder / "authority.pem")
        self._server = folder / "server.pem"
        (folder / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        self._server.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )

    @staticmethod
    def _certificate(name: str, issuer: str, key: Any, signed_by: Any, *, is_authority: bool) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        now = dt.datetime.now(dt.UTC)
        builder = (
            x509
            .CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=is_authority,
                    crl_sign=is_authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )
        if not is_authority:
            names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(signed_by, hashes.SHA256())

    def wrap(self, sock: socket.socket) -> socket.socket:
        """TLS over an accepted connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server)
        return context.wrap_socket(sock, server_side=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of kore.test."""
    return Authority(tmp_path_factory.mktemp("authority"), "kore.test")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that signed nothing here."""
    return Authority(tmp_path_factory.mktemp("stranger"), "elsewhere.test")


class TestCertificates:
    def test_tls__unknown_authority(self, authority: Authority) -> None:
        """A certificate that nobody vouches for ends the call before anything is sent; no retry mends it."""
        with listening(RawServer(STOPPED), authority.wrap) as server:
            error = failure(account(f"https://kore.test:{server.port}"))

        assert isinstance(error, KoreConnectionError)
        assert error.cause is Cause.CERTIFICATE
        assert "the certificate was not accepted (ca_bundle and verify_tls say which are)" in str(error)
        assert (error.outcome_unknown, error.retryable) == (False, False)
        assert server.requests == []

    @pytest.mark.parametrize(
        "content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"]
    )
    def test_tls__unreadable_bundle(self, authority: Authority, tmp_path: Path, content: str) -> None:
        """With a bundle that holds no certificate none can be accepted, and nothing is sent."""
        bundle = tmp_path / "bundle.pem"
        bundle.write_text(content)
        with listening(RawServer(STOPPED), authority.wrap) as server:
            error = failure(account(f"https://kore.test:{server.port}", ca_bundle=str(bundle)))

        assert "the certificate was not accepted" in str(error)
        assert (error.outcome_unknown, error.retryable) == (False, False)
        assert server.requests == []

    def test_tls__of_another_host(self, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        """A certificate of another host is not accepted either."""
        original = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *a, **o: original("127.0.0.1", *a, **o))
        with listening(RawServer(STOPPED), authority.wrap) as server:
            error = failure(account(f"https://other.test:{server.port}", ca_bundle=authority.bundle))

        assert "the certificate was not accepted" in str(error)
        assert server.requests == []

    @pytest.mark.parametrize("variable", [None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_tls__ca_bundle(
        self,
        authority: Authority,
        stranger: Authority,
        monkeypatch: pytest.MonkeyPatch,
        variable: str | None,
    ) -> None:
        """The connection's bundle is the one that counts, whatever the environment names."""
        if variable is not None:
            monkeypatch.setenv(variable, stranger.bundle)

        with listening(RawServer(STATUS), authority.wrap) as server:
            assert status_of(account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle)) == "Ready"

    @pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_tls__bundle_of_the_environment(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        """Without a bundle of its own, a connection uses the environment's."""
        monkeypatch.setenv(variable, authority.bundle)

        with listening(RawServer(STATUS), authority.wrap) as server:
            assert status_of(account(f"https://kore.test:{server.port}")) == "Ready"

    def test_tls__not_verified(
        self, authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``verify_tls`` off accepts any certificate, also if the environment names a bundle, and warns each time."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", stranger.bundle)

        with (
            listening(RawServer(STATUS), authority.wrap) as server,
            pytest.warns(InsecureRequestWarning, match="Unverified HTTPS request"),
        ):
            assert status_of(account(f"https://kore.test:{server.port}", verify_tls=False)) == "Ready"

    def test_tls__bundle_of_the_environment_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A bundle of the environment that does not exist is a mistake to mend, and is named."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")

        error = failure(account("https://kore.test"))

        assert isinstance(error, KoreConfigurationError)
        assert (error.field, error.outcome_unknown) == ("ca_bundle", False)
        assert str(error) == (
            "ca_bundle: the environment variable REQUESTS_CA_BUNDLE names no file or folder that exists; mend it, "
            "or set ca_bundle"
        )


@pytest.fixture(params=["upper", "lower"])
def set_proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Names a proxy in the environment, in either spelling."""

    def set_variable(name: str, value: str) -> None:
        monkeypatch.setenv(getattr(name, request.param)(), value)

    return set_variable


class TestProxies:
    def test_proxy__http(self, set_proxy: Callable[[str, str], None]) -> None:
        """Plain http, where it is allowed, goes through the environment's proxy."""
        with listening(RawServer(STATUS)) as proxy:
            set_proxy("http_proxy", proxy.url)
            assert status_of(account("http://kore.test", allow_http=True)) == "Ready"

        assert proxy.requests[0].line.startswith("POST http://kore.test/campaign/api/v2/public/st-")

    def test_proxy__https(self, authority: Authority, set_proxy: Callable[[str, str], None]) -> None:
        """Https goes through a tunnel: the proxy learns host and port, and nothing of the request."""
        with listening(RawServer(STATUS), authority.wrap) as server, listening(RawServer(b"", server.port)) as proxy:
            set_proxy("https_proxy", proxy.url)
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle)
            assert status_of(settings) == "Ready"

        [connect] = proxy.requests
        assert connect.line.startswith(f"CONNECT kore.test:{server.port} HTTP/1.")
        assert not {"auth", "iid", "accountId"} & connect.headers.keys()
        assert "auth" in server.requests[0].headers

    def test_proxy__socks(self, set_proxy: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
        """A proxy for SOCKS makes connections in its own way, and they are held to the deadline as well."""
        managers = []

        class SocksConnection(HTTPConnection):
            """Stands in for that of PySocks, which is not among our dependencies."""

            def _new_conn(self) -> socket.socket:
                return socket.create_connection(("127.0.0.1", server.port), self.timeout)

        class SocksPool(HTTPConnectionPool):
            ConnectionCls = SocksConnection

        class SocksManager(PoolManager):
            def __init__(self, url: str, **options: Any) -> None:
                super().__init__()
                self.pool_classes_by_scheme = {"http": SocksPool}
                managers.append(url)

        monkeypatch.setattr("requests.adapters.SOCKSProxyManager", SocksManager)
        with listening(RawServer(STATUS)) as server:
            set_proxy("http_proxy", "socks5h://127.0.0.1:1080")
            settings = account("http://kore.test", allow_http=True, timeout_s=0.3)
            assert [status_of(settings) for _ in range(2)] == ["Ready"] * 2
        with listening(RawServer(STATUS, piece_s=0.01)) as server:
            assert "no complete answer within 0.3 s" in TestDeadline.late(settings)

        assert managers == ["socks5h://127.0.0.1:1080"] * 3

    @pytest.mark.parametrize("exempt", ["kore.test", ".test", "a.test,kore.test", "*"])
    def test_proxy__no_proxy(self, set_proxy: Callable[[str, str], None], exempt: str) -> None:
        """Hosts that the environment exempts are reached directly."""
        with listening(RawServer(STATUS)) as server, listening(RawServer(STATUS)) as proxy:
            set_proxy("http_proxy", proxy.url)
            set_proxy("no_proxy", exempt)
            assert status_of(account(f"http://kore.test:{server.port}", allow_http=True)) == "Ready"

        assert (len(server.requests), len(proxy.requests)) == (1, 0)

    def test_proxy__never_for_loopback(self, set_proxy: Callable[[str, str], None]) -> None:
        """Plain http to this machine stays on it: a proxy would see the token."""
        with listening(RawServer(STATUS)) as server, listening(RawServer(STATUS)) as proxy:
            set_proxy("http_proxy", proxy.url)
            set_proxy("all_proxy", proxy.url)
            assert status_of(account(server.url)) == "Ready"

        assert (len(server.requests), len(proxy.requests)) == (1, 0)

    @pytest.mark.parametrize(
        "value",
        [
            "http://127.0.0.1:99999",
            "127.0.0.1:99999",
            "http://user:hidden@127.0.0.1:99999",
            "http://proxy:notaport",
            "http://[",
            "http://",
            "://proxy",
            "http://a b:80",
            "http://a..b:80",
            "http://" + "x" * 70 + ":80",
            "ftp://proxy:21",
        ],
    )
    @pytest.mark.parametrize("name", ["https_proxy", "all_proxy"])
    def test_proxy__unreadable(
        self, set_proxy: Callable[[str, str], None], request: pytest.FixtureRequest, name: str, value: str
    ) -> None:
        """A proxy variable that cannot be read is named, without its value; a stop is known not to have been sent."""
        set_proxy(name, value)
        spelled = getattr(name, request.node.callspec.params["set_proxy"])()

        with client_of(account("https://kore.test")) as client, pytest.raises(KoreConfigurationError) as caught:
            client.stop_campaign(CAMPAIGN, "voice")

        error = caught.value
        assert str(error) == (
            f"{spelled}: names no proxy that can be used; expected for example http://proxy:3128. Nothing was sent"
        )
        assert (error.field, error.endpoint, error.campaign_id) == (spelled, "stop_voice_v1", CAMPAIGN)
        assert (error.outcome_unknown, error.retryable, error.concerns_account) == (False, False, True)

    @pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
    def test_proxy__socks_without_its_package(self, set_proxy: Callable[[str, str], None], scheme: str) -> None:
        """A proxy for SOCKS that cannot be used says which package is missing."""
        set_proxy("https_proxy", f"{scheme}://127.0.0.1:1080")

        with client_of(account("https://kore.test")) as client, pytest.raises(KoreConfigurationError) as caught:
            client.delete_campaign(CAMPAIGN, "voice")

        assert caught.value.outcome_unknown is False
        assert str(caught.value).casefold() == (
            "https_proxy: names a proxy for socks, which needs a package: install requests[socks]. nothing was sent"
        )

    def test_proxy__readable(self, set_proxy: Callable[[str, str], None]) -> None:
        """A proxy that can be read and broke the connection may have passed a stop on: that stays unknown."""
        with listening(RawServer(None)) as proxy:
            set_proxy("http_proxy", proxy.url)
            settings = account("http://kore.test", allow_http=True)
            with client_of(settings, bounds=Bounds(attempts=1)) as client, pytest.raises(KoreConnectionError) as caught:
                client.stop_campaign(CAMPAIGN, "voice")

        assert (caught.value.outcome_unknown, caught.value.retryable) == (True, True)

    def test_proxy__not_there(self, set_proxy: Callable[[str, str], None]) -> None:
        """A proxy that does not listen was given nothing to pass on."""
        set_proxy("http_proxy", f"http://127.0.0.1:{closed_port()}")

        error = failure(account("http://kore.test", allow_http=True), seconds=2.0)

        assert "the proxy did not connect (http://kore.test)" in str(error)
        assert getattr(error, "cause", None) is Cause.PROXY
        assert (error.outcome_unknown, error.retryable) == (False, True)

    def test_proxy__refuses_the_tunnel(self, set_proxy: Callable[[str, str], None]) -> None:
        """A proxy that refuses its tunnel was given nothing to pass on."""
        with listening(RawServer(http_answer(b"", "407 Proxy Authentication Required"))) as proxy:
            set_proxy("https_proxy", proxy.url.replace("//", "//user:hunter2@"))
            error = failure(account("https://kore.test"), seconds=2.0)

        assert (error.outcome_unknown, error.retryable) == (False, True)
        assert "the proxy did not connect" in str(error)
        assert getattr(error, "cause", None) is Cause.PROXY
        assert "hunter2" not in f"{error!r} {error.__context__!r}"

    def test_proxy__breaks_afterwards(self, set_proxy: Callable[[str, str], None]) -> None:
        """A connection through a proxy that breaks after the request leaves the outcome open, as any other does."""
        with listening(RawServer(None)) as proxy:
            set_proxy("http_proxy", proxy.url)
            error = failure(account("http://kore.test", allow_http=True))

        assert error.outcome_unknown is True
        assert [request.line[:4] for request in proxy.requests] == ["POST", *["GET "] * 5]


class TestDeadline:
    """An answer in pieces ends in time through TLS and proxies as well, and so does what comes before it."""

    @staticmethod
    def late(settings: KoreSettings) -> str:
        """The error of a reading that is over in time."""
        transport, began = transport_to(settings), time.monotonic()
        with pytest.raises(KoreConnectionError) as caught:
            transport.send(ENDPOINTS["get_v2"], priority=Priority.READ, campaign_id=CAMPAIGN)
        transport.close()
        assert time.monotonic() - began < 0.6
        return str(caught.value)

    def test_tls__answer(self, authority: Authority) -> None:
        """Pieces of an answer through TLS."""
        with listening(RawServer(STATUS, piece_s=0.01), authority.wrap) as server:
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle, timeout_s=0.3)
            assert "no complete answer within 0.3 s" in self.late(settings)

    @pytest.mark.parametrize("at_once", [0, 3])
    def test_tls__handshake(self, authority: Authority, at_once: int) -> None:
        """Pieces of a handshake, before which nothing was sent."""

        class Handshake(RawServer):
            def serve(self, conn: socket.socket) -> None:
                conn.recv(65536)
                with contextlib.suppress(OSError):
                    self.respond(conn, Received("", {}, b"", 0))

        hello = b"\x16\x03\x03\x40\x00\x02" + b"\x00" * 99
        with listening(Handshake(hello, piece_s=0.01, at_once=at_once)) as server:
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle, timeout_s=0.3)
            assert "no connection within 0.3 s" in self.late(settings)

    def test_tls__share_of_an_address(self, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
        """A host's address that answers has the rest of the time for its handshake, and no longer a share of it."""

        def slowly(sock: socket.socket) -> socket.socket:
            time.sleep(0.25)
            return authority.wrap(sock)

        resolve = socket.getaddrinfo
        both = resolve("127.0.0.1", 80, 0, 1) + resolve("127.0.0.2", 80, 0, 1)
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *args, **kw: both if host == "kore.test" else resolve(host, *args, **kw)
        )
        with listening(RawServer(STATUS), slowly) as server:
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle, timeout_s=0.45)
            assert status_of(settings) == "Ready"

    def test_proxy__says_more_than_its_tunnel(
        self, authority: Authority, set_proxy: Callable[[str, str], None]
    ) -> None:
        """What a proxy says behind its own answer is no part of the tunnel."""
        with (
            listening(RawServer(STATUS), authority.wrap) as server,
            listening(RawServer(b"", server.port, b"HTTP/1.1 200 OK\r\n\r\nwelcome")) as proxy,
        ):
            set_proxy("https_proxy", proxy.url)
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle)
            assert status_of(settings) == "Ready"

    def test_proxy__answer(self, set_proxy: Callable[[str, str], None]) -> None:
        """Pieces of an answer that a proxy passes on."""
        with listening(RawServer(STATUS, piece_s=0.01)) as proxy:
            set_proxy("http_proxy", proxy.url)
            settings = account("http://kore.test", allow_http=True, timeout_s=0.3)
            assert "no complete answer within 0.3 s" in self.late(settings)

    def test_proxy__tunnel(self, set_proxy: Callable[[str, str], None]) -> None:
        """Pieces of a proxy's own answer, before which nothing was sent."""
        with listening(RawServer(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50, piece_s=0.01)) as proxy:
            set_proxy("https_proxy", proxy.url)
            assert "no connection within 0.3 s" in self.late(account("https://kore.test", timeout_s=0.3))

    def test_proxy__tunnel_that_is_late(self, authority: Authority, set_proxy: Callable[[str, str], None]) -> None:
        """What a proxy takes for its tunnel is no longer there for the handshake that follows."""

        class Slow(RawServer):
            def serve(self, conn: socket.socket) -> None:
                time.sleep(0.3)
                conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while conn.recv(65536):
                    pass

        with listening(Slow(b"")) as proxy:
            set_proxy("https_proxy", proxy.url)
            settings = account("https://kore.test", ca_bundle=authority.bundle, timeout_s=0.4)
            assert "no connection within 0.4 s" in self.late(settings)

    @pytest.mark.parametrize(
        ("pieces_s", "what"), [((0.01, 0.0), "no complete answer within 0.3 s"), ((0.0, 0.01), "no connection within")]
    )
    def test_proxy__tls_in_tls(
        self, authority: Authority, set_proxy: Callable[[str, str], None], pieces_s: tuple[float, float], what: str
    ) -> None:
        """A tunnel through a proxy that speaks TLS itself ends in time, whoever sends in pieces."""
        with (
            listening(RawServer(STATUS, piece_s=pieces_s[0]), authority.wrap) as server,
            listening(RawServer(b"", server.port, piece_s=pieces_s[1]), authority.wrap) as proxy,
        ):
            set_proxy("https_proxy", f"https://kore.test:{proxy.port}")
            settings = account(f"https://kore.test:{server.port}", ca_bundle=authority.bundle, timeout_s=0.3)
            assert what in self.late(settings)
            server.piece_s = proxy.piece_s = 0.0
            assert status_of(dataclasses.replace(settings, timeout_s=5.0)) == "Ready"


class TestStrangers:
    """What else might carry a token to somebody else, or somebody else's secrets to the platform."""

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
    @pytest.mark.parametrize("location", ["http://127.0.0.1:{}/x", "//127.0.0.1:{}/x", "http://[", "", "%"])
    def test_redirect__not_followed(self, status: str, location: str) -> None:
        """A redirect is an error, wherever it leads, and nobody hears of the token."""
        with listening(RawServer(STATUS)) as elsewhere:
            answer = http_answer(b"", status, "Location: " + location.format(elsewhere.port))
            with (
                listening(RawServer(answer)) as server,
                client_of(account(server.url)) as client,
                pytest.raises(KoreError, match="redirects are not followed") as caught,
            ):
                client.get_campaign(CAMPAIGN, api_version="v2")

        assert caught.value.retryable is True
        assert (len(server.requests), elsewhere.connections) == (5, 0)

    def test_cookies__not_kept(self) -> None:
        """A cookie is never sent back, by any of the threads that share the client."""
        answer = http_answer(
            b'{"data": {"id": "cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000", "status": "Ready"}}',
            "200 OK",
            "Set-Cookie: session=1; Path=/",
        )
        with listening(RawServer(answer)) as server, client_of(account(server.url)) as client:
            for _ in range(3):
                client.get_campaign_status(CAMPAIGN)

        assert len(server.requests) == 3
        assert not any("Cookie" in request.headers for request in server.requests)

    @pytest.mark.parametrize("by", ["NETRC", "HOME"])
    def test_netrc__not_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
        """Credentials that netrc holds for the same host are not sent, and do not replace the token."""
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password hunter2\ndefault login a password b\n")
        netrc.chmod(0o600)
        monkeypatch.setenv(by, str(netrc if by == "NETRC" else tmp_path))

        with listening(RawServer(STATUS)) as server:
            status_of(account(server.url))

        [request] = server.requests
        assert "Authorization" not in request.headers
        assert request.headers["auth"].startswith("eyJ")
