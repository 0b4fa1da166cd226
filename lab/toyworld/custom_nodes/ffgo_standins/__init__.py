"""For tests and the demo only: lets ComfyUI load the small encoders of the stand-ins and of the toy world.

ComfyUI reads the sizes of a Wan expert and of a Wan VAE from the file; those of the encoders are fixed.
"""

from pathlib import Path

PREFIXES = "standin_", "toy_"


def load_standin(clip_name):
    import folder_paths

    from .small_encoder import load_small_encoder

    return load_small_encoder(folder_paths.get_full_path_or_raise("text_encoders", clip_name))


def _small_names(folder="text_encoders"):
    import folder_paths

    return [name for name in folder_paths.get_filename_list(folder) if Path(name).name.startswith(PREFIXES)]


async def comfy_entrypoint():
    from comfy_api.latest import ComfyExtension, io

    import nodes

    class SmallTextEncoderLoader(io.ComfyNode):
        @classmethod
        def define_schema(cls):
            return io.Schema(
                node_id="FFGOStandInTextEncoder",
                display_name="Small text encoder",
                category="FFGo/tests",
                inputs=[io.Combo.Input("clip_name", options=_small_names())],
                outputs=[io.Clip.Output()],
            )

        @classmethod
        def execute(cls, clip_name):
            return io.NodeOutput(load_standin(clip_name))

    class CLIPLoaderWithSmallOnes(nodes.CLIPLoader):
        """The stock loader, which hands small files to the small loader: shipped workflows run as they are."""

        def load_clip(self, clip_name, **kwargs):
            return (load_standin(clip_name),) if clip_name in _small_names() else super().load_clip(clip_name, **kwargs)

    class DualCLIPLoaderWithSmallOnes(nodes.DualCLIPLoader):
        """The same; the first of the two small files holds all that there is."""

        def load_clip(self, clip_name1, clip_name2, **kwargs):
            if clip_name1 in _small_names():
                return (load_standin(clip_name1),)
            return super().load_clip(clip_name1, clip_name2, **kwargs)

    class CLIPVisionLoaderWithSmallOnes(nodes.CLIPVisionLoader):
        def load_clip(self, clip_name):
            import folder_paths

            from .small_encoder import load_small_vision

            if clip_name in _small_names("clip_vision"):
                return (load_small_vision(folder_paths.get_full_path_or_raise("clip_vision", clip_name)),)
            return super().load_clip(clip_name)

    class SmallEncoderExtension(ComfyExtension):
        async def get_node_list(self):
            return [SmallTextEncoderLoader]

    # The host drops a node that takes a core id, so the stock loader is replaced in the host's own table.
    nodes.NODE_CLASS_MAPPINGS["CLIPLoader"] = CLIPLoaderWithSmallOnes
    nodes.NODE_CLASS_MAPPINGS["DualCLIPLoader"] = DualCLIPLoaderWithSmallOnes
    nodes.NODE_CLASS_MAPPINGS["CLIPVisionLoader"] = CLIPVisionLoaderWithSmallOnes
    return SmallEncoderExtension()
