"""A study: what is asked, of whom, about which clips, as `study.json` has it. No method is named in it.

STUDY/key.json                     which clip is of which method; only who made the study may read it (mode 600)
STUDY/served/study.json            all that the server knows
STUDY/served/answers.sqlite        what people answered
STUDY/served/media/<token>.mp4     clips, and <token>.jpg: composed first frames; nothing else is served to browsers
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from ..errors import FFGOError
from ..files import complete_file
from ..plain import Source, Value

FORMAT, VERSION = "ffgo-study", 1
STUDY_FILE, ANSWERS_FILE, KEY_FILE, MEDIA, SERVED = "study.json", "answers.sqlite", "key.json", "media", "served"
MOST_CLIPS, MOST_ITEMS, MOST_TEXT = 8, 100_000, 20_000

StudyKind = Literal["rank", "pairwise"]
STUDY_KINDS: tuple[StudyKind, ...] = get_args(StudyKind)
RANK = "rank"
"""The question of a ranking, beside the scales."""
SCALE = (1, 5)
NEITHER = 0
"""The answer to a pair that prefers none; 1 and 2 are the places."""
_TOKEN = re.compile(r"[0-9a-f]{8,64}")
_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class StudyQuestion:
    """What is asked of each clip, on a scale from 1 to 5, or of a pair: which one."""

    id: str
    title: str
    text: str
    low: str = ""
    """What 1 means; of scales alone."""
    high: str = ""
    """What 5 means."""


@dataclass(frozen=True, slots=True)
class StudyItem:
    """A case, or a pair of clips of one: what can be shown as a set."""

    id: str
    case: str
    """A token; the items of one case have the same."""
    prompt: str
    frame: str
    """Token of the composed first frame."""
    clips: tuple[str, ...]
    """Tokens; of a ranking in the same order of (unnamed) methods everywhere, so that places can be kept even."""


@dataclass(frozen=True, slots=True)
class Study:
    """A study."""

    id: str
    title: str
    kind: StudyKind
    items: tuple[StudyItem, ...]
    questions: tuple[StudyQuestion, ...]
    consent: tuple[str, ...]
    """Paragraphs; agreed to before anything is shown."""
    instructions: tuple[str, ...]
    seconds: float
    """Of every clip."""
    seed: str
    """Of all that is drawn."""
    per_participant: int = 5
    raters_per_case: int = 4
    gold: int = 1
    """Sets of a participant in which one clip is another case's."""
    repeats: int = 1
    """Sets that come again in another order."""
    completion_url: str = ""
    """Where a participant goes when all is saved, such as Prolific's."""

    @property
    def places(self) -> int:
        """Clips of a set."""
        return len(self.items[0].clips)

    @property
    def sets(self) -> int:
        """Of a participant, with the checks."""
        return self.per_participant + self.gold + min(self.repeats, self.per_participant)

    @property
    def asked(self) -> dict[str, tuple[range, range]]:
        """Of each question the slots that have an answer, and which answers there are."""
        places = range(1, self.places + 1)
        if self.kind == "pairwise":
            return {question.id: (range(1), range(NEITHER, 3)) for question in self.questions}
        scales = {question.id: (places, range(SCALE[0], SCALE[1] + 1)) for question in self.questions}
        return {RANK: (places, places), **scales}

    def item(self, item_id: str) -> StudyItem:
        """Raises: FFGOError where there is none, as where `study.json` was exchanged after people answered."""
        for item in self.items:
            if item.id == item_id:
                return item
        raise FFGOError(f"{STUDY_FILE} has no item {item_id}, which people have seen. Put the file of the build back.")


def served_folder(folder: Path) -> Path:
    """The folder with `study.json` of a study, which may be named itself. Raises: FFGOError."""
    for candidate in (folder / SERVED, folder):
        if (candidate / STUDY_FILE).is_file():
            return candidate
    raise FFGOError(f"{folder} is no study: it has no {SERVED}/{STUDY_FILE}. `python -m ffgo.study build` makes one.")


def key_file(folder: Path) -> Path:
    """Where the key of a study lies, if it is still beside it."""
    served = served_folder(folder)
    return served.resolve().parent / KEY_FILE


def write_study(study: Study, served: Path) -> None:
    """Write `study.json`, which is there only when it is complete. Raises: OSError."""
    with complete_file(served / STUDY_FILE) as partial:
        content = {"format": FORMAT, "version": VERSION, **asdict(study)}
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read_study(folder: Path) -> Study:
    """Read a study: its folder, or the served one. Raises: FFGOError that says what is wrong with it, and where."""
    path = served_folder(folder) / STUDY_FILE
    source = Source(STUDY_FILE, "docs/study.md describes it.", whole=str(path))
    keys = source.json(source.file(path), unique=True).object(
        [
            *("format", "version", "id", "title", "kind", "items", "questions", "consent", "instructions", "seconds"),
            "seed",
        ],
        {"per_participant": 5, "raters_per_case": 4, "gold": 1, "repeats": 1, "completion_url": ""},
    )
    if keys["format"].value != FORMAT or keys["version"].value != VERSION:
        source.refuse("", "is not of a kind that this version of the pack reads", "update the pack")
    kind = keys["kind"].one_of(STUDY_KINDS)
    items = tuple(_item(value) for value in keys["items"].list("items", MOST_ITEMS))
    study = Study(
        keys["id"].string(least=1, most=200),
        keys["title"].string(least=1, most=200),
        kind,
        items,
        tuple(_question(value) for value in keys["questions"].list("questions", 50)),
        _paragraphs(keys["consent"]),
        _paragraphs(keys["instructions"]),
        keys["seconds"].number(0.01, 3600),
        keys["seed"].string(least=1, most=200),
        keys["per_participant"].whole(1, 1000),
        keys["raters_per_case"].whole(1, 100_000),
        keys["gold"].whole(0, 1000),
        keys["repeats"].whole(0, 1000),
        keys["completion_url"].string(most=2000),
    )
    check(study, source)
    return study


def check(study: Study, source: Source) -> None:
    """Raises: FFGOError where a study cannot be run."""
    if not study.items:
        source.refuse("items", "is empty", "a study has at least one")
    for name, least in (("per_participant", 1), ("raters_per_case", 1), ("gold", 0), ("repeats", 0)):
        if getattr(study, name) < least:
            source.refuse(name, f"is {getattr(study, name)}", f"{least} is the least")
    if any(len(item.clips) != study.places for item in study.items):
        source.refuse("items", "have different numbers of clips", "give each the same")
    if study.kind == "pairwise" and study.places != 2:
        source.refuse("items", f"have {study.places} clips each", "a pairwise study has two")
    ids = [question.id for question in study.questions]
    if not ids or len({*ids, RANK}) <= len(ids):
        source.refuse("questions", "are none, or have the same id", f"give each its own id, other than {RANK}")
    if study.per_participant + study.gold > len(study.items):
        source.refuse(
            "per_participant",
            f"is {study.per_participant}, with {study.gold} gold sets, and there are {len(study.items)} items",
            "nobody sees an item twice: ask for fewer sets, or add cases",
        )
    if study.completion_url and not study.completion_url.startswith("https://"):
        source.refuse("completion_url", "is no address that people can be sent to", "it begins with https://")
    if study.gold and len({item.case for item in study.items}) < 2:
        source.refuse("gold", f"is {study.gold}", "a clip of another case needs a second case; set it to 0")


def _item(value: Value) -> StudyItem:
    keys = value.object(["id", "case", "prompt", "frame", "clips"])
    clips = tuple(_token(clip) for clip in keys["clips"].list("tokens", MOST_CLIPS))
    if len(clips) < 2 or len(set(clips)) < len(clips):
        keys["clips"].refuse(f"are {len(clips)}, or some are the same", f"a set has 2 to {MOST_CLIPS}")
    prompt = keys["prompt"].string(most=MOST_TEXT)
    return StudyItem(_token(keys["id"]), _token(keys["case"]), prompt, _token(keys["frame"]), clips)


def _question(value: Value) -> StudyQuestion:
    keys = value.object(["id", "title", "text"], {"low": "", "high": ""})
    if not _ID.fullmatch(keys["id"].string()):
        keys["id"].refuse(f"is {keys['id'].shown}", "it has up to 32 of a-z, 0-9 and _, a letter first")
    return StudyQuestion(**{name: one.string(most=MOST_TEXT) for name, one in keys.items()})


def _paragraphs(value: Value) -> tuple[str, ...]:
    texts: Sequence[Value] = value.list("paragraphs", 100)
    return tuple(text.string(most=MOST_TEXT) for text in texts)


def _token(value: Value) -> str:
    if not _TOKEN.fullmatch(value.string()):
        value.refuse(f"is {value.shown}", "a token has 8 to 64 of 0-9 and a-f")
    return value.value
