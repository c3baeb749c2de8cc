// Range, language, theme and wall mode: what a reader chooses stays in the address, so that a link shows the same board.

export function listenToControls({ main, changeRange, redraw }) {
  const preset = document.getElementById("preset");
  const absolute = document.getElementById("absolute");
  const form = document.getElementById("range");

  function remember(from, to) {
    const address = new URL(location.href);
    address.searchParams.set("from", from);
    address.searchParams.set("to", to);
    history.pushState(null, "", address);
    refreshLinks();
    changeRange({ from, to });
  }

  function refreshLinks() {
    for (const link of document.querySelectorAll("a[data-language]")) {
      const address = new URL(location.href);
      address.searchParams.set("lang", link.dataset.language);
      link.href = address.search;
    }
  }

  function showAbsolute() {
    absolute.hidden = preset.value !== "";
  }

  preset.addEventListener("change", () => {
    showAbsolute();
    if (preset.value) remember(...preset.value.split("|"));
    else document.getElementById("from").focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const from = document.getElementById("from").value;
    const to = document.getElementById("to").value;
    if (from && to) remember(from, to);
  });
  addEventListener("popstate", () => location.reload());

  document.getElementById("theme").addEventListener("click", () => {
    const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("jalon-theme", theme); } catch { /* not kept: the choice lasts as long as the page */ }
    redraw();
  });

  const wall = document.getElementById("wall");
  wall.addEventListener("click", () => {
    const address = new URL(location.href);
    if (address.searchParams.has("wall")) address.searchParams.delete("wall");
    else address.searchParams.set("wall", "1");
    location.assign(address);
  });

  for (const [id, value] of [["from", main.dataset.from], ["to", main.dataset.to]]) {
    if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(value)) document.getElementById(id).value = toLocal(value, main.dataset.zone);
  }
  showAbsolute();
  refreshLinks();
}

// What is written with an offset is shown by the institution's clock; what is written without one is by that clock already.
function toLocal(value, zone) {
  if (!/(?:Z|[+-]\d{2}:\d{2})$/.test(value)) return value.slice(0, 16);
  const local = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" });
  return local.format(new Date(value)).replace(" ", "T");
}
