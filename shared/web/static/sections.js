"use strict";
// A section of the page whose service is behind or down for a moment says so, and is asked for again, ever more slowly.
(function () {
  var MOST = 12;
  var tries = new WeakMap();
  function say(section, which) {
    var told = section.querySelector("[data-" + which + "]");
    if (told) told.textContent = told.getAttribute("data-" + which);
  }
  function again(event) {
    var detail = event.detail;
    var section = detail.elt;
    var asked = detail.requestConfig;
    if (!asked || asked.verb !== "get") return;
    var status = event.type === "htmx:responseError" ? detail.xhr.status : 503;
    var count = (tries.get(section) || 0) + 1;
    // Who was given the case a moment ago is unknown to the other services for as long as they need to hear of it.
    if ([502, 503, 504].indexOf(status) < 0 && (status !== 404 || count > 3)) {
      say(section, "refused");
      return;
    }
    // Being a second behind is usual, and nothing to worry anybody with.
    if (count > 2 || event.type !== "htmx:responseError") say(section, "unavailable");
    if (count > MOST) return;
    tries.set(section, count);
    var told = event.type === "htmx:responseError" ? Number(detail.xhr.getResponseHeader("Retry-After")) : 0;
    var seconds = Math.max(told || 1, Math.min(count, 10));
    window.setTimeout(function () {
      if (document.body.contains(section)) {
        window.htmx.ajax("GET", asked.path, { source: section, target: detail.target });
      }
    }, seconds * 1000);
  }
  // A whole page that is away for a moment stays still under who reads it, and is loaded once it is there again.
  function look(page, count) {
    window.setTimeout(function () {
      window
        .fetch(window.location.href, { credentials: "same-origin", headers: { Accept: "text/html" } })
        .then(function (answer) {
          if ([502, 503, 504].indexOf(answer.status) < 0) window.location.reload();
          else if (count < MOST * 5) look(page, count + 1);
        })
        .catch(function () {
          if (count < MOST * 5) look(page, count + 1);
        });
    }, Math.max(Number(page.getAttribute("data-again-after")) || 1, Math.min(count, 10)) * 1000);
  }
  var page = document.querySelector("[data-again-after]");
  if (page) look(page, 1);
  document.addEventListener("htmx:responseError", again);
  document.addEventListener("htmx:sendError", again);
  document.addEventListener("htmx:timeout", again);
})();
