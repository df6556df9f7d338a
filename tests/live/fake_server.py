"""A ComfyUI with a probe that does one thing wrong: for tests of the tool. Standard library only.

    fake_server.py FAULT [COUNT [AFTER [PORT]]]

Prints its port, serves until it is killed. FAULT happens to COUNT (default 1) of the requests that it is about, after the first AFTER
(default 0); "none" never.
It knows one model a workflow's loader and forgets all of them on /free, as a server without ComfyUI-MultiGPU does.
"""

import http.server
import json
import os
import socketserver
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "probes", "comfyui"))
from version import PROBE_VERSION, RECORD_SCHEMA  # noqa: E402

FAULT = sys.argv[1]
GUARDS = {"guard": {"keep": ["sub/D.safetensors"]}, "guard-idle": {"keep": []}, "guard-broken": {"keep": 7}}
LEFT = [int(sys.argv[2]) if len(sys.argv) > 2 else 1]
AFTER = [int(sys.argv[3]) if len(sys.argv) > 3 else 0]
PORT = int(sys.argv[4]) if len(sys.argv) > 4 else 0
LOCK = threading.Lock()


class State:
    session = "again" if PORT else "first"
    lines = []
    objects = []  # [name, resident]
    snapshot = 0
    prompts = {}  # id -> the workflow
    ran = 0
    worker_alive = True
    armed = ""  # what is to befall the next prompt
    held = None  # its body, until it is released
    posted = []  # where to, meanwhile
    failed = {}  # id -> the message that ended it


def strikes(fault):
    """Whether this fault is to happen now."""
    with LOCK:
        if FAULT != fault or LEFT[0] <= 0:
            return False
        if AFTER[0] > 0:
            AFTER[0] -= 1
            return False
        LEFT[0] -= 1
        return True


def put(record, **fields):
    State.lines.append(json.dumps({"record": record, **fields}))


def stage(name):
    State.snapshot += 1
    put("snapshot", snapshot=State.snapshot, stage="teatime" if strikes("stage") else name, time_ns=State.snapshot * 1000,
        anchor_count=-1, listed_count=sum(resident for _, resident in State.objects), current_device="cpu", exception="")
    for number, (_, resident) in enumerate(State.objects, 1):
        put("residency", snapshot=State.snapshot, model=99 if strikes("object") else number,
            state="resident" if resident else "unloaded", listed=0 if resident else -1, patcher_alive=True, model_alive=True,
            anchored=-1, device="cpu", foreign_patches=False, bytes_on_compute=8 if resident else 0,
            bytes_elsewhere=0 if resident else 8)


def run(prompt):
    for node in prompt.values():
        name = node["inputs"].get("unet_name") or node["inputs"].get("clip_name") or node["inputs"].get("vae_name")
        if name and name not in [known for known, _ in State.objects]:
            State.objects.append([name, True])
            put("model", model=len(State.objects), name=name, generation=1, inner=len(State.objects), kind="unet", size_bytes=8,
                block_count=1, keep=None)
    State.ran += 1
    stage("loaded" if State.ran == 1 else "next_prompt")


def free():
    if not State.lines and not State.objects:
        return
    put("request", after_snapshot=State.snapshot, unload_models=True, free_memory=True)
    stage("before_unload")
    for number, known in enumerate(State.objects, 1):
        if known[1]:
            put("departure", model=number, after_snapshot=State.snapshot, reason="unloaded_by_core", time_ns=1)
        known[1] = False
    for name in ("after_unload", "after_reset", "after_gc", "after_empty_cache"):
        stage(name)


def act(body):
    if body["action"] == "end":
        stage("end")
    elif body["action"] == "arm":
        State.armed = body["name"]
    elif body["action"] == "release":
        prompt, State.held = State.held, None
        if "/interrupt" in State.posted:
            State.failed[prompt["prompt_id"]] = "execution_interrupted"
        run(prompt["prompt"])
        if "/free" in State.posted:
            free()
        State.posted = []


def begin():
    State.lines, State.objects, State.snapshot, State.ran = [], [], 0, 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two packets: the second would wait for the acknowledgement of the first

    def log_message(self, *arguments):
        pass

    def answer(self, value, status=200, cut=False):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.wfile.flush()
            self.reset()

    def reset(self):
        """The connection ends with a reset, in the middle of whatever it was at."""
        self.connection.setsockopt(socketserver.socket.SOL_SOCKET, socketserver.socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.wfile = self.rfile = open(os.devnull, "r+b")

    def fails(self):
        """What may befall any request."""
        if strikes("reset"):
            self.reset()
        elif strikes("500"):
            self.answer({"error": "the server is not well"}, 500)
        elif strikes("stall"):
            time.sleep(60)
        elif strikes("no-json"):
            self.answer(b"<html>a proxy's page</html>")
        else:
            return False
        return True

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/residency/hello":
            if FAULT == "no-probe":
                return self.answer({}, 404)
            return self.answer({"probe": "0.0.9" if FAULT == "version" else PROBE_VERSION,
                                "schema": 99 if FAULT == "schema" else RECORD_SCHEMA, "session": State.session,
                                "on": True, "comfyui": "0.0.0", "multigpu": None, "cache": "classic",
                                "devices": [{"name": "cpu", "capacity_bytes": 1 << 30}],
                                "missing": FAULT.split("=")[1:], "guard": GUARDS.get(FAULT)})
        return None if self.fails() else self.answer_get(path)

    def answer_get(self, path):
        if path == "/residency/records":
            return self.answer_records()
        if path == "/residency/now":
            return self.answer_now()
        if path == "/system_stats":
            return self.answer({"system": {"ram_total": 67000000000, "ram_free": 41000000000, "comfyui_version": "0.0.0"},
                                "devices": [{"name": "cuda:0 a card", "type": "cuda", "index": 0, "vram_total": 25300000000,
                                             "vram_free": 5300000000}]})
        if path.startswith("/history/"):
            identity = path.split("/")[2]
            done = {"status": {"status_str": "success", "messages": []}}
            if FAULT == "node":
                done = {"status": {"status_str": "error", "messages": [["execution_error", {
                    "node_id": "3", "node_type": "KSampler", "exception_type": "RuntimeError", "exception_message": "too hot"}]]}}
            if identity in State.failed:
                done = {"status": {"status_str": "error", "messages": [[State.failed[identity], {}]]}}
            done["prompt"] = [1, identity, State.prompts.get(identity)]
            return self.answer({identity: done} if identity in State.prompts else {})
        return self.answer({"queue_running": [], "queue_pending": []} if path == "/queue" else {})

    def answer_now(self):
        if FAULT in ("no-probe", "old-probe"):
            return self.answer(b"404: Not Found", 404)
        if FAULT == "shut-probe":
            return self.answer({"error": "the probe answers to its own machine only"}, 403)
        if strikes("now-die"):
            os._exit(1)
        if strikes("now-restart"):
            State.session = "second"
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "watch", "now.json"), encoding="utf-8") as file:
            now = {**json.load(file), "session": State.session}
        if strikes("now-types"):
            now["models"] = {}
        if strikes("now-layout"):
            now["layout"] = 2
        return self.answer(now, cut=strikes("now-half"))

    def answer_records(self):
        start = int(self.path.split("from=")[1])
        lines = State.lines[start:]
        head = {"record": "batch", "session": State.session, "first": start, "count": len(lines),
                "dropped": 3 if FAULT == "dropped" and State.ran else 0, "failures": 0,
                "idle": not State.held and (FAULT != "busy" or not State.ran), "worker_alive": State.worker_alive,
                "held": State.held is not None}
        if lines and strikes("count"):
            head["count"] += 1
        body = "\n".join([json.dumps(head), *lines]) + "\n"
        return self.answer(body.encode(), cut=bool(lines) and strikes("half"))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/residency/begin":
            if FAULT == "shallow" and body.get("deep") is True or FAULT == "deep" and body.get("deep") is not True:
                return self.answer({"error": "this is not what was asked for"}, 409)
            begin()
            return self.answer({"session": State.session})
        if self.path == "/residency/act":
            act(body)
            return self.answer({"error": ""})
        if self.path == "/prompt":
            return self.take_prompt(body)
        if State.held:
            State.posted.append(self.path)
        elif self.path == "/free" and body:
            free()
        return self.answer(b"")

    def take_prompt(self, body):
        if FAULT == "refused":
            return self.answer({"error": {"type": "invalid_prompt", "message": "Cannot execute", "details": "Node ID '#1'"}}, 400)
        if strikes("prompt-lost"):
            return self.reset()
        State.prompts[body["prompt_id"]] = body["prompt"]
        if State.armed in ("running", "interrupt"):
            State.held, State.armed = body, ""
            return self.answer({"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}})
        if State.armed:
            State.failed[body["prompt_id"]], State.armed = "execution_error", ""
        run(body["prompt"])
        if strikes("answer-lost"):
            return self.reset()
        if strikes("die"):
            os._exit(1)
        if strikes("restart"):
            begin()
            State.session = "second"
        if strikes("worker"):
            State.worker_alive = False
            stage("worker_died")
        return self.answer({"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}})


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


if __name__ == "__main__":
    server = Server(("127.0.0.1", PORT), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
