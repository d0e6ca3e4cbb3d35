/* What the administration does better with script; every page works without it. Loaded after htmx and tawny.js. */
"use strict";

// Pages are never kept in the browser's storage, and no style attributes are set: our policy forbids them.
htmx.config.historyCacheSize = 0;
htmx.config.attributesToSettle = ["class"];
