"""Requests to one registry: authorised, retried, redirected by hand, bounded.

urllib3 is used directly: it comes with the docker SDK, gives a pool that threads share, and starts faster than
requests.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urljoin, urlsplit

from inspector import __version__
from inspector.errors import (
    InspectorError,
    LimitExceeded,
    RateLimited,
    TargetAbsent,
    TargetUnauthorised,
    TargetUnreachable,
)
from inspector.escaping import printable
from inspector.records import dataclass
from inspector.sources.registry.authentication import Challenge, Credentials, find_credentials, parse_challenges
from inspector.sources.registry.pace import Pace, retry_after

if TYPE_CHECKING:
    import urllib3

_HUB_API = "registry-1.docker.io"
_TRIES = 5
_MAX_LIMITS = 100
"""How often one request may be answered by 429 where a pace is kept."""
_MAX_REDIRECTS = 5
_MAX_WAIT = 60.0
"""Seconds that Retry-After may make us wait; a registry that wants more is told as it is."""
_MAX_ERROR = 64 * 1024
_MAX_TOKEN = 256 * 1024
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How to reach registries."""

    insecure: bool = False
    """Plain HTTP to any host; to this machine's own addresses it is always allowed."""
    ca_cert: Path | None = None
    timeout: float = 60.0
    """Seconds without a byte."""
    offline: bool = False
    config_directory: Path | None = None
    """Where Docker's config.json is; None: as Docker finds it."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    patience: float = _MAX_WAIT
    """Most seconds that Retry-After may make us wait; 0: who decides for others too is told at once."""
    pace: Pace | None = field(default=None, repr=False)
    """Shared with the others that speak to this registry."""


def is_loopback(host: str) -> bool:
    """Whether a host (with or without port) is this machine by its name or address."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    scope: str
    headers: Mapping[str, str]
    what: str
    body: bytes | None = None


class Transport:
    """Speaks to one registry; threads may share it."""

    def __init__(self, host: str, options: RegistryOptions) -> None:
        self.host = host
        self.options = options
        self.api = _HUB_API if host == "docker.io" else host
        """The host that is asked."""
        self.scheme = "http" if options.insecure or is_loopback(self.api) else "https"
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()
        self._authorisations: dict[str, str] = {}
        self._turns: dict[str, threading.Lock] = {}
        self._credentials: Credentials | None = None
        self._looked_up = False

    # ── one request ──────────────────────────────────────────────────────────────────────────────────────────

    def get(
        self,
        path: str,
        scope: str,
        headers: Mapping[str, str],
        what: str,
        *,
        method: Literal["GET", "HEAD", "POST"] = "GET",
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """GET a path of the registry's API and return the open response, 200 or 206.

        Args:
            path: below the API's root, with its slash.
            scope: what a token is asked for (``repository:NAME:pull``).
            headers: besides Authorization.
            what: what is fetched, for errors.
            method: another one; it must do no harm where it is sent twice.
            body: what a POST sends.

        Raises:
            TargetAbsent, TargetUnauthorised, TargetUnreachable: as the registry says.
        """
        if self.options.offline:
            raise TargetUnreachable(f"{self.host}: not asked, because of --offline")
        request = _Request(method, path, scope, headers, what, body)
        asked_for = False
        attempt = limits = 0
        while attempt <= _TRIES:
            last = attempt == _TRIES
            carried = self._authorisations.get(scope)
            response = self._try(request, last=last)
            if response is not None and response.status == 401 and not asked_for:
                asked_for = True
                self._authorise(response, scope, what, refused=carried)
                response.close()
                response = self._try(request, last=last)
            if response is None:
                attempt += 1
                continue
            if response.status in {200, 206}:
                return response
            # Where all who ask wait together, being told to wait again is no failure.
            shared = response.status == 429 and self.options.pace is not None and limits < _MAX_LIMITS
            if response.status not in _RETRIED or (last and not shared) or not self._wait(response, attempt):
                raise self._refusal(response, what)
            response.close()
            limits += shared
            attempt += not shared
        raise TargetUnreachable(f"{self.host}: {what}: no answer after {_TRIES + 1} tries")

    def _try(self, request: _Request, *, last: bool) -> urllib3.BaseHTTPResponse | None:
        """Send once, following redirects; None where the connection broke and another try is due."""
        import urllib3

        what = request.what
        try:
            return self._send(request)
        except urllib3.exceptions.SSLError as error:
            raise self._tls_failure(error, what) from None
        except urllib3.exceptions.MaxRetryError as error:
            if isinstance(error.reason, urllib3.exceptions.SSLError):
                raise self._tls_failure(error.reason, what) from None
            if isinstance(error.reason, urllib3.exceptions.NameResolutionError):
                raise TargetUnreachable(f"{self.host}: {what}: there is no such host") from None
            failure: Exception = error.reason or error
        except urllib3.exceptions.NameResolutionError:
            raise TargetUnreachable(f"{self.host}: {what}: there is no such host") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            failure = error
        if last or _is_refused(failure):
            text = printable(_plainly(failure), limit=200)
            raise TargetUnreachable(f"{self.host}: {what}: cannot be reached: {text}")
        self.options.sleep(0.2 + random.random() * 0.3)  # noqa: S311 - spreads retries, guards nothing
        return None

    def _send(self, request: _Request) -> urllib3.BaseHTTPResponse:
        url, what = f"{self.scheme}://{self.api}{request.path}", request.what
        home = urlsplit(url).netloc
        for _ in range(_MAX_REDIRECTS + 1):
            sent = {**request.headers, "User-Agent": f"rollout-inspector/{__version__}", "Accept-Encoding": "identity"}
            authorisation = self._authorisations.get(request.scope)
            if self.options.pace is not None and urlsplit(url).netloc == home:
                self.options.pace.wait()
            # Credentials are for the registry; a redirect to a blob store carries its own in the address.
            if authorisation and urlsplit(url).netloc == home and urlsplit(url).scheme == self.scheme:
                sent["Authorization"] = authorisation
            response = self._pool(url).request(
                request.method,
                url,
                body=request.body,
                headers=sent,
                preload_content=False,
                redirect=False,
                retries=False,
                decode_content=False,
            )
            if response.status not in _REDIRECTS:
                return response
            target = urljoin(url, response.headers.get("Location", ""))
            leave(response)
            self._check_target(url, target, what)
            url = target
        raise TargetUnreachable(f"{self.host}: {what}: more than {_MAX_REDIRECTS} redirects")

    def _check_target(self, url: str, target: str, what: str) -> None:
        parts = urlsplit(target)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise TargetUnreachable(f"{self.host}: {what}: redirected to {printable(target, limit=200)}")
        is_plain = parts.scheme == "http" and urlsplit(url).scheme == "https"
        if is_plain and not (self.options.insecure or is_loopback(parts.netloc)):
            raise TargetUnreachable(
                f"{self.host}: {what}: redirected to plain HTTP at {printable(parts.netloc, limit=120)}",
                advice="--insecure allows it",
            )

    def _pool(self, url: str) -> urllib3.PoolManager:
        """Return the pool for a request: direct, or by the environment's proxy."""
        from urllib.request import getproxies, proxy_bypass

        import urllib3

        parts = urlsplit(url)
        proxy = getproxies().get(parts.scheme)
        if proxy is None or is_loopback(parts.netloc) or proxy_bypass(parts.netloc):
            proxy = ""
        with self._lock:
            pool = self._pools.get(proxy)
            if pool is None:
                timeout = urllib3.Timeout(connect=min(self.options.timeout, 20.0), read=self.options.timeout)
                settings: dict[str, Any] = {"timeout": timeout, "maxsize": 32}
                context = self._tls_context()
                if context is not None:
                    settings["ssl_context"] = context
                pool = urllib3.ProxyManager(proxy, **settings) if proxy else urllib3.PoolManager(**settings)
                self._pools[proxy] = pool
            return pool

    def _tls_context(self) -> Any:
        """Return how TLS peers are trusted: the system's authorities, and those of --ca-cert."""
        if self.scheme == "http":
            return None
        import ssl

        context = ssl.create_default_context()
        try:
            if os.environ.get("SSL_CERT_FILE") is None and not context.get_ca_certs():
                import certifi

                context.load_verify_locations(certifi.where())
        except (ImportError, OSError):
            pass
        if self.options.ca_cert is not None:
            try:
                context.load_verify_locations(self.options.ca_cert)
            except (OSError, ssl.SSLError):
                raise TargetUnreachable(
                    f"{self.options.ca_cert} holds no certificate that can be used", advice="--ca-cert takes a PEM file"
                ) from None
        return context

    # ── what was refused ─────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, response: urllib3.BaseHTTPResponse, attempt: int) -> bool:
        """Wait before another try, as long as the registry says; False where it says too long."""
        wanted = retry_after(response.headers.get("Retry-After", ""))
        seconds = min(0.25 * 2**attempt, 8.0) * (0.75 + random.random() / 2) if wanted is None else wanted  # noqa: S311
        if self.options.pace is not None and (wanted is not None or response.status == 429):
            # Everybody who speaks to this registry waits, and the next request with them.
            self.options.pace.rest(seconds)
            return seconds <= self.options.patience
        asked = wanted is not None or response.status == 429
        if asked and seconds > self.options.patience:
            return False
        self.options.sleep(seconds)
        return True

    def _refusal(self, response: urllib3.BaseHTTPResponse, what: str) -> InspectorError:
        codes, message = _errors_of(response)
        response.close()
        said = f" ({printable(message, limit=200)})" if message else ""
        text = f"{self.host}: {what}: "
        if response.status == 429 or "TOOMANYREQUESTS" in codes:
            wait = retry_after(response.headers.get("Retry-After", ""))
            return RateLimited(
                f"{text}the rate limit is reached{said}", wait=wait or 1.0, advice="docker login lifts it, or wait"
            )
        rest = retry_after(response.headers.get("Retry-After", "")) if response.status == 503 else None
        if rest is not None:
            return RateLimited(f"{text}the registry answered 503 and wants {rest:.0f} s of rest{said}", wait=rest)
        if response.status in {401, 403} or "DENIED" in codes or "UNAUTHORIZED" in codes:
            return TargetUnauthorised(f"{text}not authorised{said}", advice=f"log in with: docker login {self.host}")
        if response.status == 404:
            return TargetAbsent(f"{text}there is none{said}")
        return TargetUnreachable(f"{text}the registry answered {response.status}{said}", status=response.status)

    def _tls_failure(self, error: Exception, what: str) -> TargetUnreachable:
        text = printable(str(error), limit=200)
        if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
            return TargetUnreachable(
                f"{self.host}: {what}: it does not speak TLS", advice="--insecure allows plain HTTP"
            )
        advice = "--ca-cert FILE trusts its authority"
        return TargetUnreachable(f"{self.host}: {what}: TLS failed: {text}", advice=advice)

    # ── authorisation ────────────────────────────────────────────────────────────────────────────────────────

    def authorise(self, scope: str, authorisation: str) -> None:
        """Send this Authorization with every request of a scope."""
        self._authorisations[scope] = authorisation

    def credentials(self) -> Credentials | None:
        """Return what is stored for this registry, looked up once.

        Raises:
            TargetUnauthorised: if a credential helper is named and fails.
        """
        with self._lock:
            if not self._looked_up:
                self._credentials = find_credentials(self.host, self.options.config_directory)
                self._looked_up = True
            return self._credentials

    def _authorise(self, response: urllib3.BaseHTTPResponse, scope: str, what: str, *, refused: str | None) -> None:
        """Answer a challenge; the next request of the scope carries what comes of it.

        ``refused`` is what the refused request carried: where another thread has a newer token already, that is taken.
        """
        challenges = parse_challenges(response.headers.get("WWW-Authenticate", ""))
        self.credentials()
        with self._lock:
            turn = self._turns.setdefault(scope, threading.Lock())
        with turn:
            if self._authorisations.get(scope) != refused:
                return
            self._answer(challenges, scope, what)

    def _answer(self, challenges: list[Challenge], scope: str, what: str) -> None:
        bearer = next((c for c in challenges if c.scheme == "bearer" and "realm" in c.parameters), None)
        if bearer is not None:
            self._authorisations[scope] = "Bearer " + self._token(bearer, scope, what)
        elif any(c.scheme == "basic" for c in challenges) and self._credentials is not None:
            self._authorisations[scope] = self._credentials.basic

    def _token(self, challenge: Challenge, scope: str, what: str) -> str:
        """Fetch a token (GET with Basic credentials, or POST with an identity token)."""
        import urllib3

        realm = challenge.parameters["realm"]
        self._check_realm(realm, what)
        query = {
            "service": challenge.parameters.get("service", ""),
            "scope": challenge.parameters.get("scope") or scope,
        }
        credentials, headers, pool = self._credentials, {"Accept-Encoding": "identity"}, self._pool(realm)
        settings: dict[str, Any] = {"preload_content": False, "redirect": False, "retries": 2}
        try:
            if credentials is not None and credentials.identity_token:
                form = {
                    "grant_type": "refresh_token",
                    "refresh_token": credentials.identity_token,
                    "client_id": "inspector",
                }
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                response = pool.request("POST", realm, body=urlencode({**query, **form}), headers=headers, **settings)
            else:
                if credentials is not None:
                    headers["Authorization"] = credentials.basic
                separator = "&" if urlsplit(realm).query else "?"
                response = pool.request("GET", f"{realm}{separator}{urlencode(query)}", headers=headers, **settings)
            content = response.read(_MAX_TOKEN + 1)
        except urllib3.exceptions.HTTPError as error:
            text = printable(str(error), limit=200)
            raise TargetUnreachable(f"{self.host}: {what}: its token service cannot be reached: {text}") from None
        if response.status != 200:
            response.close()
            if response.status == 429:
                raise TargetUnreachable(
                    f"{self.host}: {what}: the rate limit is reached", advice="docker login lifts it"
                )
            raise TargetUnauthorised(
                f"{self.host}: {what}: the token service answered {response.status}",
                advice=f"log in with: docker login {self.host}",
            )
        return _token_of(content, f"{self.host}: {what}")

    def _check_realm(self, realm: str, what: str) -> None:
        parts = urlsplit(realm)
        if parts.scheme == "https" or (parts.scheme == "http" and self.scheme == "http" and parts.hostname):
            return
        raise TargetUnauthorised(
            f"{self.host}: {what}: its token service {printable(realm, limit=120)} is not reached by HTTPS",
            advice="credentials are not sent in the clear",
        )


def _plainly(error: BaseException) -> str:
    """Return what the operating system said, else the error's words without urllib3's ``HTTPSConnection(…): ``."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    text = str(error.args[-1]) if error.args else str(error)
    return re.sub(r"^<?\w+\([^)]*\)(?: at 0x\w+>)?: ", "", text)


def _is_refused(error: Exception) -> bool:
    return "Connection refused" in str(error) or "No route to host" in str(error)


def _errors_of(response: urllib3.BaseHTTPResponse) -> tuple[set[str], str]:
    """Return the error codes and the first message of an answer (OCI distribution-spec, Error Codes)."""
    try:
        document = json.loads(response.read(_MAX_ERROR) or b"{}")
        errors = [entry for entry in document["errors"] if isinstance(entry, dict)]
        return {str(entry.get("code")) for entry in errors}, str(errors[0].get("message") or "") if errors else ""
    except Exception:  # noqa: BLE001 - whatever it said, the status has said enough
        return set(), ""


def _token_of(content: bytes, what: str) -> str:
    try:
        document = json.loads(content) if len(content) <= _MAX_TOKEN else {}
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise TargetUnauthorised(f"{what}: its token service gave no token")
    return token


def leave(response: urllib3.BaseHTTPResponse) -> None:
    """Let go of an answer whose body nobody wants; its connection serves again if the body is short, else it is closed.

    An empty body is read too: before that http.client takes the connection for one that waits for an answer.
    """
    import urllib3

    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        if len(response.read(_MAX_ERROR)) < _MAX_ERROR:
            response.release_conn()
            return
    response.close()


def read_bounded(response: urllib3.BaseHTTPResponse, most: int, what: str) -> bytes:
    """Return a body of at most ``most`` bytes.

    Raises:
        LimitExceeded: if there is more.
        TargetUnreachable: if the connection breaks.
    """
    import urllib3

    try:
        content = response.read(most + 1)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise TargetUnreachable(f"{what}: the connection broke: {printable(str(error), limit=200)}") from None
    finally:
        response.release_conn()
    if len(content) > most:
        response.close()
        raise LimitExceeded(f"{what} has more than {most} bytes")
    return content
