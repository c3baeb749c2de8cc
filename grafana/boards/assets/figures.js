// Big figures and tables: plain elements, readable by people, screen readers and tests alike.

import { chooseColor, isHidden, make, showValue } from "./fields.js";

export function drawStat(body, fields, rows, format) {
  const shown = fields.filter((field) => field.isNumber);
  const tiles = shown.map((field) => {
    const raw = rows.length ? rows[0][field.index] : null;
    const output = make("output", { class: "figure", "data-field": field.name, "data-value": raw ?? "", "data-hidden": isHidden(raw, field) }, showValue(raw, field, format));
    const color = raw === null ? undefined : chooseColor(raw, field);
    if (color) output.style.color = `color-mix(in srgb, ${color} 78%, var(--ink))`;
    return make("div", { class: "tile" }, output, make("span", { class: "caption" }, field.title));
  });
  const holder = make("div", { class: "tiles" }, ...tiles);
  holder.style.setProperty("--tiles", tiles.length);
  // The longest figure decides, so that figures side by side are of one size.
  const longest = Math.max(3, ...tiles.map((tile) => tile.firstChild.textContent.length));
  holder.style.setProperty("--letters", longest);
  body.replaceChildren(holder);
}

export function drawTable(body, fields, rows, format, title) {
  const known = body.querySelector(".scroll");
  const top = known?.scrollTop ?? 0;
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title });
  scroll.append(makeTable(fields, rows, format, title, true));
  body.replaceChildren(scroll);
  scroll.scrollTop = top;
}

export function makeTable(fields, rows, format, title, visible) {
  const scale = document.body.classList.contains("wall") ? 1.18 : 1;
  const heads = fields.map((field) => {
    const head = make("th", { scope: "col", class: field.isNumber ? "number" : undefined }, field.title);
    if (visible && field.width) head.style.width = `${field.width * scale}px`;
    return head;
  });
  const least = fields.reduce((sum, field) => sum + (field.width ?? (field.isNumber ? 84 : 150)) * scale, 0);
  const lines = rows.map((row, position) => make("tr", { "data-row": position }, ...fields.map((field) => makeCell(row[field.index], field, format, visible))));
  const table = make(
    "table", { class: visible ? "shown" : "hidden" },
    make("caption", { class: "hidden" }, title),
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...lines),
  );
  if (visible) table.style.minWidth = `${least}px`;
  return table;
}

function makeCell(raw, field, format, visible) {
  const text = showValue(raw, field, format);
  const cell = make("td", { "data-field": field.name, "data-value": raw ?? "", "data-hidden": isHidden(raw, field), class: field.isNumber ? "number" : undefined });
  if (visible && field.isBar && typeof raw === "number") {
    const fill = make("span", { class: "gauge-fill" });
    fill.style.width = `${Math.min(100, Math.max(0, raw * 100))}%`;
    if (field.color) fill.style.background = field.color;
    cell.append(make("span", { class: "gauge" }, fill), make("span", { class: "gauge-text" }, text));
    return cell;
  }
  if (visible && !field.isNumber) cell.title = text;
  const color = visible && raw !== null ? chooseColor(raw, field) : undefined;
  if (color && (raw !== 0 || field.words["0"])) cell.style.color = `color-mix(in srgb, ${color} 78%, var(--ink))`;
  cell.append(text);
  return cell;
}
