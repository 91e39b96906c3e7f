"use strict";
// A section of the page whose service is behind or down for a moment is asked for again, ever more slowly.
(function () {
  var MOST = 12;
  var tries = new WeakMap();
  function again(event) {
    var detail = event.detail;
    var asked = detail.requestConfig;
    if (!asked || asked.verb !== "get") return;
    if (event.type === "htmx:responseError" && [502, 503, 504].indexOf(detail.xhr.status) < 0) return;
    var count = (tries.get(detail.elt) || 0) + 1;
    if (count > MOST) return;
    tries.set(detail.elt, count);
    var told = event.type === "htmx:responseError" ? Number(detail.xhr.getResponseHeader("Retry-After")) : 0;
    var seconds = Math.max(told || 1, Math.min(count, 10));
    window.setTimeout(function () {
      if (document.body.contains(detail.elt)) {
        window.htmx.ajax("GET", asked.path, { source: detail.elt, target: detail.target });
      }
    }, seconds * 1000);
  }
  document.addEventListener("htmx:responseError", again);
  document.addEventListener("htmx:sendError", again);
})();
