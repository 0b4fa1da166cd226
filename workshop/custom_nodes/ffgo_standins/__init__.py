"""For tests and the demo only: lets ComfyUI load the stand-in text encoder.

ComfyUI reads the sizes of a Wan expert and of a Wan VAE from the file; those of the text encoder are fixed (umt5-xxl).
"""

from types import SimpleNamespace

import comfy.sd
import comfy.text_encoders.wan
import comfy.utils
import folder_paths
from comfy_api.latest import ComfyExtension, io

import nodes

PREFIX = "standin_"


class StandInTextEncoderLoader(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="FFGOStandInTextEncoder",
            display_name="Stand-in text encoder (untrained)",
            category="FFGo/tests",
            inputs=[io.Combo.Input("clip_name", options=_standin_names())],
            outputs=[io.Clip.Output()],
        )

    @classmethod
    def execute(cls, clip_name):
        return io.NodeOutput(load_standin(clip_name))


class CLIPLoaderWithStandIns(nodes.CLIPLoader):
    """The stock loader, which hands stand-in files to the small loader: shipped workflows run as they are."""

    def load_clip(self, clip_name, **kwargs):
        return (load_standin(clip_name),) if clip_name in _standin_names() else super().load_clip(clip_name, **kwargs)


def load_standin(clip_name):
    path = folder_paths.get_full_path_or_raise("text_encoders", clip_name)
    weights, metadata = comfy.utils.load_torch_file(path, safe_load=True, return_metadata=True)
    sizes = {name: int(metadata[name]) for name in ("num_layers", "num_heads", "d_kv", "d_ff", "vocab_size")}
    target = SimpleNamespace(
        params={},
        clip=comfy.text_encoders.wan.te(dtype_t5=weights["shared.weight"].dtype),
        tokenizer=comfy.text_encoders.wan.WanT5Tokenizer,
    )
    return comfy.sd.CLIP(
        target,
        parameters=comfy.utils.calculate_parameters(weights),
        tokenizer_data={"spiece_model": weights["spiece_model"]},
        state_dict=[weights],
        model_options={"model_name": "umt5xxl", "umt5xxl_model_config": sizes},
    )


def _standin_names():
    return [name for name in folder_paths.get_filename_list("text_encoders") if name.startswith(PREFIX)]


class StandInExtension(ComfyExtension):
    async def get_node_list(self):
        return [StandInTextEncoderLoader]


async def comfy_entrypoint():
    # The host drops a node that takes a core id, so the stock loader is replaced in the host's own table.
    nodes.NODE_CLASS_MAPPINGS["CLIPLoader"] = CLIPLoaderWithStandIns
    return StandInExtension()
