/* What the administration does better with script; every page works without it. Loaded after htmx and tawny.js. */
"use strict";

// Pages are never kept in the browser's storage, and no style attributes are set: our policy forbids them.
htmx.config.historyCacheSize = 0;
htmx.config.attributesToSettle = ["class"];

// Where tabs do not fit, the one we are on is in sight.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const tabs = tab.parentElement;
  tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
}
