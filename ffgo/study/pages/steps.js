/** What comes before the sets, and after them. */

import { tell, tellUntilHeard } from "./api.js";
import { element, paragraphs, say, show } from "./dom.js";

export function showLogin({ title }, next) {
  const field = element("input", {
    type: "text", id: "pid", name: "pid", required: true, maxlength: "100", autocomplete: "off", spellcheck: "false",
    autocapitalize: "none", "aria-describedby": "pid-refusal",
  });
  const refusal = element("p", { class: "problem", id: "pid-refusal", role: "alert" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const about = { pid: field.value, study_id: "", session_id: "" };
      await tellUntilHeard("/api/login", about, (error) => say(error.message));
      next();
    } catch (error) {
      refusal.textContent = error.message;
    }
  };
  show(
    title,
    title,
    element("p", {}, "Please give your ID. With the same ID you can go on later, also on another device."),
    element(
      "form",
      { onsubmit: submit },
      element("p", {}, element("label", { for: "pid" }, "Your ID (on Prolific: your Prolific ID)")),
      element("p", {}, field),
      refusal,
      element("div", { class: "buttons" }, element("button", { class: "main" }, "Begin")),
    ),
  );
}

/** Paragraphs to read, and a button that says so. */
export function showTexts({ title, step, paragraphs: texts }, next) {
  const [heading, words, done] =
    step === "consent"
      ? ["Before you begin", "I agree, and want to take part", "consented"]
      : ["What you will do", "Begin with the first set", "instructed"];
  const refusal = element("p", { class: "problem", role: "alert" });
  const go = async () => {
    try {
      await tell("/api/step", { done });
      next();
    } catch (error) {
      refusal.textContent = error.message;
    }
  };
  const button = element("button", { type: "button", class: "main", onclick: go }, words);
  show(title, heading, ...paragraphs(texts), refusal, element("div", { class: "buttons" }, button));
}

export function showDone({ title, code, link }) {
  const back = link ? [element("p", {}, element("a", { class: "link", href: link }, "Complete your submission"))] : [];
  show(
    title,
    "Thank you",
    element("p", {}, "All your answers are saved. You can close this page."),
    element("p", {}, "Your code: ", element("span", { class: "code" }, code)),
    ...back,
  );
}
