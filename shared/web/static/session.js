"use strict";
// Keeps the session of an open page while a person does something there, says when it is about to close, and hides the
// page when it has closed: on a phone that others look at, nothing stays in sight.
(function () {
  var RENEW_EVERY = 240;
  var WARN_BEFORE = 120;
  var LOOK_EVERY = 5;
  var box = document.getElementById("session");
  if (!box) return;
  var acted = Date.now();
  var asked = acted;
  var closes = null;
  var asking = false;
  var sending = false;
  var closed = false;

  function say(text, label, act) {
    var words = document.createElement("p");
    words.textContent = text;
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", act);
    box.replaceChildren(words, button);
  }
  function renew() {
    if (asking || closed) return;
    asking = true;
    asked = Date.now();
    window
      .fetch(box.getAttribute("data-renewal"), {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ idle_seconds: Math.min(28800, Math.max(0, Math.floor((Date.now() - acted) / 1000))) }),
      })
      .then(function (answer) {
        if (answer.status === 404) return close();
        // Anything else than a plain yes or no is a service away for a moment: the next look asks again.
        return answer.ok ? answer.json().then(goOn) : null;
      })
      .catch(function () {})
      .then(function () {
        asking = false;
      });
  }
  function goOn(told) {
    closes = Date.now() + told.closes_in * 1000;
    if (closes - Date.now() > WARN_BEFORE * 1000) box.replaceChildren();
    else warn();
  }
  function warn() {
    var minutes = Math.max(1, Math.ceil((closes - Date.now()) / 60000));
    var text = box.getAttribute("data-closing").replace("{minutes}", minutes);
    var shown = box.querySelector("p");
    if (!shown) say(text, box.getAttribute("data-stay"), renew);
    else if (shown.textContent !== text) shown.textContent = text;
  }
  function changed(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.type === "file") return field.files.length > 0;
    if (field.type === "hidden" || field.type === "password") return false;
    if (field.options) {
      return Array.prototype.some.call(field.options, function (one, at) {
        var first = !field.querySelector("option[selected]") && at === 0;
        return one.selected !== (one.defaultSelected || first);
      });
    }
    return "defaultValue" in field && field.value !== field.defaultValue;
  }
  function written() {
    return Array.prototype.find.call(document.forms, function (form) {
      return Array.prototype.some.call(form.elements, changed);
    });
  }
  function close() {
    // A long upload is under way: it was let in while the session was good, and leaving would cut it.
    if (sending) return;
    closed = true;
    var form = written();
    if (!form) {
      window.location.replace(box.getAttribute("data-renewal") + "?next=" + encodeURIComponent(window.location.pathname));
      return;
    }
    document.getElementById("main").hidden = true;
    // Sent as it is: it comes back for its writer alone, once signed in (services/intake/resuming.py).
    say(box.getAttribute("data-closed"), box.getAttribute("data-reopen"), function () {
      HTMLFormElement.prototype.submit.call(form);
    });
  }
  function look() {
    if (closed) return;
    var now = Date.now();
    if (closes !== null && now >= closes - WARN_BEFORE * 1000) {
      // Another page of the same person may have been used meanwhile: only the service knows.
      if (now - asked >= 30000 || (now >= closes && asked < closes)) renew();
      warn();
    } else if (now - asked >= RENEW_EVERY * 1000) {
      renew();
    }
  }
  ["pointerdown", "keydown", "input", "wheel", "touchmove"].forEach(function (kind) {
    document.addEventListener(
      kind,
      function () {
        acted = Date.now();
        if (box.firstChild && !closed) renew();
      },
      { passive: true }
    );
  });
  document.addEventListener("submit", function (event) {
    sending = !event.defaultPrevented;
  });
  document.addEventListener("visibilitychange", function () {
    if (document.visibilityState === "visible") renew();
  });
  window.setInterval(look, LOOK_EVERY * 1000);
})();
