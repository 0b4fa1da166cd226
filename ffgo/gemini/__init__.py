"""From one photo to everything the first frame needs, asked of Gemini: cut-outs, plates and words."""
