// Runs before the page is painted, so that a dark board does not flash white.
(() => {
  let kept = null;
  try { kept = localStorage.getItem("jalon-theme"); } catch { /* storage may be forbidden: the system's choice stays */ }
  const wall = new URLSearchParams(location.search).has("wall");
  const dark = kept ? kept === "dark" : wall || matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
