"""One POST, and its failures in our words. Addresses may hold a secret, so they are never part of an error."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping

from city_model.faults import Rejected, Unavailable

_TIMEOUT_S = 20.0
_AGAIN = frozenset({408, 425, 429})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could carry the secret to somebody else."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler())


def post(url: str, body: bytes, headers: Mapping[str, str], name: str) -> None:
    """POST JSON. Raises Unavailable (no answer, 5xx, 408, 425, 429) or Rejected (any other answer but 2xx)."""
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers}, method="POST")
    try:
        with _opener.open(request, timeout=_TIMEOUT_S) as answer:
            answer.read(65_536)
    except urllib.error.HTTPError as err:
        with err:
            failure = f"{name}: HTTP {err.code}"
        if err.code >= 500 or err.code in _AGAIN:
            raise Unavailable(failure) from None
        raise Rejected("refused", failure) from None
    except (OSError, urllib.error.URLError) as err:
        raise Unavailable(f"{name}: {getattr(err, 'reason', None) or type(err).__name__}") from None
