"""Several seeds, the best of them first, all of them kept."""

import asyncio
import json

import pytest

from ffgo.errors import FFGOError
from ffgo.remote import UsageError
from ffgo.remote.__main__ import main
from ffgo.remote.best import run_seeds

from .remote_scene import PNG, WORKFLOW, ComfyUI, serving

NOISE = {"class_type": "RandomNoise", "inputs": {"noise_seed": 40}, "_meta": {"title": "Noise"}}
MEASURES = {"class_type": "FFGOPersistence", "inputs": {"images": ["1", 0]}, "_meta": {"title": "Persistence"}}
SEEDED = WORKFLOW | {"3": NOISE, "4": MEASURES}


def measured(scores):
    """A server whose jobs have these scores by their seed; a job without one fails."""

    async def finish(comfy, prompt_id):
        seed = comfy.posts[-1][1]["prompt"]["3"]["inputs"]["noise_seed"]
        if scores[seed] is None:
            data = {"node_id": "4", "node_type": "X", "exception_message": "no memory", "exception_type": "E"}
            status = {"status_str": "error", "messages": [["execution_error", data]]}
            await comfy.finish(prompt_id, status, {})
            return
        comfy.files[name := f"clip_{seed}.png"] = PNG + str(seed).encode()
        shown = {"images": [{"filename": name, "subfolder": "", "type": "output"}]}
        await comfy.finish(prompt_id, None, {"2": shown, "4": {"ffgo_persistence": scores[seed]}})

    return ComfyUI(finish)


def candidates(scores, out, **options):
    with serving(measured(scores).app) as url:
        return asyncio.run(run_seeds(url, SEEDED, out, seeds=len(scores), by="persistence", **options))


def test_the_best_comes_first_and_every_file_is_kept(tmp_path):
    found = candidates({40: [0.5, 0.9], 41: [0.75, 0.8], 42: [0.75, 0.9], 43: None, 44: []}, tmp_path)
    assert [one.seed for one in found] == [42, 41, 40, 44, 43]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"clip_{seed}.png" for seed in (40, 41, 42, 44)]
    assert found[0].in_words() == f"seed 42: 0.750  {tmp_path / 'clip_42.png'}"
    assert "no score" in found[3].in_words()
    assert "no memory" in found[4].in_words()


def test_seeds_go_on_from_the_one_that_is_given(tmp_path):
    assert [one.seed for one in candidates({7: [1.0], 8: [1.0]}, tmp_path, seed=7)] == [7, 8]


def test_where_every_job_fails_the_first_failure_is_told(tmp_path):
    with pytest.raises(FFGOError, match="no memory"):
        candidates({40: None, 41: None}, tmp_path)


@pytest.mark.parametrize("scores", ["high", [None], {"a": 1}, [True], [float("nan")]])
def test_scores_that_are_none(tmp_path, scores):
    found = candidates({40: scores, 41: [0.1]}, tmp_path)
    assert [one.seed for one in found] == [41, 40]


@pytest.mark.parametrize(
    ("workflow", "seeds", "seed", "message"),
    [
        (WORKFLOW | {"3": NOISE}, 4, None, "needs a node FFGOPersistence"),
        (SEEDED, 1, None, "2 to 64 seeds"),
        (SEEDED, 65, None, "2 to 64 seeds"),
        (SEEDED, 4, 2**64 - 2, "seeds go from 0"),
        (WORKFLOW | {"4": MEASURES}, 4, None, 'titled "Noise"'),
    ],
)
def test_what_does_not_fit_is_said_before_the_first_job(tmp_path, workflow, seeds, seed, message):
    with pytest.raises(UsageError, match=message):
        asyncio.run(run_seeds("http://127.0.0.1:1", workflow, tmp_path, seeds=seeds, by="persistence", seed=seed))


def test_the_command_prints_the_best_and_lists_all(tmp_path, capsys):
    file, out = tmp_path / "workflow.json", tmp_path / "out"
    file.write_text(json.dumps(SEEDED))
    with serving(measured({40: [0.5], 41: [0.9]}).app) as url:
        command = ["run", "--server", url, "--workflow", str(file), "--out", str(out)]
        assert main([*command, "--seeds", "2", "--keep-best", "persistence"]) == 0
        assert main([*command, "--keep-best", "persistence"]) == 2
        assert main([*command, "--seeds", "2"]) == 2
    said = capsys.readouterr()
    assert "--seeds goes with --keep-best, which says what is best: --keep-best persistence." in said.err
    assert said.out == f"{out / 'clip_41.png'}\n"
    assert said.err.index("seed 41: 0.900") < said.err.index("seed 40: 0.500")
