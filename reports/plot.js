// What a plot does beside being there: tells of the point under the pointer, hides and shows methods by its key.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  document.addEventListener("pointerover", (event) => {
    const point = event.target.closest("[data-told]");
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = point.dataset.told;
    const at = point.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const room = document.documentElement.clientWidth - own.width - 4;
    tip.style.left = `${scrollX + Math.max(4, Math.min(at.right + 8, room))}px`;
    tip.style.top = `${scrollY + Math.max(4, at.top - own.height - 4)}px`;
  });
  for (const button of document.querySelectorAll("[data-toggles]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      for (const drawn of document.querySelectorAll(`[data-series="${button.dataset.toggles}"]`)) {
        drawn.style.display = shown ? "" : "none";
      }
    });
  }
})();
