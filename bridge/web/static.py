"""The few files browsers load: a fixed list, named by their content, kept for a year."""

import hashlib
from functools import cache
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

import bridge

TYPES = MappingProxyType(
    {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
)
YEAR_SECONDS = 31_536_000


def templates_folder() -> Path:
    """Find the templates: beside the installed package, or in the project."""
    installed = Path(bridge.__file__).parent / "_templates"
    return installed if installed.is_dir() else Path(bridge.__file__).parent.parent / "templates"


@cache
def manifest() -> MappingProxyType[str, tuple[str, bytes]]:
    """Read every file once: its name -> (its name with the content's hash, its bytes)."""
    found = {}
    for path in sorted((templates_folder() / "static").iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            found[path.name] = (f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}", content)
    return MappingProxyType(found)


def static_path(name: str) -> str:
    """Say where a file is served. Raises KeyError for a file that is not there."""
    return f"/static/{manifest()[name][0]}"


async def serve(request: Request) -> Response:
    """Serve a file of the list by its hashed name; everything else is not found."""
    wanted = request.path_params["file"]
    for hashed, content in manifest().values():
        if hashed == wanted:
            headers = {
                "Cache-Control": f"public, max-age={YEAR_SECONDS}, immutable",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
            }
            return Response(content, media_type=TYPES[Path(hashed).suffix], headers=headers)
    return PlainTextResponse("Not found.", status_code=404, headers={"Cache-Control": "no-store"})


def routes() -> list[BaseRoute]:
    """Give the routes of the static files."""
    return [Route("/static/{file}", serve, methods=["GET"])]
