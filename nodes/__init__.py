"""The host's edge: the ordered list of nodes."""

from comfy_api.latest import ComfyExtension, io

from ._pictures import put_pictures_once
from .anchor.anchor_frame import AnchorFrame
from .anchor.factorized_prompts import FactorizedPrompts
from .anchor.first_frame import GeminiFirstFrame
from .anchor.first_frame_instruction import FirstFrameInstruction
from .anchor.picture import GeminiPicture
from .cast._routes import add_routes
from .cast.entities_of_frame import EntitiesOfFrame
from .cast.find_in_cast import FindInCast
from .cast.load_from_cast import LoadFromCast
from .cast.persistence import Persistence
from .cast.pick_clip import PickClip
from .cast.save_to_cast import SaveToCast
from .clip.trim_compression_frames import TrimCompressionFrames
from .concept.concept_dataset import ConceptDataset
from .concept.concept_loader import ConceptLoader
from .concept.encode_concept import EncodeConcept
from .concept.prior_clips import PriorClips
from .concept.train_concept import TrainConcept
from .curation.extract import GeminiExtract
from .curation.remove import GeminiRemove
from .cutout.sam2_loader import SAM2Loader
from .cutout.sam2_matte import SAM2Matte
from .dataset.dataset_example import DatasetExample
from .dataset.dataset_export import DatasetExport
from .dataset.dataset_folder import DatasetFolder
from .dataset.dataset_preview import DatasetPreview
from .evaluation.compare_clips import CompareClips
from .evaluation.evaluate_clip import EvaluateClip
from .experts.expert_switch import WanExpertSwitch
from .experts.lora_loader import LoRALoader
from .experts.moe_lora_loader import WanMoELoRALoader
from .frame.compose_canvas import ComposeCanvas
from .frame.compose_memory import ComposeMemory
from .frame.load_subject import LoadSubject
from .frame.memory_frames import MemoryFrames
from .training.encode_dataset import EncodeDataset
from .training.save_expert_lora import SaveExpertLoRA
from .training.train_expert_lora import TrainExpertLoRA
from .words.caption import GeminiCaption
from .words.enhance_prompt import GeminiEnhancePrompt
from .words.transition_prompt import TransitionPrompt


class FFGOExtension(ComfyExtension):
    """All nodes of the pack, in the order of the pipeline."""

    async def on_load(self) -> None:
        put_pictures_once()
        add_routes()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            GeminiExtract, GeminiRemove, GeminiCaption, GeminiEnhancePrompt,
            GeminiFirstFrame, FirstFrameInstruction, FactorizedPrompts, GeminiPicture, AnchorFrame,
            SAM2Loader, SAM2Matte,
            LoadSubject, ComposeCanvas, ComposeMemory, MemoryFrames,
            TransitionPrompt, WanMoELoRALoader, WanExpertSwitch, TrimCompressionFrames, LoRALoader,
            DatasetExample, DatasetFolder, DatasetExport, DatasetPreview, EncodeDataset,
            TrainExpertLoRA, SaveExpertLoRA,
            ConceptDataset, EncodeConcept, PriorClips, TrainConcept, ConceptLoader,
            EvaluateClip, CompareClips,
            EntitiesOfFrame, SaveToCast, LoadFromCast, FindInCast, Persistence, PickClip,
        ]  # fmt: skip
