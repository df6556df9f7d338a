"""What the tool asks over the server's own socket. All of it is answered to this machine only."""

import asyncio
import functools
import json
import logging
import os
import uuid

import server
from aiohttp import web

from .now import queue_row
from .observe import modules_with
from .version import PROBE_VERSION, RECORD_SCHEMA, disagreement

log = logging.getLogger("residency probe")
SESSION = uuid.uuid4().hex  # of this process: another one means that the server was restarted
WARNED = []  # what was said once
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def from_here(handler):
    @functools.wraps(handler)
    async def guarded(request):
        if request.remote not in LOOPBACK and not os.environ.get("RESIDENCY_PROBE_REMOTE"):
            return web.json_response({"error": "the probe answers to its own machine only"}, status=403)
        try:
            return await handler(request)
        except Exception as error:  # told to the tool, not to ComfyUI
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=500)

    return guarded


def comfyui_version():
    try:
        import comfyui_version

        return comfyui_version.__version__
    except Exception:
        return ""


@functools.lru_cache(maxsize=1)
def about():
    """What stays the same while this process lives."""
    return {"probe": PROBE_VERSION, "session": SESSION, "comfyui": comfyui_version(), "multigpu": multigpu(), "cache": cache_kind()}


def multigpu():
    """Version, commit and generation of the ComfyUI-MultiGPU that is loaded; None without one."""
    for module in modules_with("NODE_CLASS_MAPPINGS", "set_current_device"):
        folder = os.path.dirname(os.path.abspath(module.__file__))
        return {"version": read_version(folder), "commit": read_commit(folder), "generation": generation(folder)}
    return None


def generation(folder):
    """Which policy it is, by the names in its source: they differ from one to the next."""
    text = ""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                text += file.read()
    if "_MGPU_RETENTION_ANCHORS" in text:
        return "anchors" if "_mgpu_unload_distorch_model" in text else "selective"
    if "eject_models" in text:
        return "eject" if "_mgpu_eject_models" in text else "eject-donor"
    return "delegate" if "_mgpu_unload_distorch_model" in text else ""


def read_version(folder):
    try:
        with open(os.path.join(folder, "pyproject.toml"), encoding="utf-8") as file:
            for line in file:
                if line.startswith("version"):
                    return line.split('"')[1]
    except (OSError, IndexError):
        pass
    return ""


def read_text(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read().strip()


def read_commit(folder):
    """Of a clone, or of a worktree: there .git is a file that names a folder, whose branches are in another one."""
    try:
        git = os.path.join(folder, ".git")
        if os.path.isfile(git):
            git = os.path.join(folder, read_text(git).removeprefix("gitdir: "))
        head = read_text(git, "HEAD")
        if not head.startswith("ref: "):
            return head
        if os.path.isfile(os.path.join(git, "commondir")):
            git = os.path.join(git, read_text(git, "commondir"))
        if os.path.isfile(os.path.join(git, head[5:])):
            return read_text(git, head[5:])
        packed = read_text(git, "packed-refs").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(" " + head[5:])), "")
    except (OSError, IndexError):
        return ""


def cache_kind():
    from comfy.cli_args import args

    if getattr(args, "cache_lru", 0):
        return "lru"
    return "none" if getattr(args, "cache_none", False) else "classic"


def devices():
    import torch

    from .ledger import accelerators, capacity

    return [{"name": str(place), "capacity_bytes": capacity(place)} for place in (torch.device("cpu"), *accelerators())]


def install(probe):
    routes = server.PromptServer.instance.routes
    probe.recent.server = server.PromptServer.instance

    @routes.get("/residency/hello")
    @from_here
    async def hello(request):
        return web.json_response({"probe": PROBE_VERSION, "schema": RECORD_SCHEMA, "session": SESSION, "on": probe.on,
                                  "comfyui": comfyui_version(), "multigpu": multigpu(), "cache": cache_kind(),
                                  "devices": devices(), "missing": probe.missing,
                                  "guard": {"keep": sorted(probe.strict.names)} if probe.strict else None})

    @routes.get("/residency/now")
    @from_here
    async def now(request):
        for _ in range(25):  # a call that decides who goes is soon over; else what was seen before it is told
            if not probe.recent.busy():
                break
            await asyncio.sleep(0.01)
        return web.json_response({**about(), "on": probe.on, "failures": probe.failures, **probe.recent.answer(probe.observer),
                                  "queue": queue_row(probe.recent.server)})

    @routes.post("/residency/begin")
    @from_here
    async def begin(request):
        body = await request.json()
        error, warning = disagreement(body.get("tool"), body.get("schema"))
        if error:
            return web.json_response({"error": error}, status=409)
        if warning and warning not in WARNED:
            WARNED.append(warning)
            log.warning("residency probe: %s", warning)
        if not probe.on:
            return web.json_response({"error": "the probe is switched off; it is on again when ComfyUI is restarted"}, status=409)
        if probe.worker_alive() and not probe.idle():
            return web.json_response({"error": "the worker is busy"}, status=423)
        error = probe.begin(int(body["cell"]), body.get("device_mode"), body.get("node_flags"), body.get("deep") is True)
        return web.json_response({"session": SESSION, "error": error}, status=409 if error else 200)

    @routes.post("/residency/act")
    @from_here
    async def act(request):
        body = await request.json()
        error = probe.direct(body.get("action"), body.get("name"), int(body.get("step", 0)))
        return web.json_response({"error": error}, status=409 if error else 200)

    @routes.get("/residency/records")
    @from_here
    async def records(request):
        idle = probe.idle()  # before the lines are taken: then nothing follows them
        alive = probe.worker_alive()
        lines, first = probe.journal.since(int(request.query.get("from", 0)))
        head = {"record": "batch", "session": SESSION, "first": first, "count": len(lines), "dropped": probe.journal.dropped,
                "failures": probe.failures, "idle": idle, "worker_alive": alive, "held": probe.faults.held}
        return web.Response(text="\n".join([json.dumps(head), *lines]) + "\n", content_type="application/x-ndjson")

    @routes.post("/residency/off")
    @from_here
    async def off(request):
        probe.switch_off()
        return web.json_response({"on": probe.on})
