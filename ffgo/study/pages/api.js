/** The only way to the server: asks, and says what went wrong. */

const LONGEST_MS = 20_000;

/** The server said no: its words, and HTTP's status. */
export class RefusedError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 429 || this.status >= 500;
  }
}

/** Nobody answered. */
export class OfflineError extends Error {
  passes = true;
}

export function ask(path) {
  return request(path, { method: "GET" });
}

/** Tell the server something; it is done when this returns. The request outlives the page. */
export function tell(path, content) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
    keepalive: true,
  });
}

/** As `tell`, again and again until somebody answers; `waiting` is called before each pause. */
export async function tellUntilHeard(path, content, waiting) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 10_000)) {
    try {
      return await tell(path, content);
    } catch (error) {
      if (!error.passes) throw error;
      waiting(error);
      await new Promise((resume) => setTimeout(resume, pause));
    }
  }
}

async function request(path, options) {
  let response;
  let answer;
  try {
    response = await fetch(path, { ...options, signal: AbortSignal.timeout(LONGEST_MS), cache: "no-store" });
    answer = await response.json();
  } catch {
    throw new OfflineError("There is no connection to the study at this moment.");
  }
  if (!response.ok) throw new RefusedError(response.status, answer.error ?? "Something went wrong.");
  return answer;
}
