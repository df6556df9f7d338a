"""What the probe node costs a real ComfyUI, and that it changes nothing: RESIDENCY_COMFYUI=DIR python3 tests/bench/probe_cost.py

Three servers run the same 100 prompts, with requests to free among them: one without the probe, one with it listening, one with a
cell under way that is recorded and fetched. Beside it an observer of its own (probe_cost_nodes) holds weak references to models and
says after each prompt who is listed and alive. Standard library only; RESIDENCY_COMFYUI_PYTHON names the server's Python.

    probe_cost.py [PROMPTS]     exit code 1 where the probe costs more than it may, grows, or changes who is alive
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.join(HERE, "..", "..", "probes", "comfyui")
PROMPTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
FREE_EVERY, COUNT_EVERY, SWITCH_EVERY = 10, 20, 35  # counted when everything has been freed
PROMPT_SECONDS, SHARE_MOST = 5.0, 0.01  # of such a prompt
OBJECTS_MOST = 500  # more at the end than when first counted, beyond those without the probe
RSS_MOST = 16 << 20
LAYERS, DIM = 34, 128  # as many blocks as FLUX.1 has, within two


# ---- models ----

def linear(name, out, into):
    return [(f"{name}.weight", (out, into)), (f"{name}.bias", (out,))]


def wide_tensors():
    """Wan 2.1's layout, narrow: its depth and width are read from the file."""
    found = [("patch_embedding.weight", (DIM, 16, 1, 2, 2)), ("patch_embedding.bias", (DIM,))]
    for name, out, into in (("text_embedding.0", DIM, 4096), ("text_embedding.2", DIM, DIM), ("time_embedding.0", DIM, 256),
                            ("time_embedding.2", DIM, DIM), ("time_projection.1", 6 * DIM, DIM), ("head.head", 64, DIM)):
        found += linear(name, out, into)
    for layer in range(LAYERS):
        for attention in ("self_attn", "cross_attn"):
            for part in "qkvo":
                found += linear(f"blocks.{layer}.{attention}.{part}", DIM, DIM)
            found += [(f"blocks.{layer}.{attention}.norm_{part}.weight", (DIM,)) for part in "qk"]
        found += linear(f"blocks.{layer}.ffn.0", DIM, DIM) + linear(f"blocks.{layer}.ffn.2", DIM, DIM)
        found += [(f"blocks.{layer}.norm3.weight", (DIM,)), (f"blocks.{layer}.norm3.bias", (DIM,)),
                  (f"blocks.{layer}.modulation", (1, 6, DIM))]
    return [*found, ("head.modulation", (1, 2, DIM))]


def write_model(path, tensors):
    header, at = {}, 0
    for name, shape in tensors:
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


def write_models(folder):
    for name in ("wide", "other"):
        write_model(os.path.join(folder, "models", "diffusion_models", name + ".safetensors"), wide_tensors())
    write_model(os.path.join(folder, "models", "text_encoders", "text.safetensors"),
                linear("text_model.encoder.layers.0.mlp.fc1", 3072, 768) + linear("text_model.final_layer_norm", 768, 0)[1:]
                + [("text_model.final_layer_norm.weight", (768,))])
    write_model(os.path.join(folder, "models", "vae", "small.safetensors"),
                [("taesd_decoder.1.weight", (64, 16, 3, 3)), ("taesd_decoder.1.bias", (64,))])


def workflow(unet, seed):
    return {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": unet + ".safetensors", "weight_dtype": "default"}},
        "2": {"class_type": "CLIPLoader", "inputs": {"clip_name": "text.safetensors", "type": "stable_diffusion"}},
        "3": {"class_type": "VAELoader", "inputs": {"vae_name": "small.safetensors"}},
        "4": {"class_type": "ResidencyBenchModel", "inputs": {"seed": seed}},
        "5": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["2", 0], "text": str(seed // 10)}},
        "6": {"class_type": "KSampler", "inputs": {
            "model": ["1", 0], "positive": ["4", 0], "negative": ["4", 0], "latent_image": ["4", 1], "seed": seed, "steps": 1, "cfg": 1.0,
            "sampler_name": "euler", "scheduler": "simple", "denoise": 1.0}},
        "7": {"class_type": "VAEDecode", "inputs": {"samples": ["4", 2], "vae": ["3", 0]}},
        "8": {"class_type": "ResidencyBenchEnd", "inputs": {"latent": ["6", 0], "conditioning": ["5", 0], "image": ["7", 0]}},
    }


# ---- a server ----

class Server:
    def __init__(self, folder, probe):
        self.folder = folder
        packs = os.path.join(folder, "custom_nodes")
        for name in ("custom_nodes", "output", "input", "temp", "user"):
            os.makedirs(os.path.join(folder, name))
        if probe:
            shutil.copytree(PROBE, os.path.join(packs, "a_residency_probe"), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(os.path.join(HERE, "probe_cost_nodes"), os.path.join(packs, "b_observer"),
                        ignore=shutil.ignore_patterns("__pycache__"))
        write_models(folder)
        with open(os.path.join(folder, "paths.yaml"), "w", encoding="utf-8") as file:
            file.write(f"bench:\n  base_path: {folder}\n  custom_nodes: custom_nodes\n  diffusion_models: models/diffusion_models\n"
                       "  text_encoders: models/text_encoders\n  vae: models/vae\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(os.path.join(folder, "log"), "wb")
        below = [part for option, name in (("extra-model-paths-config", "paths.yaml"), ("output-directory", "output"),
                                           ("input-directory", "input"), ("temp-directory", "temp"), ("user-directory", "user"))
                 for part in (f"--{option}", os.path.join(folder, name))]
        self.process = subprocess.Popen(
            [os.environ.get("RESIDENCY_COMFYUI_PYTHON", sys.executable), "main.py", "--listen", "127.0.0.1", "--port", str(port), "--cpu",
             "--disable-auto-launch", "--database-url", "sqlite:///:memory:", *below],
            cwd=os.environ["RESIDENCY_COMFYUI"], stdout=self.log, stderr=self.log,
            env={**os.environ, "RESIDENCY_BENCH_TIMES": "1", "PYTHONDONTWRITEBYTECODE": "1",
                 "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
        return text if path.startswith("/residency/records") else json.loads(text or "{}")

    def wait(self, true, what, seconds=120.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if true():
                    return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
            time.sleep(0.02)
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as log:
            sys.exit(f"probe_cost: waited in vain for {what}; the server's last words:\n" + "".join(log.readlines()[-15:]))

    def prompt(self, number):
        unet = "other" if number % SWITCH_EVERY == 0 else "wide"
        identity = f"bench-{number}"
        began = time.monotonic()
        self.ask("/prompt", {"prompt": workflow(unet, number), "prompt_id": identity, "client_id": "bench"})
        self.wait(lambda: self.ask(f"/history/{identity}"), f"prompt {number}")
        spent = time.monotonic() - began
        status = self.ask(f"/history/{identity}")[identity]["status"]
        if status["status_str"] != "success":
            sys.exit(f"probe_cost: prompt {number} failed: {status}")
        return spent

    def free(self, number):
        """Unload only, or everything, in turn; a worker that waits acts on it at once, and collects. (One that does not may not hear.)"""
        both = number % (2 * FREE_EVERY) == 0
        self.ask("/free", {"unload_models": True, "free_memory": both})
        self.rest("free")

    def rest(self, what):
        self.wait(lambda: (lambda now: now["waiting"] and not now["flags"])(self.ask("/bench/state")), f"the worker to {what}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


# ---- a run ----

def run(kind):
    folder = tempfile.mkdtemp(prefix="residency-cost-")
    result = {"states": [], "seconds": [], "counts": [], "lines": 0, "times": {}, "models": [], "version": ""}
    server = None
    try:
        server = Server(folder, kind != "without")
        server.wait(lambda: "states" in server.ask("/bench/state"), "the server to start", 300.0)
        if kind == "recording":
            hello = server.ask("/residency/hello")
            schema, result["version"] = hello["schema"], hello["comfyui"]
            server.wait(lambda: json.loads(server.ask("/residency/records?from=0").splitlines()[0])["idle"], "the worker to wait")
            server.ask("/residency/begin", {"schema": schema, "cell": 1, "device_mode": "same", "node_flags": "real"})
        following = 0
        for number in range(1, PROMPTS + 1):
            result["seconds"].append(server.prompt(number))
            server.rest("end a prompt")
            result["states"].append(server.ask("/bench/state")["states"])
            if number % FREE_EVERY == 0:
                server.free(number)
                result["states"].append(server.ask("/bench/state")["states"])
            if kind == "recording":
                head, *lines = map(json.loads, server.ask(f"/residency/records?from={following}").splitlines())
                following = head["first"] + head["count"]
                result["models"] += [line for line in lines if line["record"] == "model" and line["keep"] is None]
            if number % COUNT_EVERY == 0:
                result["counts"].append({"prompt": number, **server.ask("/bench/state?count=1")})
            progress(kind, number)
        result["lines"] = following
        result["times"] = server.ask("/bench/state")["times"]
    finally:
        if server:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return result


def progress(kind, number):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{kind}: {number} of {PROMPTS} prompts" + ("\n" if number == PROMPTS else ""))


# ---- what came of it ----

def growth(result, key):
    """From the first count, when everything has been loaded and freed once, to the last."""
    return result["counts"][-1][key] - result["counts"][0][key]


def median(values):
    return sorted(values)[len(values) // 2]


def tell_costs(name, result):
    times = result["times"]
    total = sum(seconds for _, seconds, _ in times.values())
    print(f"\n{name}: the probe's own processor time, {1000 * total / PROMPTS:.2f} ms a prompt")
    print(f"    {'':<28}{'calls':>8}{'mean ms':>10}{'most ms':>10}{'ms a prompt':>13}")
    for of, (calls, seconds, longest) in sorted(times.items(), key=lambda item: -item[1][1]):
        print(f"    {of:<28}{calls:>8}{1000 * seconds / calls:>10.3f}{1000 * longest:>10.2f}{1000 * seconds / PROMPTS:>13.3f}")
    return total / PROMPTS


def check(true, text, wrong):
    print(f"  {'yes' if true else 'NO '}  {text}")
    if not true:
        wrong.append(text)


def main():
    if "RESIDENCY_COMFYUI" not in os.environ:
        sys.exit("probe_cost: RESIDENCY_COMFYUI names the folder of a ComfyUI")
    if PROMPTS < 2 * COUNT_EVERY:
        sys.exit(f"probe_cost: at least {2 * COUNT_EVERY} prompts: what grows is seen between two counts")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))  # so that no server is left
    runs = {kind: run(kind) for kind in ("without", "listening", "recording")}
    without = runs["without"]
    models = {model["name"]: model["block_count"] for model in runs["recording"]["models"]}
    print(f"ComfyUI {runs['recording']['version']} on the CPU; blocks: " + ", ".join(f"{name} {count}" for name, count in models.items()))
    print(f"{PROMPTS} prompts on each of three servers; a request to free after every {FREE_EVERY}th, "
          f"another model at every {SWITCH_EVERY}th\n")
    print(f"{'':<12}{'median s':>10}{'objects +':>11}{'RSS + MiB':>11}{'lines':>8}{'journal':>9}{'dropped':>9}{'failures':>10}")
    for kind, result in runs.items():
        journal = result["counts"][-1].get("journal", {"lines": 0, "dropped": 0, "failures": 0})
        print(f"{kind:<12}{median(result['seconds']):>10.3f}{growth(result, 'objects'):>11}{growth(result, 'rss') / (1 << 20):>11.1f}"
              f"{result['lines']:>8}{journal['lines']:>9}{journal['dropped']:>9}{journal['failures']:>10}")
    wrong = []
    costs = {kind: tell_costs(kind, runs[kind]) for kind in ("listening", "recording")}
    print()
    for kind in ("listening", "recording"):
        result = runs[kind]
        check(result["states"] == without["states"],
              f"{kind}: the observer saw the same {sum(map(len, without['states']))} states as without the probe", wrong)
        check(costs[kind] < PROMPT_SECONDS * SHARE_MOST,
              f"{kind}: {1000 * costs[kind]:.2f} ms a prompt is less than {100 * SHARE_MOST:.0f} % of {PROMPT_SECONDS:.0f} s", wrong)
        check(growth(result, "objects") - growth(without, "objects") < OBJECTS_MOST,
              f"{kind}: objects grew by {growth(result, 'objects') - growth(without, 'objects'):+d} beyond those without it", wrong)
        more = growth(result, "rss") - growth(without, "rss")
        check(more < RSS_MOST, f"{kind}: memory grew by {more / (1 << 20):+.1f} MiB beyond what it does without it", wrong)
        journal = result["counts"][-1]["journal"]
        check(journal["dropped"] == 0 and journal["failures"] == 0, f"{kind}: nothing was dropped, and the probe failed at nothing", wrong)
    check(runs["recording"]["counts"][-1]["journal"]["lines"] * 5 < max(1, runs["recording"]["lines"]),
          "recording: what was fetched is gone from the journal", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
