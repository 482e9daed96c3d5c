"""The sandbox: every gateway that has one, under one address, with its books and its control pages."""

import contextlib
import importlib
import pkgutil
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

import bridge.gateways
from bridge.sandbox import control, server
from bridge.sandbox.clock import Clock
from bridge.sandbox.notices import Post
from bridge.sandbox.world import World


def build(
    *,
    clock: Clock | None = None,
    public_url: str = "http://127.0.0.1:9900",
    seed: int | None = None,
    post: Post | None = None,
) -> Starlette:
    """Make the sandbox; its world is `app.state.world`. `post` sends notices in another way than over HTTP."""
    world = World(clock=clock, public_url=public_url, seed=seed, post=post)
    routes: list[BaseRoute] = []
    for name in _gateways_with_sandbox():
        routes += importlib.import_module(f"bridge.gateways.{name}.sandbox").mount(world)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await world.close()

    app = Starlette(routes=[*routes, *control.routes(world)], lifespan=lifespan)
    app.state.world = world
    return app


def _gateways_with_sandbox() -> list[str]:
    found = []
    for module in pkgutil.iter_modules(bridge.gateways.__path__):
        package = importlib.import_module(f"bridge.gateways.{module.name}")
        if any(inner.name == "sandbox" for inner in pkgutil.iter_modules(package.__path__)):
            found.append(module.name)
    return sorted(found)


def serve(host: str = "127.0.0.1", port: int = 9900, *, public_url: str = "", seed: int | None = None) -> None:
    """Serve the sandbox until it is told to end. `public_url` is where a browser finds it."""
    app = build(public_url=public_url or f"http://{host}:{port}", seed=seed)
    uvicorn.Server(server.config(app, host, port)).run()
