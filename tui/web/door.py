"""Who may come in: the token, the Host and the Origin of a request, and what every answer forbids the browser."""

import hmac
import secrets
from urllib.parse import urlsplit

from aiohttp import web

LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}
"""Names of this machine as browsers write them; on any port, for `ssh -L 9000:127.0.0.1:8470`."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-same-origin"
)
"""Everything comes from this server; the sandbox opens no windows and saves no files."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), clipboard-read=(), clipboard-write=(self), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Server": "vestnik",
}


class Door:
    """Decides about requests.

    Args:
        token: What the address that is opened carries.
        port: Where we listen. Browsers keep cookies by host and not by port, so it is in the cookie's name.
        public_url: The https address people open, where a proxy with TLS stands in front; it ends in `/`.
    """

    def __init__(self, token: str, port: int, public_url: str | None = None) -> None:
        self.cookie = f"vestnik_{port}"
        self._token = token
        self._public = urlsplit(public_url.lower()) if public_url else None
        # Not the token itself: what a browser kept is worth nothing once the server has ended.
        self._session = secrets.token_urlsafe(32)

    def refusal(self, request: web.Request) -> str | None:
        """Why a request is refused, as the key of a text; `None` when it may come in."""
        host = request.host.lower()
        local = _name(host) in LOCAL_NAMES
        public = self._public
        if not local and (public is None or host != public.netloc):
            return "web.host"  # a name of somebody else's that leads here: DNS rebinding
        origin = request.headers.get("Origin")
        # A browser always tells it with a WebSocket, and nothing else keeps other people's pages from opening one.
        if origin is not None or "Upgrade" in request.headers:
            ours = {f"http://{host}"} if local else set[str]()
            if public is not None:
                ours.add(f"{public.scheme}://{public.netloc}")
            if origin is None or origin.lower() not in ours:
                return "web.origin"
        given = request.query.get("token")
        if given is not None:
            return None if _same(given, self._token) else "web.token"
        return None if _same(request.cookies.get(self.cookie, ""), self._session) else "web.token"

    def welcome(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give a browser that came with the token its cookie, for as long as this server and the browser run."""
        if "token" in request.query:
            response.set_cookie(
                self.cookie,
                self._session,
                path=self._public.path if self._public else "/",
                httponly=True,
                samesite="Strict",
                secure=self._public is not None,
            )


def _name(host: str) -> str | None:
    """The name in a Host header, without the port; `None` where it cannot be read."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _same(given: str, right: str) -> bool:
    """Compare in a time that does not tell how much was right."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())
