"""A ComfyUI for tests of `sweep`: what it does stands in a file behaviour.txt beside it, or of one of its custom nodes.

    keep    /free takes no model away                  lose    it takes all
    broken  it ends at once                            import  the custom node cannot be imported
    worker  the first prompt kills the prompt worker   node    every prompt fails
    die     the first prompt ends the server           schema  its probe speaks another language
    wait    it waits while the file that RESIDENCY_FAKE_WAIT names is there (and writes its process id into it), then keeps

As a ComfyUI does, it loads the packs in its own folder custom_nodes, too, unless it has another base directory: a pack that is loaded
twice is an error here. The server is that of fake_server.py, which RESIDENCY_FAKE_SERVER names.
"""

import importlib.util
import os
import sys
import time


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


def custom_nodes():
    with open(option("--extra-model-paths-config"), encoding="utf-8") as file:
        base = next(line.split(": ", 1)[1].strip() for line in file if "base_path" in line)
    folder = os.path.join(base, "custom_nodes")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def check_twins():
    """A pack must not be there twice."""
    base = option("--base-directory") if "--base-directory" in sys.argv else os.path.dirname(os.path.abspath(__file__))
    own = os.path.join(base, "custom_nodes")
    twins = set(os.listdir(own) if os.path.isdir(own) else []) & {os.path.basename(path) for path in custom_nodes()}
    if twins:
        sys.exit(f"loaded twice: {', '.join(sorted(twins))}")


def read_behaviour():
    """The words, and the folder they are of."""
    for folder in [os.path.dirname(os.path.abspath(__file__)), *custom_nodes()]:
        path = os.path.join(folder, "behaviour.txt")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                return file.read().split()[0], folder
    return "lose", ""


def load_server(fault):
    spec = importlib.util.spec_from_file_location("fake_server", os.environ["RESIDENCY_FAKE_SERVER"])
    module = importlib.util.module_from_spec(spec)
    sys.argv[1:] = [fault, "1"]
    spec.loader.exec_module(module)
    return module


def keep(fake):
    """Takes the flags, goes through the stages, and leaves every model where it is."""
    if not fake.State.lines and not fake.State.objects:
        return
    fake.put("request", after_snapshot=fake.State.snapshot, unload_models=True, free_memory=True)
    for name in ("before_unload", "after_unload", "after_reset", "after_gc", "after_empty_cache"):
        fake.stage(name)


def main():
    port = int(option("--port"))
    check_twins()
    behaviour, folder = read_behaviour()
    waiting = os.environ.get("RESIDENCY_FAKE_WAIT", "")
    if behaviour == "broken":
        sys.exit("no module named torch")
    if behaviour == "import":
        print(f"   0.0 seconds (IMPORT FAILED): {folder}", flush=True)
    while behaviour == "wait" and os.path.exists(waiting):
        with open(waiting, "w", encoding="utf-8") as file:
            file.write(str(os.getpid()))
        time.sleep(0.05)
    fake = load_server(behaviour if behaviour in ("worker", "node", "die", "schema") else "none")
    if behaviour in ("keep", "wait"):
        fake.free = lambda: keep(fake)
    fake.Server(("127.0.0.1", port), fake.Handler).serve_forever()


main()
