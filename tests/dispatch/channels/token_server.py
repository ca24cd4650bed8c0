"""A token endpoint as msal wants it: OpenID discovery and client credentials, with Microsoft Entra's refusals."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.dispatch.channels.https_server import Answer, Hit, HttpsServer

TENANT = "11111111-2222-3333-4444-555555555555"
APPLICATION = "99999999-8888-7777-6666-555555555555"
SECRET = "client~secret~canary"
JSON = (("Content-Type", "application/json"),)


def refusal(status: int, error: str, code: int, text: str, *headers: tuple[str, str]) -> Answer:
    """A refusal as Entra words it."""
    body = {
        "error": error, "error_description": f"AADSTS{code}: {text} Trace ID: 0 Timestamp: 2026-11-23 08:00:00Z",
        "error_codes": [code], "correlation_id": "0",
    }  # fmt: skip
    return Answer(status, json.dumps(body).encode(), (*JSON, *headers))


EXPIRED = refusal(401, "invalid_client", 7000222, "The provided client secret keys are expired.")


@dataclass
class TokenServer(HttpsServer):
    """Gives tokens to one application of one directory.

    Attributes:
        issued: Every token given, with the scope it was asked for.
        discovery: What the next discoveries get.
        roles: The application permissions; then tokens are JWT as Entra's, and say so. Opaque otherwise.
    """

    issued: dict[str, str] = field(default_factory=dict[str, str])
    discovery: list[Answer] = field(default_factory=list[Answer])
    roles: list[str] | None = None

    def respond(self, hit: Hit) -> Answer:
        tenant, _, rest = hit.path.lstrip("/").partition("/")
        rest = rest.partition("?")[0]
        if hit.method == "GET" and rest == "v2.0/.well-known/openid-configuration":
            return self.discovery.pop(0) if self.discovery else self._discover(tenant)
        if hit.method == "POST" and rest == "oauth2/v2.0/token":
            self.reading.set()
            return self.answers.pop(0) if self.answers else self._token(hit)
        return Answer(404)

    def _discover(self, tenant: str) -> Answer:
        if tenant != TENANT:
            return refusal(400, "invalid_tenant", 90002, f"Tenant '{tenant}' not found.")
        base = f"{self.url}/{tenant}"
        found = {
            "issuer": f"{base}/v2.0",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
        return Answer(200, json.dumps(found).encode(), JSON)

    def _token(self, hit: Hit) -> Answer:
        form = {name: values[0] for name, values in parse_qs(hit.body.decode()).items()}
        scope = form.get("scope", "")
        if form.get("grant_type") != "client_credentials" or not scope.endswith("/.default"):
            return refusal(400, "invalid_scope", 1002012, "The provided value for scope is not valid.")
        if form.get("client_id") != APPLICATION:
            return refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.")
        if form.get("client_secret") != SECRET:
            return refusal(401, "invalid_client", 7000215, f"Invalid client secret: {form.get('client_secret')}.")
        token = f"token-canary-{len(self.issued)}"
        if self.roles is not None:
            claims = {"aud": scope.removesuffix("/.default"), **({"roles": self.roles} if self.roles else {})}
            parts = [{"typ": "JWT", "alg": "RS256"}, claims, {"canary": len(self.issued)}]
            token = ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        self.issued[token] = scope
        body = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token}
        return Answer(200, json.dumps(body).encode(), JSON)
