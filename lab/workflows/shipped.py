"""All that ships, in the order of the work."""

from .bases import image_to_video_5b, image_to_video_hunyuan, train_lora_5b
from .cast import best_of_four, cast, video_with_a_check
from .compare import compare_two_loras
from .concept import concept_video, learn_a_concept
from .factorized import factorized_video, factorized_video_local, generated_background
from .training import build_dataset, captions_and_prompts, train_lora
from .video import eight_steps, image_to_video, many_subjects, prepare_subjects, subjects_from_cut_outs, test_clip

WORKFLOWS = [
    image_to_video(), eight_steps(), many_subjects(), prepare_subjects(), subjects_from_cut_outs(),
    captions_and_prompts(), build_dataset(), train_lora(), test_clip(), compare_two_loras(),
    learn_a_concept(), concept_video(),
    cast(), video_with_a_check(), best_of_four(),
    factorized_video(), factorized_video_local(), generated_background(),
    image_to_video_5b(), image_to_video_hunyuan(), train_lora_5b(),
]  # fmt: skip
