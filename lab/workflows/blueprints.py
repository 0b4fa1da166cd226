"""Subgraphs for the page's node library, each a file with one node."""

from .graph import Column, Graph, Node, Source, Subgraph
from .parts import canvas, models, prompt, sampling
from .video import THREE

SUBJECTS = 4
SAMPLING = "Wan 2.2 sampling"


def image_to_video() -> Subgraph:
    """Background, subjects and a prompt in, a video out."""
    loaded: dict[str, Source] = {name: ("Models", name) for name in ("clip", "vae", "high noise", "low noise")}
    subjects: list[Source] = [("", f"subject {number}") for number in range(1, SUBJECTS + 1)]
    frame = canvas("Canvas", ("", "background"), subjects)
    return Subgraph(
        "FFGo image to video",
        [
            Node("Models", models()), frame, prompt(THREE, 200),
            Node(SAMPLING, sampling(), {"image": "Canvas", "prompt": "Prompt", **loaded}),
            Node("Trim", "FFGOTrimCompressionFrames", {"images": SAMPLING}, {"frames": 4, "mode": "fixed", "fps": 16}),
            Node("Create video", "CreateVideo", {"images": "Trim"}, {"fps": 16}),
        ],
        [
            Column(420, ["Canvas", "Prompt", "Models"]),
            Column(300, [SAMPLING], top=200, left=100),
            Column(230, ["Trim"], top=200),
            Column(230, ["Create video"], top=200),
        ],
        inputs=[("background", "IMAGE"), *((f"subject {number}", "IMAGE") for number in range(1, SUBJECTS + 1))],
        widgets={
            "prompt": [("Prompt", "prompt")],
            **{name: [("Canvas", name)] for name in ("width", "height", "layout")},
            **{name: [(SAMPLING, name)] for name in ("frames", "steps", "cfg", "seed", "boundary", "sampler")},
            **{name: [("Models", name)] for name in models().widgets},
        },
        outputs={"video": "Create video"},
    )  # fmt: skip


def blueprint(kind: Subgraph, width: int, height: int = 0) -> Graph:
    return Graph(kind.name, [Node(kind.name, kind, height=height)], [Column(width, [kind.name])])


BLUEPRINTS = [blueprint(models(), 420), blueprint(sampling(), 320), blueprint(image_to_video(), 420, 700)]
