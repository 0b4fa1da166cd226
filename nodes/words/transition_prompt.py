"""The Transition Prompt node."""

from comfy_api.latest import io

from ...ffgo.words.phrase import TRANSITION_PHRASE, add_transition_phrase


class TransitionPrompt(io.ComfyNode):
    """Starts a prompt with the phrase that the FFGo LoRAs were trained on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="FFGOTransitionPrompt",
            display_name="Transition Prompt",
            category="FFGo/Prompt",
            description=f'Starts the prompt with "{TRANSITION_PHRASE}", exactly once. '
            "Without it the LoRA does not act.",
            search_aliases=["ffgo prompt", "ad23r2", "trigger phrase"],
            inputs=[
                io.String.Input(
                    "prompt",
                    multiline=True,
                    default="",
                    tooltip="What happens in the video: name each subject as it looks, what it does, and the scene. "
                    "50 to 200 words work best. The phrase may be there already, in any case, spacing or quotes.",
                ),
            ],
            outputs=[io.String.Output(display_name="prompt", tooltip="The phrase, one space, your text.")],
        )

    @classmethod
    def execute(cls, prompt: str) -> io.NodeOutput:
        return io.NodeOutput(add_transition_phrase(prompt))
