"use strict";
// Leaves at once, and puts the other site in this page's place in the history.
(function () {
  function leave(link) {
    document.title = "";
    document.body.hidden = true;
    window.location.replace(link.href);
  }
  var lastEscape = 0;
  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("#quick-exit");
    if (link) {
      event.preventDefault();
      leave(link);
    }
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    if (event.timeStamp - lastEscape < 1000) {
      leave(document.getElementById("quick-exit"));
    }
    lastEscape = event.timeStamp;
  });
  // A page brought back by the browser's memory would show what somebody left.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) window.location.reload();
  });
})();
