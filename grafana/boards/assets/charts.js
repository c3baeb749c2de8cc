// Charts by plotly, each with a table of its data for those who cannot see it.

import { chooseColor, isHidden, make, showValue } from "./fields.js";
import { makeTable } from "./figures.js";

const PALETTE = ["#2f6fde", "#e8792b", "#1f9d6b", "#8458c9", "#d9a514", "#d13b4a", "#2aa5b8", "#b5568f", "#7b8794", "#6b8e23"];
const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false, showTips: false };

// One thing keeps its colour on the whole page.
const given = new Map();
export function colorOf(name) {
  if (!given.has(name)) given.set(name, PALETTE[given.size % PALETTE.length]);
  return given.get(name);
}

export function drawTimeseries(view) {
  const { panel, fields, rows, format, interval } = view;
  const time = fields.find((field) => field.isTime);
  const custom = panel.fieldConfig.defaults.custom;
  const bars = custom.drawStyle === "bars";
  const stacked = custom.stacking.mode === "normal";
  const all = splitSeries(fields, rows);
  const share = stacked ? 1 : all.length;
  const traces = all.map((series, place) => {
    const x = series.points.map((row) => format.local(row[time.index]));
    const y = series.points.map((row) => row[series.field.index]);
    const text = y.map((value) => showValue(value, series.field, format));
    const shared = { name: series.name, x, y, text, hovertemplate: "%{text}<extra>%{fullData.name}</extra>", textposition: "none" };
    if (bars) return { ...shared, type: "bar", width: (interval * 900) / share, offset: interval * (50 + (900 * place) / (stacked ? Infinity : share)), marker: { color: series.color } };
    return {
      ...shared, type: "scatter", mode: "lines", line: { color: series.color, width: 2, shape: "hv" },
      fill: stacked ? undefined : "tozeroy", stackgroup: stacked ? "all" : undefined, fillcolor: `${series.color}66`,
    };
  });
  traces.push(...markHidden(view, time, all));
  const layout = chartLayout(view, {
    barmode: stacked ? "stack" : "group",
    hovermode: "x unified",
    showlegend: true,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: view.textSize }, traceorder: "normal" },
    margin: { l: 46, r: 12, t: 30, b: view.textSize * 3.3 },
  });
  Object.assign(layout.xaxis, { type: "date", range: showRange(view) });
  Object.assign(layout.yaxis, { rangemode: "tozero", nticks: 6, tickformat: ",~r" });
  if (!traces.some((trace) => trace.y.some((value) => value > 0))) layout.yaxis.range = [0, 1];
  plot(view, traces, layout);
}

// Where a figure is hidden there is no bar and no curve: a mark at the foot says so.
function markHidden({ format, colors }, time, all) {
  const told = new Map();
  for (const { field, points } of all) for (const row of points) if (isHidden(row[field.index], field)) told.set(row[time.index], field.words.null.text);
  if (!told.size) return [];
  const name = told.values().next().value;
  return [{
    type: "scatter", mode: "markers", name, x: [...told.keys()].sort((a, b) => a - b).map(format.local), y: Array(told.size).fill(0),
    marker: { symbol: "line-ew-open", size: 7, color: colors.muted, line: { color: colors.muted, width: 3 } }, hoverinfo: "skip", cliponaxis: false,
  }];
}

export function drawBarchart(view) {
  const { panel, fields, rows, format } = view;
  const category = fields.find((field) => field.name === panel.options.xField);
  const values = fields.filter((field) => field !== category && field.isNumber);
  const stacked = panel.options.stacking === "normal";
  const places = rows.map((_, index) => index);
  // In a bar of several pieces there is no room to say that they are hidden: its name does.
  const hidden = (row) => values.find((field) => isHidden(row[field.index], field));
  const names = rows.map((row) => showValue(row[category.index], category, format) + (stacked && hidden(row) ? ` (${hidden(row).words.null.text})` : ""));
  const most = panel.fieldConfig.defaults.max;
  const totals = rows.map((row) => (stacked ? values.reduce((sum, field) => sum + row[field.index], 0) : Math.max(...values.map((field) => row[field.index]))));
  const longest = Math.max(most ?? 0, ...totals, 0) || 1;
  const traces = values.map((field) => ({
    type: "bar", orientation: "h", name: field.title, y: places, x: rows.map((row) => row[field.index] ?? 0),
    customdata: names, marker: { color: field.color ?? colorOf(field.title) },
    text: rows.map((row) => fit(showValue(row[field.index], field, format), stacked ? (row[field.index] / longest) * view.width * 0.5 : Infinity, view.textSize)),
    textposition: stacked ? "inside" : "outside", insidetextanchor: "middle", textangle: 0, cliponaxis: false, constraintext: "none",
    textfont: { size: view.textSize, color: stacked ? "#ffffff" : undefined },
    hovertemplate: `%{customdata}<br>%{text}<extra>${values.length > 1 ? "%{fullData.name}" : ""}</extra>`,
  }));
  const letters = Math.max(10, Math.floor(view.width * 0.42 / (view.textSize * 0.56)));
  const layout = chartLayout(view, {
    barmode: stacked ? "stack" : "group",
    bargap: 0.28,
    showlegend: values.length > 1,
    legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", font: { size: view.textSize }, traceorder: "normal" },
    margin: { l: 8, r: 14, t: values.length > 1 ? 28 : 4, b: 6 },
    hovermode: "closest",
  });
  Object.assign(layout.xaxis, { visible: false, range: [0, longest * 1.14] });
  Object.assign(layout.yaxis, {
    tickmode: "array", tickvals: places, ticktext: names.map((name) => shorten(name, letters)), automargin: true,
    range: [Math.max(rows.length, 4) - 0.5, -0.5], showgrid: false, zeroline: false, ticks: "", ticklabelstandoff: 6,
  });
  plot(view, traces, layout);
}

export function drawHeatmap(view) {
  const { fields, rows, format } = view;
  const time = fields.find((field) => field.isTime);
  const label = fields.find((field) => !field.isTime && !field.isNumber);
  const value = fields.find((field) => field.isNumber);
  const halfDays = time.unit.startsWith("time:");
  const told = [...new Set(rows.map((row) => row[time.index]))].sort((a, b) => a - b);
  const times = halfDays ? told : fillSteps(told, view.interval * 1000);
  const names = [...new Set(rows.map((row) => row[label.index]))].sort((a, b) => b.localeCompare(a, format.locale));
  const cells = new Map(rows.map((row) => [`${row[time.index]}/${row[label.index]}`, row[value.index]]));
  const z = names.map((name) => times.map((at) => cells.get(`${at}/${name}`) ?? null));
  const few = times.length <= 16 && times.length * names.length <= 240;
  const letters = Math.max(10, Math.floor(view.width * 0.36 / (view.textSize * 0.56)));
  const unit = { ...value, unit: panelUnit(view), decimals: 0 };
  const trace = {
    type: "heatmap",
    // On an axis of time the edges of the cells are told, one more than there are cells: a lone cell has a width too.
    x: halfDays ? times.map((_, index) => index) : [...times, times.at(-1) + view.interval * 1000].map((at) => format.local(at)),
    y: names.map((_, index) => index), z, xgap: 2, ygap: 2, zmin: 0, zmax: Math.max(1, ...z.flat()), colorscale: view.colors.scale, hoverongaps: false,
    showscale: view.width > 520, colorbar: { thickness: 10, outlinewidth: 0, tickfont: { size: view.textSize, color: view.colors.muted }, nticks: 5, x: 1.01, xpad: 4 },
    hovertext: z.map((line, row) => line.map((raw, column) => (raw === null ? "" : `${names[row]}<br>${format.value(times[column], { ...time, isTime: true })}<br>${format.value(raw, unit)}`))),
    hovertemplate: "%{hovertext}<extra></extra>",
  };
  if (few) {
    trace.text = z.map((line) => line.map((raw) => (raw === null ? "" : format.value(raw, unit))));
    trace.texttemplate = "%{text}";
    trace.textfont = { size: view.textSize };
  }
  const layout = chartLayout(view, { margin: { l: 8, r: 12, t: 6, b: view.textSize * 3.3 }, hovermode: "closest" });
  if (halfDays) {
    layout.annotations = rows.filter((row) => isHidden(row[value.index], value)).map((row) => ({
      x: times.indexOf(row[time.index]), y: names.indexOf(row[label.index]), text: value.words.null.text, showarrow: false,
      font: { size: view.textSize - 1, color: view.colors.muted },
    }));
    Object.assign(layout.xaxis, {
      tickmode: "array", tickvals: times.map((_, index) => index),
      ticktext: times.map((at) => breakLabel(format.value(at, time))), tickangle: times.length > 6 ? -45 : 0, showgrid: false, automargin: true,
    });
  } else {
    Object.assign(layout.xaxis, { type: "date", range: showRange(view), showgrid: false });
  }
  Object.assign(layout.yaxis, {
    tickmode: "array", tickvals: names.map((_, index) => index), ticktext: names.map((name) => shorten(name, letters)),
    automargin: true, showgrid: false, ticks: "", ticklabelstandoff: 6, zeroline: false,
  });
  plot(view, [trace], layout);
}

// The steps from the first to the last instant, those without a value included, so that every cell is one step wide.
function fillSteps(instants, step) {
  const count = Math.round((instants.at(-1) - instants[0]) / step) + 1;
  return Array.from({ length: count }, (_, index) => instants[0] + index * step);
}

export function drawPiechart(view) {
  const { body, panel, fields, rows, format, title } = view;
  const numbers = fields.filter((field) => field.isNumber);
  const label = fields.find((field) => !field.isNumber);
  const slices = panel.options.reduceOptions.values
    ? rows.map((row) => ({ key: row[label.index], name: showValue(row[label.index], label, format), raw: row[numbers[0].index], field: numbers[0] }))
    : numbers.map((field) => ({ key: field.name, name: field.title, raw: rows.length ? rows[0][field.index] : 0, field }));
  const whole = slices.reduce((sum, slice) => sum + slice.raw, 0);
  for (const slice of slices) slice.color = panel.options.reduceOptions.values ? colorOf(slice.name) : chooseColor(slice.raw, slice.field) ?? colorOf(slice.name);
  const share = (raw) => (whole && raw !== null ? format.value(raw / whole, { unit: "percentunit", decimals: 0 }) : "");
  const lines = slices.map((slice, position) => {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = slice.color;
    return make(
      "tr", { "data-row": position, "data-key": slice.key },
      make("th", { scope: "row", title: slice.name }, swatch, slice.name),
      make("td", { class: "number", "data-field": slice.field.name, "data-value": slice.raw ?? "", "data-hidden": isHidden(slice.raw, slice.field) }, showValue(slice.raw, slice.field, format)),
      make("td", { class: "number share" }, share(slice.raw)),
    );
  });
  const legend = make("div", { class: "legend", tabindex: "0", role: "region", "aria-label": title }, make("table", {}, make("caption", { class: "hidden" }, title), make("tbody", {}, ...lines)));
  const donut = make("div", { class: "donut", "aria-hidden": "true" });
  const known = body.querySelector(".donut");
  if (known) body.querySelector(".legend").replaceWith(legend);
  else body.replaceChildren(make("div", { class: "pie" }, donut, legend));
  const trace = {
    type: "pie", hole: 0.58, sort: false, direction: "clockwise", labels: slices.map((slice) => slice.name), values: slices.map((slice) => slice.raw ?? 0),
    marker: { colors: slices.map((slice) => slice.color), line: { color: view.colors.card, width: 2 } },
    text: slices.map((slice) => (whole && slice.raw / whole >= 0.07 ? share(slice.raw) : "")), textinfo: "text", textposition: "inside", insidetextorientation: "horizontal",
    textfont: { color: "#ffffff", size: view.textSize }, customdata: slices.map((slice) => `${showValue(slice.raw, slice.field, format)} · ${share(slice.raw)}`),
    hovertemplate: "%{label}<br>%{customdata}<extra></extra>",
  };
  const layout = chartLayout(view, { margin: { l: 4, r: 4, t: 4, b: 4 }, showlegend: false });
  globalThis.Plotly.react(known ?? donut, [trace], { ...layout, autosize: true, width: undefined, height: undefined }, { ...CONFIG, responsive: true, locale: view.language });
}

// A range that goes on after the present is shown up to the present: there is nothing to see beyond.
function showRange({ range, format }) {
  return [format.local(range.from), format.local(Math.max(Math.min(range.to, range.at), range.from + 60000))];
}

function panelUnit(view) {
  return view.panel.fieldConfig.defaults.unit ?? "";
}

function splitSeries(fields, rows) {
  const label = fields.find((field) => !field.isTime && !field.isNumber);
  const values = fields.filter((field) => field.isNumber);
  if (!label) return values.map((field) => ({ name: field.title, field, points: rows, color: field.color ?? colorOf(field.title) }));
  const series = new Map();
  for (const row of rows) {
    const name = row[label.index];
    if (!series.has(name)) series.set(name, []);
    series.get(name).push(row);
  }
  return [...series.keys()].sort().map((name) => ({ name, field: values[0], points: series.get(name), color: colorOf(name) }));
}

function chartLayout(view, own) {
  const { colors } = view;
  const axis = { gridcolor: colors.grid, zerolinecolor: colors.grid, linecolor: colors.grid, tickfont: { size: view.textSize, color: colors.muted }, fixedrange: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, autosize: false,
    width: view.width, height: view.height,
    font: { family: colors.family, size: view.textSize, color: colors.ink },
    hoverlabel: { bgcolor: colors.card, bordercolor: colors.grid, font: { color: colors.ink, size: view.textSize } },
    xaxis: { ...axis }, yaxis: { ...axis }, separators: view.language === "fr" ? ",\u202f" : ".,", ...own,
  };
}

function plot(view, traces, layout) {
  const { body, fields, rows, format, title, texts } = view;
  let chart = body.querySelector(".chart");
  if (!chart) {
    chart = make("div", { class: "chart", "aria-hidden": "true" });
    body.replaceChildren(chart);
  }
  body.querySelector("table.hidden")?.remove();
  body.append(makeTable(fields, rows, format, `${texts.table_of} : ${title}`, false));
  globalThis.Plotly.react(chart, traces, layout, { ...CONFIG, locale: view.language });
}

// A figure that does not fit into its piece of a bar is left to the table and to the hover text.
function fit(text, pixels, textSize) {
  return text.length * textSize * 0.62 > pixels ? "" : text;
}

function shorten(text, letters) {
  return text.length > letters ? `${text.slice(0, letters - 1).trimEnd()}…` : text;
}

function breakLabel(text) {
  const cut = text.lastIndexOf(" ");
  return `${text.slice(0, cut)}<br>${text.slice(cut + 1)}`;
}
