"""The workflows around the cast: keep and find, check and sample once more, the best of four seeds."""

from dataclasses import replace

from .graph import Column, Graph, Group, Node, Source, Subgraph
from .parts import (
    canvas,
    clip_of,
    distilled_models,
    models,
    note,
    picture,
    prompt,
    sampling,
    subject,
)  # fmt: skip
from .video import EIGHT_STEPS, HINTS, SIZES, TWO

KEEP = """## Press Run
Somebody is kept, looked up, and put into a frame. No model is needed.

*Save to cast* keeps the cut-out of *Subject 1* with its name, in ComfyUI's folder input/ffgo_cast. Ask people before \
you keep them.

*Load from cast* gives it back as it was. Somebody else: disconnect its *cast* and choose; press **R** to read the \
folder anew. *Find in cast* looks by words, or by a picture.

*Who is where* calls everybody by name who is in the cast. In *Canvas*, the button *Cast* shows them all."""
CHECK = """## Press Run
Is everybody still there? If somebody is lost, the clip is made once more from the *second seed*, and the better of \
the two is saved. If nobody is, the second costs nothing.

*Check and re-roll* shows a row for each subject, red from where it is lost. Without any model it is rough: a vision \
model or SAM3 at *Check*, inside, says more.

More seeds: *FFGo pick the best seed*, or `--seeds 4 --keep-best persistence` on the command line."""
PICK = """## Press Run
One clip from each of four seeds. All are saved; the one whose worst subject stays longest is saved as the video, too.

*Pick clip* lists the scores, *Persistence* says who is lost when.

**What it brings**: with the toy models, the best of four had an object identity 0.017 [0.002, 0.032] above the mean \
of the four (64 clips, 95 % interval). Beyond chance, and little for four times the work; more where subjects are \
lost more often.

Four clips are in the memory at once: 3.6 GB at 1280x720."""
WHO, REROLL, CLIPS = "Who is where", "Check and re-roll", "All clips"
_PICTURES = ["Background", "Subject 1", "Subject 2"]


def cast() -> Graph:
    kept, taken, found = "Save to cast", "Load from cast", "Find in cast"
    looks = "a round red robot with a dark screen for a face, two glowing cyan eyes and fluffy golden earmuffs"
    return Graph(
        "FFGo cast",
        [
            note("Start here", KEEP), subject("Subject 1", "subject_robot.png"),
            Node(kept, "FFGOSaveToCast", {"image": "Subject 1"}, {
                "name": "Red robot", "noun": "the red robot", "description": looks, "tags": "robot, toy",
            }),
            Node(taken, "FFGOLoadFromCast", {"cast": (kept, "member")}, {"cast": "Red robot"}),
            picture("Background", "background_lake.png"), subject("Subject 2", "subject_boat.png"),
            Node(found, "FFGOFindInCast", {"text": (taken, "noun")}, {"top": 4}),
            Node("Found", "PreviewImage", {"images": found}, height=220),
            canvas("Canvas", "Background", [taken, "Subject 2"]), _who(),
            Node("Show who is where", "PreviewAny", {"source": (WHO, "report")}, height=170),
        ],
        [
            Column(260, ["Subject 1", "Start here"]),
            Column(300, [kept], left=60),
            Column(270, [taken, "Background", "Subject 2"], left=60),
            Column(370, [found, "Canvas"], left=80),
            Column(300, ["Found", WHO], left=80),
            Column(280, ["Show who is where"], top=500, left=60),
        ],
        [
            Group("1 · Keep", ["Subject 1", "Start here", kept], "#3f789e"),
            Group("2 · Take out, look up, place", [
                taken, "Background", "Subject 2", found, "Canvas", "Found", WHO, "Show who is where",
            ], "#8A8"),
        ],
    )  # fmt: skip


def _who() -> Node:
    return Node(WHO, "FFGOEntitiesOfFrame", {name: ("Canvas", name) for name in ("image", "masks", "layout")})


def _given(start: str) -> list[Node]:
    """From pictures to a frame, and who is in it."""
    return [
        note("Start here", start), picture("Background", "background_lake.png"),
        subject("Subject 1", "subject_robot.png"), subject("Subject 2", "subject_boat.png"),
        canvas("Canvas", "Background", _PICTURES[1:]), prompt(TWO), _who(),
    ]  # fmt: skip


def second_try() -> Subgraph:
    """The same steps from another seed; where nothing asks for its frames, nothing in it runs."""
    kinds = {
        "high noise": "GUIDER", "low noise": "GUIDER", "sampler": "SAMPLER", "high sigmas": "SIGMAS",
        "low sigmas": "SIGMAS", "latent": "LATENT", "vae": "VAE",
    }  # fmt: skip
    own = {name: ("", name) for name in kinds}
    steps: dict[str, Source] = {"sampler": own["sampler"]}
    noise, none, high, low, decode = (
        f"{title} 2" for title in ("Noise", "No new noise", "High noise steps", "Low noise steps", "Decode")
    )
    return Subgraph(
        "Second try",
        [
            Node(noise, "RandomNoise", values={"noise_seed": 43, "control_after_generate": "fixed"}),
            Node(none, "DisableNoise"),
            Node(high, "SamplerCustomAdvanced", {
                "noise": noise, "guider": own["high noise"], **steps, "sigmas": own["high sigmas"],
                "latent_image": own["latent"],
            }),
            Node(low, "SamplerCustomAdvanced", {
                "noise": none, "guider": own["low noise"], **steps, "sigmas": own["low sigmas"], "latent_image": high,
            }),
            Node(decode, "VAEDecode", {"samples": low, "vae": own["vae"]}),
        ],
        [Column(270, [noise, none]), Column(240, [high], left=80), Column(240, [low], left=80), Column(240, [decode])],
        inputs=list(kinds.items()), widgets={"second seed": [(noise, "noise_seed")]}, outputs={"frames": decode},
    )  # fmt: skip


def sampling_with_a_second_try() -> Subgraph:
    plain, again = sampling(), "Second try"
    taken: dict[str, Source] = {
        "high noise": "Guide (high noise)", "low noise": "Guide (low noise)", "sampler": "Sampler",
        "high sigmas": ("Expert switch", "high_sigmas"), "low sigmas": ("Expert switch", "low_sigmas"),
        "latent": ("First frame", "latent"), "vae": ("", "vae"),
    }  # fmt: skip
    columns = [*plain.columns[:3], Column(240, ["High noise steps", again], left=80), *plain.columns[4:]]
    return replace(
        plain, name="Wan 2.2 sampling (two tries)", nodes=[*plain.nodes, Node(again, second_try(), taken)],
        columns=columns, widgets={**plain.widgets, "second seed": [(again, "second seed")]},
        outputs={**plain.outputs, "second try": (again, "frames")},
    )  # fmt: skip


def check_and_reroll() -> Subgraph:
    """The first clip where nobody is lost in it; else the better of the two."""
    first, second, kept, tries, scores = "Trim", "Trim again", "Is everybody there?", "Both clips", "Both scores"
    looks = ["Check", "Check again"]

    def check(title: str, images: str) -> Node:
        return Node(title, "FFGOPersistence", {"images": images, "entities": ("", "entities")}, {"fps": 16})

    def trim(title: str, given: str) -> Node:
        values = {"frames": 4, "mode": "fixed", "max_frames": 24, "fps": 16}
        return Node(title, "FFGOTrimCompressionFrames", {"images": ("", given)}, values)

    return Subgraph(
        REROLL,
        [
            trim(first, "frames"), trim(second, "second try"), check(looks[0], first),
            Node(kept, "ComfySwitchNode", {"switch": (looks[0], "kept"), "on_true": first, "on_false": second}),
            check(looks[1], kept),
            Node(tries, "CreateList", {"inputs.input0": first, "inputs.input1": kept}),
            Node(scores, "CreateList", {f"inputs.input{i}": (title, "score") for i, title in enumerate(looks)}),
            Node("Pick clip", "FFGOPickClip", {"images": tries, "scores": scores}),
        ],
        [
            Column(240, [first, second]), Column(320, [looks[0]], left=80), Column(240, [kept], left=80),
            Column(320, [looks[1]], left=80), Column(240, [tries, scores], left=80), Column(240, ["Pick clip"]),
        ],
        inputs=[("frames", "IMAGE"), ("second try", "IMAGE"), ("entities", "FFGO_ENTITIES")],
        widgets={"threshold": [(title, "threshold") for title in looks]},
        outputs={"images": ("Pick clip", "images")},
        previews=looks,
    )  # fmt: skip


def video_with_a_check() -> Graph:
    how = sampling_with_a_second_try()
    parts = {node.title: node for node in clip_of(REROLL, models(), note(HINTS, SIZES), how)}
    del parts["Trim"]
    parts[how.name].links["image"] = "Canvas"
    parts["Create video"].links["images"] = REROLL
    sampled: dict[str, Source] = {name: (how.name, name) for name in ("frames", "second try")}
    checked = Node(REROLL, check_and_reroll(), {**sampled, "entities": WHO}, height=420)
    return Graph(
        "FFGo check and re-roll",
        [*_given(CHECK), *parts.values(), checked],
        [
            Column(240, ["Background", "Start here"]),
            Column(230, _PICTURES[1:], top=60, left=40, between=16),
            Column(370, ["Canvas", "Prompt", "Models"], left=75),
            Column(290, [WHO, how.name, HINTS], left=90),
            Column(340, [REROLL], left=60),
            Column(225, ["Create video"], left=40),
            Column(225, ["Save video"], left=35),
        ],
        _groups([how.name, HINTS, REROLL, "Create video", "Save video"]),
    )  # fmt: skip


def four_seeds() -> Subgraph:
    """Noise of four seeds; the first one's title is that of all workflows, so that `--seed` finds it."""
    titles = ["Noise", "Noise 2", "Noise 3", "Noise 4"]
    return Subgraph(
        "Four seeds",
        [
            Node(title, "RandomNoise", values={"noise_seed": seed, "control_after_generate": "fixed"})
            for seed, title in enumerate(titles, 42)
        ],
        [Column(270, titles)],
        widgets={title.lower().replace("noise", "seed"): [(title, "noise_seed")] for title in titles},
        outputs={title.lower(): title for title in titles},
    )  # fmt: skip


def sampling_of_four_seeds() -> Subgraph:
    """All high-noise steps, then all low-noise steps: no expert is loaded twice."""
    plain, kind, every = sampling(), four_seeds(), "Every noise"
    nodes = [Node("Seeds", kind) if node.title == "Noise" else node for node in plain.nodes]
    nodes.append(
        Node(every, "CreateList", {f"inputs.input{i}": ("Seeds", name) for i, name in enumerate(kind.outputs)})
    )
    seeds = {name: [("Seeds", name)] for name in kind.widgets}
    first, second, guides, *rest = plain.columns
    second = replace(second, titles=["Seeds" if title == "Noise" else title for title in second.titles])
    made = replace(
        plain, name="Wan 2.2 sampling (four seeds)", nodes=nodes, widgets={**plain.widgets, **seeds},
        columns=[first, second, replace(guides, titles=[*guides.titles, every]), *rest],
    )  # fmt: skip
    made.node("High noise steps").links["noise"] = every
    return made


def saving(name: str, which: str, prefix: str) -> Subgraph:
    """Clips as files; of a list each as one of its own. which: how the titles inside call them."""
    create, save = f"Create {which}", f"Save {which}"
    return Subgraph(
        name,
        [
            Node(create, "CreateVideo", {"images": ("", "frames")}, {"fps": 16}),
            Node(save, "SaveVideo", {"video": create}, {"filename_prefix": prefix}),
        ],
        [Column(240, [create]), Column(280, [save])],
        inputs=[("frames", "IMAGE")], widgets={"filename prefix": [(save, "filename_prefix")]}, previews=[save],
    )  # fmt: skip


def best_of_four() -> Graph:
    how, stays, pick, best = sampling_of_four_seeds(), "Persistence", "Pick clip", "Best clip"
    made = clip_of("Canvas", distilled_models(), note(HINTS, SIZES + EIGHT_STEPS), how, steps=8, cfg=1, sampler="euler")
    return Graph(
        "FFGo pick the best seed",
        [
            *_given(PICK), *(node for node in made if node.title not in ("Create video", "Save video")),
            Node(stays, "FFGOPersistence", {"images": "Trim", "entities": WHO}, {"fps": 16}, 250),
            Node(CLIPS, saving("Save all clips", "each video", "ffgo/candidate"), {"frames": "Trim"}),
            Node(pick, "FFGOPickClip", {"images": "Trim", "scores": (stays, "score")}, height=160),
            Node(best, saving("Save the best clip", "video", "ffgo/video"), {"frames": pick}),
        ],
        [
            Column(240, ["Background", "Start here"]),
            Column(230, _PICTURES[1:], top=60, left=30, between=16),
            Column(370, ["Canvas", "Prompt", "Models"], left=60),
            Column(290, [WHO, how.name, HINTS], left=70),
            Column(230, ["Trim"], top=300, left=40),
            Column(300, [stays, CLIPS], left=40, at={CLIPS: 500}),
            Column(240, [pick], top=300, left=40),
            Column(240, [best], top=300, left=35),
        ],
        _groups([how.name, HINTS, "Trim", stays, CLIPS, pick, best]),
    )  # fmt: skip


def _groups(video: list[str]) -> list[Group]:
    return [
        Group("1 · Pictures", ["Start here", *_PICTURES], "#3f789e"),
        Group("2 · First frame, words, models", ["Canvas", "Prompt", "Models"], "#8A8"),
        Group("3 · Video, and who stays in it", [WHO, *video], "#88A"),
    ]
