/* What a page does better with script; every page works without it. No dependencies; htmx is loaded beside it. */
"use strict";

document.documentElement.classList.remove("no-script");

// The menu on narrow screens.
document.addEventListener("click", (event) => {
  const toggle = event.target.closest(".menu-toggle");
  if (!toggle) return;
  const side = toggle.closest(".side");
  const isOpen = side.classList.toggle("is-open");
  toggle.setAttribute("aria-expanded", String(isOpen));
});

// Copy buttons: <button data-copy="text"> or <button data-copy-from="id">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const from = button.dataset.copyFrom;
  await navigator.clipboard.writeText(from ? document.getElementById(from).textContent : button.dataset.copy);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
});

// "Select all" boxes: <input type="checkbox" data-select-all="name">.
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-select-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(`input[type="checkbox"][name="${all.dataset.selectAll}"]`)) box.checked = all.checked;
});

// A form that was changed asks before it is left.
let unsaved = false;
document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-guard]")) unsaved = true;
});
document.addEventListener("submit", () => (unsaved = false));
window.addEventListener("beforeunload", (event) => {
  if (unsaved) event.preventDefault();
});
