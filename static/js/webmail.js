/* What the webmail does better with script; every page works without it. Loaded after htmx and tawny.js. */
"use strict";

// Pages are never kept in the browser's storage (they are mail), and answers that say what is wrong are shown like any other.
htmx.config.historyCacheSize = 0;
htmx.config.attributesToSettle = ["class"]; // it would set style attributes, which our policy forbids
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[2345]..", swap: true },
];

// ---- the login form tells where its clock is --------------------------------------------------------------------------------------
for (const field of document.querySelectorAll("[data-time-zone]")) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";

// ---- lists: what is selected ------------------------------------------------------------------------------------------------------
function showSelection() {
  const list = document.querySelector("[data-list]");
  if (!list?.querySelector(".mail-acts")) return;
  const boxes = [...list.querySelectorAll('input[name="key"]')];
  for (const box of boxes) box.closest("tr").classList.toggle("is-chosen", box.checked);
  const count = boxes.filter((box) => box.checked).length;
  list.querySelector(".mail-acts").classList.toggle("is-idle", count === 0);
  const all = list.querySelector("[data-select-all]");
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}
document.addEventListener("change", showSelection);
document.addEventListener("htmx:afterSettle", showSelection);
document.addEventListener("htmx:historyRestore", showSelection);
window.addEventListener("pageshow", showSelection);
showSelection();

// Shift and click selects all between.
let lastBox = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest?.('[data-list] input[name="key"]');
  if (!box) return;
  const boxes = [...document.querySelectorAll('[data-list] input[name="key"]')];
  const [from, to] = [boxes.indexOf(lastBox), boxes.indexOf(box)];
  if (event.shiftKey && from >= 0) {
    for (const between of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) between.checked = box.checked;
    showSelection();
  }
  lastBox = box;
});

// ---- keys (the page "Keyboard" lists them) ----------------------------------------------------------------------------------------
function step(by) {
  const rows = [...document.querySelectorAll(".mail-list tbody tr")];
  if (!rows.length) return false;
  const at = rows.findIndex((row) => row.classList.contains("is-here"));
  const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))];
  for (const row of rows) row.classList.toggle("is-here", row === next);
  next.scrollIntoView({ block: "nearest" });
  next.querySelector(".mail-subject a").focus({ preventScroll: true });
  return true;
}
function here() {
  return document.querySelector(".mail-list tr.is-here");
}
function press(selector, within = document) {
  const found = within?.querySelector(selector);
  found?.click();
  return Boolean(found);
}
/* An act of the list on the row at hand, or on what is selected. */
function act(name) {
  const list = document.querySelector("[data-list]");
  if (!list) return press(`.mail-tools [data-key="${CSS.escape(name === "delete" ? "#" : "e")}"]`);
  const row = here();
  if (row && !list.querySelector('input[name="key"]:checked')) row.querySelector('input[name="key"]').checked = true;
  return press(`[name="act"][value="${name}"]`, list);
}
const KEYS = {
  j: () => step(1) || press('.mail-tools [data-key="j"]'),
  k: () => step(-1) || press('.mail-tools [data-key="k"]'),
  x: () => press('input[name="key"]', here()),
  s: () => press(".mail-star button", here()),
  "#": () => act("delete"),
  e: () => act("archive"),
  c: () => press(".mail-compose"),
  "?": () => press(".mail-keys-link"),
  "/": () => {
    const field = document.getElementById("q");
    field?.focus();
    return Boolean(field);
  },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey && event.key === "Enter" && event.target.closest?.(".mail-write")) return void press('[value="send"]');
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) {
    if (event.key === "Enter" && event.target.matches(".mail-write input")) event.preventDefault();
    return;
  }
  const done = KEYS[event.key]?.() || ("urafjk".includes(event.key) && press(`.mail-tools [data-key="${event.key}"]`));
  if (done) event.preventDefault();
});

// ---- writing: the draft saves itself ----------------------------------------------------------------------------------------------
const PAUSE_MS = 5000;
let timer = 0;
let saving = null; // the save that is under way

function say(form, text) {
  const line = form.querySelector("#draft-state [role=status]");
  if (line) line.textContent = text;
}
async function save(form, withFiles) {
  clearTimeout(timer);
  if (saving) await saving.done;
  const data = new FormData(form);
  if (!withFiles) data.delete("attachments");
  const stop = new AbortController();
  saving = { stop, done: send(form, data, withFiles, stop.signal) };
  await saving.done;
  saving = null;
}
async function send(form, data, withFiles, signal) {
  try {
    const answer = await fetch(form.dataset.autosave, { method: "POST", body: data, signal, redirect: "error" });
    if (answer.status === 401) return say(form, "Not saved: your session is over. Log in in another window; this page keeps your text.");
    const text = await answer.text();
    const piece = new DOMParser().parseFromString(text, "text/html").getElementById("draft-state");
    if (!piece) return say(form, "The draft could not be saved just now.");
    form.querySelector("#draft-state").replaceWith(piece);
    if (withFiles) form.querySelector('[name="attachments"]').value = "";
    if (answer.ok) unsaved = false;
  } catch (error) {
    if (error.name !== "AbortError") say(form, "The draft could not be saved: the server cannot be reached.");
  }
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-autosave]");
  if (!form || event.target.type === "file") return;
  clearTimeout(timer);
  timer = setTimeout(() => save(form, false), PAUSE_MS);
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosave]");
  if (!form || event.target.type !== "file" || !event.target.files.length) return;
  say(form, "Uploading…");
  save(form, true);
});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-autosave]")) return;
  clearTimeout(timer);
  saving?.stop.abort();
});

// Files may be dropped on the form.
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("form[data-autosave]");
    if (!form || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    form.classList.toggle("is-over", kind === "dragover");
    if (kind !== "drop") return;
    const input = form.querySelector('[name="attachments"]');
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
