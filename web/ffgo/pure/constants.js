/**
 * Numbers and names that Python has, too: tests/data/shared_constants.json holds both sides to them, under these names.
 * Where each comes from is written where Python has it.
 */

export const MAX_SUBJECTS = 8;
export const [MIN_CANVAS, MAX_CANVAS] = [16, 8192];
export const PRESETS = {
  "1280x720": [1280, 720], "1344x768": [1344, 768], "832x480": [832, 480], "640x480": [640, 480],
  "720x1280": [720, 1280], "768x1344": [768, 1344], "480x832": [480, 832], "480x640": [480, 640],
  "1280x704": [1280, 704], "704x1280": [704, 1280],
};
export const LAYOUTS = ["published", "script", "packed"];
export const CUSTOM = "custom";

/** What the canvas node does where nothing else is said, by its inputs. */
export const DEFAULTS = {
  preset: "custom", width: 1280, height: 720, layout: "published", background_fit: "keep_aspect", max_upscale: 1,
  gap: 0, arrangement: "", min_alpha: 0,
};

/** Pixels left around a cut-out's visible part. */
export const CROP_MARGIN = 5;

/** The part of the canvas that a subject should cover at least: see docs/arrangement.md for its source. */
export const FEW_PIXELS = 11000 / (1280 * 720);

/** When a cut-out's alpha looks wrong. */
export const OPAQUE = 255;
export const FAINT = 26;
export const DUST = 0.8;
export const INSIDE_OUT = 0.9;

/** Pixels that boxes may overlap before it counts. */
export const TOLERANCE = 0.01;

/** Of the search for the layout packed. */
export const STEP_DOWN = 0.9;
export const PRECISION = 1e-7;

/** What an arrangement may hold. */
export const ARRANGEMENT_VERSION = 1;
export const MAX_TEXT = 262144;
export const MAX_PARKED = 64;
export const MAX_SOURCE = 1000;
export const MAX_TIMES = 4;
export const MAX_TURN = 360;
export const MAX_Z = 1000;
export const FINGERPRINT_DIGITS = 16;
