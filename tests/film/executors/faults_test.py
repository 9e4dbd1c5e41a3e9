"""Kill anything at any moment, damage what is stored, fill the disk: the film comes out the same.

The long form kills 200 times, a quarter of them under Ray, whose actors `cluster_test` kills one by one
(`python -m pytest -m slow tests/film/executors/faults_test.py`, some minutes).
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from painting import ALL, ENCODING, Decoder, film, ops

import longtake
from longtake.film.executors import JobFailed, Loaders, local, run
from longtake.film.segments import write_film
from longtake.plan import Plan
from longtake.store import Store

PLAN = film(1024, clip_length=16)
SCRIPT = f"""
import os, sys, time
sys.path[:0] = [{str(Path(__file__).parents[2])!r}, {str(Path(longtake.__file__).parents[1])!r}]
from pathlib import Path
import painting as here
from longtake.film.executors import Loaders, cluster, local, run
from longtake.store import Store

class Slow:
    def __init__(self, log):
        self.log = log
    def __call__(self):
        def draw(jobs, inputs):
            with open(self.log, "a") as log:
                log.write("".join(job.key + "\\n" for job in jobs))
            time.sleep(0.01 * len(jobs))
            return here.each(here.paint)(jobs, inputs)
        return draw

if __name__ == "__main__":
    root, log, kind = sys.argv[1:]
    start = cluster(2, None) if kind == "ray" else local(2)
    print("begins", flush=True)
    run(here.film(1024, clip_length=16), here.ALL, Store(root), Loaders(Slow(log), here.Decoder),
        lambda event: getattr(event, "seconds", 0) and print("made", flush=True),
        start_workers=start, batch=3,
        encoding=here.ENCODING)
    print("ends", flush=True)
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The film, undisturbed."""
    root = tmp_path_factory.mktemp("reference")
    run(PLAN, ALL, Store(root), Loaders(ops), lambda event: None, start_workers=local(1))
    write_film(PLAN, Store(root), Decoder(), root / "film.mp4", ENCODING)
    return root


def clip_files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.glob("??/*.safetensors")}


def children(pid: int) -> list[int]:
    """The processes below one, with theirs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:  # it has just ended
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found += [int(entry.parent.name), *children(int(entry.parent.name))]
    return found


def workers(pid: int) -> list[int]:
    """Those of them that draw: not the helpers of multiprocessing, nor Ray's own."""
    drawing = []
    for child in children(pid):
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if b"spawn_main" in line or b"ray::_Actor" in line:
            drawing.append(child)
    return drawing


def start(root: Path, log: Path, kind: str) -> subprocess.Popen[str]:
    script = root.parent / "renderer.py"
    script.write_text(SCRIPT)
    environment = {
        **os.environ,
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    with (root.parent / "errors").open("a") as errors:
        return subprocess.Popen(
            [sys.executable, str(script), str(root), str(log), kind],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
            env=environment,
        )


def disturb(root: Path, log: Path, kind: str, chance: random.Random) -> bool:
    """One run that is killed somewhere at some moment; whether it came to its end all the same."""
    before = set(clip_files(root))
    log.unlink(missing_ok=True)
    wait = chance.randrange(0, 12)  # clips and segments that are made before
    with start(root, log, kind) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ends":
                break
            wait -= line.strip() == "made"
            if wait < 0:
                time.sleep(chance.random() * 0.03)
                drawing = workers(process.pid)
                if drawing and chance.random() < 0.6:
                    os.kill(chance.choice(drawing), signal.SIGKILL)
                    wait = 10**9 if kind == "local" else chance.randrange(2, 12)
                else:
                    for pid in [process.pid, *children(process.pid)]:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)
                    break
        process.stdout.close()
        code = process.wait(timeout=60)
    drawn = set(log.read_text().split()) if log.exists() else set()
    known = {name.removesuffix(".safetensors") for name in before}
    assert not {key[2:] for key in drawn} & known, "what was finished is not drawn again"
    return code == 0


def damage(root: Path, chance: random.Random) -> None:
    """Cut a clip off, or flip a bit of it, or lose it."""
    paths = sorted(root.glob("??/*.safetensors"))
    if not paths:
        return
    path = chance.choice(paths)
    data = bytearray(path.read_bytes())
    match chance.randrange(3):
        case 0:
            path.write_bytes(data[: chance.randrange(len(data))])
        case 1:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data)
        case 2:
            path.unlink()


def survives(root: Path, reference: Path, kind: str, kills: int, seed: int) -> None:
    """Kill so often, whole runs where one ends before its turn; then look at what is there."""
    chance, log = random.Random(seed), root.parent / "log"
    root.mkdir()
    whole = clip_files(reference)
    for kill in range(kills):
        ended = disturb(root, log, kind, chance)
        found = clip_files(root)
        assert found.items() <= whole.items(), f"kill {kill}: a clip differs"
        if ended:
            for path in chance.sample(sorted(root.glob("??/*")), len(whole) // 2):  # so that there is work
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    with start(root, log, kind) as process:
        process.communicate(timeout=120)
        assert process.returncode == 0, (root.parent / "errors").read_text()[-3000:]
    assert clip_files(root) == whole
    deadline = time.monotonic() + 20  # processes that were killed may be there for a moment more
    while list(root.glob("tmp/*")) and time.monotonic() < deadline:
        time.sleep(0.1)
        Store(root).sweep()
    assert not list(root.glob("tmp/*"))
    film = write_film(PLAN, Store(root), Decoder(), root.parent / "film.mp4", ENCODING)
    assert film.encoded == 0
    assert (root.parent / "film.mp4").read_bytes() == (reference / "film.mp4").read_bytes()


def test_a_few_kills(tmp_path: Path, reference: Path) -> None:
    survives(tmp_path / "store", reference, "local", kills=4, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize(("kind", "kills"), [("local", 150), ("ray", 50)])
def test_two_hundred_kills(tmp_path: Path, reference: Path, kind: str, kills: int) -> None:
    if kind == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'longtake[ray]'")
    survives(tmp_path / "store", reference, kind, kills, seed=2)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_clips_are_found_and_drawn_again(tmp_path: Path, reference: Path, seed: int) -> None:
    root, chance = tmp_path / "store", random.Random(seed)
    shutil.copytree(reference, root)
    for _ in range(12):
        damage(root, chance)
    run(PLAN, ALL, Store(root), Loaders(ops), lambda event: None, start_workers=local(1))
    assert clip_files(root) == clip_files(reference)


def test_a_full_disk_loses_nothing(tmp_path: Path, reference: Path) -> None:
    """On a file system that is too small for the film, and then is not."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises((OSError, JobFailed), match="No space left"):
            make(PLAN, disk / "store")
        found = clip_files(disk / "store")
        assert 0 < len(found) < PLAN.jobs_total
        assert found.items() <= clip_files(reference).items()
        subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
        make(PLAN, disk / "store")
        assert clip_files(disk / "store") == clip_files(reference)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def make(plan: Plan, root: Path) -> None:
    run(
        plan,
        ALL,
        Store(root),
        Loaders(ops, Decoder),
        lambda event: None,
        start_workers=local(1),
        encoding=ENCODING,
    )
