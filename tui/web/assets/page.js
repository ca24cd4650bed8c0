// Loaded after the terminal, whose beginning (`window.onload`) it prepares.
"use strict";

// The token is in a cookie by now. It, and what the terminal would take from an address, leave the address.
history.replaceState(null, "", location.pathname);

const begin = window.onload;
window.onload = async (event) => {
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = new URL("ws", location.href).href.replace(/^http/, "ws");
  // Cells are measured once: with the fonts they are painted in.
  const faces = ["16px", "bold 16px", "italic 16px"].map((face) => document.fonts.load(`${face} "Roboto Mono"`, "Жg"));
  await Promise.allSettled(faces);
  // The first byte has the keyboard go to the terminal: nobody should have to click first.
  new MutationObserver((_changes, observer) => {
    if (document.body.classList.contains("-first-byte")) {
      observer.disconnect();
      terminal.querySelector("textarea").focus();
    }
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  begin(event);
};

document.addEventListener("DOMContentLoaded", () => {
  document.getElementById("again").addEventListener("click", () => location.reload());
});
