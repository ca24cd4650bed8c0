"""The first two steps: the name's addresses, and a connection to one of them."""

import asyncio
import errno
import ipaddress
import socket
import threading
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from dispatch.doctor.steps import FaultError, Finding, Found, finding

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_KINDS = ("refused", "blocked", "timeout", "unreachable")
"""What an attempt can end in; the first of these that any address met is the one told."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address of the server, as the socket wants it."""

    family: socket.AddressFamily
    place: tuple[Any, ...]

    def __str__(self) -> str:
        return str(self.place[0])


async def resolve(server: str, port: int, limit_s: float) -> list[Address]:
    """The addresses of a name, in the order the system prefers.

    Raises:
        FaultError: There are none, the name is none, or the name service does not answer.
    """
    try:
        found = await asyncio.wait_for(_looked_up(server, port), limit_s)
    except TimeoutError:
        raise FaultError("dns_unavailable", server=server) from None
    except UnicodeError as error:
        raise FaultError("dns", f"not a name: {error}", server=server) from None
    except socket.gaierror as error:
        kind = "dns_unavailable" if error.errno == socket.EAI_AGAIN else "dns"
        raise FaultError(kind, str(error.strerror or error), server=server) from None
    except OSError as error:
        raise FaultError("dns", str(error), server=server) from None
    return list(dict.fromkeys(Address(one[0], one[4]) for one in found))


async def _looked_up(server: str, port: int) -> list[Any]:
    """Ask the system, in a thread that nobody has to wait for: a resolver can take half a minute to give up."""
    future: Future[list[Any]] = Future()

    def ask() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(socket.getaddrinfo(server, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            future.set_exception(error)

    threading.Thread(target=ask, name="name service", daemon=True).start()
    return await asyncio.wrap_future(future)


def told(server: str, addresses: list[Address]) -> Found:
    """The step's outcome."""
    try:
        ipaddress.ip_address(server)
    except ValueError:
        return Found(", ".join(map(str, addresses)))
    return Found(f"{server}: an address, no name")


async def open_socket(addresses: list[Address], limit_s: float) -> tuple[socket.socket, Address, tuple[Finding, ...]]:
    """Connect to the first address that answers; addresses that do not are told as a warning.

    Raises:
        FaultError: None of them does.
    """
    missed: list[tuple[Address, str, str]] = []
    for address in addresses:
        connecting = socket.socket(address.family, socket.SOCK_STREAM)
        connecting.setblocking(False)  # noqa: FBT003 - the standard library's
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.get_running_loop().sock_connect(connecting, address.place)
        except OSError as error:  # a timeout is one too
            connecting.close()
            missed.append((address, *_kind(error)))
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting, address, _warnings(missed)
    raise _fault(missed)


def _kind(error: OSError) -> tuple[str, str]:
    kinds = {
        errno.ECONNREFUSED: "refused", errno.ECONNRESET: "refused", errno.EPERM: "blocked", errno.EACCES: "blocked",
        **dict.fromkeys(_UNREACHABLE, "unreachable"),
    }  # fmt: skip
    return kinds.get(error.errno or 0, "timeout"), error.strerror or "no answer in time"


def _fault(missed: list[tuple[Address, str, str]]) -> FaultError:
    met = Counter(kind for _, kind, _ in missed)
    kind = next(kind for kind in _KINDS if met[kind])
    if kind in {"timeout", "unreachable"} and all(address.family == socket.AF_INET6 for address, _, _ in missed):
        kind = "ipv6_only"
    detail = "; ".join(f"{address}: {words}" for address, _, words in missed)
    return FaultError(kind, detail, port=str(missed[0][0].place[1]))


def _warnings(missed: list[tuple[Address, str, str]]) -> tuple[Finding, ...]:
    if not missed:
        return ()
    detail = "; ".join(f"{address}: {words}" for address, _, words in missed)
    return (finding("some_addresses", detail, addresses=", ".join(str(address) for address, _, _ in missed)),)
